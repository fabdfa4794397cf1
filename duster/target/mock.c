/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/target/mock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct mock_target *self(struct target *target)
{
	return (struct mock_target *)target;
}

static struct mock_region *find(struct mock_target *mock, uint64_t addr)
{
	for (unsigned int i = 0; i < mock->regions_count; i++)
		if (addr - mock->regions[i].addr < mock->regions[i].bytes)
			return &mock->regions[i];
	return NULL;
}

/* Tests show it their own memory, with what their sanitizer keeps between variables. */
__attribute__((no_sanitize("address"))) static int op_read(struct target *target, unsigned int vcpu,
							   uint64_t addr, void *to, size_t bytes,
							   size_t *done_out)
{
	(void)vcpu;
	self(target)->reads_count++;
	for (*done_out = 0; *done_out < bytes; ++*done_out) {
		struct mock_region *region = find(self(target), addr + *done_out);

		if (!region)
			return -EFAULT;
		((uint8_t *)to)[*done_out] = region->data[addr + *done_out - region->addr];
	}
	return 0;
}

static int op_write(struct target *target, unsigned int vcpu, uint64_t addr, const void *from,
		    size_t bytes)
{
	(void)vcpu;
	for (size_t i = 0; i < bytes; i++) {
		struct mock_region *region = find(self(target), addr + i);

		if (!region || region->read_only)
			return -EFAULT;
	}
	for (size_t i = 0; i < bytes; i++) {
		struct mock_region *region = find(self(target), addr + i);

		region->data[addr + i - region->addr] = ((const uint8_t *)from)[i];
	}
	self(target)->writes_count++;
	return 0;
}

static int op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	*regs_out = self(target)->regs[vcpu];
	return 0;
}

static int op_regs_set(struct target *target, unsigned int vcpu, const struct regs *regs)
{
	self(target)->regs[vcpu] = *regs;
	return 0;
}

static void op_describe(struct target *target, char *text_out, size_t text_bytes)
{
	(void)target;
	snprintf(text_out, text_bytes, "mock");
}

static void op_close(struct target *target)
{
	(void)target;
}

static const struct target_ops ops = {
	.close = op_close,
	.describe = op_describe,
	.regs_get = op_regs_get,
	.regs_set = op_regs_set,
	.read = op_read,
	.write = op_write,
};

void mock_target_init(struct mock_target *mock, unsigned int vcpus_count)
{
	memset(mock, 0, sizeof(*mock));
	mock->target.ops = &ops;
	mock->target.vcpus_count = vcpus_count < MOCK_VCPUS_MAX ? vcpus_count : MOCK_VCPUS_MAX;
}

void mock_target_add(struct mock_target *mock, uint64_t addr, void *data, size_t bytes,
		     bool read_only)
{
	if (mock->regions_count < MOCK_REGIONS_MAX)
		mock->regions[mock->regions_count++] =
			(struct mock_region){addr, data, bytes, read_only};
}
