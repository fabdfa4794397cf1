/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stopping, stepping and going on. A vCPU that met a breakpoint or finished a step stands in the
 * guest's stub, with its registers in a struct trap_frame the stub has pushed; other vCPUs stand
 * where the domain's pause found them.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/target/live_parts.h"
#include "duster/target/xen_regs.h"

#define RFLAGS_TF    0x100u
#define RFLAGS_RF    0x10000u
#define TRAP_SYSCALL 0x100u /* of user_regs.entry_vector (Xen: asm-x86 domain.h) */
#define VECTOR_DEBUG 1u
#define DR6_HITS     0xfu

/* struct trap_frame as debug.S pushes it: words from its beginning. */
static const uint8_t frame_regs[23] = {
	[2] = CPU_R15 + 1,     [3] = CPU_R14 + 1,  [4] = CPU_R13 + 1,  [5] = CPU_R12 + 1,
	[6] = CPU_RBP + 1,     [7] = CPU_RBX + 1,  [8] = CPU_R11 + 1,  [9] = CPU_R10 + 1,
	[10] = CPU_R9 + 1,     [11] = CPU_R8 + 1,  [12] = CPU_RAX + 1, [13] = CPU_RCX + 1,
	[14] = CPU_RDX + 1,    [15] = CPU_RSI + 1, [16] = CPU_RDI + 1, [18] = CPU_RIP + 1,
	[20] = CPU_RFLAGS + 1, [21] = CPU_RSP + 1,
};
#define FRAME_WORDS  LIVE_FRAME_WORDS
#define FRAME_RFLAGS 20u
#define STUB_STACK   256u /* below its frame the stub needs less than this */

static volatile sig_atomic_t interrupted;

void live_interrupt(bool wanted)
{
	interrupted = wanted;
}

/* ---- Slots ---- */

static uint64_t slot_addr(const struct live *live, unsigned int slot)
{
	return BLOCK_AT(live, slots) + slot * sizeof(struct slot);
}

static int read_slots(struct live *live, struct slot *slots)
{
	return live_block_read(live, BLOCK_AT(live, slots), slots, SLOTS_MAX * sizeof(*slots));
}

int live_scan(struct live *live)
{
	struct slot copy[SLOTS_MAX];
	const struct slot *slots = copy;
	int error = 0;

	/* Nobody writes there while the domain stands still. */
	if (live->block)
		slots = (const struct slot *)(live->block + offsetof(struct block, slots));
	else if (live->armed)
		error = read_slots(live, copy);
	live->regs_seen_of = 0;
	for (unsigned int vcpu = 0; vcpu < VCPUS_MAX; vcpu++)
		live->slot_of[vcpu] = -1;
	if (error || !live->armed)
		return error;
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count; vcpu++) {
		const vcpu_guest_context_any_t *context;

		if (live_look_context(live, vcpu, &context))
			continue;
		/* The stub runs on the stack it found: right below its frame. */
		for (unsigned int i = 0; i < SLOTS_MAX; i++)
			if (slots[i].state == SLOT_STOPPED &&
			    slots[i].frame - context->c.user_regs.rsp < STUB_STACK)
				live->slot_of[vcpu] = (int)i;
	}
	for (unsigned int i = 0; i < SLOTS_MAX; i++)
		if (slots[i].state != SLOT_STOPPED)
			live->reported[i] = false;
	return 0;
}

static int read_slot(struct live *live, unsigned int slot, struct slot *slot_out)
{
	return live_block_read(live, slot_addr(live, slot), slot_out, sizeof(*slot_out));
}

int live_release_slot(struct live *live, unsigned int slot)
{
	live->reported[slot] = false;
	return live_block_write32(live, slot_addr(live, slot), SLOT_FREE);
}

int live_release_slots(struct live *live, unsigned int *undone)
{
	struct slot slots[SLOTS_MAX];
	int error = read_slots(live, slots);

	for (unsigned int i = 0; i < SLOTS_MAX && !error; i++) {
		uint64_t rflags, at = slots[i].frame + FRAME_RFLAGS * 8;

		if (slots[i].state != SLOT_STOPPED)
			continue;
		error = live_read_raw(live, 0, at, &rflags, 8);
		if (!error && (rflags & RFLAGS_TF)) {
			rflags &= ~(uint64_t)RFLAGS_TF;
			error = live_write_raw(live, 0, at, &rflags, 8);
		}
		if (!error)
			error = live_release_slot(live, i);
		*undone += !error;
	}
	return error;
}

/* ---- Registers ---- */

