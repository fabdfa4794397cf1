/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEST_HOST_FAKE_SPINLOCK_H
#define TEST_HOST_FAKE_SPINLOCK_H

/* Unlocks what this thread holds: after a panic that came back. Events disabled. */
void fake_spinlocks_release(void);

#endif
