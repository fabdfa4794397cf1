/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding, opening and closing a domain; its memory. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "duster/target/live_parts.h"

#define PAGES_MAX 65536u /* mappings kept: 256 MiB */

_Static_assert(sizeof(struct block) == 4096, "the block is a page");
_Static_assert(offsetof(struct block, journal) == 128, "debug_asm.h");
_Static_assert(offsetof(struct block, slots) == 1024, "debug_asm.h");
_Static_assert(offsetof(struct block, port) == 16, "debug_asm.h");
_Static_assert(offsetof(struct block, condition) == 96, "debug_asm.h");
_Static_assert(sizeof(struct slot) == 64, "debug_asm.h");

const char *live_locks = "/run/duster";

/* ---- Finding ---- */

#define STORE_DEVICE "/dev/xen/xenbus"

/* Through the kernel, which sends a request when it has all of it. xenstored reads one from its
 * socket with a call that waits: a debugger stopped in the middle of sending would stop the whole
 * toolstack (Xen: tools/xenstore/xenstored_core.c, handle_input(); tools/libs/store/xs.c sends the
 * header and what follows apart). */
static struct xs_handle *store_open(void)
{
	bool ours = !getenv("XENSTORED_PATH") && access(STORE_DEVICE, R_OK | W_OK) == 0 &&
		    setenv("XENSTORED_PATH", STORE_DEVICE, 0) == 0;
	struct xs_handle *store = xs_open(0);

	/* Not for the programs that we start. */
	if (ours)
		(void)unsetenv("XENSTORED_PATH");
	return store;
}

static char *store_read(struct xs_handle *store, const char *path)
{
	unsigned int bytes;

	return xs_read(store, XBT_NULL, path, &bytes);
}

int live_find_domain(const char *name, unsigned int *domid_out, struct problem *problem)
{
	struct xs_handle *store = store_open();
	unsigned int count = 0;
	char **domains, path[128], *end;
	unsigned long number = strtoul(name, &end, 10);
	int error = -ENOENT;

	if (!store)
		return problem_set(problem, -EPERM,
				   "xenstore does not answer: duster runs in dom0, as root");
	domains = xs_directory(store, XBT_NULL, "/local/domain", &count);
	for (unsigned int i = 0; domains && i < count && error; i++) {
		unsigned long domid = strtoul(domains[i], NULL, 10);
		char *its;

		snprintf(path, sizeof(path), "/local/domain/%lu/name", domid);
		its = store_read(store, path);
		if ((its && strcmp(its, name) == 0) || (*name && !*end && number == domid)) {
			*domid_out = (unsigned int)domid;
			error = 0;
		}
		free(its);
	}
	free(domains);
	xs_close(store);
	return error ? problem_set(problem, error, "there is no domain %s", name) : 0;
}

int live_kernel_path(unsigned int domid, char *path_out, size_t path_bytes)
{
	struct xs_handle *store = store_open();
	char path[256], *vm = NULL, *kernel = NULL;

	if (!store)
		return -EPERM;
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	vm = store_read(store, path);
	if (vm) {
		snprintf(path, sizeof(path), "%s/image/kernel", vm);
		kernel = store_read(store, path);
	}
	if (kernel)
		snprintf(path_out, path_bytes, "%s", kernel);
	free(vm);
	xs_close(store);
	if (!kernel)
		return -ENOENT;
	free(kernel);
	return 0;
}

/* ---- Memory ---- */

static void unmap_all(struct live *live)
{
	for (size_t i = 0; i < live->regions_count; i++)
		(void)xenforeignmemory_unmap(live->memory_handle, live->regions[i].start,
					     live->regions[i].pages);
	live->regions_count = live->mapped_pages = 0;
	map_free(&live->pages);
	walk_forget(&live->memory);
}

