/* SPDX-License-Identifier: BSD-2-Clause */
/* A target made of arrays, for tests: regions of memory, registers, and a log of what was asked. */
#ifndef DUSTER_TARGET_MOCK_H
#define DUSTER_TARGET_MOCK_H

#include "duster/target/target.h"

#define MOCK_REGIONS_MAX 32u
#define MOCK_VCPUS_MAX   8u

struct mock_region {
	uint64_t addr;
	uint8_t *data; /* borrowed */
	size_t bytes;
	bool read_only;
};

struct mock_target {
	struct target target;
	struct mock_region regions[MOCK_REGIONS_MAX];
	unsigned int regions_count;
	struct regs regs[MOCK_VCPUS_MAX];
	unsigned int reads_count, writes_count;
};

void mock_target_init(struct mock_target *mock, unsigned int vcpus_count);
void mock_target_add(struct mock_target *mock, uint64_t addr, void *data, size_t bytes,
		     bool read_only);

#endif
