/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "arch/x86_64/pv/boot.h"
#include "test/bench/bench.h"

uint64_t platform_entry_ticks(void)
{
	return boot_info.entry_tsc;
}

void platform_devices(void)
{
}

void platform_end(int status)
{
	exit(status);
}