static int keep_region(struct live *live, void *start, unsigned int pages)
{
	if (live->regions_count == live->regions_room) {
		size_t room = live->regions_room ? 2 * live->regions_room : 64;
		struct region *more = realloc(live->regions, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		live->regions = more;
		live->regions_room = room;
	}
	live->regions[live->regions_count++] = (struct region){start, pages};
	live->mapped_pages += pages;
	return 0;
}

/* None of them is mapped yet. What cannot be mapped is left out. */
static int map_frames(struct live *live, const uint64_t *mfns, unsigned int count)
{
	xen_pfn_t numbers[WALK_AHEAD] = {0};
	int errors[WALK_AHEAD] = {0}, error = 0;
	unsigned int failed = 0;
	uint8_t *start;

	for (unsigned int i = 0; i < count; i++)
		numbers[i] = mfns[i];
	start = xenforeignmemory_map(live->memory_handle, live->domid, PROT_READ, count, numbers,
				     errors);
	if (!start)
		return -EFAULT;
	/* A page that could not be mapped may still come back as a pointer. */
	for (unsigned int i = 0; i < count; i++)
		failed += errors[i] != 0;
	if (failed == count || keep_region(live, start, count)) {
		(void)xenforeignmemory_unmap(live->memory_handle, start, count);
		return failed == count ? -EFAULT : -ENOMEM;
	}
	for (unsigned int i = 0; i < count && !error; i++)
		if (!errors[i])
			error = map_put(&live->pages, mfns[i], (uintptr_t)(start + i * PAGE_BYTES));
	return error;
}

static void frames_ahead(void *context, const uint64_t *mfns, unsigned int count)
{
	struct live *live = context;
	uint64_t wanted[WALK_AHEAD], mapped;
	unsigned int wanted_count = 0;

	for (unsigned int i = 0; i < count; i++)
		if (!map_get(&live->pages, mfns[i], &mapped))
			wanted[wanted_count++] = mfns[i];
	if (wanted_count > 1 && live->mapped_pages + wanted_count <= PAGES_MAX)
		(void)map_frames(live, wanted, wanted_count);
}

static int frame(void *context, uint64_t mfn, const uint8_t **page_out)
{
	struct live *live = context;
	uint64_t mapped;

	if (!map_get(&live->pages, mfn, &mapped)) {
		int error;

		if (live->mapped_pages >= PAGES_MAX)
			unmap_all(live);
		error = map_frames(live, &mfn, 1);
		if (error)
			return error;
		if (!map_get(&live->pages, mfn, &mapped))
			return -EFAULT;
	}
	*page_out = (const uint8_t *)(uintptr_t)mapped;
	return 0;
}

void live_init_memory(struct live *live)
{
	walk_init(&live->memory, frame, frames_ahead, live);
}

int live_find_root(struct live *live, unsigned int vcpu, uint64_t *root_out)
{
	const vcpu_guest_context_any_t *context;
	int error = 0;

	if (vcpu >= VCPUS_MAX)
		vcpu = 0;
	if (live->glancing) {
		*root_out = live->glance_root;
		return 0;
	}
	if (!live->root_mfn[vcpu]) {
		error = live_look_context(live, vcpu, &context);
		if (error && vcpu) /* never started: the memory is the same for all */
			return live_find_root(live, 0, root_out);
		if (!error)
			live->root_mfn[vcpu] = context->c.ctrlreg[3] / PAGE_BYTES;
	}
	*root_out = live->root_mfn[vcpu];
	return error;
}

int live_op_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		 size_t *done_out)
{
	struct live *live = live_of(target);
	uint64_t root;
	int error = live->ended ? -ENODEV : live_find_root(live, vcpu, &root);

	if (error)
		return error;
	if (!live->paused && !live->glancing)
		walk_forget(&live->memory);
	error = walk_read(&live->memory, root, addr, to, bytes, done_out);
	live_hide_breakpoints(live, addr, to, *done_out);
	return error;
}

