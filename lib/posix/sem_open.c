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
#include <stdlib.h>
#include <string.h>

#include "lib/posix/posix.h"

struct named {
	sem_t sem; /* first: sem_close() has its address */
	struct named *next;
	unsigned int opens;
	bool unlinked;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct named *all; /* guarded by lock */

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

static struct named *find(const char *name)
{
	struct named *named = all;

	while (named && (named->unlinked || strcmp(named->name, name) != 0))
		named = named->next;
	return named;
}

static int create(const char *name, unsigned int value, struct named **named_out)
{
	size_t name_bytes = strlen(name) + 1;
	struct named *named;

	if (value > SEM_VALUE_MAX)
		return -EINVAL;
	named = calloc(1, sizeof(*named) + name_bytes);
	if (!named)
		return -ENOSPC;
	memcpy(named->name, name, name_bytes);
	sem_init(&named->sem, 0, value);
	named->next = all;
	all = named;
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
	struct named **link = &all;

	if (named->opens || !named->unlinked)
		return;
	while (*link != named)
		link = &(*link)->next;
	*link = named->next;
	free(named);
}

int sem_close(sem_t *sem)
{
	struct named *named;
	int result = -EINVAL;

	pthread_mutex_lock(&lock);
	for (named = all; named && &named->sem != sem; named = named->next)
		;
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
			release(named);
		} else {
			result = -ENOENT;
		}
		pthread_mutex_unlock(&lock);
	}
	return (int)posix_result(result == -EINVAL ? -ENOENT : result);
}
