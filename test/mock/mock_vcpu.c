/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vCPUs as Xen has them: which are up, where their vcpu_info is, their timers, how they spend
 * their time.
 */
#include <errno.h>
#include <string.h>

#include "core/thread.h"
#include "test/mock/mock_private.h"

struct vcpu_info *mock_vcpu_info[VCPUS_MAX];
__thread struct vcpu *vcpu_host;

static struct {
	bool up, created, registered;
	uint64_t timer_ns; /* one-shot */
	struct vcpu_runstate_info *runstate;
	struct vcpu_info own; /* until one is registered */
} vcpus[VCPUS_MAX];

static unsigned int vcpus_count(void)
{
	return mock_config.vcpus ? mock_config.vcpus : 1;
}

void mock_time_set(const struct vcpu_time_info *time)
{
	for (unsigned int id = 0; id < vcpus_count(); id++)
		mock_vcpu_info[id]->time = *time;
}

uint64_t mock_timer_deadline_ns(void)
{
	return vcpus[vcpu_host->id].timer_ns;
}

uint64_t mock_timers_next_ns(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned int id = 0; id < vcpus_count(); id++)
		if (vcpus[id].timer_ns < next)
			next = vcpus[id].timer_ns;
	return next;
}

void mock_timers_expire(uint64_t now_ns)
{
	for (unsigned int id = 0; id < vcpus_count(); id++) {
		if (vcpus[id].timer_ns > now_ns)
			continue;
		vcpus[id].timer_ns = UINT64_MAX;
		mock_counts.virq_timer++;
		mock_virq_raise_on(VIRQ_TIMER, id);
	}
}

/* As Xen: once for each vCPU, and everything is marked as pending. */
static long register_info(unsigned int id, const struct vcpu_register_vcpu_info *arg)
{
	struct vcpu_info *info = (void *)((char *)mock_mfn_to_pointer(arg->mfn) + arg->offset);

	if (vcpus[id].registered || arg->offset + sizeof(*info) > 4096)
		return -EINVAL;
	memmove(info, mock_vcpu_info[id], sizeof(*info));
	mock_vcpu_info[id] = info;
	vcpus[id].registered = true;
	info->evtchn_upcall_pending = 1;
	info->evtchn_pending_sel = ~0UL;
	return 0;
}

static long register_runstate(unsigned int id,
			      const struct vcpu_register_runstate_memory_area *area)
{
	struct vcpu_runstate_info *runstate = area->addr.v;

	vcpus[id].runstate = runstate;
	runstate->state = RUNSTATE_running;
	runstate->state_entry_time = mock_now_ns();
	runstate->time[RUNSTATE_running] = 1000;
	return 0;
}

static long set_timer(unsigned int id, const struct vcpu_set_singleshot_timer *set)
{
	if (id != vcpu_host->id)
		return -EINVAL;
	if ((set->flags & VCPU_SSHOTTMR_future) && set->timeout_abs_ns < mock_now_ns())
		return -ETIME;
	vcpus[id].timer_ns = set->timeout_abs_ns;
	return 0;
}

long mock_vcpu_op(int command, unsigned int id, void *arg)
{
	if (id >= vcpus_count())
		return -ENOENT;
	switch (command) {
	case VCPUOP_initialise:
		if (vcpus[id].created)
			return -EEXIST;
		vcpus[id].created = true;
		return 0;
	case VCPUOP_up:
		if (!vcpus[id].created)
			return -EINVAL;
		vcpus[id].up = true;
		return 0;
	case VCPUOP_down:
		vcpus[id].up = false;
		return 0;
	case VCPUOP_is_up:
		return vcpus[id].up;
	case VCPUOP_get_runstate_info:
		((struct vcpu_runstate_info *)arg)->state =
			vcpus[id].up ? RUNSTATE_running : RUNSTATE_offline;
		return 0;
	case VCPUOP_set_singleshot_timer:
		return set_timer(id, arg);
	case VCPUOP_stop_singleshot_timer:
		vcpus[id].timer_ns = UINT64_MAX;
		return 0;
	case VCPUOP_stop_periodic_timer:
		return 0;
	case VCPUOP_register_vcpu_info:
		return register_info(id, arg);
	case VCPUOP_register_runstate_memory_area:
		return register_runstate(id, arg);
	default:
		return -ENOSYS;
	}
}

void mock_vcpu_run(uint32_t id, void (*fn)(void *arg), void *arg)
{
	struct vcpu *before = vcpu_host;

	vcpu_host = vcpu_by_id[id];
	mock_deliver();
	if (fn)
		fn(arg);
	vcpu_host = before;
}

void mock_vcpu_add(struct vcpu *vcpu, uint32_t id)
{
	vcpu_init(vcpu, id);
	vcpu->current = &thread_first;
	if (vcpu_register_info(vcpu, mock_pointer_to_mfn(vcpu)))
		mock_die("vCPU %u: no vcpu_info", id);
	vcpu_by_id[id] = vcpu;
	vcpus[id].created = vcpus[id].up = true;
}

/* vCPU 0's start of day has been; a guest that comes from elsewhere may register it again. */
void mock_vcpus_start(void)
{
	memset(vcpus, 0, sizeof(vcpus));
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		vcpus[id].timer_ns = UINT64_MAX;
		vcpus[id].own.evtchn_upcall_mask = 1;
		mock_vcpu_info[id] = &vcpus[id].own;
		vcpu_by_id[id] = NULL;
	}
	memset(&vcpu0, 0, sizeof(vcpu0));
	vcpu_start(&vcpu0, 0);
	vcpu0.current = &thread_first;
	mock_vcpu_info[0] = &vcpu0.info;
	vcpus[0].created = vcpus[0].up = true;
}

/* On another host nothing is registered, and only vCPU 0 goes on. */
void mock_vcpus_reset(void)
{
	for (unsigned int id = 0; id < VCPUS_MAX; id++) {
		vcpus[id].own = *mock_vcpu_info[id];
		mock_vcpu_info[id] = &vcpus[id].own;
		vcpus[id].registered = false;
		vcpus[id].runstate = NULL;
		vcpus[id].timer_ns = UINT64_MAX;
		vcpus[id].created = vcpus[id].up = id == 0;
	}
}
