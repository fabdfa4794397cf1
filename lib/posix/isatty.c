/* SPDX-License-Identifier: BSD-2-Clause */
/* Apart from the rest of the terminal's interface, because stdio asks this of every stream. */
#include <errno.h>
#include <unistd.h>

#include "lib/posix/fd.h"
#include "lib/posix/newlib.h"
#include "lib/posix/posix.h"

int isatty(int fd)
{
	struct file *file = fd_get(fd);
	int result = -EBADF;

	if (file) {
		result = file->ops->is_terminal ? 0 : -ENOTTY;
		file_put(file);
	}
	return posix_result(result) == 0;
}

int _isatty(int fd)
{
	return isatty(fd);
}
