/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared memory objects: files in /dev/shm, which is a tmpfs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/posix/posix.h"

#define DIRECTORY "/dev/shm/"

/* A name is one component, with or without a slash before it. */
static int path_of(const char *name, char *path_out)
{
	size_t bytes;

	while (*name == '/')
		name++;
	bytes = strnlen(name, NAME_MAX + 1);
	if (bytes > NAME_MAX)
		return -ENAMETOOLONG;
	if (bytes == 0 || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	memcpy(path_out, DIRECTORY, sizeof(DIRECTORY) - 1);
	memcpy(path_out + sizeof(DIRECTORY) - 1, name, bytes + 1);
	return 0;
}

int shm_open(const char *name, int flags, mode_t mode)
{
	char path[sizeof(DIRECTORY) + NAME_MAX];
	int result = path_of(name, path), state;

	if ((flags & O_ACCMODE) == O_WRONLY)
		result = -EINVAL;
	if (result)
		return (int)posix_result(result);
	/* Other than open(), it is no cancellation point (POSIX.1-2017 2.9.5.2). */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	result = open(path, flags | O_CLOEXEC | O_NOFOLLOW, mode);
	pthread_setcancelstate(state, NULL);
	return result;
}

int shm_unlink(const char *name)
{
	char path[sizeof(DIRECTORY) + NAME_MAX];
	int result = path_of(name, path);

	/* No such name can be there. */
	if (result)
		return (int)posix_result(result == -EINVAL ? -ENOENT : result);
	return unlink(path);
}