void live_regs_from_frame(const uint64_t *words, struct regs *regs_out)
{
	for (unsigned int i = 0; i < FRAME_WORDS; i++)
		if (frame_regs[i])
			regs_set(regs_out, frame_regs[i] - 1u, words[i]);
}

int live_op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	struct live *live = live_of(target);
	const vcpu_guest_context_any_t *context;
	uint64_t words[FRAME_WORDS];
	struct slot slot;
	int error = live->ended ? -ENODEV : 0;

	if (!error && live->paused && live->regs_seen_of == vcpu + 1) {
		*regs_out = live->regs_seen;
		return 0;
	}
	if (!error)
		error = live_look_context(live, vcpu, &context);
	if (error)
		return error;
	xen_regs_from_context(&context->c, regs_out);
	if (live->slot_of[vcpu] < 0)
		return 0;
	error = read_slot(live, (unsigned int)live->slot_of[vcpu], &slot);
	if (!error)
		error = live_read_raw(live, vcpu, slot.frame, words, sizeof(words));
	if (!error) {
		live_regs_from_frame(words, regs_out);
		live->regs_seen = *regs_out;
		live->regs_seen_of = live->paused ? vcpu + 1 : 0;
	}
	return error;
}

int live_op_regs_set(struct target *target, unsigned int vcpu, const struct regs *regs)
{
	struct live *live = live_of(target);
	vcpu_guest_context_any_t context;
	struct slot slot;
	int error;

	if (live->slot_of[vcpu] >= 0) {
		uint64_t words[FRAME_WORDS];

		error = read_slot(live, (unsigned int)live->slot_of[vcpu], &slot);
		if (!error)
			error = live_read_raw(live, vcpu, slot.frame, words, sizeof(words));
		for (unsigned int i = 0; i < FRAME_WORDS && !error; i++)
			if (frame_regs[i] && regs_known(regs, frame_regs[i] - 1u))
				words[i] = regs->value[frame_regs[i] - 1u];
		return error ? error : live_write_raw(live, vcpu, slot.frame, words, sizeof(words));
	}
	error = live_get_context(live, vcpu, &context);
	if (error)
		return error;
	xen_regs_to_context(regs, &context.c);
	/* Leaving Xen by sysret would lose TF, and rcx and r11 with it. */
	context.c.user_regs.entry_vector &= (uint16_t)~TRAP_SYSCALL;
	return live_set_context(live, vcpu, &context);
}

static int change_rflags(struct live *live, unsigned int vcpu, uint64_t set, uint64_t clear)
{
	struct regs regs = {0};
	int error = live_op_regs_get(&live->target, vcpu, &regs);

	if (error)
		return error;
	regs_set(&regs, CPU_RFLAGS, (regs.value[CPU_RFLAGS] | set) & ~clear);
	return live_op_regs_set(&live->target, vcpu, &regs);
}

int live_clear_step(struct live *live, unsigned int vcpu)
{
	return change_rflags(live, vcpu, 0, RFLAGS_TF);
}

/* ---- Waiting ---- */

static bool look_for_end(struct live *live, struct target_event *event_out)
{
	xc_dominfo_t info;

	if (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 || info.domid != live->domid ||
	    info.dying) {
		event_out->kind = TARGET_EVENT_ENDED;
		live->ended = true;
		return true;
	}
	if (!info.shutdown)
		return false;
	event_out->kind = info.shutdown_reason == SHUTDOWN_crash     ? TARGET_EVENT_CRASHED
			  : info.shutdown_reason == SHUTDOWN_suspend ? TARGET_EVENT_SUSPENDED
								     : TARGET_EVENT_ENDED;
	return true;
}

/* The toolstack is about to save or migrate the domain: nothing of ours goes with it. */
bool live_look_for_suspend(struct live *live, struct target_event *event_out)
{
	char path[64], *value;
	unsigned int bytes, undone = 0;
	bool wanted;

	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", live->domid);
	value = xs_read(live->store, XBT_NULL, path, &bytes);
	wanted = value && strcmp(value, "suspend") == 0;
	free(value);
	if (!wanted || live->suspend_asked) {
		live->suspend_asked = wanted;
		return false;
	}
	if (live->armed)
		(void)live_undo(live, &undone);
	live->armed = false;
	live->ended = true;
	event_out->kind = TARGET_EVENT_SUSPENDED;
	return true;
}

#define ANY_VCPU UINT32_MAX

/* A stop in the registers' final form: no TF, and rip where the program is. True: it was none, the
 * thread stands among displaced instructions and steps on. */
