/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "test/posix/driver.h"

mqd_t posixtest_mq_open(const char *name, int flags, ...);

static void undo_name(uintptr_t name)
{
	mq_unlink((const char *)name);
	free((void *)name);
}

static void undo(uintptr_t queue)
{
	mq_close((mqd_t)queue);
}

mqd_t posixtest_mq_open(const char *name, int flags, ...)
{
	struct mq_attr *attr = NULL;
	mode_t mode = 0;
	mqd_t queue;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		attr = va_arg(args, struct mq_attr *);
		va_end(args);
	}
	queue = mq_open(name, flags, mode, attr);
	if (queue == (mqd_t)-1)
		return queue;
	if (flags & O_CREAT)
		posixtest_undo_later(undo_name, (uintptr_t)strdup(name));
	posixtest_undo_later(undo, (uintptr_t)queue);
	return queue;
}
