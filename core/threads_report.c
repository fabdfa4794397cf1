/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One thread after the other is copied with the list of threads locked and printed without: the
 * console may be slow. Whatever is read of a thread that runs meanwhile is a guess, and the stack
 * of one that runs on another vCPU is not looked at.
 */
#include "core/threads_report.h"

#include <stdarg.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/switch.h"
#include "core/backtrace.h"
#include "core/futex.h"
#include "core/report.h"
#include "core/thread.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "xen/hypercall.h"

#define NS_PER_MS   1000000U
#define CYCLES_SEEN 256U /* waits of which cycles are looked for */

/* A thread as it was. */
struct snapshot {
	uint32_t id, owner;
	uint32_t vcpu;
	enum thread_state state;
	unsigned int policy, priority, base_priority;
	bool is_kernel;
	uint64_t cpu_ns;
	const char *what;
	const void *where;
	char name[THREAD_NAME_BYTES];
	unsigned int frames_count;
	uintptr_t frames[BACKTRACE_FRAMES_MAX];
	bool is_return[BACKTRACE_FRAMES_MAX], is_trap[BACKTRACE_FRAMES_MAX];
};

/* Who waits for what another holds. */
struct edge {
	uint32_t id, owner;
	const char *what;
	const void *where;
};

struct walk {
	unsigned int index, at; /* the thread wanted, and where we are */
	uintptr_t return_addr, rbp;
	bool found;
	struct snapshot *snapshot;
};

/* Of one report at a time. */
static struct snapshot snapshot;
static struct edge edges[CYCLES_SEEN];
static unsigned int edges_count;

/* ---- Looking ---- */

/* Locks without inheritance do not say who holds them, but their word does. */
static uint32_t owner_of(const struct thread_wait *wait)
{
	uint32_t owner = READ_ONCE(wait->owner);

	if (!owner && strcmp(wait->what, "mutex") == 0 &&
	    backtrace_readable((uintptr_t)wait->where, sizeof(owner)))
		owner = *(const uint32_t *)wait->where & FUTEX_OWNER_MASK;
	return owner;
}

static void copy_frames(struct snapshot *to, struct backtrace *trace)
{
	do {
		unsigned int at = to->frames_count++;

		to->frames[at] = trace->rip;
		to->is_return[at] = trace->is_return;
		to->is_trap[at] = trace->is_trap;
	} while (to->frames_count < BACKTRACE_FRAMES_MAX && backtrace_next(trace));
}

static void copy_thread(struct snapshot *to, struct thread *thread, const struct walk *walk)
{
	struct backtrace trace;
	uintptr_t sp = READ_ONCE(thread->stack_pointer);
	struct thread_wait wait = thread->wait;

	*to = (struct snapshot){
		.id = thread->id,
		.vcpu = thread->vcpu,
		.state = READ_ONCE(thread->state),
		.policy = thread->policy,
		.priority = thread->priority,
		.base_priority = thread->base_priority,
		.is_kernel = !thread->signals,
		.cpu_ns = thread_cpu_ns(thread),
	};
	memcpy(to->name, thread->name, sizeof(to->name) - 1);
	if (READ_ONCE(thread->wait_word))
		wait.where = thread->wait_word;
	if (wait.what && to->state == THREAD_WAITING) {
		to->what = wait.what;
		to->where = wait.where;
		to->owner = owner_of(&wait);
	}
	if (thread == thread_self()) {
		backtrace_begin(&trace, walk->return_addr, walk->rbp);
		copy_frames(to, &trace);
	} else if (to->state != THREAD_RUNNING &&
		   backtrace_readable(sp, sizeof(struct switch_frame))) {
		const struct switch_frame *frame = (const struct switch_frame *)sp;

		backtrace_begin(&trace, frame->rip, frame->rbp);
		copy_frames(to, &trace);
	}
}

