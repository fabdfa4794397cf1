/* SPDX-License-Identifier: BSD-2-Clause */
/* <sched.h>. A pid is 0 or the process's for the calling thread, or what gettid() says: the
 * scheduler knows threads, the process has no policy of its own. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "core/smp.h"
#include "core/thread.h"
#include "lib/posix/posix.h"

#define THIS_PROCESS 1

_Static_assert(SCHED_OTHER == THREAD_OTHER && SCHED_FIFO == THREAD_FIFO && SCHED_RR == THREAD_RR,
	       "one numbering");

/* Absent while there is one thread. */
#pragma weak thread_yield
#pragma weak thread_set_policy
#pragma weak thread_set_affinity
#pragma weak thread_vcpu
#pragma weak thread_for_each
#pragma weak smp_online

int sched_yield(void)
{
	if (thread_yield)
		thread_yield();
	return 0;
}

static bool valid(int policy, int priority)
{
	int least = sched_get_priority_min(policy);

	return least >= 0 && priority >= least && priority <= sched_get_priority_max(policy);
}

int sched_get_priority_max(int policy)
{
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return THREAD_PRIORITY_MAX;
	return (int)posix_result(policy == SCHED_OTHER ? 0 : -EINVAL);
}

int sched_get_priority_min(int policy)
{
	if (policy == SCHED_FIFO || policy == SCHED_RR)
		return 1;
	return (int)posix_result(policy == SCHED_OTHER ? 0 : -EINVAL);
}

struct visit {
	uint32_t id;
	int (*fn)(struct thread *thread, void *arg);
	void *arg;
	int result;
};

static bool visit_one(struct thread *thread, void *arg)
{
	struct visit *visit = arg;

	if (thread->id != visit->id)
		return true;
	visit->result = visit->fn(thread, visit->arg);
	return false;
}

/* fn on the thread a pid names; the locked list keeps another one from going. */
static int on_thread(pid_t pid, int (*fn)(struct thread *thread, void *arg), void *arg)
{
	struct visit visit = {(uint32_t)pid, fn, arg, -ESRCH};

	if (pid < 0)
		return -EINVAL;
	if (pid == 0 || pid == THIS_PROCESS || (uint32_t)pid == thread_self()->id)
		return fn(thread_self(), arg);
	if (thread_for_each)
		thread_for_each(visit_one, &visit);
	return visit.result;
}

struct scheduling {
	int policy, priority;
};

static int get_scheduling(struct thread *thread, void *arg)
{
	*(struct scheduling *)arg = (struct scheduling){thread->policy, thread->base_priority};
	return 0;
}

static int set_scheduling(struct thread *thread, void *arg)
{
	const struct scheduling *wanted = arg;

	if (thread_set_policy)
		return thread_set_policy(thread, (enum thread_policy)wanted->policy,
					 (unsigned int)wanted->priority);
	/* Nobody to compete with; kept for whoever asks. */
	thread->policy = (uint8_t)wanted->policy;
	thread->priority = thread->base_priority = (uint8_t)wanted->priority;
	return 0;
}

int sched_getscheduler(pid_t pid)
{
	struct scheduling now = {0};
	int result = on_thread(pid, get_scheduling, &now);

	return (int)posix_result(result ? result : now.policy);
}

int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	struct scheduling old = {0}, wanted = {policy, param ? param->sched_priority : -1};
	int result = on_thread(pid, get_scheduling, &old);

	if (result == 0 && !valid(policy, wanted.priority))
		result = -EINVAL;
	if (result == 0)
		result = on_thread(pid, set_scheduling, &wanted);
	return (int)posix_result(result ? result : old.policy);
}

int sched_getparam(pid_t pid, struct sched_param *param_out)
{
	struct scheduling now = {0};
	int result = param_out ? on_thread(pid, get_scheduling, &now) : -EINVAL;

	if (result == 0)
		*param_out = (struct sched_param){.sched_priority = now.priority};
	return (int)posix_result(result);
}

int sched_setparam(pid_t pid, const struct sched_param *param)
{
	struct scheduling now = {0};
	int result = on_thread(pid, get_scheduling, &now);

	if (result)
		return (int)posix_result(result);
	return sched_setscheduler(pid, now.policy, param) < 0 ? -1 : 0;
}

int sched_rr_get_interval(pid_t pid, struct timespec *interval_out)
{
	struct scheduling now = {0};
	int result = interval_out ? on_thread(pid, get_scheduling, &now) : -EINVAL;

	/* A thread without slices runs as long as it likes. */
	if (result == 0)
		*interval_out = (struct timespec){
			.tv_nsec = now.policy == SCHED_FIFO ? 0 : (long)THREAD_SLICE_NS};
	return (int)posix_result(result);
}

int sched_getcpu(void)
{
	return thread_vcpu ? (int)thread_vcpu() : 0;
}

static int get_affinity(struct thread *thread, void *arg)
{
	*(uint64_t *)arg = thread->affinity;
	return 0;
}

/* Those of the mask that are there. */
static uint64_t usable(uint64_t mask)
{
	return mask & (smp_online ? smp_online() : 1);
}

int sched_getaffinity(pid_t pid, size_t bytes, cpu_set_t *set_out)
{
	uint64_t mask = 0;
	int result = bytes < sizeof(mask) ? -EINVAL : on_thread(pid, get_affinity, &mask);

	if (result == 0) {
		memset(set_out, 0, bytes);
		mask = usable(mask ? mask : ~0UL);
		memcpy(set_out, &mask, sizeof(mask));
	}
	return (int)posix_result(result);
}

/* Of the calling thread: moving another one may have to wait, which the locked list forbids;
 * pthread_setaffinity_np() is for that. */
int sched_setaffinity(pid_t pid, size_t bytes, const cpu_set_t *set)
{
	uint64_t mask = 0;
	int result = 0;

	memcpy(&mask, set, bytes < sizeof(mask) ? bytes : sizeof(mask));
	if (pid < 0 || !usable(mask))
		result = -EINVAL;
	else if (pid != 0 && pid != THIS_PROCESS && (uint32_t)pid != thread_self()->id)
		result = -ESRCH;
	if (result == 0 && thread_set_affinity)
		result = thread_set_affinity(thread_self(), mask);
	return (int)posix_result(result);
}

pid_t gettid(void)
{
	return (pid_t)thread_self()->id;
}
