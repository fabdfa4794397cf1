/* SPDX-License-Identifier: BSD-2-Clause */
/* remove(): directories too, which newlib's does not know. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int remove(const char *path)
{
	if (unlink(path) == 0)
		return 0;
	/* The one thing that is not for unlink(). */
	return errno == EPERM ? rmdir(path) : -1;
}

/* For newlib's tmpfile(). */
int _remove_r(struct _reent *reent, const char *path)
{
	(void)reent;
	return remove(path);
}
