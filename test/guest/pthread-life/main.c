/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How threads begin and end: attributes, joining in all its ways, handles of threads that are gone,
 * names, C11's functions.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <unistd.h>

#include "test/guest/check.h"
#include "test/guest/soon.h"

#define OWN_STACK (64 << 10)

static sem_t go, there;

static void *give_back(void *arg)
{
	return arg;
}

static void *wait_to_go(void *arg)
{
	sem_post(&there);
	sem_wait(&go);
	return arg;
}

/* --- joining --- */

static void test_join(void)
{
	struct timespec time;
	pthread_t thread, stale;
	void *result = NULL;

	CHECK(pthread_create(&thread, NULL, give_back, (void *)1) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)1);
	stale = thread;
	CHECK(pthread_join(stale, NULL) == ESRCH && pthread_detach(stale) == ESRCH);
	CHECK(pthread_cancel(stale) == ESRCH);
	CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);
	CHECK(pthread_join(0, NULL) == ESRCH && pthread_join(~0UL, NULL) == ESRCH);

	CHECK(pthread_create(&thread, NULL, wait_to_go, (void *)2) == 0);
	CHECK(!pthread_equal(thread, stale) && !pthread_equal(thread, pthread_self()));
	CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
	time = soon(CLOCK_REALTIME, 5);
	CHECK(pthread_timedjoin_np(thread, NULL, &time) == ETIMEDOUT);
	time = soon(CLOCK_MONOTONIC, 5);
	CHECK(pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &time) == ETIMEDOUT);
	sem_wait(&there);
	sem_post(&go);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)2);
}

