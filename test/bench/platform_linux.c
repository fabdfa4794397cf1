/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program is the guest's process 1, alone in its initrd. Started as anything else, on the build
 * machine, it just exits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#include "test/bench/bench.h"

uint64_t platform_entry_ticks(void)
{
	return 0;
}

void platform_end(int status)
{
	/* The kernel does not wait for its console when it powers off. */
	const struct timespec drain = {.tv_nsec = 200 * 1000 * 1000};

	fflush(stdout);
	if (getpid() != 1)
		exit(status);
	nanosleep(&drain, NULL);
	reboot(RB_POWER_OFF);
	_exit(status);
}
