/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>

#include "test/posix/driver.h"

int posixtest_pthread_key_create(pthread_key_t *key_out, void (*destructor)(void *));

static void undo(uintptr_t key)
{
	pthread_key_delete((pthread_key_t)key);
}

int posixtest_pthread_key_create(pthread_key_t *key_out, void (*destructor)(void *))
{
	int result = pthread_key_create(key_out, destructor);

	if (result == 0)
		posixtest_undo_later(undo, (uintptr_t)*key_out);
	return result;
}
