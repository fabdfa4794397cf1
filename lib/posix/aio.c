/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each descriptor with requests has a line of them and a thread that serves it, which goes when the
 * line is empty. The first of a line is in progress, the others may still be cancelled.
 */
#include <aio.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/time.h"
#include "core/wait.h"
#include "lib/posix/cancel.h"
#include "lib/posix/clock.h"
#include "lib/posix/notify.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/threads.h"

#define THIS_PROCESS    1
#define OPERATION_FSYNC 3 /* beside LIO_READ, LIO_WRITE */

SIG_WANT_QUEUE();

/* Requests of one lio_listio(). */
struct group {
	unsigned int left; /* in progress, and the submitter itself */
	bool failed;
	struct sigevent event;
};

struct line {
	int fd;
	struct aiocb *first;
	struct line *next;
};

static struct spinlock lock;
static struct line *lines;      /* lock */
static unsigned int requests;   /* in all lines; lock */
static struct waitq done_queue; /* woken when a request is done */

static struct line *find_line(int fd)
{
	struct line *line = lines;

	while (line && line->fd != fd)
		line = line->next;
	return line;
}

static void remove_line(struct line *line)
{
	struct line **at = &lines;

	while (*at != line)
		at = &(*at)->next;
	*at = line->next;
}

/* ---- Telling ---- */

static void notify_taken(struct notify *notify)
{
	free(notify);
}

static void tell(const struct sigevent *event)
{
	siginfo_t info = {
		.si_signo = event->sigev_signo, .si_code = SI_ASYNCIO, .si_pid = THIS_PROCESS};
	struct notify *notify;

	info.si_value = event->sigev_value;
	if (event->sigev_notify == SIGEV_SIGNAL && sig_valid(event->sigev_signo)) {
		if (sig_queue_info(NULL, &info))
			sig_send(event->sigev_signo, SI_USER);
	} else if (event->sigev_notify == SIGEV_THREAD) {
		notify = malloc(sizeof(*notify));
		if (notify && notify_init(notify, event, notify_taken) == 0)
			notify_post(notify);
		else
			free(notify);
	}
}

/* One request less; the last one tells. */
static void leave_group(struct group *group, bool failed)
{
	bool enabled, last;

	if (!group)
		return;
	enabled = spin_lock_events(&lock);
	group->failed |= failed;
	last = --group->left == 0;
	spin_unlock_events(&lock, enabled);
	if (last) {
		tell(&group->event);
		free(group);
	}
}

/* The control block is the program's again as soon as the error is there. */
static void finish(struct aiocb *request, ssize_t result, int error)
{
	struct sigevent event = request->aio_sigevent;
	struct group *group = request->__group;

	request->__result = result;
	__atomic_store_n(&request->__error, error, __ATOMIC_RELEASE);
	leave_group(group, error);
	waitq_wake_all(&done_queue);
	tell(&event);
}

/* ---- Serving ---- */

static ssize_t perform(const struct aiocb *request)
{
	void *bytes = (void *)request->aio_buf;
	ssize_t result;

	if (request->__operation == OPERATION_FSYNC)
		return fsync(request->aio_fildes);
	if (request->__operation == LIO_WRITE) {
		result = pwrite(request->aio_fildes, bytes, request->aio_nbytes,
				request->aio_offset);
		if (result < 0 && errno == ESPIPE)
			result = write(request->aio_fildes, bytes, request->aio_nbytes);
	} else {
		result =
			pread(request->aio_fildes, bytes, request->aio_nbytes, request->aio_offset);
		if (result < 0 && errno == ESPIPE)
			result = read(request->aio_fildes, bytes, request->aio_nbytes);
	}
	return result;
}

static void *serve(void *arg)
{
	struct line *line = arg;
	bool more = true;

	threads_make_service();
	while (more) {
		struct aiocb *request = line->first;
		ssize_t result = perform(request);
		int error = result < 0 ? errno : 0;
		bool enabled = spin_lock_events(&lock);

		line->first = request->__next;
		requests--;
		more = line->first;
		if (!more)
			remove_line(line);
		spin_unlock_events(&lock, enabled);
		finish(request, result, error);
	}
	free(line);
	return NULL;
}

