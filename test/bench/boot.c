/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long until main: reports the counter at main's first statement and at the guest's first
 * instruction. Its line is also the first line of its console.
 */
#include <inttypes.h>
#include <stdio.h>

#include "test/bench/bench.h"

int main(void)
{
	uint64_t main_ticks = bench_ticks();

	printf("bench boot %" PRIu64 " %" PRIu64 "\n", platform_entry_ticks(), main_ticks);
	platform_end(0);
}
