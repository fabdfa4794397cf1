/* SPDX-License-Identifier: BSD-2-Clause */
/* Named semaphores. Names live in memory; they are as file names without directories. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/posix.h"

/* Each is in two chains: by name until that is unlinked, by place until the last close. */
enum order { BY_NAME, BY_PLACE, ORDERS };

struct named {
	sem_t sem; /* first: sem_close() has its address */
	struct named *next[ORDERS];
	uint64_t hash[ORDERS];
	unsigned int opens;
	bool unlinked;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by lock. Heads of chains: a power of two of each order, as many as there are semaphores;
 * in one block, that of BY_NAME. None without semaphores. */
static struct named **heads[ORDERS];
static size_t head_count, named_count;

#define HEADS_FIRST 16

/* As on Linux, where the name of the file behind it begins with "sem.". */
#define NAME_BYTES_MAX (NAME_MAX - 4)

/* Without the leading slash. 0, -EINVAL, -ENAMETOOLONG. */
static int check_name(const char **name)
{
	if (**name == '/')
		++*name;
	if (strnlen(*name, NAME_BYTES_MAX + 1) > NAME_BYTES_MAX)
		return -ENAMETOOLONG;
	return **name == '\0' || strchr(*name, '/') ? -EINVAL : 0;
}

/* FNV-1a. */
static uint64_t hash_bytes(const void *bytes, size_t count)
{
	const unsigned char *at = bytes;
	uint64_t hash = 0xcbf29ce484222325;

	while (count-- > 0)
		hash = (hash ^ *at++) * 0x100000001b3;
	return hash;
}

static struct named **head_of(enum order order, uint64_t hash)
{
	return &heads[order][hash & (head_count - 1)];
}

static void put_in(enum order order, struct named *named)
{
	struct named **head = head_of(order, named->hash[order]);

	named->next[order] = *head;
	*head = named;
}

static void take_out(enum order order, struct named *named)
{
	struct named **link = head_of(order, named->hash[order]);

	while (*link != named)
		link = &(*link)->next[order];
	*link = named->next[order];
}

/* Room for one more. Without memory the chains get longer, once there are some. */
static int make_heads(void)
{
	size_t old_count = head_count, count = old_count ? 2 * old_count : HEADS_FIRST;
	struct named **old_block = heads[BY_NAME], **old = heads[BY_PLACE], **fresh, *named, *next;

	if (named_count < old_count)
		return 0;
	fresh = calloc(ORDERS * count, sizeof(*fresh));
	if (!fresh)
		return old_count ? 0 : -ENOSPC;
	head_count = count;
	for (int order = 0; order < ORDERS; order++)
		heads[order] = fresh + (size_t)order * count;
	for (size_t i = 0; i < old_count; i++) {
		for (named = old[i]; named; named = next) {
			next = named->next[BY_PLACE];
			put_in(BY_PLACE, named);
			if (!named->unlinked)
				put_in(BY_NAME, named);
		}
	}
	free(old_block);
	return 0;
}

static struct named *find(const char *name)
{
	struct named *named = head_count ? *head_of(BY_NAME, hash_bytes(name, strlen(name))) : NULL;

	while (named && strcmp(named->name, name) != 0)
		named = named->next[BY_NAME];
	return named;
}

static struct named *find_place(const sem_t *sem)
{
	struct named *named = head_count ? *head_of(BY_PLACE, hash_bytes(&sem, sizeof(sem))) : NULL;

	while (named && &named->sem != sem)
		named = named->next[BY_PLACE];
	return named;
}

static int create(const char *name, unsigned int value, struct named **named_out)
{
	size_t name_bytes = strlen(name) + 1;
	struct named *named;
	sem_t *sem;

	if (value > SEM_VALUE_MAX)
		return -EINVAL;
	if (make_heads() != 0)
		return -ENOSPC;
	named = calloc(1, sizeof(*named) + name_bytes);
	if (!named)
		return -ENOSPC;
	memcpy(named->name, name, name_bytes);
	sem = &named->sem;
	sem_init(sem, 0, value);
	named->hash[BY_NAME] = hash_bytes(name, name_bytes - 1);
	named->hash[BY_PLACE] = hash_bytes(&sem, sizeof(sem));
	put_in(BY_NAME, named);
	put_in(BY_PLACE, named);
	named_count++;
	*named_out = named;
	return 0;
}

static int open_locked(const char *name, int flags, unsigned int value, struct named **named_out)
{
	*named_out = find(name);
	if (*named_out)
		return (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL) ? -EEXIST : 0;
	return flags & O_CREAT ? create(name, value, named_out) : -ENOENT;
}

sem_t *sem_open(const char *name, int flags, ...)
{
	unsigned int value = 0;
	struct named *named;
	va_list arguments;
	int result = check_name(&name);

	va_start(arguments, flags);
	if (flags & O_CREAT) {
		(void)va_arg(arguments, mode_t); /* one user, who may do all */
		value = va_arg(arguments, unsigned int);
	}
	va_end(arguments);
	if (result == 0) {
		pthread_mutex_lock(&lock);
		result = open_locked(name, flags, value, &named);
		if (result == 0)
			named->opens++;
		pthread_mutex_unlock(&lock);
	}
	if (posix_result(result))
		return SEM_FAILED;
	return &named->sem;
}

/* Frees it when nobody can reach it any more. */
static void release(struct named *named)
{
	if (named->opens || !named->unlinked)
		return;
	take_out(BY_PLACE, named);
	free(named);
	if (--named_count > 0)
		return;
	free(heads[BY_NAME]);
	heads[BY_NAME] = heads[BY_PLACE] = NULL;
	head_count = 0;
}

int sem_close(sem_t *sem)
{
	struct named *named;
	int result = -EINVAL;

	pthread_mutex_lock(&lock);
	named = find_place(sem);
	if (named && named->opens) {
		named->opens--;
		release(named);
		result = 0;
	}
	pthread_mutex_unlock(&lock);
	return (int)posix_result(result);
}

int sem_unlink(const char *name)
{
	struct named *named;
	int result = check_name(&name);

	if (result == 0) {
		pthread_mutex_lock(&lock);
		named = find(name);
		if (named) {
			named->unlinked = true;
			take_out(BY_NAME, named);
			release(named);
		} else {
			result = -ENOENT;
		}
		pthread_mutex_unlock(&lock);
	}
	return (int)posix_result(result == -EINVAL ? -ENOENT : result);
}
