/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the live target share. The block's layout is that of
 * arch/x86_64/pv/debug_asm.h, which a guest built at another time must still have: hence its
 * version. */
#ifndef DUSTER_TARGET_LIVE_PARTS_H
#define DUSTER_TARGET_LIVE_PARTS_H

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenstore.h>

#include "duster/target/live.h"
#include "duster/target/walk.h"
#include "duster/util/map.h"

#define BLOCK_MAGIC   0x7274736475645831ULL
#define BLOCK_VERSION 1u
#define JOURNAL_MAX   56u
#define SLOTS_MAX     48u
#define VCPUS_MAX     128u

#define SLOT_FREE    0u
#define SLOT_STOPPED 2u

/* Flags of the block: what a recovery undoes. */
#define BLOCK_PAUSED 0x1u /* by the debugger */
#define BLOCK_FROZEN 0x2u /* vCPUs were taken offline for a step: frozen says which */
#define BLOCK_WATCH  0x4u /* debug registers are set */

#define JOURNAL_FREE 0u
#define JOURNAL_SET  1u /* the byte in memory may be the breakpoint's or the original */

struct block {
	uint64_t magic;
	uint32_t version, slots_count;
	uint32_t port, flags;
	uint32_t kept_port; /* of the guest, allocated once for all debuggers */
	uint32_t journal_count;
	uint64_t debug[5];               /* dr0 … dr3, dr7 */
	uint64_t stepping;               /* vCPU + 1 whose TF may be set by its context */
	uint64_t frozen[VCPUS_MAX / 64]; /* bits of vCPUs taken offline for a step */
	uint64_t condition;              /* address of the program of conditions; 0: none */
	uint8_t reserved[128 - 104];
	struct journal_entry {
		uint64_t addr;
		uint8_t original, state, reserved[6];
	} journal[JOURNAL_MAX];
	struct slot {
		uint32_t state, seq;
		uint64_t vector, frame;
		uint8_t reserved[40];
	} slots[SLOTS_MAX];
};

struct live {
	struct target target;
	unsigned int domid;
	char name[64];
	xc_interface *xc;
	xenforeignmemory_handle *memory_handle;
	xenevtchn_handle *events;
	struct xs_handle *store;
	int lock_fd;
	struct map pages; /* mfn -> mapping, in one of the regions */
	struct region {
		void *start;
		unsigned int pages;
	} * regions;
	size_t regions_count, regions_room, mapped_pages;
	struct walk_memory memory;
	uint64_t root_mfn[VCPUS_MAX]; /* 0: not asked yet; forgotten when the guest runs */
	bool paused, armed, ended;
	uint64_t left_ns;   /* when the guest was let go, by the monotonic clock */
	bool suspend_asked; /* and this was seen, or was so before we came */
	struct live_stub stub;
	/* The block for writing, kept while armed: it never becomes a page table, and three of the
	 * four writes of a stop go there. NULL: not mapped. */
	uint8_t *block;
	int local_port;
	bool masked; /* its event was taken; no other comes before live_unmask() */
	/* Contexts as Xen gave them, while the domain stands still: asking costs more than the rest
	 * of a stop. */
	struct cached_context {
		bool valid;
		xc_hypercall_buffer_t buffer; /* a vcpu_guest_context_any_t; hbuf NULL: none */
	} * contexts, context_now;            /* context_now: without the cache */
	/* Registers as they were asked for last, while nothing changed since. */
	struct regs regs_seen;
	unsigned int regs_seen_of; /* vCPU + 1; 0: none */
	/* As of the last stop. slot_of[v]: the slot vCPU v stands in, -1: none. */
	int slot_of[VCPUS_MAX];
	bool reported[SLOTS_MAX]; /* this stop was told to the caller */
	/* Where this debugger has set breakpoints so far, at most. */
	bool breaks_set;
	uint64_t break_first, break_last;
	/* While the guest runs and breakpoints are looked at (live_glance.c). */
	bool glancing;
	uint64_t glance_root; /* mfn of the L4 as the guest was let go; 0: not known */
	uint32_t lifted;      /* entry + 1 of the journal whose byte is out for a step */
	struct watch {
		enum watch_kind kind;
		uint64_t addr;
		unsigned int bytes;
	} watches[4];
	/* Of the journal's entries: the copy of the instruction. */
	struct displacement {
		enum { DISPLACED_UNTRIED, DISPLACED_MADE, DISPLACED_NOT } state;
		unsigned int copy;
	} displaced[JOURNAL_MAX];
	/* Of the places for copies, as far as we made them. */
	struct {
		unsigned int done;
		uint64_t next;
	} copies[JOURNAL_MAX];
	/* By the journal's entries (live_condition.c). */
	struct condition {
		uint64_t addr;
		uint8_t code[TARGET_CONDITION_BYTES];
		size_t bytes; /* 0: none */
	} conditions[JOURNAL_MAX];
	bool conditions_changed; /* since the program was written */
	size_t program_bytes;
	struct live_vectors *vectors; /* in the lock's file; NULL: none */
	int guardian_fd; /* -1: none; closing it without a word makes the guardian recover */
	int guardian_pid;
};

static inline struct live *live_of(struct target *target)
{
	return (struct live *)target;
}

/* live.c */
/* The directory of locks and what stands in them; root's. Tests have one of their own. */
extern const char *live_locks;
void live_init_memory(struct live *live);
void live_map_block(struct live *live);
/* One debugger a domain. -EBUSY: there is another. */
int live_take_lock(struct live *live, bool wait, struct problem *problem);
int live_open_handles(struct live *live, struct problem *problem);
void live_close_handles(struct live *live);
int live_op_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		 size_t *done_out);
/* Past what hides breakpoints. */
int live_read_raw(struct live *live, unsigned int vcpu, uint64_t addr, void *to, size_t bytes);
int live_write_raw(struct live *live, unsigned int vcpu, uint64_t addr, const void *from,
		   size_t bytes);
