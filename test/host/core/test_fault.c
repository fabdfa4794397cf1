/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What faults are called, and which signals they become.
 *
 * Links: core/fault.c lib/base/format.c xen/hypercall.c
 */
#include <signal.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/traps.h"
#include "core/fault.h"
#include "core/panic.h"
#include "core/vm.h"
#include "core/wait.h"
#include "test/host/check_main.h"
#include "xen/hypercall.h"

#define PRESENT TRAP_PF_PRESENT
#define WRITE   TRAP_PF_WRITE
#define EXEC    TRAP_PF_EXEC
#define AREA    0x500000000000UL
#define DMAP    0x600000000000UL

/* An image of five parts, in the order of tools/stardust.ld. */
__asm__(".data\n.balign 4096\n"
	".globl __image_start, __rodata_start, __rodata_end, __ro_after_init_start\n"
	".globl __ro_after_init_end, __image_end, boot_stack\n"
	"__image_start: .skip 8192\n"
	"__rodata_start: .skip 4096\n__rodata_end:\n"
	"__ro_after_init_start: .skip 4096\n__ro_after_init_end:\n"
	".skip 4096\n"
	"boot_stack: .skip 4096 + 16384 + 4096\n"
	"__image_end:\n");

struct boot_info boot_info = {.pages_count = 1024};
uintptr_t pt_dmap_base = DMAP;
static struct vcpu vcpu;
__thread struct vcpu *vcpu_host = &vcpu;

static struct vm_area area = {.start = AREA, .bytes = 8192, .name = "main stack"};
static int panics, deliveries, taskswitches;
static bool program_handles;

const struct vm_area *vm_find(uintptr_t addr, bool *is_guard_out)
{
	*is_guard_out = addr < AREA || addr >= AREA + 8192;
	return addr >= AREA - 4096 && addr < AREA + 12288 ? &area : NULL;
}

void panic_trap(const struct trap_frame *frame, int signal_number)
{
	(void)frame;
	panics = signal_number;
	ck_assert_int_ne(signal_number, 0);
	_exit(100 + signal_number);
}

bool core_fault_signal(struct trap_frame *frame, int signal, int code, uintptr_t addr)
{
	(void)frame;
	(void)signal;
	(void)code;
	(void)addr;
	deliveries++;
	return program_handles;
}

void core_deliver_signals(struct trap_frame *frame)
{
	(void)frame;
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	ck_assert_uint_eq(op, __HYPERVISOR_fpu_taskswitch);
	ck_assert_uint_eq(a1 | a2 | a3 | a4 | a5, 0);
	taskswitches++;
	return 0;
}

static const char *explain(uintptr_t addr, uint64_t error_code)
{
	static char text[80];

	fault_explain(addr, error_code, text, sizeof(text));
	return text;
}

START_TEST(addresses_are_explained)
{
	uintptr_t stack = (uintptr_t)boot_stack;

	ck_assert_str_eq(explain(0, 0), "NULL page");
	ck_assert_str_eq(explain(0xffff, WRITE), "NULL page");
	ck_assert_str_eq(explain(0x10000, 0), "below the image, never mapped");
	ck_assert_str_eq(explain((uintptr_t)__image_start, PRESENT | WRITE), "text, read-only");
	ck_assert_str_eq(explain((uintptr_t)__rodata_start, PRESENT | WRITE),
			 "constants, read-only");
	ck_assert_str_eq(explain((uintptr_t)__rodata_start, PRESENT | EXEC),
			 "constants, not executable");
	ck_assert_str_eq(explain((uintptr_t)__ro_after_init_start, PRESENT | WRITE),
			 "data fixed at boot, read-only");
	ck_assert_str_eq(explain((uintptr_t)__ro_after_init_end, PRESENT | EXEC),
			 "data, not executable");
	ck_assert_str_eq(explain(stack + 4095, WRITE), "guard page of boot stack");
	ck_assert_str_eq(explain(stack + 4096 + 16384, WRITE), "guard page of boot stack");
	ck_assert_str_eq(explain(AREA - 1, WRITE), "guard page of main stack");
	ck_assert_str_eq(explain(AREA + 8192, WRITE), "guard page of main stack");
	ck_assert_str_eq(explain(AREA, PRESENT | EXEC), "main stack, not executable");
	ck_assert_str_eq(explain(AREA, 0), "main stack, no access");
	ck_assert_str_eq(explain(LAYOUT_P2M_BASE, PRESENT | WRITE), "p2m, read-only");
	ck_assert_str_eq(explain(DMAP + 4096, 0), "direct map, no page there");
	ck_assert_str_eq(explain(DMAP + 4096, PRESENT | EXEC), "direct map, not executable");
	ck_assert_str_eq(explain(DMAP + 1024 * 4096, 0), "not mapped");
	ck_assert_str_eq(explain(0xffff800000000000, PRESENT),
			 "memory of the hypervisor, not readable");
	ck_assert_str_eq(explain(0x800000000000, 0), "non-canonical");
}
END_TEST

