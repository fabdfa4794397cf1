/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xen publishes, for each vCPU, a pair (tsc_timestamp, system_time) and the factor from ticks to
 * nanoseconds, and renews them while the vCPU does not run (`version` is odd meanwhile). Only our
 * own vCPU's is read, so compiler barriers order the reads.
 */
#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/time.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

_Static_assert(sizeof(struct vcpu_time_info) == 32, "Xen: public/xen.h");

static uint64_t last_ns; /* the latest answer, so that time never goes backwards */
static uint64_t boot_ns;
static struct spinlock wall_lock;
static int64_t wall_offset_ns; /* the guest's own correction; lock: wall_lock, to change it */
static bool runstate_registered, runstate_refused;

uint64_t time_scale_ticks(uint64_t ticks, uint32_t mul, int shift)
{
	if (shift >= 0)
		ticks <<= shift;
	else
		ticks >>= -shift;
	return ((unsigned __int128)ticks * mul) >> 32;
}

/* Time-stamp counter to system time; now: read it between the stamps. A tsc from just before Xen's
 * last update counts as its moment. Inline, for the clock is read very often. */
static inline __attribute__((always_inline)) uint64_t
tsc_to_ns(const volatile struct vcpu_time_info *info, bool now, uint64_t tsc)
{
	uint32_t version;
	uint64_t ns;

	do {
		int64_t ticks;

		version = info->version;
		smp_rmb();
		if (now)
			tsc = cpu_rdtsc();
		ticks = tsc - info->tsc_timestamp;
		if (ticks < 0)
			ticks = 0;
		ns = info->system_time +
		     time_scale_ticks(ticks, info->tsc_to_system_mul, info->tsc_shift);
		smp_rmb();
	} while ((version & 1) || version != info->version);
	return ns;
}

/* The vCPUs' clocks may differ a little where Xen does not say that they are all the same. */
static uint64_t not_before_last(uint64_t ns)
{
	uint64_t last = READ_ONCE(last_ns);

	do {
		if (ns <= last)
			return last;
	} while (!__atomic_compare_exchange_n(&last_ns, &last, ns, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return ns;
}

/* The thread may be moved to another vCPU on the way: then a time-stamp counter would be scaled
 * with another one's factors. */
uint64_t time_monotonic_ns(void)
{
	const struct vcpu *vcpu;
	uint64_t ns;

	do {
		vcpu = vcpu_this();
		ns = tsc_to_ns(&vcpu->info.time, true, 0);
	} while (__builtin_expect(vcpu != vcpu_this(), 0));
	return vcpu->info.time.flags & XEN_PVCLOCK_TSC_STABLE_BIT ? ns : not_before_last(ns);
}

/* Wall time at system time 0, as Xen has it. */
static uint64_t wall_base_ns(void)
{
	const volatile struct shared_info *shared = boot_shared_info;
	uint64_t seconds, ns;
	uint32_t version;

	do {
		version = shared->wc_version;
		smp_rmb();
		seconds = ((uint64_t)shared->wc_sec_hi << 32) | shared->wc_sec;
		ns = shared->wc_nsec;
		smp_rmb();
	} while ((version & 1) || version != shared->wc_version);
	return seconds * NS_PER_S + ns;
}

uint64_t time_wall_ns(void)
{
	return wall_base_ns() + time_monotonic_ns() + (uint64_t)READ_ONCE(wall_offset_ns);
}

COLD void time_set_wall_ns(uint64_t wall_ns)
{
	bool enabled = spin_lock_events(&wall_lock);

	WRITE_ONCE(wall_offset_ns, wall_offset_ns + (int64_t)(wall_ns - time_wall_ns()));
	spin_unlock_events(&wall_lock, enabled);
	timer_wall_changed();
}

uint64_t time_of_wall_ns(uint64_t wall_ns)
{
	uint64_t zero_ns = wall_base_ns() + (uint64_t)READ_ONCE(wall_offset_ns);

	return wall_ns > zero_ns ? wall_ns - zero_ns : 0;
}

uint64_t time_boot_ns(void)
{
	return boot_ns;
}

COLD int time_vcpu_prepare(struct vcpu *vcpu)
{
	struct vcpu_register_runstate_memory_area area = {.addr.v = &vcpu->runstate};

	return hypercall_vcpu_op(VCPUOP_register_runstate_memory_area, vcpu->id, &area);
}

/* The area is written only while the vCPU does not run, state_entry_time first with its upper bit
 * set and last without: it was unchanged if that was. */
static COLD uint64_t vcpu_ran_ns(const volatile struct vcpu_runstate_info *state)
{
	uint64_t entry_ns, ran_ns, now_ns;
	bool running;

	do {
		entry_ns = state->state_entry_time;
		smp_rmb();
		running = state->state == RUNSTATE_running;
		ran_ns = state->time[RUNSTATE_running];
		now_ns = time_monotonic_ns();
		smp_rmb();
	} while (entry_ns != state->state_entry_time);
	return running && now_ns > entry_ns ? ran_ns + (now_ns - entry_ns) : ran_ns;
}

COLD uint64_t time_cpu_ns(void)
{
	uint64_t sum_ns = 0;

	if (!runstate_registered && !runstate_refused) {
		runstate_registered = time_vcpu_prepare(&vcpu0) == 0;
		runstate_refused = !runstate_registered;
	}
	if (runstate_refused)
		return time_monotonic_ns() - boot_ns;
	for (unsigned int id = 0; id < VCPUS_MAX; id++)
		if (vcpu_by_id[id])
			sum_ns += vcpu_ran_ns(&vcpu_by_id[id]->runstate);
	return sum_ns;
}

COLD void time_init(void)
{
	boot_ns = tsc_to_ns(&vcpu_this()->info.time, false, boot_info.entry_tsc);
}

void time_suspend(void)
{
}

/* System time starts anew on another host; the wall clock of shared_info fits to it. */
void time_resume(void)
{
	last_ns = 0;
	runstate_registered = runstate_refused = false;
	timer_resume();
}
