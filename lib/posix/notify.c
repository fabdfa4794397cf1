/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/threads.h"
#include "xen/spinlock.h"

#define SERVICE_STACK_BYTES 32768U

static struct spinlock lock; /* taken before sig_lock */
static struct list_node posted = LIST_INIT(posted);
static struct waitq posted_queue = WAITQ_INIT;
static bool started;

/* What a new thread needs when notify may be gone. */
struct call {
	void (*function)(union sigval value);
	union sigval value;
};

static void *run(void *arg)
{
	struct call call = *(struct call *)arg;
	sigset_t none;

	free(arg);
	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	call.function(call.value);
	return NULL;
}

/* False: nothing waits. */
static bool take(struct call *call_out, pthread_attr_t *attr_out, bool *attr_set_out)
{
	bool enabled = spin_lock_events(&lock), any = !list_empty(&posted);

	if (any) {
		struct notify *notify = container_of(posted.next, struct notify, node);

		list_remove(&notify->node);
		*call_out = (struct call){notify->function, notify->value};
		*attr_set_out = notify->attr_set;
		*attr_out = notify->attr;
		if (notify->taken)
			notify->taken(notify);
	}
	spin_unlock_events(&lock, enabled);
	return any;
}

static void start(const struct call *call, pthread_attr_t *attr, bool attr_set)
{
	struct call *given = malloc(sizeof(*given));
	pthread_t thread;
	int error = ENOMEM;

	if (!attr_set)
		pthread_attr_init(attr);
	pthread_attr_setdetachstate(attr, PTHREAD_CREATE_DETACHED);
	if (given) {
		*given = *call;
		error = pthread_create(&thread, attr, run, given);
	}
	if (error) {
		log_warn("a notification was lost: no thread for it: error %d", error);
		free(given);
	}
}

static void *serve(void *arg)
{
	pthread_attr_t attr;
	struct call call;
	bool attr_set = false, any;

	(void)arg;
	threads_make_service();
	for (;;) {
		any = false;
		waitq_wait(&posted_queue, (any = take(&call, &attr, &attr_set)), TIME_NEVER, false);
		if (any)
			start(&call, &attr, attr_set);
	}
	return NULL;
}

/* With all signals blocked: they are the program's threads' to take. */
static int start_service(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	if (__atomic_exchange_n(&started, true, __ATOMIC_ACQ_REL))
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, SERVICE_STACK_BYTES);
	error = pthread_create(&thread, &attr, serve, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		__atomic_store_n(&started, false, __ATOMIC_RELEASE);
	return error ? -EAGAIN : 0;
}

int notify_init(struct notify *notify, const struct sigevent *event,
		void (*taken)(struct notify *notify))
{
	if (!event->sigev_notify_function)
		return -EINVAL;
	*notify = (struct notify){
		.function = event->sigev_notify_function,
		.value = event->sigev_value,
		.attr_set = event->sigev_notify_attributes,
		.taken = taken,
	};
	if (notify->attr_set)
		notify->attr = *event->sigev_notify_attributes;
	list_init(&notify->node);
	return start_service();
}

void notify_post(struct notify *notify)
{
	bool enabled = spin_lock_events(&lock);

	if (list_empty(&notify->node))
		list_append(&posted, &notify->node);
	spin_unlock_events(&lock, enabled);
	waitq_wake_all(&posted_queue);
}

bool notify_waits(const struct notify *notify)
{
	return !list_empty(&notify->node);
}

void notify_cancel(struct notify *notify)
{
	bool enabled = spin_lock_events(&lock);

	list_remove(&notify->node);
	spin_unlock_events(&lock, enabled);
}
