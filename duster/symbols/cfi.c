/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/cfi.h"

#include <errno.h>
#include <stdlib.h>

#include "duster/symbols/location.h"

#define ARENA_BYTES_MAX (1u << 20)

struct unwinder {
	const struct regs *regs;
	cfi_read_fn *read;
	void *context;
	uint64_t cfa;
};

static int machine_reg(void *context, unsigned int number, uint64_t *value_out)
{
	const struct unwinder *unwinder = context;

	if (number > REGS_DWARF_LAST || !regs_known(unwinder->regs, number))
		return -ENODATA;
	*value_out = unwinder->regs->value[number];
	return 0;
}

static int machine_read(void *context, uint64_t addr, void *to, size_t bytes)
{
	const struct unwinder *unwinder = context;

	return unwinder->read(unwinder->context, addr, to, bytes);
}

static int machine_cfa(void *context, uint64_t *addr_out)
{
	*addr_out = ((const struct unwinder *)context)->cfa;
	return 0;
}

/* Registers a function must give back as it found them (System V ABI, AMD64, figure 3.4). */
static bool is_callee_saved(unsigned int number)
{
	return number == CPU_RBX || number == CPU_RBP || (number >= CPU_R12 && number <= CPU_R15);
}

static int restore(Dwarf_Frame *frame, unsigned int number, struct unwinder *unwinder,
		   const struct location_machine *machine, struct arena *arena, struct regs *caller)
{
	Dwarf_Op memory[3], *ops;
	struct location location;
	uint64_t value;
	size_t count;
	int error;

	if (dwarf_frame_register(frame, (int)number, memory, &ops, &count))
		return -EINVAL;
	if (!count) {
		/* Not touched, as the rules say or the ABI; what a call may change is lost. */
		if ((ops == NULL || is_callee_saved(number)) && is_callee_saved(number) &&
		    regs_known(unwinder->regs, number))
			regs_set(caller, number, unwinder->regs->value[number]);
		return 0;
	}
	error = location_eval(ops, count, NULL, machine, arena, &location);
	if (error)
		return error;
	value = location.value;
	if (location.kind == LOCATION_MEMORY)
		error = machine_read(unwinder, location.value, &value, sizeof(value));
	else if (location.kind == LOCATION_REGISTER)
		error = machine_reg(unwinder, (unsigned int)location.value, &value);
	else if (location.kind != LOCATION_VALUE)
		error = -ENODATA;
	if (!error)
		regs_set(caller, number, value);
	return error;
}

static Dwarf_Frame *find_frame(const struct image *image, uint64_t addr)
{
	Dwarf_Frame *frame;

	if (image->frame_cfi && dwarf_cfi_addrframe(image->frame_cfi, addr, &frame) == 0)
		return frame;
	if (image->eh_cfi && dwarf_cfi_addrframe(image->eh_cfi, addr, &frame) == 0)
		return frame;
	return NULL;
}

static int unwind(Dwarf_Frame *frame, struct unwinder *unwinder, struct arena *arena,
		  struct regs *caller)
{
	struct location_machine machine = {
		.context = unwinder, .reg = machine_reg, .read = machine_read, .cfa = machine_cfa};
	struct location location;
	Dwarf_Op *ops;
	size_t count;
	int error;

	if (dwarf_frame_cfa(frame, &ops, &count) || !count)
		return -EINVAL;
	error = location_eval(ops, count, NULL, &machine, arena, &location);
	if (error)
		return error;
	if (location.kind != LOCATION_MEMORY && location.kind != LOCATION_VALUE)
		return -EINVAL;
	unwinder->cfa = location.value;
	for (unsigned int number = 0; number <= REGS_DWARF_LAST; number++) {
		error = restore(frame, number, unwinder, &machine, arena, caller);
		if (error && number == CPU_RIP)
			return error;
	}
	/* The caller's stack pointer is the CFA by definition, unless a rule says otherwise. */
	if (!regs_known(caller, CPU_RSP))
		regs_set(caller, CPU_RSP, unwinder->cfa);
	return regs_known(caller, CPU_RIP) ? 0 : -ENODATA;
}

int cfi_unwind(const struct image *image, uint64_t addr, const struct regs *regs, cfi_read_fn *read,
	       void *context, struct regs *caller_out, uint64_t *cfa_out, bool *is_signal_out)
{
	struct unwinder unwinder = {.regs = regs, .read = read, .context = context};
	Dwarf_Frame *frame = find_frame(image, addr);
	Dwarf_Addr start, end;
	struct arena arena;
	bool is_signal = false;
	int error;

	*cfa_out = 0;
	if (!frame)
		return -ENOENT;
	*caller_out = (struct regs){0};
	arena_init(&arena, ARENA_BYTES_MAX);
	(void)dwarf_frame_info(frame, &start, &end, &is_signal);
	error = unwind(frame, &unwinder, &arena, caller_out);
	*cfa_out = unwinder.cfa;
	*is_signal_out = is_signal;
	arena_reset(&arena);
	free(frame);
	return error == -ENOENT ? -EFAULT : error;
}
