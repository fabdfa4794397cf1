/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/net_start.h"

#include <stdlib.h>

#include "lib/net/stack.h"

/* Before main(), so that the guest can be reached while the program prepares itself. */
__attribute__((constructor)) void net_start(void)
{
	net_init();
}

bool net_start_wait(void)
{
	return false;
}