int live_read_raw(struct live *live, unsigned int vcpu, uint64_t addr, void *to, size_t bytes)
{
	uint64_t root;
	size_t done;
	int error = live_find_root(live, vcpu, &root);

	return error ? error : walk_read(&live->memory, root, addr, to, bytes, &done);
}

static int write_page(struct live *live, uint64_t maddr, const uint8_t *from, size_t bytes)
{
	xen_pfn_t mfn = maddr / PAGE_BYTES;
	int error = 0;
	uint8_t *page = xenforeignmemory_map(live->memory_handle, live->domid,
					     PROT_READ | PROT_WRITE, 1, &mfn, &error);

	if (page && !error)
		memcpy(page + maddr % PAGE_BYTES, from, bytes);
	/* A writable mapping that stays would keep the guest from using the page as a page table.
	 */
	if (page)
		xenforeignmemory_unmap(live->memory_handle, page, 1);
	return page && !error ? 0 : -EFAULT;
}

void live_map_block(struct live *live)
{
	struct walk walk;
	uint64_t root;
	xen_pfn_t mfn;
	int error = 0;

	if (live->block || live_find_root(live, 0, &root) ||
	    walk_translate(&live->memory, root, live->stub.block, &walk) || !walk.present)
		return;
	mfn = walk.maddr / PAGE_BYTES;
	live->block = xenforeignmemory_map(live->memory_handle, live->domid, PROT_READ | PROT_WRITE,
					   1, &mfn, &error);
	if (live->block && error) {
		xenforeignmemory_unmap(live->memory_handle, live->block, 1);
		live->block = NULL;
	}
}

int live_write_raw(struct live *live, unsigned int vcpu, uint64_t addr, const void *from,
		   size_t bytes)
{
	uint64_t root;
	size_t done = 0;
	int error;

	live->regs_seen_of = 0; /* they may lie there */
	if (live->block && addr - live->stub.block < PAGE_BYTES &&
	    bytes <= PAGE_BYTES - (addr - live->stub.block)) {
		memcpy(live->block + (addr - live->stub.block), from, bytes);
		return 0;
	}
	error = live_find_root(live, vcpu, &root);
	while (!error && done < bytes) {
		size_t count = PAGE_BYTES - (addr + done) % PAGE_BYTES;
		struct walk walk;

		if (count > bytes - done)
			count = bytes - done;
		error = walk_translate(&live->memory, root, addr + done, &walk);
		if (!error && !walk.present)
			error = -EFAULT;
		if (!error)
			error = write_page(live, walk.maddr, (const uint8_t *)from + done, count);
		done += count;
	}
	return error;
}

static int op_write(struct target *target, unsigned int vcpu, uint64_t addr, const void *from,
		    size_t bytes)
{
	struct live *live = live_of(target);

	/* Bytes under a breakpoint are the journal's: too easy to get wrong, and nobody needs it.
	 */
	for (size_t i = 0; i < bytes && live->armed; i++)
		if (live_has_breakpoint(live, addr + i))
			return -EBUSY;
	return live_write_raw(live, vcpu, addr, from, bytes);
}

static int op_walk(struct target *target, unsigned int vcpu, uint64_t addr, struct walk *walk_out)
{
	struct live *live = live_of(target);
	uint64_t root;
	int error = live_find_root(live, vcpu, &root);

	return error ? error : walk_translate(&live->memory, root, addr, walk_out);
}

/* ---- The block ---- */

int live_block_read(struct live *live, uint64_t addr, void *to, size_t bytes)
{
	if (live->block && addr - live->stub.block < PAGE_BYTES &&
	    bytes <= PAGE_BYTES - (addr - live->stub.block)) {
		memcpy(to, live->block + (addr - live->stub.block), bytes);
		return 0;
	}
	return live_read_raw(live, 0, addr, to, bytes);
}

int live_block_write32(struct live *live, uint64_t addr, uint32_t word)
{
	return live_write_raw(live, 0, addr, &word, sizeof(word));
}