static bool settle(struct live *live, unsigned int vcpu, struct regs *regs, unsigned int slot)
{
	uint64_t rip = regs->value[CPU_RIP];
	int moved = live_undisplace(live, &rip);

	if (moved == -EAGAIN) {
		regs_set(regs, CPU_RFLAGS, regs->value[CPU_RFLAGS] | RFLAGS_TF);
		if (live_op_regs_set(&live->target, vcpu, regs) == 0 &&
		    live_release_slot(live, slot) == 0) {
			live->slot_of[vcpu] = -1;
			return true;
		}
		return false;
	}
	if (moved || (regs->value[CPU_RFLAGS] & RFLAGS_TF)) {
		regs_set(regs, CPU_RIP, rip);
		/* Also of a step that another thread's stop cut short: once is enough. */
		regs_set(regs, CPU_RFLAGS, regs->value[CPU_RFLAGS] & ~(uint64_t)RFLAGS_TF);
		(void)live_op_regs_set(&live->target, vcpu, regs);
	}
	return false;
}

/* A stop nobody was told of yet, of one vCPU or of any. */
static bool next_stop(struct live *live, unsigned int only, struct target_event *event_out)
{
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count; vcpu++) {
		int number = live->slot_of[vcpu];
		vcpu_guest_context_any_t context;
		struct regs regs = {0};
		struct slot slot;

		if ((only != ANY_VCPU && only != vcpu) || number < 0 || live->reported[number] ||
		    read_slot(live, (unsigned int)number, &slot) ||
		    live_op_regs_get(&live->target, vcpu, &regs))
			continue;
		live->reported[number] = true;
		*event_out = (struct target_event){.vcpu = vcpu, .addr = regs.value[CPU_RIP]};
		event_out->kind = TARGET_EVENT_BREAKPOINT;
		if (settle(live, vcpu, &regs, (unsigned int)number))
			continue;
		event_out->addr = regs.value[CPU_RIP];
		if (slot.vector == VECTOR_DEBUG) {
			event_out->kind = TARGET_EVENT_STEP;
			if (live_get_context(live, vcpu, &context) == 0)
				event_out->dr6 = context.c.debugreg[6];
			if (event_out->dr6 & DR6_HITS) {
				event_out->kind = TARGET_EVENT_WATCH;
				/* Neither the processor nor Xen takes them back. */
				context.c.debugreg[6] = 0;
				(void)live_set_context(live, vcpu, &context);
			}
		}
		return true;
	}
	return false;
}

/* Is there a stop nobody was told of? */
static bool has_pending(const struct live *live)
{
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count; vcpu++)
		if (live->slot_of[vcpu] >= 0 && !live->reported[live->slot_of[vcpu]])
			return true;
	return false;
}

/* It stays masked while the domain stands still: what comes then is found by looking. */
static int take_event(struct live *live)
{
	if (xenevtchn_pending(live->events) < 0)
		return -errno;
	live->masked = true;
	return 0;
}

void live_unmask(struct live *live)
{
	if (live->masked)
		(void)xenevtchn_unmask(live->events, (evtchn_port_t)live->local_port);
	live->masked = false;
}

static void drain_watches(struct live *live)
{
	char **watch;

	while ((watch = xs_check_watch(live->store)) != NULL)
		free(watch);
}

/* One round: an event of the stub, of the toolstack, or time over. */
static int wait_once(struct live *live, int timeout_ms, unsigned int only,
		     struct target_event *event_out)
{
	struct pollfd fds[2] = {{.fd = xenevtchn_fd(live->events), .events = POLLIN},
				{.fd = xs_fileno(live->store), .events = POLLIN}};
	int ready = poll(fds, 2, timeout_ms), error;

	if (ready < 0)
		return -errno;
	if (!ready)
		return -ETIMEDOUT;
	if (fds[1].revents) {
		drain_watches(live);
		if (look_for_end(live, event_out) || live_look_for_suspend(live, event_out))
			return 0;
	}
	if (!fds[0].revents)
		return -EAGAIN;
	live->target.stops_count++;
	live->target.heard_ns = live_clock_ns();
	live->target.away_ns += live->target.heard_ns - live->left_ns;
	error = take_event(live);
	/* Unmasked first: who stops after the glance is heard of. */
	if (!error && only == ANY_VCPU && live_may_glance(live)) {
		live_unmask(live);
		if (live_glance(live))
			return -EAGAIN;
	}
	if (!error)
		error = live_op_pause(&live->target);
	if (!error)
		error = live_scan(live);
	if (error)
		return error;
	if (next_stop(live, only, event_out))
		return 0;
	/* Spurious: one comes when the channel is bound. */
	error = live_unpause(live);
	return error ? error : -EAGAIN;
}

