/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cancellation points (POSIX.1-2017 2.9.5). A function that is one calls cancel_test() first; when
 * a wait ended with -EINTR it calls sig_deliver(), lets go of what it holds, and calls
 * cancel_test() again before it returns or waits once more. Thread context.
 *
 * pthread_cancel() marks the thread and interrupts its wait; thread->interrupted stays set until
 * the thread has acted or sig_deliver() has run, so that a mark which comes between cancel_test()
 * and the wait is not lost.
 */
#ifndef LIB_POSIX_CANCEL_H
#define LIB_POSIX_CANCEL_H

#include "lib/posix/tcb.h"

/* The running thread is to end at its next cancellation point. Any context. */
static inline bool cancel_due(void)
{
	return (tcb_cancel() & (CANCEL_PENDING | CANCEL_DISABLED | CANCEL_EXITING)) ==
	       CANCEL_PENDING;
}

/* Ends the thread if it was cancelled and allows it. */
void cancel_test(void);

/* pthread_cancel.c: ends the thread, unless the C library's lists are locked by it. */
void cancel_act(void);
/* pthread_stdio.c: unlocks the streams the thread holds; false when it holds other locks too. */
bool cancel_streams_only(void);
void cancel_free_streams(void);

#endif
