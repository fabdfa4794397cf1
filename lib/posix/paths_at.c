/* SPDX-License-Identifier: BSD-2-Clause */
/* The rarer calls about paths, each by its plainer relative. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/posix/posix.h"

/* What mkdirat() says of a name that cannot be made fits all that cannot be made. */
int mkfifoat(int at, const char *path, mode_t mode)
{
	return mkdirat(at, path, mode);
}

int mknodat(int at, const char *path, mode_t mode, dev_t device)
{
	(void)device;
	return mkdirat(at, path, mode);
}

int symlinkat(const char *target, int at, const char *path)
{
	(void)target;
	return mkdirat(at, path, 0);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	if (faccessat(from_at, from, F_OK, flags))
		return -1;
	return mkdirat(to_at, to, 0);
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	(void)to_at;
	(void)to;
	return unlinkat(from_at, from, 0);
}

int fchmodat(int at, const char *path, mode_t mode, int flags)
{
	(void)mode;
	(void)flags;
	return utimensat(at, path, NULL, 0);
}

int fchownat(int at, const char *path, uid_t owner, gid_t group, int flags)
{
	(void)owner;
	(void)group;
	(void)flags;
	return utimensat(at, path, NULL, 0);
}

int futimes(int fd, const struct timeval *times)
{
	(void)times;
	return futimens(fd, NULL);
}

int lutimes(const char *path, const struct timeval *times)
{
	return utimes(path, times);
}

int eaccess(const char *path, int mode)
{
	return access(path, mode);
}

int euidaccess(const char *path, int mode)
{
	return access(path, mode);
}

char *get_current_dir_name(void)
{
	return getcwd(NULL, 0);
}

void sync(void)
{
	/* Nothing is written late. */
}

int lockf(int fd, int command, off_t bytes)
{
	(void)bytes;
	if (command < F_ULOCK || command > F_TEST)
		return (int)posix_result(-EINVAL);
	/* One process: its own locks never stand in its way. */
	return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}