int live_block_flags(struct live *live, uint32_t set, uint32_t clear)
{
	uint32_t flags;
	int error = live_block_read(live, BLOCK_AT(live, flags), &flags, sizeof(flags));

	if (error)
		return error;
	return live_block_write32(live, BLOCK_AT(live, flags), (flags | set) & ~clear);
}

/* ---- Contexts, pausing ---- */

/* libxc's own function makes its buffer anew each time, of two pages, which takes most of the time
 * of a stop. */
static int ask_context(struct live *live, unsigned int vcpu, struct cached_context *cached)
{
	struct xen_domctl domctl = {.cmd = XEN_DOMCTL_getvcpucontext,
				    .domain = (domid_t)live->domid};

	if (!cached->buffer.hbuf) {
		DECLARE_HYPERCALL_BUFFER(vcpu_guest_context_any_t, made);

		made = xc_hypercall_buffer_alloc(live->xc, made, sizeof(*made));
		if (!made)
			return -ENOMEM;
		cached->buffer = XC__HYPERCALL_BUFFER_NAME(made);
	}
	{
		DECLARE_HYPERCALL_BUFFER_SHADOW(vcpu_guest_context_any_t, buffer, &cached->buffer);

		(void)buffer;
		domctl.u.vcpucontext.vcpu = vcpu;
		set_xen_guest_handle(domctl.u.vcpucontext.ctxt, buffer);
		if (xc_domctl(live->xc, &domctl))
			return errno == ESRCH ? -ENODEV : -ENODATA;
	}
	return 0;
}

int live_look_context(struct live *live, unsigned int vcpu,
		      const vcpu_guest_context_any_t **context_out)
{
	struct cached_context *cached =
		live->contexts && vcpu < VCPUS_MAX ? &live->contexts[vcpu] : &live->context_now;
	int error = 0;

	if (!live->paused || !cached->valid || cached == &live->context_now) {
		error = ask_context(live, vcpu, cached);
		cached->valid = !error && live->paused;
	}
	*context_out = cached->buffer.hbuf;
	return error;
}

int live_get_context(struct live *live, unsigned int vcpu, vcpu_guest_context_any_t *context_out)
{
	const vcpu_guest_context_any_t *context;
	int error = live_look_context(live, vcpu, &context);

	if (!error)
		*context_out = *context;
	return error;
}

static void forget_contexts(struct live *live)
{
	live->regs_seen_of = 0;
	for (unsigned int vcpu = 0; vcpu < VCPUS_MAX && live->contexts; vcpu++)
		live->contexts[vcpu].valid = false;
}

int live_set_context(struct live *live, unsigned int vcpu, vcpu_guest_context_any_t *context)
{
	int error = live_vectors_save(live, vcpu), restored;

	if (error)
		return error;
	forget_contexts(live);
	if (xc_vcpu_setcontext(live->xc, live->domid, vcpu, context))
		error = -errno;
	restored = live_vectors_restore(live);
	return error ? error : restored;
}

int live_op_pause(struct target *target)
{
	struct live *live = live_of(target);
	int error = 0;

	if (live->paused)
		return 0;
	if (live->armed)
		error = live_block_flags(live, BLOCK_PAUSED, 0);
	else
		live_note_pause(live, true);
	if (!error && xc_domain_pause(live->xc, live->domid))
		error = -errno;
	live->paused = !error;
	live->target.running = !live->paused;
	return error;
}

uint64_t live_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void forget_all(struct live *live)
{
	walk_forget(&live->memory);
	forget_contexts(live);
	memset(live->root_mfn, 0, sizeof(live->root_mfn));
}

int live_pause_again(struct live *live)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 || info.domid != live->domid)
		return -ENODEV;
	if (info.paused)
		return 0;
	live->paused = false;
	forget_all(live);
	return live_op_pause(&live->target);
}