static void test_detach(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	int state;

	CHECK(pthread_create(&thread, NULL, wait_to_go, NULL) == 0);
	sem_wait(&there);
	CHECK(pthread_detach(thread) == 0);
	CHECK(pthread_join(thread, NULL) == EINVAL && pthread_detach(thread) == EINVAL);
	sem_post(&go);
	while (pthread_detach(thread) != ESRCH)
		usleep(1000);

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
	CHECK(pthread_attr_getdetachstate(&attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED);
	CHECK(pthread_attr_setdetachstate(&attr, 7) == EINVAL);
	CHECK(pthread_create(&thread, &attr, wait_to_go, NULL) == 0);
	sem_wait(&there);
	CHECK(pthread_join(thread, NULL) == EINVAL);
	sem_post(&go);
	pthread_attr_destroy(&attr);
	CHECK(pthread_create(&thread, &attr, give_back, NULL) == EINVAL);

	/* One that has ended already when it is detached. */
	CHECK(pthread_create(&thread, NULL, give_back, NULL) == 0);
	usleep(2000);
	CHECK(pthread_detach(thread) == 0 && pthread_detach(thread) == ESRCH);
}

/* --- stacks --- */

/* Where it stands, and that the attributes say so. */
static void *look_at_stack(void *arg)
{
	volatile char here = 1;
	pthread_attr_t attr;
	uintptr_t low;
	size_t bytes, guard;
	void *stack;

	(void)arg;
	if (pthread_getattr_np(pthread_self(), &attr))
		return (void *)1;
	pthread_attr_getstack(&attr, &stack, &bytes);
	pthread_attr_getguardsize(&attr, &guard);
	low = (uintptr_t)stack;
	pthread_attr_destroy(&attr);
	if ((uintptr_t)&here < low || (uintptr_t)&here >= low + bytes)
		return (void *)2;
	/* All of it can be written to. */
	memset((void *)low, 0, (uintptr_t)&here - low - 4096);
	return (void *)(bytes + guard);
}

/* It has not left its stack then. */
static void *say_done(void *arg)
{
	sem_post(&there);
	return arg;
}

static void test_stacks(void)
{
	char *own = aligned_alloc(4096, OWN_STACK);
	pthread_attr_t attr;
	pthread_t thread, second;
	size_t bytes;
	void *result, *stack;

	CHECK((uintptr_t)look_at_stack(NULL) > 64 << 10);
	pthread_attr_init(&attr);
	CHECK(pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes >= 64 << 10);
	CHECK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1) == EINVAL);
	CHECK(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN) == 0);
	CHECK(pthread_attr_setguardsize(&attr, 5000) == 0);
	CHECK(pthread_attr_getguardsize(&attr, &bytes) == 0 && bytes == 5000);
	CHECK(pthread_create(&thread, &attr, look_at_stack, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0);
	CHECK((uintptr_t)result >= PTHREAD_STACK_MIN + 8192 && (uintptr_t)result < 65536);
	CHECK(pthread_attr_setstacksize(&attr, 1 << 20) == 0);
	CHECK(pthread_create(&thread, &attr, look_at_stack, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (uintptr_t)result >= 1 << 20);
	CHECK(pthread_attr_setstack(&attr, own, PTHREAD_STACK_MIN - 16) == EINVAL);
	CHECK(pthread_attr_setstack(&attr, own, OWN_STACK) == 0);
	CHECK(pthread_attr_getstack(&attr, &stack, &bytes) == 0 && stack == own &&
	      bytes == OWN_STACK);
	CHECK(pthread_create(&thread, &attr, look_at_stack, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (uintptr_t)result == OWN_STACK);
	/* Nobody gets it while another thread is on it, and the next one as soon as it is not. */
	CHECK(pthread_create(&thread, &attr, wait_to_go, NULL) == 0);
	sem_wait(&there);
	CHECK(pthread_create(&second, &attr, look_at_stack, NULL) == EBUSY);
	sem_post(&go);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
	for (int i = 0; i < 1000; i++) {
		CHECK(pthread_create(&thread, &attr, say_done, NULL) == 0);
		sem_wait(&there);
	}
	CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_JOINABLE) == 0);
	CHECK(pthread_create(&thread, &attr, look_at_stack, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (uintptr_t)result == OWN_STACK);
	pthread_attr_destroy(&attr);
	free(own);

	/* Too large is an error, and nothing is lost by it. */
	for (int i = 0; i < 20; i++) {
		pthread_attr_init(&attr);
		CHECK(pthread_attr_setstacksize(&attr, 1UL << 40) == 0);
		CHECK(pthread_create(&thread, &attr, give_back, NULL) == EAGAIN);
		CHECK(pthread_attr_setstacksize(&attr, SIZE_MAX) == 0);
		CHECK(pthread_create(&thread, &attr, give_back, NULL) == EAGAIN);
		pthread_attr_destroy(&attr);
	}
}

/* --- scheduling attributes, names, defaults --- */

static void *my_policy(void *arg)
{
	struct sched_param param;
	int policy;

	(void)arg;
	pthread_getschedparam(pthread_self(), &policy, &param);
	return (void *)(intptr_t)(policy * 100 + param.sched_priority);
}

static void test_attributes(void)
{
	struct sched_param param = {.sched_priority = 5};
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	void *result;
	int value;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_getinheritsched(&attr, &value) == 0 && value == PTHREAD_INHERIT_SCHED);
	CHECK(pthread_attr_setschedpolicy(&attr, SCHED_RR) == 0);
	CHECK(pthread_attr_setschedparam(&attr, &param) == 0);
	CHECK(pthread_create(&thread, &attr, my_policy, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)(SCHED_OTHER * 100));
	CHECK(pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED) == 0);
	CHECK(pthread_create(&thread, &attr, my_policy, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && result == (void *)(SCHED_RR * 100 + 5));
	CHECK(pthread_attr_setschedpolicy(&attr, SCHED_OTHER) == 0);
	CHECK(pthread_create(&thread, &attr, my_policy, NULL) == EINVAL);
	CHECK(pthread_attr_setschedpolicy(&attr, 17) == EINVAL);
	CHECK(pthread_attr_setinheritsched(&attr, 17) == EINVAL);
	param.sched_priority = 1000;
	CHECK(pthread_attr_setschedparam(&attr, &param) == EINVAL);
	CHECK(pthread_attr_setscope(&attr, PTHREAD_SCOPE_SYSTEM) == 0);
	CHECK(pthread_attr_setscope(&attr, PTHREAD_SCOPE_PROCESS) == ENOTSUP);
	CHECK(pthread_attr_setscope(&attr, 17) == EINVAL);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CHECK(pthread_attr_setaffinity_np(&attr, sizeof(set), &set) == 0);
	CPU_ZERO(&set);
	CHECK(pthread_attr_getaffinity_np(&attr, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1 &&
	      CPU_ISSET(0, &set) && !CPU_ISSET(1, &set));
	pthread_attr_destroy(&attr);
	CHECK(pthread_attr_setstacksize(&attr, 1 << 20) == EINVAL);
	CHECK(pthread_setconcurrency(3) == 0 && pthread_getconcurrency() == 3);
	CHECK(pthread_setconcurrency(-1) == EINVAL);
}

static void test_names(void)
{
	char name[16];

	CHECK(pthread_setname_np(pthread_self(), "first thread") == 0);
	CHECK(pthread_getname_np(pthread_self(), name, sizeof(name)) == 0);
	CHECK(strcmp(name, "first thread") == 0);
	CHECK(pthread_getname_np(pthread_self(), name, 5) == ERANGE);
	CHECK(pthread_setname_np(pthread_self(), "sixteen chars ..") == ERANGE);
	CHECK(pthread_setname_np(99999, "x") == ESRCH);
}

static void test_default(void)
{
	pthread_attr_t attr, old;
	pthread_t thread;
	void *result;

	CHECK(pthread_getattr_default_np(&old) == 0);
	attr = old;
	pthread_attr_setstacksize(&attr, 300 << 10);
	CHECK(pthread_setattr_default_np(&attr) == 0);
	CHECK(pthread_create(&thread, NULL, look_at_stack, NULL) == 0);
	CHECK(pthread_join(thread, &result) == 0 && (uintptr_t)result >= 300 << 10);
	CHECK(pthread_setattr_default_np(&old) == 0);
}

/* --- once, keys --- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_runs;
static pthread_key_t key;
static int destructions;

static void run_once(void)
{
	usleep(5000);
	once_runs++;
}

static void *call_once_too(void *arg)
{
	pthread_once(&once, run_once);
	return (void *)(intptr_t)(once_runs + (intptr_t)arg);
}

/* Leaves a value behind, so it is called as often as POSIX wants. */
static void destroy(void *value)
{
	destructions++;
	pthread_setspecific(key, value);
}

static void *use_key(void *arg)
{
	CHECK(pthread_getspecific(key) == NULL);
	CHECK(pthread_setspecific(key, arg) == 0);
	CHECK(pthread_getspecific(key) == arg);
	return NULL;
}

static void test_once_and_keys(void)
{
	pthread_key_t keys[PTHREAD_KEYS_MAX];
	pthread_t threads[4];
	void *result;
	int count = 0;

	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, call_once_too, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], &result) == 0 && result == (void *)1);

	CHECK(pthread_key_create(&key, destroy) == 0);
	CHECK(pthread_create(&threads[0], NULL, use_key, &count) == 0);
	CHECK(pthread_join(threads[0], NULL) == 0);
	CHECK(destructions == PTHREAD_DESTRUCTOR_ITERATIONS);
	CHECK(pthread_setspecific(key, &count) == 0);
	CHECK(pthread_key_delete(key) == 0 && pthread_key_delete(key) == EINVAL);
	CHECK(pthread_setspecific(key, &count) == EINVAL);
	/* The same key again, without its old value. */
	CHECK(pthread_key_create(&key, NULL) == 0 && pthread_getspecific(key) == NULL);
	CHECK(pthread_key_delete(key) == 0);
	while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0)
		count++;
	CHECK(count >= 128 - 8 && pthread_key_create(&key, NULL) == EAGAIN);
	while (count > 0)
		CHECK(pthread_key_delete(keys[--count]) == 0);
}

