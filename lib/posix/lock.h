/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for the C library's own locks (<sys/lock.h>), which programs without threads never do.
 * The word is the owner's number, with LOCK_WAITERS when somebody may wait.
 */
#ifndef LIB_POSIX_LOCK_H
#define LIB_POSIX_LOCK_H

#include <stdint.h>
#include <sys/lock.h>

#define LOCK_WAITERS 0x80000000u

/* Takes a lock somebody else has. Thread context. */
void lock_wait(struct __lock *lock);
/* Wakes one who waits; the lock is free already and may be gone. */
void lock_wake(const struct __lock *lock);

#endif
