/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/random.h"
#include "lib/posix/posix.h"

#define GETENTROPY_BYTES_MAX 256

ssize_t getrandom(void *bytes_out, size_t bytes, unsigned int flags)
{
	int result;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return posix_result(-EINVAL);
	result = random_get(bytes_out, bytes);
	return posix_result(result ? result : (ssize_t)bytes);
}

int getentropy(void *bytes_out, size_t bytes)
{
	if (bytes > GETENTROPY_BYTES_MAX)
		return (int)posix_result(-EIO);
	return (int)posix_result(random_get(bytes_out, bytes));
}
