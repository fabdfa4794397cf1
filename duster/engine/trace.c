/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/trace.h"

#include <errno.h>
#include <string.h>

#include "duster/symbols/cfi.h"
#include "duster/symbols/names.h"

static const struct node *node_new(struct session *session, struct node node)
{
	struct node *kept = arena_alloc(&session->arena, sizeof(*kept));

	*kept = node;
	return kept;
}

const struct node *trace_const(struct session *session, uint64_t number)
{
	if (!session->tracing)
		return NULL;
	return node_new(session, (struct node){.kind = NODE_CONST, .number = number});
}

const struct node *trace_op(struct session *session, enum node_kind kind, bool is_signed,
			    const struct node *left, const struct node *right)
{
	if (!left || !right)
		return NULL;
	return node_new(
		session,
		(struct node){.kind = kind, .is_signed = is_signed, .left = left, .right = right});
}

const struct node *trace_offset(struct session *session, const struct node *left, uint64_t number)
{
	if (!left || !number)
		return left;
	if (left->kind == NODE_CONST)
		return trace_const(session, left->number + number);
	if (left->kind == NODE_ADD && left->right->kind == NODE_CONST)
		return trace_op(session, NODE_ADD, false, left->left,
				trace_const(session, left->right->number + number));
	return trace_op(session, NODE_ADD, false, left, trace_const(session, number));
}

static const struct node *field(struct session *session, const struct node *left, unsigned int from,
				unsigned int bits, bool is_signed)
{
	if (!left || !bits || bits > 64 || from > 64 - bits)
		return NULL;
	if (bits == 64)
		return left;
	return node_new(session, (struct node){.kind = NODE_FIELD,
					       .is_signed = is_signed,
					       .size = bits,
					       .number = from,
					       .left = left});
}

const struct node *trace_extend(struct session *session, const struct node *left,
				unsigned int bytes, bool is_signed)
{
	if (left && left->kind == NODE_CONST && bytes == 4)
		return trace_const(session, is_signed ? (uint64_t)(int64_t)(int32_t)left->number
						      : (uint32_t)left->number);
	return field(session, left, 0, 8 * bytes, is_signed);
}

/* ---- Values ---- */

const struct node *trace_number(struct session *session, const struct value *value)
{
	struct type *type = type_strip(value->type);
	const struct node *load;
	unsigned int bytes = 1;

	if (!value->node || value->place == VALUE_LOST)
		return NULL;
	if (type->kind == TYPE_ARRAY || type->kind == TYPE_FUNCTION)
		return value->place == VALUE_MEMORY ? value->node : NULL;
	if ((type->kind != TYPE_INT && type->kind != TYPE_ENUM && type->kind != TYPE_POINTER) ||
	    !value->bytes_count || value->bytes_count > 8)
		return NULL;
	if (value->place == VALUE_PLAIN)
		return value->node;
	if (value->place == VALUE_REGISTER)
		return field(session, value->node, 0, 8 * (unsigned int)value->bytes_count,
			     type->is_signed);
	while (bytes < value->bytes_count)
		bytes *= 2;
	load = node_new(session, (struct node){.kind = NODE_LOAD,
					       .is_signed = type->is_signed,
					       .size = bytes,
					       .left = value->node});
	return field(session, load, value->bit_offset,
		     value->bit_size ? value->bit_size : 8 * (unsigned int)value->bytes_count,
		     type->is_signed);
}

const struct node *trace_binary(struct session *session, int op, unsigned int bytes, bool is_signed,
				const struct node *left, const struct node *right)
{
	static const struct {
		int op;
		enum node_kind kind;
	} rows[] = {{'+', NODE_ADD},
		    {'-', NODE_SUBTRACT},
		    {'*', NODE_MULTIPLY},
		    {'/', NODE_DIVIDE},
		    {'%', NODE_REMAINDER},
		    {'&', NODE_BITS_AND},
		    {'|', NODE_BITS_OR},
		    {'^', NODE_BITS_XOR},
		    {OP2('<', '<'), NODE_SHIFT_LEFT},
		    {OP2('>', '>'), NODE_SHIFT_RIGHT},
		    {OP2('=', '='), NODE_EQUAL},
		    {OP2('!', '='), NODE_UNEQUAL},
		    {'<', NODE_LESS},
		    {OP2('<', '='), NODE_LESS_EQUAL},
		    {'>', NODE_GREATER},
		    {OP2('>', '='), NODE_GREATER_EQUAL}};
	const struct node *result;
	size_t i = 0;

	while (i < sizeof(rows) / sizeof(rows[0]) && rows[i].op != op)
		i++;
	if (i == sizeof(rows) / sizeof(rows[0]) || !left || !right)
		return NULL;
	left = trace_extend(session, left, bytes, is_signed);
	right = trace_extend(session, right, bytes, is_signed);
	if ((rows[i].kind == NODE_SHIFT_LEFT || rows[i].kind == NODE_SHIFT_RIGHT) &&
	    (right->kind != NODE_CONST || right->number >= 8 * bytes))
		return NULL;
	result = trace_op(session, rows[i].kind, is_signed, left, right);
	return rows[i].kind >= NODE_EQUAL ? result
					  : trace_extend(session, result, bytes, is_signed);
}

/* ---- Registers and variables ---- */

