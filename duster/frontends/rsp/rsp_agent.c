/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/frontends/rsp/rsp_agent.h"

#include <errno.h>
#include <string.h>

#define STACK_MAX 64u
#define STEPS_MAX 10000u

/* Debugging with GDB, F.2: Bytecode Descriptions. */
enum {
	OP_ADD = 0x02,
	OP_SUB = 0x03,
	OP_MUL = 0x04,
	OP_DIV_SIGNED = 0x05,
	OP_DIV_UNSIGNED = 0x06,
	OP_REM_SIGNED = 0x07,
	OP_REM_UNSIGNED = 0x08,
	OP_LSH = 0x09,
	OP_RSH_SIGNED = 0x0a,
	OP_RSH_UNSIGNED = 0x0b,
	OP_LOG_NOT = 0x0e,
	OP_BIT_AND = 0x0f,
	OP_BIT_OR = 0x10,
	OP_BIT_XOR = 0x11,
	OP_BIT_NOT = 0x12,
	OP_EQUAL = 0x13,
	OP_LESS_SIGNED = 0x14,
	OP_LESS_UNSIGNED = 0x15,
	OP_EXT = 0x16,
	OP_REF8 = 0x17,
	OP_REF16 = 0x18,
	OP_REF32 = 0x19,
	OP_REF64 = 0x1a,
	OP_IF_GOTO = 0x20,
	OP_GOTO = 0x21,
	OP_CONST8 = 0x22,
	OP_CONST16 = 0x23,
	OP_CONST32 = 0x24,
	OP_CONST64 = 0x25,
	OP_REG = 0x26,
	OP_END = 0x27,
	OP_DUP = 0x28,
	OP_POP = 0x29,
	OP_ZERO_EXT = 0x2a,
	OP_SWAP = 0x2b,
	OP_PICK = 0x32,
	OP_ROT = 0x33,
};

struct machine {
	const struct rsp_agent *agent;
	const uint8_t *code;
	size_t bytes, at;
	uint64_t stack[STACK_MAX];
	unsigned int depth;
	int error;
};

static void push(struct machine *machine, uint64_t value)
{
	if (machine->depth == STACK_MAX)
		machine->error = -EINVAL;
	else
		machine->stack[machine->depth++] = value;
}

static uint64_t pop(struct machine *machine)
{
	if (!machine->depth) {
		machine->error = -EINVAL;
		return 0;
	}
	return machine->stack[--machine->depth];
}

/* Big-endian, as all of the bytecode. */
static uint64_t operand(struct machine *machine, unsigned int bytes)
{
	uint64_t value = 0;

	if (machine->bytes - machine->at < bytes) {
		machine->error = -EINVAL;
		return 0;
	}
	while (bytes--)
		value = value << 8 | machine->code[machine->at++];
	return value;
}

static uint64_t extend(uint64_t value, uint64_t bits, bool is_signed)
{
	uint64_t sign;

	if (!bits || bits >= 64)
		return value;
	value &= (1ULL << bits) - 1;
	sign = 1ULL << (bits - 1);
	return is_signed ? (value ^ sign) - sign : value;
}

static uint64_t divide(struct machine *machine, int op, uint64_t a, uint64_t b)
{
	int64_t left = (int64_t)a, right = (int64_t)b;

	if (!b || (left == INT64_MIN && right == -1 && (op & 1))) {
		machine->error = -EINVAL;
		return 0;
	}
	switch (op) {
	case OP_DIV_SIGNED:
		return (uint64_t)(left / right);
	case OP_DIV_UNSIGNED:
		return a / b;
	case OP_REM_SIGNED:
		return (uint64_t)(left % right);
	default:
		return a % b;
	}
}