static int wait_for(struct live *live, int timeout_ms, unsigned int only,
		    struct target_event *event_out)
{
	uint64_t end_ns = live_clock_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000;
	int error;

	*event_out = (struct target_event){.kind = TARGET_EVENT_NONE};
	if (live->ended)
		return -ENODEV;
	/* Stops of several vCPUs at once are told one after the other. */
	if (live->paused && next_stop(live, only, event_out))
		return 0;
	do {
		if (interrupted) {
			interrupted = 0;
			return -EINTR;
		}
		error = wait_once(live, timeout_ms, only, event_out);
		if (error == -EINTR)
			error = -EAGAIN;
		/* Events nobody wants to hear of do not begin the time anew. */
		if (error == -EAGAIN && timeout_ms >= 0) {
			uint64_t now_ns = live_clock_ns();

			timeout_ms = now_ns < end_ns ? (int)((end_ns - now_ns) / 1000000) : 0;
			if (now_ns >= end_ns)
				error = -ETIMEDOUT;
		}
	} while (error == -EAGAIN);
	if (error == -ETIMEDOUT) {
		(void)look_for_end(live, event_out);
		error = 0;
	}
	if (!error && !live->ended && event_out->kind != TARGET_EVENT_NONE)
		error = live_op_pause(&live->target);
	return error;
}

/* ---- Stepping ---- */

/* Takes the other vCPUs offline, noting which in the block first; thaw() puts them back. */
static int freeze(struct live *live, unsigned int stepping)
{
	uint64_t frozen[VCPUS_MAX / 64] = {0};
	vcpu_guest_context_any_t context;
	bool any = false;
	int error = 0;

	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count; vcpu++)
		if (vcpu != stepping && live_get_context(live, vcpu, &context) == 0 &&
		    (context.c.flags & VGCF_online)) {
			frozen[vcpu / 64] |= 1ULL << vcpu % 64;
			any = true;
		}
	if (!any)
		return 0;
	error = live_write_raw(live, 0, BLOCK_AT(live, frozen), frozen, sizeof(frozen));
	if (!error)
		error = live_block_flags(live, BLOCK_FROZEN, 0);
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count && !error; vcpu++) {
		if (!(frozen[vcpu / 64] >> vcpu % 64 & 1))
			continue;
		error = live_get_context(live, vcpu, &context);
		context.c.flags &= ~(unsigned long)VGCF_online;
		context.c.user_regs.entry_vector &= (uint16_t)~TRAP_SYSCALL;
		if (!error)
			error = live_set_context(live, vcpu, &context);
	}
	return error;
}

int live_thaw(struct live *live)
{
	uint64_t frozen[VCPUS_MAX / 64];
	vcpu_guest_context_any_t context;
	uint32_t flags;
	int error = live_block_read(live, BLOCK_AT(live, flags), &flags, sizeof(flags));

	if (error || !(flags & BLOCK_FROZEN))
		return error;
	error = live_block_read(live, BLOCK_AT(live, frozen), frozen, sizeof(frozen));
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count && !error; vcpu++) {
		if (!(frozen[vcpu / 64] >> vcpu % 64 & 1))
			continue;
		error = live_get_context(live, vcpu, &context);
		context.c.flags |= VGCF_online;
		context.c.user_regs.entry_vector &= (uint16_t)~TRAP_SYSCALL;
		if (!error)
			error = live_set_context(live, vcpu, &context);
	}
	return error ? error : live_block_flags(live, 0, BLOCK_FROZEN);
}

static int mark_stepping(struct live *live, uint64_t mark)
{
	return live_write_raw(live, 0, BLOCK_AT(live, stepping), &mark, sizeof(mark));
}

static int start_step(struct live *live, unsigned int vcpu, uint64_t rip)
{
	int error = live_lift(live, rip);

	live_conditions_switch(live, false);
	if (!error)
		error = mark_stepping(live, vcpu + 1);
	if (!error)
		error = freeze(live, vcpu);
	if (!error)
		error = change_rflags(live, vcpu, RFLAGS_TF | RFLAGS_RF, 0);
	if (!error && live->slot_of[vcpu] >= 0) {
		error = live_release_slot(live, (unsigned int)live->slot_of[vcpu]);
		live->slot_of[vcpu] = -1;
	}
	return error ? error : live_unpause(live);
}

