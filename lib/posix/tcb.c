/* SPDX-License-Identifier: BSD-2-Clause */
/* The linker script delimits the template of the thread-local variables; its layout relative to
 * %fs is fixed by the linker: the block ends at the TCB, its size rounded up to its alignment. */
#include "lib/posix/tcb.h"

#include <assert.h>
#include <reent.h>
#include <string.h>

#include "arch/x86_64/hypercall.h"
#include "core/thread.h"
#include "xen/abi.h"

#define STACK_ALIGN  16UL
#define FIRST_HANDLE 1 /* slot 0, generation 0: lib/posix/threads.h */

static_assert(offsetof(struct tcb, reent) == TCB_REENT, "__getreent reads it there");
static_assert(offsetof(struct tcb, id) == TCB_ID, "likewise");
static_assert(offsetof(struct tcb, cancel) == TCB_CANCEL, "likewise");

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

size_t tcb_bytes(size_t control_bytes)
{
	return tls_bytes() + control_bytes + 2 * tls_align();
}

struct tcb *tcb_create(uintptr_t top, size_t control_bytes, struct _reent *reent)
{
	struct tcb *tcb = (struct tcb *)((top - control_bytes) & -tls_align());
	char *block = (char *)tcb - tls_bytes(), *rest = block + (size_t)__tdata_bytes;

	memcpy(block, __tdata_start, (size_t)__tdata_bytes);
	memset(rest, 0, (size_t)((char *)tcb + control_bytes - rest));
	tcb->self = tcb;
	tcb->reent = reent;
	return tcb;
}

uintptr_t tcb_stack_top(const struct tcb *tcb)
{
	return ((uintptr_t)tcb - tls_bytes()) & -STACK_ALIGN;
}

void tcb_use(struct tcb *tcb)
{
	struct thread *thread = &thread_first;

	tcb->id = thread->id;
	tcb->thread = thread;
	tcb->handle = FIRST_HANDLE;
	thread->owner = tcb;
	thread->fs_base = (uintptr_t)tcb;
	arch_hypercall(__HYPERVISOR_set_segment_base, SEGBASE_FS, (unsigned long)tcb, 0, 0, 0);
}