static bool visit(struct thread *thread, void *arg)
{
	struct walk *walk = arg;

	if (thread->level == 0 || walk->at++ < walk->index)
		return true;
	copy_thread(walk->snapshot, thread, walk);
	walk->found = true;
	return false;
}

/* ---- Printing ---- */

/* False: nobody reads. */
static bool write_thread(const struct snapshot *of)
{
	static const char *const policies[] = {"OTHER", "FIFO", "RR"};
	static const char *const states[] = {
		[THREAD_RUNNING] = "running", [THREAD_READY] = "ready",
		[THREAD_WAITING] = "waiting", [THREAD_MOVING] = "moving",
		[THREAD_GONE] = "ended",
	};
	char wait[96] = "", raised[32] = "", symbol[128];
	bool heard;

	if (of->what && of->owner)
		format_text(wait, sizeof(wait), " for %s %p held by thread %u", of->what, of->where,
			    of->owner);
	else if (of->what && of->where)
		format_text(wait, sizeof(wait), " for %s %p", of->what, of->where);
	else if (of->what)
		format_text(wait, sizeof(wait), " for %s", of->what);
	if (of->priority != of->base_priority)
		format_text(raised, sizeof(raised), " (raised to %u)", of->priority);
	heard = report_line("thread %u%s%s%s: %s%s; vCPU %u; %s %u%s; %llu ms%s", of->id,
			    of->name[0] ? " \"" : "", of->name, of->name[0] ? "\"" : "",
			    states[of->state], wait, of->vcpu, policies[of->policy],
			    of->base_priority, raised, (unsigned long long)(of->cpu_ns / NS_PER_MS),
			    of->is_kernel ? "; kernel's" : "");
	for (unsigned int i = 0; i < of->frames_count; i++) {
		backtrace_symbol(of->frames[i], of->is_return[i], symbol, sizeof(symbol));
		heard = report_line("  #%-2u %016lx %s%s", i, of->frames[i], symbol,
				    of->is_trap[i] && i ? " (interrupted)" : "");
	}
	return heard;
}

static const struct edge *edge_from(uint32_t id)
{
	for (unsigned int i = 0; i < edges_count; i++)
		if (edges[i].id == id)
			return &edges[i];
	return NULL;
}

/* Whether the chain of owners from an edge comes back to it; the smallest id speaks for the cycle.
 */
static bool is_cycle(const struct edge *first)
{
	const struct edge *edge = first;

	for (unsigned int steps = 0; steps < edges_count; steps++) {
		edge = edge_from(edge->owner);
		if (!edge || edge->id < first->id)
			return false;
		if (edge == first)
			return true;
	}
	return false;
}

static void write_cycles(void)
{
	for (unsigned int i = 0; i < edges_count; i++) {
		const struct edge *edge = &edges[i];

		if (!is_cycle(edge))
			continue;
		report_line("deadlock:");
		do {
			report_line("  thread %u waits for %s %p held by thread %u", edge->id,
				    edge->what, edge->where, edge->owner);
			edge = edge_from(edge->owner);
		} while (edge && edge != &edges[i]);
	}
}

void threads_report(void)
{
	struct walk walk = {
		.return_addr = (uintptr_t)__builtin_return_address(0),
		.rbp = *(const uintptr_t *)__builtin_frame_address(0),
		.snapshot = &snapshot,
	};
	bool enabled = events_disable(), heard;

	if (report_begin()) {
		edges_count = 0;
		(void)report_line("%s", "");
		heard = report_line("stardust: %u threads", thread_count());
		do {
			walk.at = 0;
			walk.found = false;
			thread_for_each(visit, &walk);
			walk.index++;
			if (!walk.found)
				break;
			heard = write_thread(&snapshot);
			if (snapshot.owner && edges_count < CYCLES_SEEN)
				edges[edges_count++] = (struct edge){snapshot.id, snapshot.owner,
								     snapshot.what, snapshot.where};
		} while (heard);
		write_cycles();
		report_end();
	}
	events_restore(enabled);
}
