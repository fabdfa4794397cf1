/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/fault.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "core/panic.h"
#include "core/vm.h"
#include "core/thread.h"
#include "lib/base/format.h"
#include "xen/hypercall.h"

#define NULL_BYTES 0x10000u /* what counts as an access through NULL */

/* ---- Words ---- */

static const char *const vector_names[] = {
	[TRAP_DIVIDE_ERROR] = "divide error",
	[TRAP_DEBUG] = "debug trap",
	[TRAP_NMI] = "NMI (asked for from outside)",
	[TRAP_BREAKPOINT] = "breakpoint without debugger",
	[TRAP_OVERFLOW] = "overflow",
	[TRAP_BOUND] = "bound check",
	[TRAP_INVALID_OP] = "invalid instruction",
	[TRAP_NO_DEVICE] = "no FPU",
	[TRAP_DOUBLE_FAULT] = "double fault",
	[TRAP_INVALID_TSS] = "invalid TSS",
	[TRAP_NO_SEGMENT] = "segment not present",
	[TRAP_STACK] = "stack segment fault",
	[TRAP_GP] = "general protection fault",
	[TRAP_PAGE_FAULT] = "page fault",
	[TRAP_X87] = "x87 exception",
	[TRAP_ALIGNMENT] = "alignment check",
	[TRAP_MACHINE_CHECK] = "machine check",
	[TRAP_SIMD] = "SIMD exception",
	[TRAP_FAILSAFE] = "bad segment or return frame",
};

static bool is_canonical(uint64_t addr)
{
	return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static bool is_between(uintptr_t addr, const char *start, const char *end)
{
	return addr >= (uintptr_t)start && addr < (uintptr_t)end;
}

/* What keeps an access from a page that is there. */
static const char *refusal(uint64_t error_code)
{
	if (error_code & TRAP_PF_EXEC)
		return "not executable";
	return error_code & TRAP_PF_WRITE ? "read-only" : "not readable";
}

/* The part of the image addr lies in, NULL when outside. */
static const char *image_part(uintptr_t addr)
{
	uintptr_t stack = (uintptr_t)boot_stack;

	if ((addr >= stack && addr < stack + PAGE_BYTES) ||
	    (addr >= stack + BOOT_STACK_TOP && addr < stack + BOOT_STACK_TOP + PAGE_BYTES))
		return "guard page of boot stack";
	if (is_between(addr, __image_start, __rodata_start))
		return "text";
	if (is_between(addr, __rodata_start, __rodata_end))
		return "constants";
	if (is_between(addr, __ro_after_init_start, __ro_after_init_end))
		return "data fixed at boot";
	return is_between(addr, __ro_after_init_end, __image_end) ? "data" : NULL;
}

static const char *foreign_part(uintptr_t addr, bool present)
{
	if (!is_canonical(addr))
		return "non-canonical";
	if (addr >= HYPERVISOR_VIRT_START && addr < HYPERVISOR_VIRT_END)
		return "memory of the hypervisor";
	if (addr >= LAYOUT_P2M_BASE && addr < LAYOUT_IMAGE_BASE)
		return "p2m";
	if (addr >= pt_dmap_base && addr < pt_dmap_base + boot_info.pages_count * PAGE_BYTES)
		return present ? "direct map" : "direct map, no page there";
	return present ? "mapped" : "not mapped";
}

void fault_explain(uintptr_t addr, uint64_t error_code, char *text_out, size_t text_bytes)
{
	bool present = error_code & TRAP_PF_PRESENT, is_guard = false;
	const struct vm_area *area = vm_find(addr, &is_guard);
	const char *part = image_part(addr);

	if (!part)
		part = foreign_part(addr, present);
	if (addr < NULL_BYTES)
		format_text(text_out, text_bytes, "NULL page");
	else if (addr < LAYOUT_P2M_BASE)
		format_text(text_out, text_bytes, "below the image, never mapped");
	else if (area && is_guard)
		format_text(text_out, text_bytes, "guard page of %s", area->name);
	else if (area)
		format_text(text_out, text_bytes, "%s, %s", area->name,
			    present ? refusal(error_code) : "no access");
	else
		format_text(text_out, text_bytes, present ? "%s, %s" : "%s", part,
			    refusal(error_code));
}

/* A general protection fault names no address; most often a register holds a wild one. */
static const char *wild_register(const struct trap_frame *frame, uint64_t *value_out)
{
	/* In the order of struct trap_frame. */
	static const char names[][4] = {"r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10",
					"r9",  "r8",  "rax", "rcx", "rdx", "rsi", "rdi"};
	const uint64_t *regs = (const uint64_t *)frame + offsetof(struct trap_frame, r15) / 8;

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!is_canonical(regs[i])) {
			*value_out = regs[i];
			return names[i];
		}
	return NULL;
}

