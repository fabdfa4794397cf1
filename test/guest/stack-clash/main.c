/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A megabyte of alloca() on a smaller stack. The compiler has moved the stack pointer below the
 * guard page when it touches it, and the fault is delivered there: that must be nobody's memory.
 */
#include <alloca.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/pt.h"
#include "core/vm.h"
#include "test/guest/check.h"

#define PAGE        4096UL
#define BELOW_PAGES 16

static sigjmp_buf back;
static void *volatile fault_addr;
static unsigned char before[BELOW_PAGES * PAGE];

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault_addr = info->si_addr;
	siglongjmp(back, signal);
}

__attribute__((noinline)) static void use_stack(size_t bytes)
{
	volatile char *block = alloca(bytes);

	block[0] = 1;
	printf("%zu bytes of stack are there\n", bytes + (size_t)block[0] - 1);
}

/* The block of the page allocator the stack was cut from, a power of two of bytes. */
static const unsigned char *block_of(const struct vm_area *stack)
{
	size_t bytes = PAGE;

	while (bytes < stack->bytes)
		bytes *= 2;
	return pt_dmap_vaddr(pt_dmap_pfn((void *)stack->start) & ~(bytes / PAGE - 1));
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
	const struct vm_area *stack = vm_find((uintptr_t)__builtin_frame_address(0), NULL), *found;
	const unsigned char *below = block_of(stack) - sizeof(before);
	bool is_guard = false, readable[BELOW_PAGES];
	size_t changed = 0;

	sigaction(SIGSEGV, &action, NULL);
	for (int i = 0; i < BELOW_PAGES; i++) {
		struct pt_walk walk;

		pt_walk((uintptr_t)below + i * PAGE, &walk);
		readable[i] = walk.present;
		if (readable[i])
			memcpy(before + i * PAGE, below + i * PAGE, PAGE);
	}
	for (int round = 0; round < 4; round++) {
		if (sigsetjmp(back, 1) == 0) {
			/* Each round meets the guard page elsewhere. */
			use_stack(strtoul(argv[argc - 1], NULL, 0) + round * 1000);
			CHECK(!"there is room");
		}
		found = vm_find((uintptr_t)fault_addr, &is_guard);
		CHECK(found == stack && is_guard);
	}
	for (size_t i = 0; i < sizeof(before); i++)
		changed += readable[i / PAGE] && below[i] != before[i];
	CHECK(changed == 0);
	return check_done();
}
