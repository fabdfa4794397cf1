/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/check_main.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

uint64_t test_seed;

uint64_t test_random(void)
{
	/* xorshift64* (Vigna 2016) */
	test_seed ^= test_seed >> 12;
	test_seed ^= test_seed << 25;
	test_seed ^= test_seed >> 27;
	return test_seed * 0x2545f4914f6cdd1dULL;
}

int main(void)
{
	const char *seed = getenv("TEST_SEED");
	SRunner *runner = srunner_create(test_suite());
	int run, failed;

	test_seed = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 0x9e3779b97f4a7c15ULL;
	if (!test_seed)
		test_seed = 1;
	printf("TEST_SEED=%#" PRIx64 "\n", test_seed);
	fflush(stdout);
	srunner_run_all(runner, CK_ENV);
	run = srunner_ntests_run(runner);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	printf("%d passed, %d failed\n", run - failed, failed);
	return failed || !run;
}