/* --- C11 --- */

static int c11_thread(void *arg)
{
	return *(int *)arg - 100;
}

static tss_t c11_key;
static mtx_t c11_mutex;
static cnd_t c11_cond;
static int c11_count;

static int c11_worker(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		mtx_lock(&c11_mutex);
		c11_count++;
		mtx_unlock(&c11_mutex);
	}
	tss_set(c11_key, arg);
	mtx_lock(&c11_mutex);
	cnd_signal(&c11_cond);
	mtx_unlock(&c11_mutex);
	return tss_get(c11_key) == arg;
}

static void test_c11(void)
{
	struct timespec time;
	int argument = 42, result = 0;
	thrd_t thread;

	CHECK(thrd_create(&thread, c11_thread, &argument) == thrd_success);
	CHECK(thrd_join(thread, &result) == thrd_success && result == -58);
	CHECK(mtx_init(&c11_mutex, mtx_timed) == thrd_success &&
	      cnd_init(&c11_cond) == thrd_success);
	CHECK(tss_create(&c11_key, NULL) == thrd_success);
	mtx_lock(&c11_mutex);
	CHECK(mtx_trylock(&c11_mutex) == thrd_busy);
	time = soon(CLOCK_REALTIME, 5);
	CHECK(mtx_timedlock(&c11_mutex, &time) == thrd_timedout);
	CHECK(cnd_timedwait(&c11_cond, &c11_mutex, &time) == thrd_timedout);
	CHECK(thrd_create(&thread, c11_worker, &argument) == thrd_success);
	while (c11_count < 1000)
		CHECK(cnd_wait(&c11_cond, &c11_mutex) == thrd_success);
	mtx_unlock(&c11_mutex);
	CHECK(thrd_join(thread, &result) == thrd_success && result == 1);
	mtx_destroy(&c11_mutex);
	cnd_destroy(&c11_cond);
	tss_delete(c11_key);
	CHECK(thrd_equal(thrd_current(), pthread_self()));
}

int main(void)
{
	sem_init(&go, 0, 0);
	sem_init(&there, 0, 0);
	test_join();
	test_detach();
	test_stacks();
	test_attributes();
	test_names();
	test_default();
	test_once_and_keys();
	test_c11();
	return check_done();
}