const struct node *trace_register(struct session *session, const struct frame *frame,
				  unsigned int reg)
{
	/* By DWARF's numbers, which are ours. */
	static const char *const members[] = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
					      "rbp", "rsp", "r8",  "r9",  "r10", "r11",
					      "r12", "r13", "r14", "r15"};
	struct type *type;
	uint64_t offset;

	if (!session->tracing || !frame || frame->level ||
	    reg >= sizeof(members) / sizeof(members[0]))
		return NULL;
	type = names_find_tag(session->image, TYPE_STRUCT, "trap_frame");
	if (!type || !type_find_member(type, members[reg], &offset) || offset > INT32_MAX)
		return NULL;
	return node_new(session, (struct node){.kind = NODE_REG, .number = offset});
}

static int read_stack(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(context, addr, to, bytes);
}

/* The register the frame's canonical address lies at a constant distance from; false: none. */
static bool find_cfa_base(struct session *session, struct frame *frame, unsigned int *reg_out)
{
	static const unsigned int candidates[] = {CPU_RSP, CPU_RBP};
	struct regs regs, caller;
	uint64_t cfa, moved;
	bool is_signal, found = false;

	(void)cfi_unwind(session->image, frame->lookup_pc, &frame->regs, read_stack, session,
			 &caller, &cfa, &is_signal);
	for (unsigned int i = 0; i < 2 && cfa; i++) {
		regs = frame->regs;
		regs.value[candidates[i]] += 0x1238;
		(void)cfi_unwind(session->image, frame->lookup_pc, &regs, read_stack, session,
				 &caller, &moved, &is_signal);
		if (moved != cfa + 0x1238)
			continue;
		*reg_out = candidates[i];
		found = !found;
	}
	return found;
}

/* A location machine that moves what an expression asks for, and notes what that is. */
struct probe {
	const struct location_machine *machine;
	uint64_t moved; /* added to the answer */
	unsigned int asked;
	bool asked_cfa;
	unsigned int reg;
};

static int probe_reg(void *context, unsigned int number, uint64_t *value_out)
{
	struct probe *probe = context;
	int error = probe->machine->reg(probe->machine->context, number, value_out);

	probe->asked++;
	probe->reg = number;
	*value_out += probe->moved;
	return error;
}

static int probe_cfa(void *context, uint64_t *addr_out)
{
	struct probe *probe = context;
	int error = probe->machine->cfa(probe->machine->context, addr_out);

	probe->asked++;
	probe->asked_cfa = true;
	*addr_out += probe->moved;
	return error;
}

static int probe_frame_base(void *context, uint64_t *addr_out)
{
	struct probe *probe = context;
	uint64_t cfa;
	int error = probe->machine->frame_base(probe->machine->context, addr_out);

	/* It is the canonical address nearly always. */
	if (!error && (probe->machine->cfa(probe->machine->context, &cfa) || cfa != *addr_out))
		error = -EOPNOTSUPP;
	probe->asked++;
	probe->asked_cfa = true;
	*addr_out += probe->moved;
	return error;
}

static int probe_location(struct session *session, struct frame *frame, Dwarf_Die *die,
			  struct probe *probe, struct location *location_out)
{
	/* Nothing that reads memory: what it read may be another thing the next time. */
	struct location_machine machine = {.context = probe,
					   .reg = probe_reg,
					   .cfa = probe_cfa,
					   .frame_base = probe_frame_base};

	probe->machine = session_machine(session, frame);
	if (!frame) {
		machine.reg = NULL;
		machine.cfa = NULL;
		machine.frame_base = NULL;
	}
	return location_of(die, frame ? frame->lookup_pc : 0, &machine, &session->arena,
			   location_out);
}

const struct node *trace_variable(struct session *session, struct frame *frame, Dwarf_Die *die,
				  const struct value *value)
{
	struct probe still = {0}, moved = {.moved = 0x1238}, by_one = {.moved = 1};
	struct location location, other, third;
	struct type *type = type_strip(value->type);
	const struct node *node;
	uint64_t from = 0;
	unsigned int reg;

	if (!session->tracing || probe_location(session, frame, die, &still, &location))
		return NULL;
	if (location.kind == LOCATION_REGISTER && value->place == VALUE_REGISTER)
		return trace_register(session, frame, (unsigned int)location.value);
	if ((location.kind != LOCATION_MEMORY || value->place != VALUE_MEMORY) &&
	    (location.kind != LOCATION_VALUE || value->place != VALUE_PLAIN))
		return NULL;
	/* One thing at most, and that plus a constant. */
	if (still.asked > 1 || probe_location(session, frame, die, &moved, &other) ||
	    probe_location(session, frame, die, &by_one, &third) ||
	    other.value != location.value + (still.asked ? moved.moved : 0) ||
	    third.value != location.value + (still.asked ? by_one.moved : 0))
		return NULL;
	reg = still.reg;
	if (still.asked_cfa && !find_cfa_base(session, frame, &reg))
		return NULL;
	if (!still.asked) {
		node = trace_const(session, location.value);
	} else {
		node = trace_register(session, frame, reg);
		if (reg < REGS_COUNT && regs_known(&frame->regs, reg))
			from = frame->regs.value[reg];
		node = trace_offset(session, node, location.value - from);
	}
	if (location.kind == LOCATION_VALUE)
		node = value->bytes_count <= 8
			       ? trace_extend(session, node, (unsigned int)value->bytes_count,
					      type->is_signed)
			       : NULL;
	return node;
}

/* ---- Compiling ---- */

int trace_compile(struct session *session, const struct value *value, uint8_t *code_out,
		  size_t room, size_t *bytes_out)
{
	const struct node *node = trace_number(session, value);

	return node ? arch_compile(node, code_out, room, bytes_out) : -EOPNOTSUPP;
}
