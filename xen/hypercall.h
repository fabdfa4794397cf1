/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed hypercalls. Each is one call of arch_hypercall(), named after Xen's own name; Xen's
 * errno becomes ours here and nowhere else.
 *
 * Returns >= 0 as Xen says (0 where nothing else is named), or -Exxx of lib/base/error.h. Pointers
 * are borrowed until the return, and must be mapped: Xen reads and writes guest virtual
 * addresses. Any context. Source: Xen public/xen.h and the header of each sub-operation.
 */
#ifndef XEN_HYPERCALL_H
#define XEN_HYPERCALL_H

#include "arch/x86_64/hypercall.h"
#include "lib/base/error.h"
#include "xen/abi.h"

/* Our errno, negative, for a negative result of Xen; -EIO for one we do not know. */
int hypercall_errno(long xen_result);

static inline long hypercall_result(long xen_result)
{
	return __builtin_expect(xen_result < 0, 0) ? hypercall_errno(xen_result) : xen_result;
}

#define HYPERCALL(op, a1, a2, a3, a4, a5)                                                          \
	hypercall_result(arch_hypercall(__HYPERVISOR_##op, (unsigned long)(a1),                    \
					(unsigned long)(a2), (unsigned long)(a3),                  \
					(unsigned long)(a4), (unsigned long)(a5)))

/* traps ends with an entry whose address is 0. */
static inline int hypercall_set_trap_table(const struct trap_info *traps)
{
	return (int)HYPERCALL(set_trap_table, traps, 0, 0, 0, 0);
}

/* done_out: how many updates were made, may be NULL. */
static inline int hypercall_mmu_update(const struct mmu_update *updates, unsigned int updates_count,
				       unsigned int *done_out, domid_t foreign)
{
	return (int)HYPERCALL(mmu_update, updates, updates_count, done_out, foreign, 0);
}

static inline int hypercall_mmuext_op(const struct mmuext_op *ops, unsigned int ops_count,
				      unsigned int *done_out, domid_t foreign)
{
	return (int)HYPERCALL(mmuext_op, ops, ops_count, done_out, foreign, 0);
}

/* flags: UVMF_*. */
static inline int hypercall_update_va_mapping(uintptr_t vaddr, uint64_t pte, unsigned long flags)
{
	return (int)HYPERCALL(update_va_mapping, vaddr, pte, flags, 0, 0);
}

/* Each call's own result is Xen's raw value in entries[i].result. */
static inline int hypercall_multicall(struct multicall_entry *entries, unsigned int entries_count)
{
	return (int)HYPERCALL(multicall, entries, entries_count, 0, 0, 0);
}

/* command: XENMEM_*. The result of some commands is a number of pages. */
static inline long hypercall_memory_op(unsigned int command, void *arg)
{
	return HYPERCALL(memory_op, command, arg, 0, 0, 0);
}

/* command: EVTCHNOP_*. */
static inline int hypercall_event_channel_op(int command, void *arg)
{
	return (int)HYPERCALL(event_channel_op, command, arg, 0, 0, 0);
}

/* command: GNTTABOP_*; each operation has a status of its own. */
static inline int hypercall_grant_table_op(unsigned int command, void *ops, unsigned int ops_count)
{
	return (int)HYPERCALL(grant_table_op, command, ops, ops_count, 0, 0);
}

/* command: SCHEDOP_*. */
static inline int hypercall_sched_op(int command, void *arg)
{
	return (int)HYPERCALL(sched_op, command, arg, 0, 0, 0);
}

/* Lets other vCPUs run first. */
static inline void hypercall_sched_yield(void)
{
	(void)hypercall_sched_op(SCHEDOP_yield, NULL);
}

/* Unmasks events and sleeps until one is pending. */
static inline void hypercall_sched_block(void)
{
	(void)hypercall_sched_op(SCHEDOP_block, NULL);
}

/* Sleeps until one of ports is pending or system time reaches timeout_ns (0: never). */
static inline int hypercall_sched_poll(evtchn_port_t *ports, unsigned int ports_count,
				       uint64_t timeout_ns)
{
	struct sched_poll poll = {.nr_ports = ports_count, .timeout = timeout_ns};

	set_xen_guest_handle(poll.ports, ports);
	return hypercall_sched_op(SCHEDOP_poll, &poll);
}

/* reason: SHUTDOWN_*. Returns only for SHUTDOWN_suspend, or when Xen refuses. */
static inline int hypercall_sched_shutdown(unsigned int reason)
{
	struct sched_shutdown shutdown = {.reason = reason};

	return hypercall_sched_op(SCHEDOP_shutdown, &shutdown);
}

/* An upcall is sent when system time reaches deadline_ns; 0 stops the timer. */
static inline int hypercall_set_timer_op(uint64_t deadline_ns)
{
	return (int)HYPERCALL(set_timer_op, deadline_ns, 0, 0, 0, 0);
}

/* command: VCPUOP_*. */
static inline int hypercall_vcpu_op(int command, unsigned int vcpu, void *arg)
{
	return (int)HYPERCALL(vcpu_op, command, vcpu, arg, 0, 0);
}

/* command: XENVER_*. */
static inline long hypercall_xen_version(int command, void *arg)
{
	return HYPERCALL(xen_version, command, arg, 0, 0, 0);
}

/* The emergency console of the hypervisor; ordinary domains may only use it in debug builds. */
static inline int hypercall_console_write(const char *text, unsigned int text_bytes)
{
	return (int)HYPERCALL(console_io, CONSOLEIO_write, text_bytes, text, 0, 0);
}

/* The number of bytes read. */
static inline int hypercall_console_read(char *text_out, unsigned int text_bytes_max)
{
	return (int)HYPERCALL(console_io, CONSOLEIO_read, text_bytes_max, text_out, 0, 0);
}

/* which: SEGBASE_*. */
static inline int hypercall_set_segment_base(unsigned int which, uintptr_t base)
{
	return (int)HYPERCALL(set_segment_base, which, base, 0, 0, 0);
}

/* Entry points of this vCPU: event upcall, failsafe, system calls of user mode. */
static inline int hypercall_set_callbacks(uintptr_t event, uintptr_t failsafe, uintptr_t syscall)
{
	return (int)HYPERCALL(set_callbacks, event, failsafe, syscall, 0, 0);
}

/* command: CALLBACKOP_*. */
static inline int hypercall_callback_op(int command, const void *arg)
{
	return (int)HYPERCALL(callback_op, command, arg, 0, 0, 0);
}

/* command: VMASST_CMD_*, type: VMASST_TYPE_*. */
static inline int hypercall_vm_assist(unsigned int command, unsigned int type)
{
	return (int)HYPERCALL(vm_assist, command, type, 0, 0, 0);
}

/* set: the next FPU instruction traps (#NM). */
static inline int hypercall_fpu_taskswitch(bool set)
{
	return (int)HYPERCALL(fpu_taskswitch, set, 0, 0, 0, 0);
}

static inline int hypercall_set_debugreg(unsigned int index, uint64_t value)
{
	return (int)HYPERCALL(set_debugreg, index, value, 0, 0, 0);
}

/* The register itself: no error is told apart. */
static inline uint64_t hypercall_get_debugreg(unsigned int index)
{
	return (uint64_t)arch_hypercall(__HYPERVISOR_get_debugreg, index, 0, 0, 0, 0);
}

#endif
