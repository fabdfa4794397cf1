/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/duster/target/fake_xen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES        16u
#define PTE_PRESENT   3u
#define TF            0x100u
#define FRAME_WORDS   23u
#define WORD_RAX      12u
#define WORD_RIP      18u
#define WORD_RFLAGS   20u
#define WORD_RSP      21u
#define INSTRUCTIONS  100u /* each time a vCPU runs */
#define XSAVE_AT      16u
#define XSTATE_BV_AT  (XSAVE_AT + 512u)
#define YMM_AT        (XSAVE_AT + 576u)
#define EXTSTATE_ROOM (YMM_AT + FAKE_YMM_BYTES)

enum { MFN_L4 = 1, MFN_L3, MFN_L2, MFN_L1, MFN_CODE, MFN_BLOCK, MFN_STACK, MFN_STUB, MFN_COPIES };

struct xc_interface_core {
	int unused;
};
struct xenforeignmemory_handle {
	int unused;
};
struct xenevtchn_handle {
	int unused;
};
struct xs_handle {
	int unused;
};

struct fake_xen *fake;
static uint8_t *frames;
static int frames_fd = -1;
static int event_fd = -1; /* of this process */

/* ---- The domain ---- */

static void set_entry(unsigned int table, unsigned int level, uint64_t addr, uint64_t mfn)
{
	uint64_t entry = mfn * PAGE_BYTES | PTE_PRESENT;

	memcpy(frames + table * PAGE_BYTES + (addr >> (39 - 9 * level) & 511) * 8, &entry, 8);
}

uint8_t *fake_memory(uint64_t addr)
{
	return frames + (MFN_CODE + (addr - FAKE_CODE) / PAGE_BYTES) * PAGE_BYTES +
	       addr % PAGE_BYTES;
}

void fake_xen_start(void)
{
	frames_fd = memfd_create("domain", 0);
	if (frames_fd < 0 || ftruncate(frames_fd, (off_t)FRAMES * PAGE_BYTES))
		abort();
	frames = mmap(NULL, (size_t)FRAMES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      frames_fd, 0);
	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (frames == MAP_FAILED || fake == MAP_FAILED)
		abort();
	set_entry(MFN_L4, 0, FAKE_CODE, MFN_L3);
	set_entry(MFN_L3, 1, FAKE_CODE, MFN_L2);
	set_entry(MFN_L2, 2, FAKE_CODE, MFN_L1);
	set_entry(MFN_L1, 3, FAKE_CODE, MFN_CODE);
	set_entry(MFN_L1, 3, FAKE_BLOCK, MFN_BLOCK);
	set_entry(MFN_L1, 3, FAKE_STACK, MFN_STACK);
	set_entry(MFN_L1, 3, FAKE_COPIES, MFN_COPIES);
	memset(fake_memory(FAKE_CODE), 0x90, FAKE_CODE_BYTES);
	for (unsigned int v = 0; v < FAKE_VCPUS; v++) {
		vcpu_guest_context_t *context = &fake->contexts[v].c;

		fake->in_slot[v] = -1;
		context->flags = VGCF_online;
		context->ctrlreg[3] = MFN_L4 * PAGE_BYTES;
		context->user_regs.rip = FAKE_CODE + v;
		context->user_regs.rsp = FAKE_STACK + (v + 1) * 1024;
		context->user_regs.rflags = 0x202;
		memset(fake->ymm[v], 0xa0 + (int)v, FAKE_YMM_BYTES);
	}
}

/* ---- Its vCPUs ---- */

