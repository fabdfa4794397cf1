/* SPDX-License-Identifier: BSD-2-Clause */
/* core/random.h with numbers that repeat with the test's seed. */
#include "core/random.h"

#include <string.h>

#include "test/host/check_main.h"

int random_get(void *bytes_out, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
		uint64_t value = test_random();

		memcpy((char *)bytes_out + at, &value,
		       bytes - at < sizeof(value) ? bytes - at : sizeof(value));
	}
	return 0;
}
