/* SPDX-License-Identifier: BSD-2-Clause */
/* From the kernel to main(): drivers, command line, thread-local storage, stack, constructors. */
#include "core/start.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <reent.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/log.h"
#include "core/time.h"
#include "core/vm.h"
#include "drivers/xencons.h"
#include "drivers/xenstore.h"
#include "lib/posix/cmdline.h"
#include "lib/posix/exit.h"
#include "lib/posix/ramdisk_probe.h"
#include "lib/posix/tcb.h"
#include "lib/posix/tty.h"

extern int main(int argc, char **argv, char **envp);
extern void __libc_init_array(void);
extern void __libc_fini_array(void);

/* What argv[0] says; stardust-cc may define it as the name of the image. */
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

/* Leaves the boot stack for good: run_main() starts at stack_top with an end to the chain of frames. */
static _Noreturn void enter_main(uintptr_t stack_top)
{
	__asm__ volatile("mov %[top], %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[run]"
			 :
			 : [top] "r"(stack_top), [run] "r"(run_main)
			 : "memory");
	__builtin_unreachable();
}

void core_program_start(void)
{
	void *stack;
	struct tcb *tcb;
	int error;

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
		exit_before_main(EXIT_BAD_RAMDISK,
				 "stardust: ramdisk: neither a cpio (newc) nor a tar (ustar) archive");
	error = vm_alloc(cmdline.stack_bytes + tcb_bytes(), 0, PT_PROT_READ | PT_PROT_WRITE | VM_DIRTY,
			 "main stack", &stack);
	if (error)
		exit_before_main(EXIT_BAD_CMDLINE, "stardust: no memory for a stack of %llu KiB (stack=)",
				 (unsigned long long)cmdline.stack_bytes / 1024);
	tcb = tcb_create((uintptr_t)stack + ((cmdline.stack_bytes + tcb_bytes() + PAGE_BYTES - 1) & PAGE_MASK),
			 _GLOBAL_REENT);
	tcb_use(tcb);
	enter_main(tcb_stack_top(tcb));
}
