/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "lib/posix/socket.h"

int socket_unix_create(int type, struct socket **socket_out)
{
	(void)type;
	(void)socket_out;
	return -EAFNOSUPPORT;
}
