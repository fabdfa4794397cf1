/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Thread-specific data. A thread's table is made at its first value. A key that is deleted and
 * created again has another generation: values of the old one are not seen, nor destroyed.
 *
 * Lock: the keys are changed by compare-and-exchange of their generation, which is odd while the
 * key exists.
 */
#include "lib/posix/keys.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/posix/mutex.h"
#include "lib/posix/tcb.h"

static struct key {
	uint32_t generation;
	void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];

struct keys_values {
	struct value {
		uint32_t generation;
		void *data;
	} values[PTHREAD_KEYS_MAX];
};

int pthread_key_create(pthread_key_t *key_out, void (*destructor)(void *))
{
	for (pthread_key_t i = 0; i < PTHREAD_KEYS_MAX; i++) {
		uint32_t generation = mutex_load(&keys[i].generation);

		if ((generation & 1) ||
		    !mutex_change(&keys[i].generation, generation, generation + 1))
			continue;
		/* Nobody has the key before we return it. */
		keys[i].destructor = destructor;
		*key_out = i;
		return 0;
	}
	return EAGAIN;
}

int pthread_key_delete(pthread_key_t key)
{
	uint32_t generation;

	if (key >= PTHREAD_KEYS_MAX)
		return EINVAL;
	generation = mutex_load(&keys[key].generation);
	if (!(generation & 1) || !mutex_change(&keys[key].generation, generation, generation + 1))
		return EINVAL;
	return 0;
}

void *pthread_getspecific(pthread_key_t key)
{
	const struct keys_values *table = tcb_self()->keys;

	if (!table || key >= PTHREAD_KEYS_MAX ||
	    table->values[key].generation != keys[key].generation)
		return NULL;
	return table->values[key].data;
}

int pthread_setspecific(pthread_key_t key, const void *data)
{
	struct tcb *self = tcb_self();

	if (key >= PTHREAD_KEYS_MAX || !(mutex_load(&keys[key].generation) & 1))
		return EINVAL;
	if (!self->keys) {
		if (!data)
			return 0;
		self->keys = calloc(1, sizeof(*self->keys));
		if (!self->keys)
			return ENOMEM;
	}
	self->keys->values[key] = (struct value){keys[key].generation, (void *)(uintptr_t)data};
	return 0;
}

/* Once through the table; whether a destructor ran. */
static bool destroy_values(struct keys_values *table)
{
	bool ran = false;

	for (pthread_key_t i = 0; i < PTHREAD_KEYS_MAX; i++) {
		struct value *value = &table->values[i];
		void (*destructor)(void *) = keys[i].destructor;
		void *data = value->data;

		if (!data || value->generation != mutex_load(&keys[i].generation) || !destructor)
			continue;
		value->data = NULL;
		destructor(data);
		ran = true;
	}
	return ran;
}

void keys_destroy(void)
{
	struct tcb *self = tcb_self();
	struct keys_values *table = self->keys;

	if (!table)
		return;
	for (int i = 0; i < PTHREAD_DESTRUCTOR_ITERATIONS && destroy_values(table); i++)
		;
	self->keys = NULL;
	free(table);
}