START_TEST(faults_are_described)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .cr2 = 0x10, .error_code = WRITE};
	char text[120];

	fault_describe(&frame, text, sizeof(text));
	ck_assert_str_eq(text, "page fault: write to address 0x10 (NULL page)");
	frame = (struct trap_frame){.vector = TRAP_GP, .r12 = 0x1234567812345678};
	fault_describe(&frame, text, sizeof(text));
	ck_assert_str_eq(text, "general protection fault: perhaps address 0x1234567812345678 in "
			       "r12 (non-canonical)");
	frame = (struct trap_frame){.vector = TRAP_GP};
	fault_describe(&frame, text, sizeof(text));
	ck_assert_str_eq(text, "general protection fault");
	frame.vector = 15;
	fault_describe(&frame, text, sizeof(text));
	ck_assert_str_eq(text, "exception 15");
	frame.vector = 1000;
	fault_describe(&frame, text, 10);
	ck_assert_str_eq(text, "exception");
}
END_TEST

START_TEST(every_exception_has_a_signal)
{
	static const struct {
		uint64_t vector;
		int signal, code;
	} want[] = {
		{TRAP_DIVIDE_ERROR, SIGFPE, FPE_INTDIV}, {TRAP_DEBUG, SIGTRAP, TRAP_TRACE},
		{TRAP_NMI, SIGABRT, SI_KERNEL},          {TRAP_BREAKPOINT, SIGTRAP, TRAP_BRKPT},
		{TRAP_INVALID_OP, SIGILL, ILL_ILLOPN},   {TRAP_GP, SIGSEGV, SI_KERNEL},
		{TRAP_PAGE_FAULT, SIGSEGV, SEGV_MAPERR}, {TRAP_ALIGNMENT, SIGBUS, BUS_ADRALN},
		{TRAP_SIMD, SIGFPE, FPE_FLTINV},         {TRAP_FAILSAFE, SIGABRT, SI_KERNEL},
	};

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct trap_frame frame = {.vector = want[i].vector, .rip = 77, .cr2 = 88};
		uintptr_t addr;
		int code;

		ck_assert_int_eq(fault_to_signal(&frame, &code, &addr), want[i].signal);
		ck_assert_int_eq(code, want[i].code);
		ck_assert_uint_eq(addr, want[i].vector == TRAP_PAGE_FAULT ? 88 : 77);
	}
}
END_TEST

START_TEST(program_gets_its_faults)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .rflags = TRAP_RFLAGS_IF};

	program_handles = true;
	core_trap(&frame);
	ck_assert_int_eq(deliveries, 1);
}
END_TEST

START_TEST(unhandled_fault_ends)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT, .rflags = TRAP_RFLAGS_IF};

	core_trap(&frame); /* exits with 100 + SIGSEGV */
}
END_TEST

START_TEST(kernel_fault_is_never_a_signal)
{
	struct trap_frame frame = {.vector = TRAP_PAGE_FAULT};

	program_handles = true;
	core_trap(&frame); /* events were masked: exits */
}
END_TEST

START_TEST(fpu_trap_is_undone)
{
	struct trap_frame frame = {.vector = TRAP_NO_DEVICE};

	core_trap(&frame);
	ck_assert_int_eq(taskswitches, 1);
	ck_assert_int_eq(deliveries, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("fault");
	TCase *tcase = tcase_create("fault");

	tcase_add_test(tcase, addresses_are_explained);
	tcase_add_test(tcase, faults_are_described);
	tcase_add_test(tcase, every_exception_has_a_signal);
	tcase_add_test(tcase, program_gets_its_faults);
	tcase_add_exit_test(tcase, unhandled_fault_ends, 100 + SIGSEGV);
	tcase_add_exit_test(tcase, kernel_fault_is_never_a_signal, 100 + SIGSEGV);
	tcase_add_test(tcase, fpu_trap_is_undone);
	suite_add_tcase(suite, tcase);
	return suite;
}