static uint64_t binary(struct machine *machine, int op, uint64_t a, uint64_t b)
{
	switch (op) {
	case OP_ADD:
		return a + b;
	case OP_SUB:
		return a - b;
	case OP_MUL:
		return a * b;
	case OP_LSH:
		return b < 64 ? a << b : 0;
	case OP_RSH_SIGNED:
		return (uint64_t)((int64_t)a >> (b < 63 ? b : 63));
	case OP_RSH_UNSIGNED:
		return b < 64 ? a >> b : 0;
	case OP_BIT_AND:
		return a & b;
	case OP_BIT_OR:
		return a | b;
	case OP_BIT_XOR:
		return a ^ b;
	case OP_EQUAL:
		return a == b;
	case OP_LESS_SIGNED:
		return (int64_t)a < (int64_t)b;
	case OP_LESS_UNSIGNED:
		return a < b;
	default:
		return divide(machine, op, a, b);
	}
}

static void fetch(struct machine *machine, unsigned int bytes)
{
	uint64_t addr = pop(machine), value = 0;

	if (!machine->error && session_read(machine->agent->session, addr, &value, bytes))
		machine->error = -EFAULT;
	push(machine, value);
}

static void jump(struct machine *machine, bool taken)
{
	uint64_t to = operand(machine, 2);

	if (!taken)
		return;
	if (to >= machine->bytes)
		machine->error = -EINVAL;
	else
		machine->at = to;
}

static void rearrange(struct machine *machine, int op)
{
	uint64_t a = pop(machine), b, c, index;

	switch (op) {
	case OP_DUP:
		push(machine, a);
		push(machine, a);
		return;
	case OP_SWAP:
		b = pop(machine);
		push(machine, a);
		push(machine, b);
		return;
	case OP_PICK:
		push(machine, a);
		index = operand(machine, 1);
		if (index >= machine->depth)
			machine->error = -EINVAL;
		else
			push(machine, machine->stack[machine->depth - 1 - index]);
		return;
	case OP_ROT:
		b = pop(machine);
		c = pop(machine);
		push(machine, a);
		push(machine, c);
		push(machine, b);
		return;
	default: /* OP_POP */
		return;
	}
}

static void load_register(struct machine *machine)
{
	unsigned int number = (unsigned int)operand(machine, 2);
	uint64_t value = 0;

	if (!machine->agent->reg(machine->agent->context, number, &value))
		machine->error = -EFAULT;
	push(machine, value);
}

/* One operation but OP_END. */
static void step(struct machine *machine, int op)
{
	uint64_t a;

	if (op >= OP_ADD && op <= OP_LESS_UNSIGNED && op != OP_LOG_NOT && op != OP_BIT_NOT &&
	    op != 0x0c && op != 0x0d) {
		a = pop(machine);
		push(machine, binary(machine, op, pop(machine), a));
	} else if (op == OP_LOG_NOT) {
		push(machine, !pop(machine));
	} else if (op == OP_BIT_NOT) {
		push(machine, ~pop(machine));
	} else if (op == OP_EXT || op == OP_ZERO_EXT) {
		a = operand(machine, 1);
		push(machine, extend(pop(machine), a, op == OP_EXT));
	} else if (op >= OP_REF8 && op <= OP_REF64) {
		fetch(machine, 1u << (op - OP_REF8));
	} else if (op == OP_IF_GOTO) {
		jump(machine, pop(machine) != 0);
	} else if (op == OP_GOTO) {
		jump(machine, true);
	} else if (op >= OP_CONST8 && op <= OP_CONST64) {
		push(machine, operand(machine, 1u << (op - OP_CONST8)));
	} else if (op == OP_REG) {
		load_register(machine);
	} else if (op == OP_DUP || op == OP_POP || op == OP_SWAP || op == OP_PICK || op == OP_ROT) {
		rearrange(machine, op);
	} else {
		machine->error = -EINVAL;
	}
}

int rsp_agent_run(const struct rsp_agent *agent, const uint8_t *code, size_t bytes,
		  uint64_t *value_out)
{
	struct machine machine = {.agent = agent, .code = code, .bytes = bytes};

	for (unsigned int steps = 0; !machine.error; steps++) {
		int op = (int)operand(&machine, 1);

		if (machine.error)
			break;
		if (steps == STEPS_MAX)
			return -ELOOP;
		if (op == OP_END) {
			*value_out = pop(&machine);
			return machine.error;
		}
		step(&machine, op);
	}
	return machine.error;
}
