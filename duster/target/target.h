/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is debugged: a running domain, a core file, a fake. A target reads memory and registers and
 * may do more; what it cannot do answers -EOPNOTSUPP, so that a core file is just a poorer target.
 *
 * Addresses are virtual, as the vCPU sees them. Numbers of vCPUs count from 0.
 */
#ifndef DUSTER_TARGET_TARGET_H
#define DUSTER_TARGET_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "duster/util/problem.h"
#include "duster/util/regs.h"

#define PAGE_BYTES  4096u
#define PAGE_LEVELS 4u

#define TARGET_CONDITION_BYTES 192u /* of code for one breakpoint */

/* How an address is translated. entry[0] is the L4's. Levels from `depth` on were not read. */
struct walk {
	uint64_t entry[PAGE_LEVELS];
	uint64_t table_mfn[PAGE_LEVELS];
	unsigned int depth;
	bool present, writable, executable;
	uint64_t maddr;      /* machine address of the byte; when present */
	uint64_t page_bytes; /* 4 KiB, 2 MiB or 1 GiB; of the hole when not present */
};

enum target_event_kind {
	TARGET_EVENT_NONE,       /* the time is over */
	TARGET_EVENT_BREAKPOINT, /* rip stands on the breakpoint */
	TARGET_EVENT_STEP,
	TARGET_EVENT_WATCH, /* a debug register: `watch` says which */
	TARGET_EVENT_ENDED, /* the guest is gone */
	TARGET_EVENT_CRASHED,
	TARGET_EVENT_SUSPENDED, /* saved or migrated away */
};

struct target_event {
	enum target_event_kind kind;
	unsigned int vcpu;
	uint64_t addr; /* of the breakpoint, or the instruction */
	uint64_t dr6;
};

/* A debug register (SDM 3B 18.2). */
enum watch_kind {
	WATCH_EXECUTE = 0,
	WATCH_WRITE = 1,
	WATCH_ACCESS = 3,
};

struct target;

struct target_ops {
	void (*close)(struct target *);
	/* One line for people. */
	void (*describe)(struct target *, char *text_out, size_t text_bytes);
	/* -ENODATA: the vCPU was never started. */
	int (*regs_get)(struct target *, unsigned int vcpu, struct regs *regs_out);
	int (*regs_set)(struct target *, unsigned int vcpu, const struct regs *regs);
	/* Reads up to `bytes`; *done_out says how many. 0 when all, -EFAULT when some are not
	 * there. */
	int (*read)(struct target *, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		    size_t *done_out);
	int (*write)(struct target *, unsigned int vcpu, uint64_t addr, const void *from,
		     size_t bytes);
	int (*walk)(struct target *, unsigned int vcpu, uint64_t addr, struct walk *walk_out);
	/* The page frame number (pseudo-physical) of a machine frame. */
	int (*pfn)(struct target *, uint64_t mfn, uint64_t *pfn_out);
	/* All vCPUs stop, where they are; counted by nobody: pausing twice is pausing once. */
	int (*pause)(struct target *);
	int (*resume)(struct target *);
	int (*break_set)(struct target *, uint64_t addr, struct problem *);
	int (*break_clear)(struct target *, uint64_t addr);
	/* Of a breakpoint that is set: code (arch/compile.h) that the guest may run itself at each
	 * hit, and goes on without a stop when it yields 0; only while the engine glances. bytes 0:
	 * each hit is a stop. Never an error: a target may leave it undone. NULL: it does. */
	void (*condition_set)(struct target *, uint64_t addr, const uint8_t *code, size_t bytes);
	/* Debug register `slot` of every vCPU; bytes 0 takes it away. */
	int (*watch_set)(struct target *, unsigned int slot, enum watch_kind, uint64_t addr,
			 unsigned int bytes);
	/* One instruction of one vCPU while the others stand still. The guest must be paused; it is
	 * paused again when an event is there. */
	int (*step)(struct target *, unsigned int vcpu, struct target_event *event_out);
	/* One event to a process like this one and one back, through Xen: what nobody who waits for
	 * events can be faster than. For `bench`. */
	int (*event_ns)(struct target *, uint64_t *ns_out);
	/* Waits while the guest runs; the guest is paused when the event is not NONE. */
	int (*wait)(struct target *, int timeout_ms, struct target_event *event_out);
};

struct target {
	const struct target_ops *ops;
	unsigned int vcpus_count;
	bool live;    /* it can run on */
	bool running; /* memory may change while it is read */
	/* Of the engine, while it waits: is a thread with these registers, as far as they are
	 * known, at a breakpoint nobody wants to hear of? Memory can be read; the guest runs, and
	 * no vCPU is selected. NULL: each stop is told. */
	bool (*glance)(void *context, const struct regs *regs);
	void *glance_context;
	/* Of stops so far: from letting the guest run to hearing of the stop; and when that was, by
	 * the monotonic clock. For `bench`. */
	uint64_t stops_count, away_ns, heard_ns;
};

void target_close(struct target *target);
void target_describe(struct target *target, char *text_out, size_t text_bytes);
int target_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out);
int target_regs_set(struct target *target, unsigned int vcpu, const struct regs *regs);
/* All of it or -EFAULT. */
int target_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes);
/* As much as there is. */
int target_read_some(struct target *target, unsigned int vcpu, uint64_t addr, void *to,
		     size_t bytes, size_t *done_out);
int target_read_u64(struct target *target, unsigned int vcpu, uint64_t addr, uint64_t *word_out);
int target_write(struct target *target, unsigned int vcpu, uint64_t addr, const void *from,
		 size_t bytes);
int target_walk(struct target *target, unsigned int vcpu, uint64_t addr, struct walk *walk_out);
int target_pfn(struct target *target, uint64_t mfn, uint64_t *pfn_out);
int target_pause(struct target *target);
int target_resume(struct target *target);
int target_break_set(struct target *target, uint64_t addr, struct problem *problem);
int target_break_clear(struct target *target, uint64_t addr);
void target_condition_set(struct target *target, uint64_t addr, const uint8_t *code, size_t bytes);
int target_watch_set(struct target *target, unsigned int slot, enum watch_kind kind, uint64_t addr,
		     unsigned int bytes);
int target_step(struct target *target, unsigned int vcpu, struct target_event *event_out);
int target_event_ns(struct target *target, uint64_t *ns_out);
int target_wait(struct target *target, int timeout_ms, struct target_event *event_out);

#endif
