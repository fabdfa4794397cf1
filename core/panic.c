/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report is written on a stack of its own, because the one that failed may be full or gone, and
 * reads memory only after looking it up in the page tables.
 */
#include "core/panic.h"

#include <stdarg.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/traps.h"
#include "core/backtrace.h"
#include "core/fault.h"
#include "core/smp.h"
#include "core/thread.h"
#include "lib/base/format.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"

#pragma weak panic_report_status
#pragma weak smp_stop_others

#define LINE_BYTES  200
#define CODE_BEFORE 8u /* bytes of code shown before rip, and from it on */
#define CODE_AFTER  16u

struct report {
	const char *reason;             /* NULL: describe the trap */
	const struct trap_frame *frame; /* NULL: not a trap */
	struct backtrace trace;
	int signal;
};

/* 1 + the vCPU that ends the domain; it alone touches what follows. */
static uint32_t last_vcpu;
/* A second entry means that the report itself failed. */
static unsigned int entries;
static char stack[8192] __attribute__((aligned(16)));
static char message[LINE_BYTES]; /* the cause of the first report */
static int first_signal;

void __stack_chk_fail(void);

_Noreturn void panic_shutdown(unsigned int reason)
{
	boot_emergency_drain();
	for (;;)
		(void)hypercall_sched_shutdown(reason);
}

void panic_alone(void)
{
	uint32_t nobody = 0;

	(void)events_disable();
	if (__atomic_compare_exchange_n(&last_vcpu, &nobody, VCPU(id) + 1, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED)) {
		if (smp_stop_others)
			smp_stop_others();
	} else if (nobody != VCPU(id) + 1) {
		/* The first one is about to stop us. */
		for (;;)
			cpu_relax();
	}
}

static void write_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void write_line(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;
	size_t bytes;

	va_start(arguments, format);
	bytes = format_line_v(line, sizeof(line), "\n", sizeof("\n"), format, arguments);
	va_end(arguments);
	boot_emergency_write(line, bytes);
}

static void write_registers(const struct trap_frame *f)
{
	write_line("  rip %016lx  rsp %016lx  rflags %08lx  error %lx", f->rip, f->rsp, f->rflags,
		   f->error_code);
	write_line("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx", f->rax, f->rbx, f->rcx,
		   f->rdx);
	write_line("  rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx", f->rsi, f->rdi, f->rbp,
		   f->r8);
	write_line("  r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx", f->r9, f->r10, f->r11,
		   f->r12);
	write_line("  r13 %016lx  r14 %016lx  r15 %016lx  cr2 %016lx", f->r13, f->r14, f->r15,
		   f->cr2);
}

/* Early in start of day there is no thread yet. */
static void write_who(void)
{
	const struct thread *self = thread_self();
	const char *name = self ? self->name : "";

	write_line("  vCPU %u, thread %u%s%s", VCPU(id), self ? self->id : 0, *name ? " " : "",
		   name);
}

/* The instruction bytes around rip, the one at rip in angle brackets. */
static void write_code(uintptr_t rip)
{
	char line[(CODE_BEFORE + CODE_AFTER) * 5 + 1];
	size_t used = 0;

	if (!backtrace_readable(rip - CODE_BEFORE, CODE_BEFORE + CODE_AFTER))
		return;
	for (unsigned int i = 0; i < CODE_BEFORE + CODE_AFTER; i++)
		used += (size_t)format_text(line + used, sizeof(line) - used,
					    i == CODE_BEFORE ? " <%02x>" : " %02x",
					    ((const unsigned char *)rip)[(long)i - CODE_BEFORE]);
	write_line("  code%s", line);
}

static void write_backtrace(struct backtrace *trace)
{
	unsigned int number = 0;
	char symbol[160];

	do {
		backtrace_symbol(trace->rip, trace->is_return, symbol, sizeof(symbol));
		write_line("  #%-2u %016lx %s%s", number, trace->rip, symbol,
			   trace->is_trap && number ? " (interrupted)" : "");
		number++;
	} while (backtrace_next(trace));
}

static _Noreturn void end(int signal)
{
	if (signal)
		write_line("stardust: killed by signal %d", signal);
	if (panic_report_status)
		panic_report_status(signal);
	panic_shutdown(SHUTDOWN_crash);
}

static void write_report(void *arg)
{
	struct report *report = arg;
	char symbol[160];

	backtrace_symbol(report->trace.rip, report->trace.is_return, symbol, sizeof(symbol));
	write_line("stardust: %s%s%s", message, report->frame ? " at " : "",
		   report->frame ? symbol : "");
	write_who();
	if (report->frame) {
		write_registers(report->frame);
		write_code(report->frame->rip);
	}
	write_backtrace(&report->trace);
	end(report->signal);
}

static _Noreturn void start_report(struct report *report)
{
	panic_alone();
	switch (entries++) {
	case 0:
		first_signal = report->signal;
		if (report->frame)
			fault_describe(report->frame, message, sizeof(message));
		else
			format_text(message, sizeof(message), "%s", report->reason);
		traps_call_on_stack(write_report, report, stack + sizeof(stack));
	case 1:
		write_line("stardust: %s; the report ends with %s", message,
			   report->frame ? "another exception" : report->reason);
		end(first_signal);
	default:
		panic_shutdown(SHUTDOWN_crash);
	}
}

_Noreturn void panic_trap(const struct trap_frame *frame, int signal_number)
{
	struct report report = {.frame = frame, .signal = signal_number};

	backtrace_begin_trap(&report.trace, frame);
	start_report(&report);
}

/* The caller of the function that calls this, as a backtrace's beginning. */
#define BEGIN_AT_CALLER(trace)                                                                     \
	backtrace_begin((trace), (uintptr_t)__builtin_return_address(0),                           \
			*(const uintptr_t *)__builtin_frame_address(0))

_Noreturn void panic_signal(const char *reason, int signal_number)
{
	struct report report = {.reason = reason, .signal = signal_number};

	BEGIN_AT_CALLER(&report.trace);
	start_report(&report);
}

_Noreturn void panic(const char *format, ...)
{
	char reason[LINE_BYTES];
	struct report report = {.reason = reason, .signal = FAULT_SIGABRT};
	va_list arguments;

	va_start(arguments, format);
	format_text_v(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	BEGIN_AT_CALLER(&report.trace);
	start_report(&report);
}

/* Called by a function that found its canary changed. */
__attribute__((noinline)) void __stack_chk_fail(void)
{
	char symbol[160], reason[LINE_BYTES];
	struct report report = {.reason = reason, .signal = FAULT_SIGABRT};

	BEGIN_AT_CALLER(&report.trace);
	backtrace_symbol(report.trace.rip, true, symbol, sizeof(symbol));
	format_text(reason, sizeof(reason), "stack smashed in %s", symbol);
	start_report(&report);
}