/* After the step, or when it was given up: everything as before it. */
static int end_step(struct live *live, unsigned int vcpu)
{
	int error = live_op_pause(&live->target), next;

	if (live->ended)
		return error;
	if (!error)
		error = live_scan(live);
	next = live_clear_step(live, vcpu);
	error = error ? error : next;
	next = live_thaw(live);
	error = error ? error : next;
	next = live_unlift(live);
	error = error ? error : next;
	next = mark_stepping(live, 0);
	return error ? error : next;
}

/* The breakpoint's byte is out while the thread steps, and nobody else runs: for the few
 * instructions that cannot be displaced. */
static int step_lifted(struct live *live, unsigned int vcpu, uint64_t rip,
		       struct target_event *event_out)
{
	int error = start_step(live, vcpu, rip), end;

	if (!error)
		error = wait_for(live, -1, vcpu, event_out);
	end = end_step(live, vcpu);
	return error ? error : end;
}

int live_op_step(struct target *target, unsigned int vcpu, struct target_event *event_out)
{
	struct live *live = live_of(target);
	struct regs regs = {0};
	uint64_t to;
	int error;

	if (!live->armed)
		return -EOPNOTSUPP;
	error = live_op_regs_get(target, vcpu, &regs);
	if (error)
		return error;
	live_conditions_switch(live, false);
	if (live_displaced(live, regs.value[CPU_RIP], &to))
		regs_set(&regs, CPU_RIP, to);
	else if (live_has_breakpoint(live, regs.value[CPU_RIP]))
		return step_lifted(live, vcpu, regs.value[CPU_RIP], event_out);
	regs_set(&regs, CPU_RFLAGS, regs.value[CPU_RFLAGS] | RFLAGS_TF | RFLAGS_RF);
	if (live->slot_of[vcpu] < 0)
		error = mark_stepping(live, vcpu + 1);
	if (!error)
		error = live_op_regs_set(target, vcpu, &regs);
	/* Stops that were not told yet come first; until then the vCPU keeps its slot. */
	if (!error && !(live->paused && has_pending(live))) {
		if (live->slot_of[vcpu] >= 0)
			error = live_release_slot(live, (unsigned int)live->slot_of[vcpu]);
		live->slot_of[vcpu] = -1;
		if (!error)
			error = live_unpause(live);
	}
	if (!error)
		error = wait_for(live, -1, ANY_VCPU, event_out);
	if (!error && !live->ended)
		error = mark_stepping(live, 0);
	return error;
}

/* ---- Going on ---- */

int live_op_resume(struct target *target)
{
	struct live *live = live_of(target);
	int error = 0;

	if (live->ended)
		return -ENODEV;
	for (unsigned int vcpu = 0; vcpu < target->vcpus_count && !error && live->armed; vcpu++) {
		int slot = live->slot_of[vcpu];
		struct target_event event;
		struct regs regs = {0};
		uint64_t to;

		if (slot < 0 || !live->reported[slot])
			continue;
		error = live_op_regs_get(target, vcpu, &regs);
		if (error)
			break;
		/* From the breakpoint it stands on to the instruction's copy. */
		if (live_displaced(live, regs.value[CPU_RIP], &to)) {
			regs_set(&regs, CPU_RIP, to);
			error = live_op_regs_set(target, vcpu, &regs);
		} else if (live_has_breakpoint(live, regs.value[CPU_RIP])) {
			error = step_lifted(live, vcpu, regs.value[CPU_RIP], &event);
			/* What the step ran into is the next stop. */
			if (!error && event.kind == TARGET_EVENT_BREAKPOINT &&
			    live->slot_of[vcpu] >= 0)
				live->reported[live->slot_of[vcpu]] = false;
		}
	}
	/* Until each stop was told nobody runs, and nobody gives up a slot it still stands in. */
	if (error || has_pending(live))
		return error;
	for (unsigned int vcpu = 0; vcpu < target->vcpus_count && !error; vcpu++) {
		int slot = live->slot_of[vcpu];

		if (slot < 0 || !live->reported[slot])
			continue;
		error = live_release_slot(live, (unsigned int)slot);
		live->slot_of[vcpu] = -1;
	}
	live_conditions_switch(live, target->glance != NULL);
	live->glance_root = 0;
	if (!error && live->armed)
		(void)live_find_root(live, 0, &live->glance_root);
	return error ? error : live_unpause(live);
}

int live_op_wait(struct target *target, int timeout_ms, struct target_event *event_out)
{
	return wait_for(live_of(target), timeout_ms, ANY_VCPU, event_out);
}