int live_unpause(struct live *live)
{
	if (!live->paused)
		return 0;
	forget_all(live);
	live_unmask(live);
	live->left_ns = live_clock_ns();
	if (xc_domain_unpause(live->xc, live->domid))
		return -errno;
	live->paused = false;
	live->target.running = true;
	/* A kill between the two leaves one unpause too many, which Xen refuses without harm. */
	if (!live->armed)
		live_note_pause(live, false);
	return live->armed ? live_block_flags(live, 0, BLOCK_PAUSED) : 0;
}

/* ---- Opening and closing ---- */

int live_open_handles(struct live *live, struct problem *problem)
{
	live->xc = xc_interface_open(NULL, NULL, 0);
	live->memory_handle = live->xc ? xenforeignmemory_open(NULL, 0) : NULL;
	live->events = live->memory_handle ? xenevtchn_open(NULL, 0) : NULL;
	live->store = live->events ? store_open() : NULL;
	if (!live->store) {
		live_close_handles(live);
		return problem_set(problem, -EPERM,
				   "Xen does not let us: duster runs in dom0, as root");
	}
	return 0;
}

static void free_context(struct live *live, struct cached_context *cached)
{
	if (cached->buffer.hbuf)
		xc__hypercall_buffer_free(live->xc, &cached->buffer);
	*cached = (struct cached_context){0};
}

void live_close_handles(struct live *live)
{
	unmap_all(live);
	free(live->regions);
	live->regions = NULL;
	live->regions_room = 0;
	if (live->block)
		xenforeignmemory_unmap(live->memory_handle, live->block, 1);
	live->block = NULL;
	if (live->store)
		xs_close(live->store);
	if (live->events)
		xenevtchn_close(live->events);
	if (live->memory_handle)
		xenforeignmemory_close(live->memory_handle);
	for (unsigned int i = 0; i < VCPUS_MAX && live->xc && live->contexts; i++)
		free_context(live, &live->contexts[i]);
	free_context(live, &live->context_now);
	if (live->xc)
		xc_interface_close(live->xc);
	live->store = NULL;
	live->events = NULL;
	live->memory_handle = NULL;
	live->xc = NULL;
}

int live_take_lock(struct live *live, bool wait, struct problem *problem)
{
	char path[128];
	xc_dominfo_t info;
	int used;

	if (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 || info.domid != live->domid)
		return problem_set(problem, -ENOENT, "there is no domain %u", live->domid);

	if (mkdir(live_locks, 0700) && errno != EEXIST)
		return problem_set(problem, -errno, "%s: %s", live_locks, strerror(errno));
	used = snprintf(path, sizeof(path), "%s/", live_locks);
	for (unsigned int i = 0; i < sizeof(info.handle); i++)
		used += snprintf(path + used, sizeof(path) - (size_t)used, "%02x", info.handle[i]);
	live->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (live->lock_fd < 0)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	if (flock(live->lock_fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB))
		return problem_set(problem, -EBUSY, "another debugger is attached to domain %u",
				   live->domid);
	return 0;
}

static void op_describe(struct target *target, char *text_out, size_t text_bytes)
{
	struct live *live = live_of(target);

	snprintf(text_out, text_bytes, "domain %u (%s), %u vCPU%s, %s%s", live->domid, live->name,
		 target->vcpus_count, target->vcpus_count == 1 ? "" : "s",
		 live->ended    ? "gone"
		 : live->paused ? "stopped"
				: "running",
		 live->armed ? "" : ", without breakpoints");
}

static void op_close(struct target *target)
{
	struct live *live = live_of(target);
	unsigned int undone = 0;

	if (live->xc && !live->ended) {
		if (live->armed)
			(void)live_undo(live, &undone);
		else
			(void)live_unpause(live);
	}
	live_dismiss_guardian(live);
	live_close_handles(live);
	live_vectors_close(live);
	if (live->lock_fd >= 0)
		close(live->lock_fd);
	free(live->contexts);
	free(live);
}