void fault_describe(const struct trap_frame *frame, char *text_out, size_t text_bytes)
{
	const char *name = NULL, *reg;
	uint64_t value = 0;
	char why[80];

	if (frame->vector < sizeof(vector_names) / sizeof(vector_names[0]))
		name = vector_names[frame->vector];
	if (frame->vector == TRAP_PAGE_FAULT) {
		fault_explain(frame->cr2, frame->error_code, why, sizeof(why));
		format_text(text_out, text_bytes, "%s: %s address 0x%lx (%s)", name,
			    frame->error_code & TRAP_PF_EXEC    ? "execution of"
			    : frame->error_code & TRAP_PF_WRITE ? "write to"
								: "read of",
			    (unsigned long)frame->cr2, why);
	} else if (frame->vector == TRAP_GP && (reg = wild_register(frame, &value)) != NULL) {
		format_text(text_out, text_bytes, "%s: perhaps address 0x%lx in %s (non-canonical)",
			    name, (unsigned long)value, reg);
	} else if (name) {
		format_text(text_out, text_bytes, "%s", name);
	} else {
		format_text(text_out, text_bytes, "exception %lu", (unsigned long)frame->vector);
	}
}

/* ---- Signals ---- */

int fault_to_signal(const struct trap_frame *frame, int *code_out, uintptr_t *addr_out)
{
	*addr_out = frame->rip;
	*code_out = FAULT_SI_KERNEL;
	switch (frame->vector) {
	case TRAP_DIVIDE_ERROR:
		*code_out = FAULT_FPE_INTDIV;
		return FAULT_SIGFPE;
	case TRAP_OVERFLOW:
		*code_out = FAULT_FPE_INTOVF;
		return FAULT_SIGFPE;
	case TRAP_X87:
	case TRAP_SIMD:
		*code_out = FAULT_FPE_FLTINV;
		return FAULT_SIGFPE;
	case TRAP_INVALID_OP:
		*code_out = FAULT_ILL_ILLOPN;
		return FAULT_SIGILL;
	case TRAP_ALIGNMENT:
		*code_out = FAULT_BUS_ADRALN;
		return FAULT_SIGBUS;
	case TRAP_DEBUG:
		*code_out = FAULT_TRAP_TRACE;
		return FAULT_SIGTRAP;
	case TRAP_BREAKPOINT:
		*code_out = FAULT_TRAP_BRKPT;
		return FAULT_SIGTRAP;
	case TRAP_PAGE_FAULT:
		*addr_out = frame->cr2;
		*code_out =
			frame->error_code & TRAP_PF_PRESENT ? FAULT_SEGV_ACCERR : FAULT_SEGV_MAPERR;
		return FAULT_SIGSEGV;
	case TRAP_NMI:
	case TRAP_DOUBLE_FAULT:
	case TRAP_MACHINE_CHECK:
	case TRAP_FAILSAFE:
		return FAULT_SIGABRT;
	default:
		return FAULT_SIGSEGV;
	}
}

void core_trap(struct trap_frame *frame)
{
	uintptr_t addr;
	int code, signal = fault_to_signal(frame, &code, &addr);

	if (frame->vector == TRAP_NO_DEVICE) {
		/* Somebody set TS; we never leave the registers to another thread that way. */
		(void)hypercall_fpu_taskswitch(false);
		return;
	}
	/* With events masked it was the kernel: no handler of the program may run there. */
	if (signal != FAULT_SIGABRT && (frame->rflags & TRAP_RFLAGS_IF) &&
	    core_fault_signal(frame, signal, code, addr))
		return;
	panic_trap(frame, signal);
}

void core_upcall_work(struct trap_frame *frame)
{
	/* Xen enabled events to end a block: whoever blocked looks for itself. */
	if (VCPU(blocking))
		return;
	VCPU(work_pending) = false;
	if (thread_preempt)
		thread_preempt();
	if (READ_ONCE(thread_self()->interrupted))
		core_deliver_signals(frame);
}
