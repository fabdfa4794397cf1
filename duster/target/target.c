/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/target/target.h"

#include <errno.h>
#include <stdio.h>

/* Calls an operation, or says that the target has none. */
#define CALL(target, op, ...)                                                                      \
	((target)->ops->op ? (target)->ops->op((target), ##__VA_ARGS__) : -EOPNOTSUPP)

void target_close(struct target *target)
{
	if (target)
		target->ops->close(target);
}

void target_describe(struct target *target, char *text_out, size_t text_bytes)
{
	if (target->ops->describe)
		target->ops->describe(target, text_out, text_bytes);
	else
		snprintf(text_out, text_bytes, "a target");
}

int target_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	if (vcpu >= target->vcpus_count)
		return -ENOENT;
	*regs_out = (struct regs){0};
	return CALL(target, regs_get, vcpu, regs_out);
}

int target_regs_set(struct target *target, unsigned int vcpu, const struct regs *regs)
{
	if (vcpu >= target->vcpus_count)
		return -ENOENT;
	return CALL(target, regs_set, vcpu, regs);
}

int target_read_some(struct target *target, unsigned int vcpu, uint64_t addr, void *to,
		     size_t bytes, size_t *done_out)
{
	*done_out = 0;
	if (!bytes)
		return 0;
	/* The last byte of the address space belongs to no guest. */
	if (bytes > UINT64_MAX - addr)
		bytes = (size_t)(UINT64_MAX - addr);
	return CALL(target, read, vcpu, addr, to, bytes, done_out);
}

int target_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes)
{
	size_t done;
	int error = target_read_some(target, vcpu, addr, to, bytes, &done);

	if (error)
		return error;
	return done == bytes ? 0 : -EFAULT;
}

int target_read_u64(struct target *target, unsigned int vcpu, uint64_t addr, uint64_t *word_out)
{
	return target_read(target, vcpu, addr, word_out, sizeof(*word_out));
}

int target_write(struct target *target, unsigned int vcpu, uint64_t addr, const void *from,
		 size_t bytes)
{
	if (bytes > UINT64_MAX - addr)
		return -EFAULT;
	return CALL(target, write, vcpu, addr, from, bytes);
}

int target_walk(struct target *target, unsigned int vcpu, uint64_t addr, struct walk *walk_out)
{
	*walk_out = (struct walk){0};
	return CALL(target, walk, vcpu, addr, walk_out);
}

int target_pfn(struct target *target, uint64_t mfn, uint64_t *pfn_out)
{
	return CALL(target, pfn, mfn, pfn_out);
}

int target_pause(struct target *target)
{
	return CALL(target, pause);
}

int target_resume(struct target *target)
{
	return CALL(target, resume);
}

int target_break_set(struct target *target, uint64_t addr, struct problem *problem)
{
	if (!target->ops->break_set)
		return problem_set(problem, -EOPNOTSUPP, "this target takes no breakpoints");
	return target->ops->break_set(target, addr, problem);
}

int target_break_clear(struct target *target, uint64_t addr)
{
	return CALL(target, break_clear, addr);
}

void target_condition_set(struct target *target, uint64_t addr, const uint8_t *code, size_t bytes)
{
	if (target->ops->condition_set)
		target->ops->condition_set(target, addr, code, bytes);
}

int target_watch_set(struct target *target, unsigned int slot, enum watch_kind kind, uint64_t addr,
		     unsigned int bytes)
{
	return CALL(target, watch_set, slot, kind, addr, bytes);
}

int target_step(struct target *target, unsigned int vcpu, struct target_event *event_out)
{
	return CALL(target, step, vcpu, event_out);
}

int target_event_ns(struct target *target, uint64_t *ns_out)
{
	return target->ops->event_ns ? target->ops->event_ns(target, ns_out) : -EOPNOTSUPP;
}

int target_wait(struct target *target, int timeout_ms, struct target_event *event_out)
{
	return CALL(target, wait, timeout_ms, event_out);
}
