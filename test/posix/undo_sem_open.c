/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "test/posix/driver.h"

sem_t *posixtest_sem_open(const char *name, int flags, ...);

/* The semaphore itself is left open: closing one that the test has closed is not defined. */
static void undo_name(uintptr_t name)
{
	sem_unlink((const char *)name);
	free((void *)name);
}

sem_t *posixtest_sem_open(const char *name, int flags, ...)
{
	unsigned int value = 0;
	mode_t mode = 0;
	sem_t *semaphore;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		value = va_arg(args, unsigned int);
		va_end(args);
	}
	semaphore = sem_open(name, flags, mode, value);
	if (semaphore != SEM_FAILED && (flags & O_CREAT))
		posixtest_undo_later(undo_name, (uintptr_t)strdup(name));
	return semaphore;
}
