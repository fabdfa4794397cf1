/* SPDX-License-Identifier: BSD-2-Clause */
/* The linker script delimits the template of the thread-local variables; its layout relative to
 * %fs is fixed by the linker: the block ends at the TCB, its size rounded up to its alignment. */
#include "lib/posix/tcb.h"

#include <assert.h>
#include <reent.h>
#include <string.h>

#include "arch/x86_64/hypercall.h"
#include "xen/abi.h"

#define STACK_ALIGN 16UL

static_assert(offsetof(struct tcb, reent) == TCB_REENT, "__getreent reads it there");

struct _reent *__getreent(void)
{
	struct _reent *reent;

	__asm__("mov %%fs:%c1, %0" : "=r"(reent) : "i"(TCB_REENT));
	return reent;
}

static size_t tls_align(void)
{
	size_t align = (size_t)__tls_align;

	return align > STACK_ALIGN ? align : STACK_ALIGN;
}

static size_t tls_bytes(void)
{
	size_t align = (size_t)__tls_align ? (size_t)__tls_align : 1;

	return ((size_t)__tls_bytes + align - 1) & -align;
}

size_t tcb_bytes(void)
{
	return tls_bytes() + sizeof(struct tcb) + 2 * tls_align();
}

struct tcb *tcb_create(uintptr_t top, struct _reent *reent)
{
	struct tcb *tcb = (struct tcb *)((top - sizeof(struct tcb)) & -tls_align());
	char *block = (char *)tcb - tls_bytes();

	memcpy(block, __tdata_start, (size_t)__tdata_bytes);
	memset(block + (size_t)__tdata_bytes, 0,
	       (size_t)((char *)tcb - block) - (size_t)__tdata_bytes);
	*tcb = (struct tcb){.self = tcb, .reent = reent};
	return tcb;
}

uintptr_t tcb_stack_top(const struct tcb *tcb)
{
	return ((uintptr_t)tcb - tls_bytes()) & -STACK_ALIGN;
}

void tcb_use(struct tcb *tcb)
{
	arch_hypercall(__HYPERVISOR_set_segment_base, SEGBASE_FS, (unsigned long)tcb, 0, 0, 0);
}
