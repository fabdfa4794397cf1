/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults become signals; a handler may jump out, look on another stack, or change where to go on.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "test/guest/check.h"

static sigjmp_buf back;
static siginfo_t last;
static char *alternate;
static int on_alternate;

static void jump_out(int signal, siginfo_t *info, void *context)
{
	char here;

	(void)signal;
	(void)context;
	last = *info;
	on_alternate = &here >= alternate && &here < alternate + 65536;
	siglongjmp(back, 1);
}

static void skip(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;

	(void)signal;
	last = *info;
	at->uc_mcontext.gregs[REG_RIP] += 2;
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | flags;
	CHECK(sigaction(signal, &action, NULL) == 0);
}

/* The barrier keeps the compiler from counting before the access that faults. */
#define NOT_REACHED()                                                                              \
	do {                                                                                       \
		__asm__ volatile("" ::: "memory");                                                 \
		CHECK(!"reached");                                                                 \
	} while (0)

static void memory(void)
{
	static const char constant[] = "constant";
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);

	handle(SIGSEGV, jump_out, SA_ONSTACK);
	for (int i = 0; i < 100; i++) {
		if (sigsetjmp(back, 1) == 0) {
			*(volatile char *)(uintptr_t)(i * 8) = 1;
			NOT_REACHED();
		}
		CHECK(last.si_signo == SIGSEGV && last.si_code == SEGV_MAPERR && on_alternate);
		CHECK(last.si_addr == (void *)(uintptr_t)(i * 8));
	}
	if (sigsetjmp(back, 1) == 0) {
		*(volatile char *)page = 1;
		NOT_REACHED();
	}
	CHECK(last.si_code == SEGV_ACCERR && last.si_addr == page);
	if (sigsetjmp(back, 1) == 0)
		*(volatile char *)constant = 1;
	CHECK(last.si_code == SEGV_ACCERR && last.si_addr == constant);
	if (sigsetjmp(back, 1) == 0)
		((void (*)(void))page)();
	CHECK(last.si_signo == SIGSEGV && last.si_addr == page);
	CHECK(mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0);
	*page = 1;
	CHECK(munmap(page, 4096) == 0);
}

static void arithmetic(void)
{
	int low = 7, high = 0, divisor = 0;

	handle(SIGFPE, skip, 0);
	/* idivl of a register is two bytes long. */
	__asm__ volatile("idivl %2" : "+a"(low), "+d"(high) : "c"(divisor));
	CHECK(last.si_signo == SIGFPE && last.si_code == FPE_INTDIV && low == 7);
	handle(SIGILL, skip, 0);
	__asm__ volatile("ud2");
	CHECK(last.si_signo == SIGILL);
	handle(SIGTRAP, jump_out, 0);
	if (sigsetjmp(back, 1) == 0)
		__asm__ volatile("int3");
	CHECK(last.si_signo == SIGTRAP);
}

int main(void)
{
	stack_t stack = {.ss_size = 65536}, old;

	alternate = stack.ss_sp = malloc(65536);
	CHECK(sigaltstack(&stack, &old) == 0 && (old.ss_flags & SS_DISABLE));
	memory();
	arithmetic();
	return check_done();
}
