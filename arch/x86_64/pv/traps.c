/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/pv/traps.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/debug_asm.h"
#include "arch/x86_64/string.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"

/* entry.S builds and takes apart the frame by these places. */
#define FRAME_AT(field, words)                                                                     \
	_Static_assert(offsetof(struct trap_frame, field) == (words)*8, "entry.S")
FRAME_AT(vector, 0);
FRAME_AT(cr2, 1);
FRAME_AT(r15, 2);
FRAME_AT(rbx, 7);
FRAME_AT(r11, 8);
FRAME_AT(rdi, 16);
FRAME_AT(error_code, 17);
FRAME_AT(rip, TRAP_FRAME_RIP);
FRAME_AT(rflags, TRAP_FRAME_RFLAGS);
_Static_assert(DEBUG_EVTCHNOP_SEND == EVTCHNOP_send && DEBUG_SCHEDOP_YIELD == SCHEDOP_yield &&
		       DEBUG_SCHEDOP_POLL == SCHEDOP_poll && sizeof(struct sched_poll) == 24 &&
		       offsetof(struct sched_poll, timeout) == 16,
	       "debug.S");
_Static_assert(offsetof(struct vcpu, info.time.tsc_timestamp) == DEBUG_TIME_TSC &&
		       offsetof(struct vcpu, info.time.system_time) == DEBUG_TIME_SYSTEM &&
		       offsetof(struct vcpu, info.time.tsc_to_system_mul) == DEBUG_TIME_MUL &&
		       offsetof(struct vcpu, info.time.tsc_shift) == DEBUG_TIME_SHIFT,
	       "debug.S");
_Static_assert(TRAP_DEBUG_VECTOR == TRAP_DEBUG && TRAP_BREAKPOINT_VECTOR == TRAP_BREAKPOINT,
	       "debug.S");
FRAME_AT(cs, TRAP_FRAME_CS);
FRAME_AT(ss, TRAP_FRAME_SS);
_Static_assert(sizeof(struct trap_frame) == 23 * 8, "entry.S");

_Static_assert(offsetof(struct vcpu_info, evtchn_upcall_pending) == VCPU_INFO_PENDING, "entry.S");
_Static_assert(offsetof(struct vcpu_info, evtchn_upcall_mask) == VCPU_INFO_MASK, "entry.S");

void upcall_entry(void);
void upcall_window(void);
void upcall_window_end(void);
void failsafe_entry(void);
void traps_handle(struct trap_frame *frame);
bool traps_upcall(struct trap_frame *frame);

/* Xen copies the table, and no program may raise a vector but with int3 and into. */
#define MASK_EVENTS 4
#define ANY_LEVEL   3
#define TRAPS(X)                                                                                   \
	X(0, 0)                                                                                    \
	X(1, 0)                                                                                    \
	X(2, 0)                                                                                    \
	X(3, ANY_LEVEL)                                                                            \
	X(4, ANY_LEVEL)                                                                            \
	X(5, 0)                                                                                    \
	X(6, 0)                                                                                    \
	X(7, 0)                                                                                    \
	X(8, 0)                                                                                    \
	X(9, 0)                                                                                    \
	X(10, 0)                                                                                   \
	X(11, 0)                                                                                   \
	X(12, 0)                                                                                   \
	X(13, 0)                                                                                   \
	X(14, 0)                                                                                   \
	X(16, 0)                                                                                   \
	X(17, 0)                                                                                   \
	X(18, 0)                                                                                   \
	X(19, 0)

#define TRAP_DECLARE(number, level) void trap_entry_##number(void);
TRAPS(TRAP_DECLARE)

#define TRAP_ROW(number, level)                                                                    \
	{number, MASK_EVENTS | (level), FLAT_KERNEL_CS, (unsigned long)trap_entry_##number},
static const struct trap_info trap_table[] = {TRAPS(TRAP_ROW){0, 0, 0, 0}};

void traps_init(void)
{
	/* No user mode, hence no system-call entry; the failsafe entry stands in for it. */
	if (hypercall_set_trap_table(trap_table) ||
	    hypercall_set_callbacks((uintptr_t)upcall_entry, (uintptr_t)failsafe_entry,
				    (uintptr_t)failsafe_entry))
		__builtin_trap();
}

void traps_fill_context(struct vcpu_guest_context *context)
{
	for (const struct trap_info *trap = trap_table; trap->address; trap++)
		context->trap_ctxt[trap->vector] = *trap;
	context->event_callback_eip = (uintptr_t)upcall_entry;
	context->failsafe_callback_eip = (uintptr_t)failsafe_entry;
	context->syscall_callback_eip = (uintptr_t)failsafe_entry;
}

/* Handlers interrupt code that may be using the vector registers: memcpy and its like must not. */
void traps_handle(struct trap_frame *frame)
{
	bool vectors = string_vectors_off();

	if (frame->vector == TRAP_PAGE_FAULT)
		frame->cr2 = VCPU(info.arch.cr2);
	core_trap(frame);
	string_vectors_restore(vectors);
}

/* True when the frame must be left through Xen's iret (entry.S). */
bool traps_upcall(struct trap_frame *frame)
{
	bool vectors = string_vectors_off();

	evtchn_upcall();
	if (VCPU(work_pending) && (frame->rflags & TRAP_RFLAGS_IF))
		core_upcall_work(frame);
	string_vectors_restore(vectors);
	return (frame->rip >= (uintptr_t)upcall_window &&
		frame->rip < (uintptr_t)upcall_window_end) ||
	       !(frame->rflags & TRAP_RFLAGS_IF);
}
