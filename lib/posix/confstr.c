/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings of the system (POSIX.1-2017 confstr), and names that are always the same. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

size_t confstr(int name, char *buffer, size_t bytes)
{
	const char *text;
	size_t needed;

	switch (name) {
	case _CS_PATH:
		text = "/bin:/usr/bin";
		break;
	case _CS_V7_ENV:
	case _CS_POSIX_V7_LP64_OFF64_CFLAGS:
	case _CS_POSIX_V7_LP64_OFF64_LDFLAGS:
	case _CS_POSIX_V7_LP64_OFF64_LIBS:
	case _CS_POSIX_V7_THREADS_CFLAGS:
	case _CS_POSIX_V7_THREADS_LDFLAGS:
		text = ""; /* nothing is needed */
		break;
	case _CS_POSIX_V7_WIDTH_RESTRICTED_ENVS:
		text = "POSIX_V7_LP64_OFF64";
		break;
	default:
		errno = EINVAL;
		return 0;
	}
	needed = strlen(text) + 1;
	if (bytes) {
		size_t copied = needed <= bytes ? needed : bytes;

		memcpy(buffer, text, copied);
		buffer[copied - 1] = '\0';
	}
	return needed;
}

char *ctermid(char *buffer)
{
	static char own[L_ctermid];

	return strcpy(buffer ? buffer : own, "/dev/tty");
}
