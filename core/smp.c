/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/smp.h"

#include "arch/x86_64/pv/pt.h"
#include "arch/x86_64/pv/vcpu_boot.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/netdev.h"
#include "core/page.h"
#include "core/sleeplock.h"
#include "core/suspend.h"
#include "core/thread.h"
#include "core/vm.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"

#pragma weak netdev_vcpus_changed

/* How often smp_stop_others() looks whether a vCPU still runs. */
#define STOP_LOOKS_MAX 100000u

static uint64_t possible, online; /* bit n: vCPU n. online: changed atomically by the vCPU itself */
static struct waitq changed;      /* online did */

static struct sleeplock lock; /* of what follows, and of vCPUs that come and go: */

/* What was made of each vCPU so far, for when memory was short. */
static struct vcpu *vcpus[VCPUS_MAX];
static uint8_t steps_done[VCPUS_MAX];
static uint64_t starting; /* smp_vcpu_start() was called, smp_vcpu_up() not yet */
static uint64_t running;  /* threads run there */
static uint64_t lost;     /* what Xen knew of it went with the suspend */
static bool is_closed;    /* the domain is being suspended */

static inline uint64_t bit_of(unsigned int id)
{
	return 1ULL << id;
}

/* Once, Xen is asked. */
uint64_t smp_possible(void)
{
	uint64_t vcpus_found = 0;

	if (!READ_ONCE(possible)) {
		for (unsigned int id = 0; id < VCPUS_MAX; id++)
			if (hypercall_vcpu_op(VCPUOP_is_up, id, NULL) >= 0)
				vcpus_found |= bit_of(id);
		WRITE_ONCE(possible, vcpus_found);
	}
	return possible;
}

uint64_t smp_online(void)
{
	return READ_ONCE(online);
}

/* ---- Kicks ---- */

static void kicked(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
	VCPU(work_pending) = true;
	timer_kicked();
}

void smp_kick(unsigned int id)
{
	const struct vcpu *vcpu = vcpu_by_id[id];

	if (vcpu && vcpu->kick_port)
		(void)evtchn_notify(vcpu->kick_port);
}

/* ---- A vCPU's own life ---- */

static void online_set(bool is_online)
{
	if (is_online)
		__atomic_fetch_or(&online, bit_of(VCPU(id)), __ATOMIC_SEQ_CST);
	else
		__atomic_fetch_and(&online, ~bit_of(VCPU(id)), __ATOMIC_SEQ_CST);
	waitq_wake_all(&changed);
}

/* On its idle stack. */
static void vcpu_run(void)
{
	online_set(true);
	sched_vcpu_run();
}

/* Its threads are elsewhere. Events that are on their way here get their handlers before it stops:
 * no more come, for the ports were moved. */
void smp_leave(void)
{
	struct vcpu *vcpu = vcpu_this();

	while (READ_ONCE(vcpu->info.evtchn_upcall_pending))
		evtchn_upcall();
	timer_vcpu_leave();
	heap_vcpu_leave();
	online_set(false);
	(void)hypercall_vcpu_op(VCPUOP_down, vcpu->id, NULL);
	online_set(true);
}

/* ---- Making a vCPU, step by step ---- */

static int register_info(struct vcpu *vcpu)
{
	return vcpu_register_info(vcpu, pt_pfn_to_mfn(pt_dmap_pfn(vcpu)));
}

static int bind_ports(struct vcpu *vcpu)
{
	int error = spin_vcpu_prepare(vcpu);

	if (!error && !vcpu->kick_port)
		error = evtchn_bind_ipi(vcpu->id, kicked, NULL, &vcpu->kick_port);
	return error;
}

static int create(struct vcpu *vcpu)
{
	struct vcpu_guest_context *scratch;
	int error;

	_Static_assert(VCPU_BOOT_SCRATCH_BYTES <= 2 * PAGE_BYTES, "two pages");
	scratch = page_alloc(1, PAGE_ZERO);
	if (!scratch)
		return -ENOMEM;
	error = vcpu_boot_create(vcpu, sched_idle_stack_top(vcpu), vcpu_run, scratch);
	page_free(scratch, 1);
	return error;
}

static int publish(struct vcpu *vcpu)
{
	vcpu_by_id[vcpu->id] = vcpu;
	return 0;
}