/* With all signals blocked: they are the program's threads' to take. */
static int start_service(struct line *line)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, serve, line);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error ? -EAGAIN : 0;
}

/* Puts the request into the line of its descriptor; *made becomes NULL when it is a new one. */
static int enqueue(struct aiocb *request, struct line **made)
{
	bool enabled = spin_lock_events(&lock);
	struct line *line = find_line(request->aio_fildes);
	struct aiocb **at;
	int result = requests < AIO_MAX ? 0 : -EAGAIN;

	if (result == 0) {
		if (!line) {
			line = *made;
			*made = NULL;
			line->next = lines;
			lines = line;
		}
		for (at = &line->first; *at; at = &(*at)->__next)
			;
		*at = request;
		requests++;
	}
	spin_unlock_events(&lock, enabled);
	return result;
}

/* What a started line does when no thread can be had. */
static void give_up(struct line *line)
{
	bool enabled = spin_lock_events(&lock);
	struct aiocb *request = line->first;

	remove_line(line);
	for (struct aiocb *each = request; each; each = each->__next)
		requests--;
	spin_unlock_events(&lock, enabled);
	/* The first one's submitter gets an error; who came after it is told. */
	for (request = request->__next; request; request = request->__next)
		finish(request, -1, EAGAIN);
	free(line);
}

static int check(const struct aiocb *request)
{
	if (fcntl(request->aio_fildes, F_GETFL) < 0)
		return -EBADF;
	if (request->__operation != OPERATION_FSYNC &&
	    (request->aio_offset < 0 || request->aio_nbytes > SSIZE_MAX ||
	     request->aio_reqprio < 0 || request->aio_reqprio > AIO_PRIO_DELTA_MAX))
		return -EINVAL;
	return 0;
}

static int submit(struct aiocb *request, int operation, struct group *group)
{
	struct line *line, *made;
	int result;

	request->__operation = operation;
	request->__group = group;
	request->__next = NULL;
	result = check(request);
	if (result)
		return result;
	made = line = malloc(sizeof(*made));
	if (!made)
		return -EAGAIN;
	*made = (struct line){.fd = request->aio_fildes};
	request->__result = -1;
	request->__error = EINPROGRESS;
	result = enqueue(request, &made);
	if (result == 0 && !made) {
		result = start_service(line);
		if (result)
			give_up(line);
		return result;
	}
	free(made);
	return result;
}

/* What was refused is an error of the request as well. */
static int submit_alone(struct aiocb *request, int operation)
{
	int result = submit(request, operation, NULL);

	if (result) {
		request->__result = -1;
		request->__error = -result;
	}
	return (int)posix_result(result);
}

int aio_read(struct aiocb *request)
{
	return submit_alone(request, LIO_READ);
}

int aio_write(struct aiocb *request)
{
	return submit_alone(request, LIO_WRITE);
}

int aio_fsync(int operation, struct aiocb *request)
{
	if (operation != O_SYNC && operation != O_DSYNC)
		return (int)posix_result(-EINVAL);
	return submit_alone(request, OPERATION_FSYNC);
}

int aio_error(const struct aiocb *request)
{
	return __atomic_load_n(&request->__error, __ATOMIC_ACQUIRE);
}

/* Once, POSIX says; a second time it is an error here. */
ssize_t aio_return(struct aiocb *request)
{
	ssize_t result = request->__result;
	int error = aio_error(request);

	if (error == EINPROGRESS)
		return posix_result(-EINVAL);
	request->__error = EINVAL;
	request->__result = -1;
	if (result < 0)
		errno = error;
	return result;
}

/* Takes out of its line what is not the first one there: a list of what was cancelled. Locked. */
static struct aiocb *take_waiting(struct line *line, const struct aiocb *wanted)
{
	struct aiocb **at = line->first ? &line->first->__next : NULL, *taken = NULL;

	while (at && *at) {
		struct aiocb *request = *at;

		if (wanted && request != wanted) {
			at = &request->__next;
			continue;
		}
		*at = request->__next;
		request->__next = taken;
		taken = request;
		requests--;
	}
	return taken;
}