static void enter_stub(unsigned int v, uint64_t vector, uint64_t rip)
{
	struct block *block = (struct block *)fake_memory(FAKE_BLOCK);
	vcpu_guest_context_t *context = &fake->contexts[v].c;
	uint64_t words[FRAME_WORDS] = {0}, one = 1;
	unsigned int slot = 0;

	while (slot < SLOTS_MAX && block->slots[slot].state != SLOT_FREE)
		slot++;
	if (slot == SLOTS_MAX)
		abort();
	words[WORD_RAX] = context->user_regs.rax;
	words[WORD_RIP] = rip;
	words[WORD_RFLAGS] = context->user_regs.rflags;
	words[WORD_RSP] = context->user_regs.rsp;
	block->slots[slot].vector = vector;
	block->slots[slot].frame = context->user_regs.rsp - sizeof(words);
	memcpy(fake_memory(block->slots[slot].frame), words, sizeof(words));
	context->user_regs.rip = FAKE_STUB;
	context->user_regs.rsp = block->slots[slot].frame - 32;
	context->user_regs.rflags = 0x202;
	fake->in_slot[v] = (int)slot;
	block->slots[slot].seq++;
	block->slots[slot].state = SLOT_STOPPED;
	if (event_fd >= 0 && write(event_fd, &one, sizeof(one)) != sizeof(one))
		abort();
}

static bool leave_stub(unsigned int v)
{
	const struct block *block = (const struct block *)fake_memory(FAKE_BLOCK);
	const struct slot *slot = &block->slots[fake->in_slot[v]];
	vcpu_guest_context_t *context = &fake->contexts[v].c;
	uint64_t words[FRAME_WORDS];

	if (slot->state != SLOT_FREE)
		return false;
	memcpy(words, fake_memory(slot->frame), sizeof(words));
	context->user_regs.rax = words[WORD_RAX];
	context->user_regs.rip = words[WORD_RIP];
	context->user_regs.rflags = words[WORD_RFLAGS];
	context->user_regs.rsp = words[WORD_RSP];
	fake->in_slot[v] = -1;
	return true;
}

/* The instruction's byte; 0 where there is no code. A jump back from a copy is taken at once. */
static uint8_t fetch(uint64_t *rip)
{
	if (*rip - FAKE_COPIES < PAGE_BYTES && *fake_memory(*rip) == FAKE_JUMP)
		memcpy(rip, fake_memory(*rip + 1), sizeof(*rip));
	return *rip - FAKE_CODE < FAKE_CODE_BYTES || *rip - FAKE_COPIES < PAGE_BYTES
		       ? *fake_memory(*rip)
		       : 0;
}

static void run_vcpu(unsigned int v)
{
	const struct block *block = (const struct block *)fake_memory(FAKE_BLOCK);
	vcpu_guest_context_t *context = &fake->contexts[v].c;

	if (fake->in_slot[v] >= 0 && !leave_stub(v))
		return;
	for (unsigned int i = 0; i < INSTRUCTIONS; i++) {
		uint64_t rip = context->user_regs.rip;
		uint8_t byte = fetch(&rip);

		if (byte == 0xcc && block->port) {
			enter_stub(v, 3, rip);
			return;
		}
		if (byte != 0x90) { /* a breakpoint nobody answers for, or nowhere */
			fake->crashed = true;
			return;
		}
		rip = rip + 1 == FAKE_CODE + FAKE_CODE_BYTES ? FAKE_CODE : rip + 1;
		context->user_regs.rip = rip;
		if ((context->user_regs.rflags & TF) && block->port) {
			enter_stub(v, 1, rip);
			return;
		}
		context->user_regs.rflags &= ~(uint64_t)TF; /* as the stub does */
	}
}

void fake_run(void)
{
	for (unsigned int v = 0; v < FAKE_VCPUS && !fake->pauses; v++)
		if (fake->contexts[v].c.flags & VGCF_online)
			run_vcpu(v);
}

/* ---- Being killed ---- */

static void step(void)
{
	if (++fake->calls != fake->die_at)
		return;
	/* The guardian first: it must not see the other one die. */
	if (fake->guardian_too && fake->guardian_pid)
		(void)kill(fake->guardian_pid, SIGKILL);
	(void)kill(getpid(), SIGKILL);
}

