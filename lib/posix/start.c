/* SPDX-License-Identifier: BSD-2-Clause */
/* From the kernel to main(): drivers, command line, thread-local storage, stack, constructors. */
#include "lib/posix/start.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <reent.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/log.h"
#include "core/start.h"
#include "core/time.h"
#include "core/vm.h"
#include "drivers/xencons.h"
#include "drivers/xenstore.h"
#include "lib/posix/cmdline.h"
#include "lib/posix/exit.h"
#include "lib/posix/newlib.h"
#include "lib/posix/ramdisk_probe.h"
#include "lib/posix/sig.h"
#include "lib/posix/tcb.h"
#include "lib/posix/tty.h"

#define STACK_SHARE     32
#define STACK_ORDER_MIN 5 /* 128 KiB */
#define STACK_ORDER_MAX 8 /* 1 MiB */

__attribute__((weak)) const char __program_name[] = "program";

static struct cmdline cmdline;

static _Noreturn void run_main(void)
{
	environ = cmdline.environment;
	if (atexit(__libc_fini_array))
		exit_before_main(EXIT_BAD_CMDLINE, "stardust: out of memory before main");
	__libc_init_array();
	exit(main(cmdline.arguments_count, cmdline.arguments, environ));
}

/* Leaves the boot stack for good: run_main() starts at stack_top with an end to the chain of
 * frames. */
static _Noreturn void enter_main(uintptr_t stack_top)
{
	__asm__ volatile("mov %[top], %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "push $0\n\t"
			 "jmp *%[run]"
			 :
			 : [top] "r"(stack_top), [run] "r"(run_main)
			 : "memory");
	__builtin_unreachable();
}

/* Unless stack= says otherwise the stack has a 32nd of the memory, within bounds, and lies in the
 * direct map: there it takes no page tables, which would be a third of the way to main. */
static struct tcb *create_stack(void)
{
	uint64_t bytes = cmdline.stack_bytes,
		 most = boot_info.pages_count * PAGE_BYTES / STACK_SHARE;
	unsigned int order = STACK_ORDER_MIN;
	struct tcb *tcb;
	void *stack;

	if (bytes == 0) {
		while (order < STACK_ORDER_MAX && (PAGE_BYTES << (order + 1)) <= most)
			order++;
		bytes = VM_CARVE_BYTES(order);
		if (vm_carve(order, "main stack", &stack))
			return NULL;
	} else {
		bytes = (bytes + tcb_bytes(sizeof(struct tcb)) + PAGE_BYTES - 1) & PAGE_MASK;
		/* Below it as below a carved one: a guard page, and what catches a fault there. */
		bytes += (VM_PAD_PAGES + 1) * PAGE_BYTES;
		if (vm_alloc(bytes, 0, PT_PROT_READ | PT_PROT_WRITE | VM_DIRTY, "main stack",
			     &stack) ||
		    vm_protect((char *)stack + VM_PAD_PAGES * PAGE_BYTES, PAGE_BYTES, PT_PROT_NONE))
			return NULL;
	}
	tcb = tcb_create((uintptr_t)stack + bytes, sizeof(struct tcb), _GLOBAL_REENT);
	tcb->stack_start = (uintptr_t)stack;
	tcb->stack_bytes = tcb_stack_top(tcb) - (uintptr_t)stack;
	return tcb;
}

void core_program_start(void)
{
	struct tcb *tcb;
	int error;

	thread_first.signals = &sig_first;
	xencons_init();
	tty_init();
	error = cmdline_parse(&cmdline, boot_info.cmdline, __program_name);
	if (cmdline.log_level >= 0)
		log_set_console_level((enum log_level)cmdline.log_level);
	xenstore_init();
	exit_watch_toolstack(cmdline.shutdown_grace_s * NS_PER_S);
	if (error)
		exit_before_main(EXIT_BAD_CMDLINE, "stardust: command line: %s", cmdline.error);
	if (boot_info.module_bytes > 0 && !ramdisk_probe())
		exit_before_main(
			EXIT_BAD_RAMDISK,
			"stardust: ramdisk: neither a cpio (newc) nor a tar (ustar) archive");
	tcb = create_stack();
	if (tcb) {
		tcb_use(tcb);
		enter_main(tcb_stack_top(tcb));
	}
	exit_before_main(EXIT_BAD_CMDLINE, "stardust: no memory for a stack of %llu KiB (stack=)",
			 (unsigned long long)cmdline.stack_bytes / 1024);
}
