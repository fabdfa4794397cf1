/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals to threads by their handles. The error is the result. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "lib/posix/sig.h"
#include "lib/posix/threads.h"

#define THIS_PROCESS 1

SIG_WANT_QUEUE();

/* One that has ended and was not joined yet takes the signal, and nothing happens (POSIX
 * pthread_kill()). */
int pthread_kill(pthread_t handle, int signal)
{
	struct tcb *tcb;
	bool enabled;

	if (signal < 0 || signal >= NSIG)
		return EINVAL;
	enabled = threads_lock();
	tcb = threads_find(handle);
	if (tcb && signal && sig_queue_code(tcb->thread, signal, SI_TKILL))
		sig_send_thread(tcb->thread, signal, SI_USER);
	threads_unlock(enabled);
	if (tcb == tcb_self())
		sig_deliver();
	return tcb ? 0 : ESRCH;
}

int pthread_sigqueue(pthread_t handle, int signal, const union sigval value)
{
	siginfo_t info = {
		.si_signo = signal,
		.si_code = SI_QUEUE,
		.si_pid = THIS_PROCESS,
		.si_value = value,
	};
	struct tcb *tcb;
	int result = 0;
	bool enabled;

	if (signal < 0 || signal >= NSIG)
		return EINVAL;
	enabled = threads_lock();
	tcb = threads_find(handle);
	if (tcb && signal)
		result = -sig_queue_info(tcb->thread, &info);
	threads_unlock(enabled);
	if (tcb == tcb_self())
		sig_deliver();
	return tcb ? result : ESRCH;
}