/* ---- libxenctrl ---- */

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger,
				unsigned int flags)
{
	static struct xc_interface_core interface;

	(void)logger;
	(void)dombuild_logger;
	(void)flags;
	if (getpid() != fake->debugger_pid)
		fake->guardian_pid = getpid();
	return fake->refuses ? NULL : &interface;
}

int xc_interface_close(xc_interface *xch)
{
	(void)xch;
	return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first, unsigned int max, xc_dominfo_t *info)
{
	(void)xch;
	(void)max;
	step();
	memset(info, 0, sizeof(*info));
	if (fake->is_gone || first > FAKE_DOMID)
		return 0;
	info->domid = first == 0 ? 0 : FAKE_DOMID;
	info->hvm = fake->is_hvm;
	info->paused = fake->pauses > 0;
	info->shutdown = fake->shutdown;
	info->shutdown_reason = fake->shutdown_reason;
	info->max_vcpu_id = FAKE_VCPUS - 1;
	return 1;
}

int xc_domain_pause(xc_interface *xch, uint32_t domid)
{
	(void)xch;
	(void)domid;
	step();
	fake->pauses++;
	fake->pauses_made++;
	step();
	return 0;
}

int xc_domain_unpause(xc_interface *xch, uint32_t domid)
{
	(void)xch;
	(void)domid;
	step();
	if (!fake->pauses) {
		errno = EINVAL;
		return -1;
	}
	fake->pauses--;
	step();
	fake_run();
	return 0;
}

int xc_vcpu_getcontext(xc_interface *xch, uint32_t domid, uint32_t vcpu,
		       vcpu_guest_context_any_t *context)
{
	(void)xch;
	(void)domid;
	step();
	if (fake->is_gone || vcpu >= FAKE_VCPUS) {
		errno = ESRCH;
		return -1;
	}
	*context = fake->contexts[vcpu];
	return 0;
}

int xc_vcpu_setcontext(xc_interface *xch, uint32_t domid, uint32_t vcpu,
		       vcpu_guest_context_any_t *context)
{
	(void)xch;
	(void)domid;
	step();
	fake->contexts[vcpu] = *context;
	memset(fake->ymm[vcpu], 0, FAKE_YMM_BYTES);
	step();
	return 0;
}

int xc_domctl(xc_interface *xch, struct xen_domctl *domctl)
{
	struct xen_domctl_vcpuextstate *state = &domctl->u.vcpuextstate;
	uint8_t *buffer = (uint8_t *)state->buffer.p;
	uint64_t in_use = 7;

	(void)xch;
	if (domctl->cmd == XEN_DOMCTL_getvcpucontext)
		return xc_vcpu_getcontext(xch, domctl->domain, domctl->u.vcpucontext.vcpu,
					  (vcpu_guest_context_any_t *)domctl->u.vcpucontext.ctxt.p);
	step();
	state->xfeature_mask = 7;
	if (domctl->cmd == XEN_DOMCTL_setvcpuextstate) {
		memcpy(fake->ymm[state->vcpu], buffer + YMM_AT, FAKE_YMM_BYTES);
	} else if (state->size) {
		memcpy(buffer + XSTATE_BV_AT, &in_use, sizeof(in_use));
		memcpy(buffer + YMM_AT, fake->ymm[state->vcpu], FAKE_YMM_BYTES);
	}
	state->size = EXTSTATE_ROOM;
	step();
	return 0;
}

void *xc__hypercall_buffer_alloc(xc_interface *xch, xc_hypercall_buffer_t *buffer, size_t bytes)
{
	(void)xch;
	buffer->hbuf = calloc(1, bytes);
	return buffer->hbuf;
}

void xc__hypercall_buffer_free(xc_interface *xch, xc_hypercall_buffer_t *buffer)
{
	(void)xch;
	free(buffer->hbuf);
}

xc_evtchn_port_or_error_t xc_evtchn_alloc_unbound(xc_interface *xch, uint32_t domid,
						  uint32_t remote)
{
	(void)xch;
	(void)domid;
	(void)remote;
	return 9;
}

/* ---- The other libraries ---- */