int live_op_pause(struct target *target);
int live_unpause(struct live *live);
uint64_t live_clock_ns(void);
/* The mfn of the L4 a vCPU uses. */
int live_find_root(struct live *live, unsigned int vcpu, uint64_t *root_out);
/* After somebody else gave back every pause there was, ours too. */
int live_pause_again(struct live *live);
/* Without copying: good until another one is asked for, set, or the domain runs. */
int live_look_context(struct live *live, unsigned int vcpu,
		      const vcpu_guest_context_any_t **context_out);
int live_get_context(struct live *live, unsigned int vcpu, vcpu_guest_context_any_t *context_out);
int live_set_context(struct live *live, unsigned int vcpu, vcpu_guest_context_any_t *context);

/* The block, field by field: offsets by BLOCK_AT(). */
#define BLOCK_AT(live, field) ((live)->stub.block + offsetof(struct block, field))
int live_block_read(struct live *live, uint64_t addr, void *to, size_t bytes);
int live_block_write32(struct live *live, uint64_t addr, uint32_t word);
/* Sets and clears bits of the block's flags. */
int live_block_flags(struct live *live, uint32_t set, uint32_t clear);

/* live_vectors.c: the domain is paused. */
/* After the lock was taken: the state is kept in its file. */
int live_vectors_open(struct live *live);
void live_vectors_close(struct live *live);
/* Before a context is set. -E2BIG: more than we can keep, the context must not be set. */
int live_vectors_save(struct live *live, unsigned int vcpu);
/* Afterwards. */
int live_vectors_restore(struct live *live);
/* What another process left when it was killed, if the domain stands still since then. */
int live_vectors_recover(struct live *live);

/* live_break.c */
int live_op_break_set(struct target *target, uint64_t addr, struct problem *problem);
int live_op_break_clear(struct target *target, uint64_t addr);
int live_op_watch_set(struct target *target, unsigned int slot, enum watch_kind kind, uint64_t addr,
		      unsigned int bytes);
/* Writes original bytes over breakpoints in a buffer that was read from addr. */
void live_hide_breakpoints(struct live *live, uint64_t addr, uint8_t *bytes, size_t count);
/* Takes the byte at addr out for a step and puts it back. */
int live_lift(struct live *live, uint64_t addr);
int live_unlift(struct live *live);
/* Where a thread that stands on the breakpoint at addr goes on instead; false: nowhere, it must be
 * lifted. */
bool live_displaced(struct live *live, uint64_t addr, uint64_t *to_out);
/* The address a place among the displaced instructions stands for. 0: rip is none of them, 1: *rip
 * was changed, -EAGAIN: the original is not done yet. */
int live_undisplace(struct live *live, uint64_t *rip);
bool live_has_breakpoint(struct live *live, uint64_t addr);
int live_remove_all(struct live *live, unsigned int *undone);
int live_apply_watches(struct live *live);

/* The journal's entry of a breakpoint; -ENOENT. */
int live_find_breakpoint(struct live *live, uint64_t addr, unsigned int *index_out);

/* live_condition.c */
void live_op_condition_set(struct target *target, uint64_t addr, const uint8_t *code, size_t bytes);
/* Its breakpoint goes, or is another now. */
void live_condition_forget(struct live *live, unsigned int index);
/* Whether the guest evaluates conditions itself when it runs on; the domain is paused. */
void live_conditions_switch(struct live *live, bool on);

/* live_echo.c */
int live_op_event_ns(struct target *target, uint64_t *ns_out);

/* live_glance.c: true when every stop there is was one nobody wants to hear of. */
bool live_may_glance(const struct live *live);
bool live_glance(struct live *live);

/* live_run.c */
#define LIVE_FRAME_WORDS 23u /* of the struct trap_frame a stub pushes */
#define LIVE_FRAME_RIP   18u
void live_regs_from_frame(const uint64_t *words, struct regs *regs_out);
int live_release_slot(struct live *live, unsigned int slot);
int live_op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out);
int live_op_regs_set(struct target *target, unsigned int vcpu, const struct regs *regs);
void live_unmask(struct live *live);
int live_op_resume(struct target *target);
int live_op_wait(struct target *target, int timeout_ms, struct target_event *event_out);
int live_op_step(struct target *target, unsigned int vcpu, struct target_event *event_out);
/* True: the toolstack has just asked the domain to suspend, and we have let go of it. */
bool live_look_for_suspend(struct live *live, struct target_event *event_out);
/* Which vCPU stands in which slot, now. */
int live_scan(struct live *live);
/* Puts vCPUs back online that were taken off for a step. */
int live_thaw(struct live *live);
int live_release_slots(struct live *live, unsigned int *undone);
/* Clears TF in the vCPU's registers, wherever they are. */
int live_clear_step(struct live *live, unsigned int vcpu);

/* live_guard.c */
/* A mark in the lock's file: the domain is paused by the debugger, which no block says yet. */
void live_note_pause(struct live *live, bool paused);
bool live_pause_noted(struct live *live);
int live_start_guardian(struct live *live, struct problem *problem);
/* The orderly end: the guardian goes away without doing anything. */
void live_dismiss_guardian(struct live *live);
/* Everything a debugger does is undone; the domain is left as the block's flags say it was. */
int live_undo(struct live *live, unsigned int *undone);

#endif