static int (*const steps[])(struct vcpu *vcpu) = {
	register_info,     heap_vcpu_create, evtchn_vcpu_prepare, timer_vcpu_prepare,
	time_vcpu_prepare, bind_ports,       sched_vcpu_prepare,  create,
	publish,
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static int make(unsigned int id)
{
	if (!vcpus[id]) {
		vcpus[id] = page_alloc(0, PAGE_ZERO);
		if (!vcpus[id])
			return -ENOMEM;
		vcpu_init(vcpus[id], id);
	}
	while (steps_done[id] < STEPS) {
		int error = steps[steps_done[id]](vcpus[id]);

		if (error)
			return error;
		steps_done[id]++;
	}
	return 0;
}

/* ---- After a suspend ---- */

/* Ports and areas are made anew. On the host it came from the vCPU is still where it went down,
 * elsewhere it begins again in its idle loop. */
static int restore(struct vcpu *vcpu)
{
	int error;

	timer_vcpu_resume(vcpu);
	vcpu->spin_port = vcpu->kick_port = 0;
	error = time_vcpu_prepare(vcpu);
	if (!error)
		error = bind_ports(vcpu);
	if (!error)
		error = create(vcpu);
	if (!error || error == -EEXIST)
		lost &= ~bit_of(vcpu->id);
	return error == -EEXIST ? 0 : error;
}

/* Only vCPU 0 goes through it. */
static void smp_suspend(void)
{
	WRITE_ONCE(is_closed, true);
	for (unsigned int id = 1; id < VCPUS_MAX; id++) {
		int error = 0;

		if (READ_ONCE(starting) & bit_of(id))
			error = smp_vcpu_up(id);
		if (!error && (smp_possible() & bit_of(id)))
			error = smp_vcpu_down(id);
		if (error)
			log_error("smp: vCPU %u stays up: error %d", id, error);
	}
}

/* Events of vCPU 0 are there again; the others come when drivers/cpu.c, whose watch fires, says so.
 */
static void smp_resume(void)
{
	int error;

	for (unsigned int id = 1; id < VCPUS_MAX; id++)
		if (vcpu_by_id[id])
			lost |= bit_of(id);
	vcpu0.spin_port = vcpu0.kick_port = 0;
	error = time_vcpu_prepare(&vcpu0);
	if (!error)
		error = bind_ports(&vcpu0);
	if (error)
		log_error("smp: after resume: error %d", error);
	sched_resume();
	WRITE_ONCE(is_closed, false);
}

/* ---- Up and down ---- */

/* One that said it goes down may not have come as far as Xen yet. */
static void wait_until_down(unsigned int id)
{
	while (hypercall_vcpu_op(VCPUOP_is_up, id, NULL) > 0)
		hypercall_sched_yield();
}

/* After a vCPU got its threads, and before its ports are moved away from it. Locked. */
static void spread_events(void)
{
	if (netdev_vcpus_changed)
		netdev_vcpus_changed(running);
}

/* Locked. */
static int start(unsigned int id)
{
	bool is_back = id < VCPUS_MAX && vcpu_by_id[id];
	int error;

	if (!id || id >= VCPUS_MAX || !(smp_possible() & bit_of(id)))
		return -EINVAL;
	if ((smp_online() | starting) & bit_of(id))
		return 0;
	if (is_closed)
		return -EAGAIN;
	if (lost & bit_of(id)) {
		error = restore(vcpus[id]);
		if (error)
			return error;
	}
	if (is_back) {
		wait_until_down(id);
		vcpus[id]->leaving = false;
	} else {
		error = make(id);
		if (error)
			return error;
	}
	error = hypercall_vcpu_op(VCPUOP_up, id, NULL);
	if (!error)
		starting |= bit_of(id);
	return error;
}

int smp_vcpu_start(unsigned int id)
{
	int error;

	sleeplock_lock(&lock);
	error = start(id);
	sleeplock_unlock(&lock);
	return error;
}

int smp_vcpu_up(unsigned int id)
{
	int error;

	sleeplock_lock(&lock);
	error = start(id);
	if (!error && (starting & bit_of(id))) {
		starting &= ~bit_of(id);
		(void)waitq_wait(&changed, smp_online() & bit_of(id), TIME_NEVER, false);
		sched_vcpu_undrain(vcpus[id]);
		running |= bit_of(id);
		spread_events();
	}
	sleeplock_unlock(&lock);
	return error;
}

/* Locked. */
static int stop(unsigned int id)
{
	int error;

	if (!id || id >= VCPUS_MAX || !(smp_possible() & bit_of(id)))
		return -EINVAL;
	if (!(smp_online() & bit_of(id)))
		return 0;
	error = sched_vcpu_drain(vcpus[id]);
	if (error)
		return error;
	running &= ~bit_of(id);
	spread_events();
	evtchn_vcpu_leave(vcpus[id]);
	WRITE_ONCE(vcpus[id]->leaving, true);
	smp_kick(id);
	(void)waitq_wait(&changed, !(smp_online() & bit_of(id)), TIME_NEVER, false);
	/* Alone, nobody keeps memory back, and nobody would give back what is kept. */
	(void)vm_settle();
	return 0;
}

int smp_vcpu_down(unsigned int id)
{
	int error;

	sleeplock_lock(&lock);
	error = stop(id);
	sleeplock_unlock(&lock);
	return error;
}

void smp_start(void)
{
	static struct suspend_client client = {
		.name = "vCPUs",
		.suspend = smp_suspend,
		.resume = smp_resume,
	};
	int error;

	online = running = bit_of(0);
	suspend_register(&client);
	error = time_vcpu_prepare(&vcpu0);
	if (error)
		log_warn("smp: no account of stolen time: error %d", error);
	if (smp_possible() == bit_of(0))
		return;
	error = bind_ports(&vcpu0);
	if (error)
		log_warn("smp: one vCPU only: error %d", error);
	else
		core_smp_follow();
}

/* ---- The end ---- */

static bool still_runs(unsigned int id)
{
	struct vcpu_runstate_info state;

	return hypercall_vcpu_op(VCPUOP_get_runstate_info, id, &state) == 0 &&
	       state.state == RUNSTATE_running;
}

void smp_stop_others(void)
{
	for (unsigned int id = 0; id < VCPUS_MAX; id++)
		if (id != VCPU(id) && vcpu_by_id[id])
			(void)hypercall_vcpu_op(VCPUOP_down, id, NULL);
	for (unsigned int id = 0; id < VCPUS_MAX; id++)
		for (unsigned int looks = 0;
		     id != VCPU(id) && vcpu_by_id[id] && looks < STOP_LOOKS_MAX && still_runs(id);
		     looks++)
			hypercall_sched_yield();
}
