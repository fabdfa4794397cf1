/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects of <pthread.h> under names the host's own library does not have: included first when
 * lib/posix is compiled for tsan_sync.c.
 */
#ifndef TEST_HOST_TSAN_SYNC_NAMES_H
#define TEST_HOST_TSAN_SYNC_NAMES_H

#define pthread_mutex_lock           guest_mutex_lock
#define pthread_mutex_unlock         guest_mutex_unlock
#define pthread_mutex_trylock        guest_mutex_trylock
#define pthread_mutex_timedlock      guest_mutex_timedlock
#define pthread_mutex_clocklock      guest_mutex_clocklock
#define pthread_mutex_destroy        guest_mutex_destroy
#define pthread_mutex_consistent     guest_mutex_consistent
#define pthread_mutex_consistent_np  guest_mutex_consistent_np
#define pthread_mutex_getprioceiling guest_mutex_getprioceiling
#define pthread_mutex_setprioceiling guest_mutex_setprioceiling
#define pthread_cond_wait            guest_cond_wait
#define pthread_cond_timedwait       guest_cond_timedwait
#define pthread_cond_clockwait       guest_cond_clockwait
#define pthread_cond_signal          guest_cond_signal
#define pthread_cond_broadcast       guest_cond_broadcast
#define pthread_cond_destroy         guest_cond_destroy
#define pthread_rwlock_rdlock        guest_rwlock_rdlock
#define pthread_rwlock_wrlock        guest_rwlock_wrlock
#define pthread_rwlock_timedrdlock   guest_rwlock_timedrdlock
#define pthread_rwlock_timedwrlock   guest_rwlock_timedwrlock
#define pthread_rwlock_clockrdlock   guest_rwlock_clockrdlock
#define pthread_rwlock_clockwrlock   guest_rwlock_clockwrlock
#define pthread_rwlock_tryrdlock     guest_rwlock_tryrdlock
#define pthread_rwlock_trywrlock     guest_rwlock_trywrlock
#define pthread_rwlock_unlock        guest_rwlock_unlock
#define pthread_rwlock_init          guest_rwlock_init
#define pthread_rwlock_destroy       guest_rwlock_destroy
#define pthread_barrier_init         guest_barrier_init
#define pthread_barrier_wait         guest_barrier_wait
#define pthread_barrier_destroy      guest_barrier_destroy
#define pthread_spin_init            guest_spin_init
#define pthread_spin_lock            guest_spin_lock
#define pthread_spin_trylock         guest_spin_trylock
#define pthread_spin_unlock          guest_spin_unlock
#define pthread_spin_destroy         guest_spin_destroy
#define pthread_once                 guest_once
#define __pthread_cleanup_push       guest_cleanup_push
#define __pthread_cleanup_pop        guest_cleanup_pop
#define sem_init                     guest_sem_init
#define sem_destroy                  guest_sem_destroy
#define sem_getvalue                 guest_sem_getvalue
#define sem_post                     guest_sem_post
#define sem_wait                     guest_sem_wait
#define sem_timedwait                guest_sem_timedwait
#define sem_clockwait                guest_sem_clockwait
#define sem_trywait                  guest_sem_trywait

#endif
