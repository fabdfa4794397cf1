/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's locks. With one thread nobody ever waits, so taking one is counting at most: the
 * structures keep their zero state and the threads issue fills in the waiting.
 */
#include <reent.h>
#include <sys/lock.h>

void _Mutex_Acquire(struct _Mutex_Control *mutex)
{
	(void)mutex;
}

void _Mutex_Release(struct _Mutex_Control *mutex)
{
	(void)mutex;
}

void _Mutex_recursive_Acquire(struct _Mutex_recursive_Control *mutex)
{
	mutex->_nest_level++;
}

void _Mutex_recursive_Release(struct _Mutex_recursive_Control *mutex)
{
	mutex->_nest_level--;
}