xenforeignmemory_handle *xenforeignmemory_open(struct xentoollog_logger *logger, unsigned int flags)
{
	static struct xenforeignmemory_handle handle;

	(void)logger;
	(void)flags;
	return &handle;
}

int xenforeignmemory_close(xenforeignmemory_handle *handle)
{
	(void)handle;
	return 0;
}

void *xenforeignmemory_map(xenforeignmemory_handle *handle, uint32_t domid, int prot, size_t pages,
			   const xen_pfn_t mfns[], int errors[])
{
	uint8_t *start =
		mmap(NULL, pages * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)handle;
	(void)domid;
	step();
	if (start == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < pages; i++) {
		bool is_table = mfns[i] >= MFN_L4 && mfns[i] <= MFN_L1;

		errors[i] = fake->is_gone || !mfns[i] || mfns[i] >= FRAMES ? -EINVAL
			    : is_table && (prot & PROT_WRITE)              ? -EBUSY
									   : 0;
		if (!errors[i] &&
		    mmap(start + i * PAGE_BYTES, PAGE_BYTES, prot, MAP_SHARED | MAP_FIXED,
			 frames_fd, (off_t)(mfns[i] * PAGE_BYTES)) == MAP_FAILED)
			abort();
	}
	return start;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *handle, void *start, size_t pages)
{
	(void)handle;
	step();
	return munmap(start, pages * PAGE_BYTES);
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
	static struct xenevtchn_handle handle;

	(void)logger;
	(void)flags;
	if (event_fd < 0)
		event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return &handle;
}

int xenevtchn_close(xenevtchn_handle *handle)
{
	(void)handle;
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *handle)
{
	(void)handle;
	return event_fd;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle, uint32_t domid,
						     evtchn_port_t port)
{
	(void)handle;
	(void)domid;
	return (xenevtchn_port_or_error_t)port + 1;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
	uint64_t count;

	(void)handle;
	return read(event_fd, &count, sizeof(count)) == sizeof(count) ? 10 : -1;
}

int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	(void)port;
	return 0;
}

struct xs_handle *xs_open(unsigned long flags)
{
	static struct xs_handle handle;

	(void)flags;
	return fake->refuses ? NULL : &handle;
}

void xs_close(struct xs_handle *handle)
{
	(void)handle;
}

char **xs_directory(struct xs_handle *handle, xs_transaction_t transaction, const char *path,
		    unsigned int *count)
{
	char **names = calloc(3, sizeof(char *) + 2);

	(void)handle;
	(void)transaction;
	(void)path;
	if (!names)
		return NULL;
	names[0] = (char *)(names + 3);
	names[1] = names[0] + 2;
	memcpy(names[0],
	       "0\0"
	       "5",
	       4);
	*count = 2;
	return names;
}

void *xs_read(struct xs_handle *handle, xs_transaction_t transaction, const char *path,
	      unsigned int *bytes)
{
	size_t length = strlen(path);
	const char *value = NULL;

	(void)handle;
	(void)transaction;
	if (length > 5 && strcmp(path + length - 5, "/name") == 0)
		value = strstr(path, "/0/") ? "Domain-0" : "guest";
	else if (length > 9 && strcmp(path + length - 9, "/shutdown") == 0 && fake->suspend_wanted)
		value = "suspend";
	*bytes = value ? (unsigned int)strlen(value) : 0;
	return value ? strdup(value) : NULL;
}

bool xs_watch(struct xs_handle *handle, const char *path, const char *token)
{
	(void)handle;
	(void)path;
	(void)token;
	return true;
}

int xs_fileno(struct xs_handle *handle)
{
	(void)handle;
	return -1;
}

char **xs_check_watch(struct xs_handle *handle)
{
	(void)handle;
	return NULL;
}

/* Between processes of dom0: there is none but the debugger. */
xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *handle, uint32_t domid)
{
	(void)handle;
	(void)domid;
	return -1;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	(void)port;
	return -1;
}
