/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the page tables allow: no page writable and executable, no writable alias of text or
 * constants, NULL and the pages around stacks unmapped. Then the same by trying.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"
#include "core/vm.h"
#include "test/guest/check.h"

#define FIXED_PAGES_MAX 4096
#define RET             0xc3

static mfn_t fixed[FIXED_PAGES_MAX]; /* frames of text and constants */
static size_t fixed_count, leaves, write_exec, writable_aliases, executable_outside;

static sigjmp_buf back;
static volatile int fault_code;
static void *volatile fault_addr;
static unsigned char code_in_data[16] = {RET};

static bool is_fixed(mfn_t mfn)
{
	for (size_t i = 0; i < fixed_count; i++)
		if (fixed[i] == mfn)
			return true;
	return false;
}

static bool look(uintptr_t vaddr, const struct pt_walk *leaf, void *arg)
{
	(void)arg;
	leaves++;
	if ((leaf->prot & PT_PROT_WRITE) && (leaf->prot & PT_PROT_EXEC))
		write_exec++;
	if ((leaf->prot & PT_PROT_WRITE) && is_fixed(leaf->mfn))
		writable_aliases++;
	if ((leaf->prot & PT_PROT_EXEC) &&
	    (vaddr < (uintptr_t)__text_start || vaddr >= (uintptr_t)__rodata_start))
		executable_outside++;
	return true;
}

static void walk_everything(void)
{
	for (char *page = __text_start; page < __ro_after_init_end; page += 4096) {
		struct pt_walk walk;

		pt_walk((uintptr_t)page, &walk);
		CHECK(walk.present);
		CHECK(!(walk.prot & PT_PROT_WRITE));
		CHECK(!!(walk.prot & PT_PROT_EXEC) == (page < __rodata_start));
		CHECK(fixed_count < FIXED_PAGES_MAX);
		fixed[fixed_count++] = walk.mfn;
	}
	pt_for_each(look, NULL);
	CHECK(leaves > fixed_count);
	CHECK(write_exec == 0);
	CHECK(writable_aliases == 0);
	CHECK(executable_outside == 0);
}

static void caught(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault_code = info->si_code;
	fault_addr = info->si_addr;
	siglongjmp(back, signal);
}

enum access { READ, WRITE, EXECUTE };

/* The signal an access ends in, 0 for none. */
static int try(enum access access, volatile void *addr)
{
	volatile unsigned char *byte = addr;
	int signal = sigsetjmp(back, 1);

	if (signal)
		return signal;
	if (access == READ)
		(void)*byte;
	else if (access == WRITE)
		*byte = *byte;
	else
		((void (*)(void))(uintptr_t)addr)();
	return 0;
}

static void try_image(void)
{
	CHECK(try(READ, __text_start) == 0);
	CHECK(try(WRITE, __text_start) == SIGSEGV && fault_code == SEGV_ACCERR);
	CHECK(fault_addr == __text_start);
	CHECK(try(READ, __rodata_start) == 0);
	CHECK(try(WRITE, __rodata_start) == SIGSEGV && fault_code == SEGV_ACCERR);
	CHECK(try(EXECUTE, __rodata_start) == SIGSEGV && fault_code == SEGV_ACCERR);
	CHECK(try(WRITE, __ro_after_init_start) == SIGSEGV);
	CHECK(try(WRITE, &boot_info) == SIGSEGV);
	CHECK(try(WRITE, &__stack_chk_guard) == SIGSEGV);
	CHECK(try(EXECUTE, code_in_data) == SIGSEGV && fault_addr == code_in_data);
}

static void try_null(void)
{
	for (uintptr_t addr = 0; addr < 65536; addr += 4096) {
		CHECK(try(READ, (void *)addr) == SIGSEGV && fault_code == SEGV_MAPERR);
		CHECK(try(WRITE, (void *)(addr + 4095)) == SIGSEGV);
		CHECK(try(EXECUTE, (void *)addr) == SIGSEGV && fault_addr == (void *)addr);
	}
}

static void try_memory(void)
{
	unsigned char on_stack[16] = {RET};
	unsigned char *heap = malloc(64), *large = malloc(1 << 20);
	unsigned char *mapped =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(heap && large && mapped != MAP_FAILED);
	heap[0] = large[0] = mapped[0] = RET;
	CHECK(try(EXECUTE, on_stack) == SIGSEGV);
	CHECK(try(EXECUTE, heap) == SIGSEGV);
	CHECK(try(EXECUTE, large) == SIGSEGV);
	CHECK(try(EXECUTE, mapped) == SIGSEGV);
	CHECK(try(WRITE, mapped - 1) == SIGSEGV);
	CHECK(try(WRITE, mapped + 8192) == SIGSEGV);
	/* The direct map shows the image's data, but neither its text nor its constants. */
	CHECK(try(READ, pt_dmap_vaddr(0)) == SIGSEGV);
	munmap(mapped, 8192);
	CHECK(try(READ, mapped) == SIGSEGV);
	free(large);
	free(heap);
}

static void try_stacks(void)
{
	bool is_guard = true;
	const struct vm_area *area = vm_find((uintptr_t)__builtin_frame_address(0), &is_guard);

	CHECK(area && !is_guard);
	if (area) {
		CHECK(try(WRITE, (void *)area->start) == 0);
		CHECK(try(WRITE, (void *)(area->start - 1)) == SIGSEGV);
		CHECK(try(WRITE, (void *)(area->start + area->bytes)) == SIGSEGV);
	}
	CHECK(try(WRITE, boot_stack + 4096) == 0);
	CHECK(try(WRITE, boot_stack + 4095) == SIGSEGV);
	CHECK(try(WRITE, boot_stack) == SIGSEGV);
	CHECK(try(WRITE, boot_stack + BOOT_STACK_TOP - 1) == 0);
	CHECK(try(WRITE, boot_stack + BOOT_STACK_TOP) == SIGSEGV);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	walk_everything();
	try_image();
	try_null();
	try_memory();
	try_stacks();
	return check_done();
}