static int op_pfn(struct target *target, uint64_t mfn, uint64_t *pfn_out)
{
	(void)target;
	(void)mfn;
	(void)pfn_out;
	return -EOPNOTSUPP;
}

static const struct target_ops ops = {
	.close = op_close,
	.describe = op_describe,
	.regs_get = live_op_regs_get,
	.regs_set = live_op_regs_set,
	.read = live_op_read,
	.write = op_write,
	.walk = op_walk,
	.pfn = op_pfn,
	.pause = live_op_pause,
	.resume = live_op_resume,
	.break_set = live_op_break_set,
	.break_clear = live_op_break_clear,
	.condition_set = live_op_condition_set,
	.watch_set = live_op_watch_set,
	.step = live_op_step,
	.event_ns = live_op_event_ns,
	.wait = live_op_wait,
};

static int examine(struct live *live, xc_dominfo_t *info, struct problem *problem)
{
	char path[64], *name;

	if (xc_domain_getinfo(live->xc, live->domid, 1, info) != 1 || info->domid != live->domid)
		return problem_set(problem, -ENOENT, "there is no domain %u", live->domid);
	if (info->hvm)
		return problem_set(problem, -EINVAL, "domain %u is not paravirtualised (PV)",
				   live->domid);
	if (live->domid == 0)
		return problem_set(problem, -EINVAL, "dom0 cannot stop itself");
	live->target.vcpus_count =
		info->max_vcpu_id + 1 < VCPUS_MAX ? info->max_vcpu_id + 1 : VCPUS_MAX;
	snprintf(path, sizeof(path), "/local/domain/%u/name", live->domid);
	name = store_read(live->store, path);
	snprintf(live->name, sizeof(live->name), "%s", name ? name : "?");
	free(name);
	return 0;
}

int live_stop(struct target *target, const struct live_stub *stub, struct problem *problem)
{
	struct live *live = live_of(target);
	int error = live->ended ? -ENODEV : live_op_pause(target);

	if (error)
		return problem_set(problem, error, "the domain cannot be paused: %s",
				   strerror(-error));
	return stub && !live->armed ? live_arm(target, stub, problem) : 0;
}

int live_open(unsigned int domid, unsigned int flags, struct target **target_out,
	      struct problem *problem)
{
	struct live *live = calloc(1, sizeof(*live));
	xc_dominfo_t info;
	int error;

	if (!live)
		return problem_set(problem, -ENOMEM, "out of memory");
	live->target = (struct target){.ops = &ops, .live = true, .running = true};
	live->domid = domid;
	live->lock_fd = live->guardian_fd = live->local_port = -1;
	live_init_memory(live);
	live->contexts = calloc(VCPUS_MAX, sizeof(*live->contexts)); /* it goes without them, too */
	error = live_open_handles(live, problem);
	if (!error)
		error = examine(live, &info, problem);
	if (!error)
		error = live_take_lock(live, flags & LIVE_WAIT, problem);
	if (!error && live_vectors_open(live))
		error = problem_set(problem, -ENOMEM, "out of memory");
	if (!error)
		error = live_start_guardian(live, problem);
	if (!error) /* of a debugger killed with its guardian */
		(void)live_vectors_recover(live);
	if (!error && live_pause_noted(live)) /* likewise */
		(void)xc_domain_unpause(live->xc, live->domid);
	if (!error && !(flags & LIVE_RUNNING))
		error = live_stop(&live->target, NULL, problem);
	if (!error) {
		struct target_event event;
		char path[64];

		live->suspend_asked = true; /* what was asked before is no news */
		(void)live_look_for_suspend(live, &event);
		(void)xs_watch(live->store, "@releaseDomain", "gone");
		snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
		(void)xs_watch(live->store, path, "shutdown");
		for (unsigned int i = 0; i < VCPUS_MAX; i++)
			live->slot_of[i] = -1;
		*target_out = &live->target;
	} else {
		op_close(&live->target);
	}
	return error;
}