int aio_cancel(int fd, struct aiocb *wanted)
{
	struct aiocb *taken = NULL, *next;
	bool enabled, busy = false;
	struct line *line;

	if (fcntl(fd, F_GETFL) < 0)
		return -1;
	if (wanted && wanted->aio_fildes != fd)
		return (int)posix_result(-EINVAL);
	enabled = spin_lock_events(&lock);
	line = find_line(fd);
	if (line) {
		taken = take_waiting(line, wanted);
		busy = line->first && (!wanted || line->first == wanted);
	}
	spin_unlock_events(&lock, enabled);
	next = taken;
	while (next) {
		struct aiocb *request = next;

		next = request->__next;
		finish(request, -1, ECANCELED);
	}
	return busy ? AIO_NOTCANCELED : taken ? AIO_CANCELED : AIO_ALLDONE;
}

/* ---- Waiting ---- */

static bool any_done(const struct aiocb *const list[], int count)
{
	for (int i = 0; i < count; i++)
		if (list[i] && aio_error(list[i]) != EINPROGRESS)
			return true;
	return false;
}

int aio_suspend(const struct aiocb *const list[], int count, const struct timespec *timeout)
{
	uint64_t deadline_ns = TIME_NEVER;
	int result;

	cancel_test();
	if (count < 0 || (timeout && clock_deadline(timeout, &deadline_ns)))
		return (int)posix_result(-EINVAL);
	do
		result = waitq_wait(&done_queue, any_done(list, count), deadline_ns, true);
	while (result == -EINTR && sig_deliver() == SIG_NONE && !cancel_due());
	if (result == -EINTR)
		cancel_test();
	return (int)posix_result(result == -ETIMEDOUT ? -EAGAIN : result);
}

/* Submits the list. -EAGAIN: not all. */
static int submit_all(struct aiocb *restrict const list[restrict], int count, struct group *group)
{
	int result = 0;

	for (int i = 0; i < count; i++) {
		bool enabled;
		int error;

		if (!list[i] || list[i]->aio_lio_opcode == LIO_NOP)
			continue;
		enabled = spin_lock_events(&lock);
		group->left++;
		spin_unlock_events(&lock, enabled);
		error = list[i]->aio_lio_opcode == LIO_READ || list[i]->aio_lio_opcode == LIO_WRITE
				? submit(list[i], list[i]->aio_lio_opcode, group)
				: -EINVAL;
		if (error) {
			list[i]->__result = -1;
			list[i]->__error = -error;
			leave_group(group, true);
			result = error == -EAGAIN ? -EAGAIN : result ? result : -EIO;
		}
	}
	return result;
}

static int wait_for_group(struct group *group)
{
	int result;

	do
		result = waitq_wait(&done_queue, READ_ONCE(group->left) == 1, TIME_NEVER, true);
	while (result == -EINTR && sig_deliver() == SIG_NONE && !cancel_due());
	return result;
}

/* The submitter has done its part: whoever is last frees the group. */
static void let_go(struct group *group)
{
	bool enabled = spin_lock_events(&lock), last;

	last = --group->left == 0;
	spin_unlock_events(&lock, enabled);
	if (last) {
		tell(&group->event);
		free(group);
	}
}

int lio_listio(int mode, struct aiocb *restrict const list[restrict], int count,
	       struct sigevent *restrict event)
{
	struct group *group;
	int result, waited = 0;

	cancel_test();
	if ((mode != LIO_WAIT && mode != LIO_NOWAIT) || count < 0 || count > AIO_LISTIO_MAX)
		return (int)posix_result(-EINVAL);
	group = malloc(sizeof(*group));
	if (!group)
		return (int)posix_result(-EAGAIN);
	*group = (struct group){.left = 1};
	group->event.sigev_notify = SIGEV_NONE;
	if (mode == LIO_NOWAIT && event)
		group->event = *event;
	result = submit_all(list, count, group);
	if (mode == LIO_WAIT) {
		waited = wait_for_group(group);
		if (waited)
			result = waited;
		else if (result == 0 && group->failed)
			result = -EIO;
	}
	let_go(group);
	if (waited)
		cancel_test();
	return (int)posix_result(result);
}
