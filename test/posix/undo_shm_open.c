/* SPDX-License-Identifier: BSD-2-Clause */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "test/posix/driver.h"

int posixtest_shm_open(const char *name, int flags, mode_t mode);

static void undo_name(uintptr_t name)
{
	shm_unlink((const char *)name);
	free((void *)name);
}

int posixtest_shm_open(const char *name, int flags, mode_t mode)
{
	int fd = shm_open(name, flags, mode);

	if (fd >= 0 && (flags & O_CREAT))
		posixtest_undo_later(undo_name, (uintptr_t)strdup(name));
	return fd;
}
