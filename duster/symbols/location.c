/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/location.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#define STACK_MAX 64u
#define STEPS_MAX 10000u

struct engine {
	const struct location_machine *machine;
	Dwarf_Attribute *attr;
	const Dwarf_Op *ops;
	size_t count, at;
	struct arena *arena;
	uint64_t stack[STACK_MAX];
	unsigned int depth;
	struct location result;
	bool has_result; /* an operation other than an address was met */
	bool is_float;   /* the top is the bits of a floating-point number: no arithmetic on it */
};

static int push(struct engine *engine, uint64_t value)
{
	if (engine->depth >= STACK_MAX)
		return -EINVAL;
	engine->stack[engine->depth++] = value;
	return 0;
}

static int pop(struct engine *engine, uint64_t *value_out)
{
	if (!engine->depth)
		return -EINVAL;
	*value_out = engine->stack[--engine->depth];
	return 0;
}

/* ---- Numbers ---- */

static int binary(struct engine *engine, unsigned int atom)
{
	uint64_t a, b, result;

	if (engine->is_float)
		return -EOPNOTSUPP;
	if (pop(engine, &b) || pop(engine, &a))
		return -EINVAL;
	switch (atom) {
	case DW_OP_plus:
		result = a + b;
		break;
	case DW_OP_minus:
		result = a - b;
		break;
	case DW_OP_mul:
		result = a * b;
		break;
	case DW_OP_and:
		result = a & b;
		break;
	case DW_OP_or:
		result = a | b;
		break;
	case DW_OP_xor:
		result = a ^ b;
		break;
	case DW_OP_shl:
		result = b > 63 ? 0 : a << b;
		break;
	case DW_OP_shr:
		result = b > 63 ? 0 : a >> b;
		break;
	case DW_OP_shra:
		result = (uint64_t)((int64_t)a >> (b > 63 ? 63 : b));
		break;
	case DW_OP_eq:
		result = a == b;
		break;
	case DW_OP_ne:
		result = a != b;
		break;
	case DW_OP_lt:
		result = (int64_t)a < (int64_t)b;
		break;
	case DW_OP_le:
		result = (int64_t)a <= (int64_t)b;
		break;
	case DW_OP_gt:
		result = (int64_t)a > (int64_t)b;
		break;
	case DW_OP_ge:
		result = (int64_t)a >= (int64_t)b;
		break;
	case DW_OP_div:
	case DW_OP_mod:
		if (b == 0 || (a == (uint64_t)INT64_MIN && b == UINT64_MAX))
			return -EINVAL;
		result = atom == DW_OP_mod ? a % b : (uint64_t)((int64_t)a / (int64_t)b);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return push(engine, result);
}

static int unary(struct engine *engine, const Dwarf_Op *op)
{
	uint64_t a;

	if (engine->is_float)
		return -EOPNOTSUPP;
	if (pop(engine, &a))
		return -EINVAL;
	switch (op->atom) {
	case DW_OP_neg:
		return push(engine, 0 - a);
	case DW_OP_not:
		return push(engine, ~a);
	case DW_OP_abs:
		return push(engine, (int64_t)a < 0 ? 0 - a : a);
	default:
		return push(engine, a + op->number); /* plus_uconst */
	}
}

static int shuffle(struct engine *engine, const Dwarf_Op *op)
{
	unsigned int depth = engine->depth;
	uint64_t *top = engine->stack + depth, value;

	switch (op->atom) {
	case DW_OP_dup:
		return depth < 1 ? -EINVAL : push(engine, top[-1]);
	case DW_OP_drop:
		return pop(engine, &value);
	case DW_OP_over:
		return depth < 2 ? -EINVAL : push(engine, top[-2]);
	case DW_OP_pick:
		return op->number >= depth ? -EINVAL : push(engine, top[-1 - (long)op->number]);
	case DW_OP_swap:
		if (depth < 2)
			return -EINVAL;
		value = top[-1];
		top[-1] = top[-2];
		top[-2] = value;
		return 0;
	default: /* DW_OP_rot */
		if (depth < 3)
			return -EINVAL;
		value = top[-1];
		top[-1] = top[-2];
		top[-2] = top[-3];
		top[-3] = value;
		return 0;
	}
}

/* Typed operations: integers of up to 8 bytes, and numbers of any kind that are only handed on. */
struct base {
	uint64_t bytes;
	bool is_signed, is_float;
};

static int base_of(struct engine *engine, const Dwarf_Op *op, struct base *base_out)
{
	Dwarf_Attribute attr;
	Dwarf_Word bytes, encoding;
	Dwarf_Die die;

	if (!engine->attr || dwarf_getlocation_die(engine->attr, op, &die) ||
	    !dwarf_attr(&die, DW_AT_byte_size, &attr) || dwarf_formudata(&attr, &bytes) ||
	    !dwarf_attr(&die, DW_AT_encoding, &attr) || dwarf_formudata(&attr, &encoding))
		return -EINVAL;
	*base_out = (struct base){.bytes = bytes,
				  .is_signed = encoding == DW_ATE_signed ||
					       encoding == DW_ATE_signed_char,
				  .is_float = encoding == DW_ATE_float};
	return bytes && bytes <= 8 ? 0 : -EOPNOTSUPP;
}

static uint64_t fit(uint64_t value, const struct base *base)
{
	unsigned int shift = (unsigned int)(64 - base->bytes * 8);

	if (base->is_signed)
		return (uint64_t)((int64_t)(value << shift) >> shift);
	return value << shift >> shift;
}

static int convert(struct engine *engine, const Dwarf_Op *op)
{
	struct base base = {.bytes = 8};
	uint64_t value;
	int error;

	if (op->number) { /* 0: the generic type */
		error = base_of(engine, op, &base);
		if (error)
			return error;
	}
	if (base.is_float != engine->is_float && op->atom != DW_OP_reinterpret &&
	    op->atom != DW_OP_GNU_reinterpret)
		return -EOPNOTSUPP;
	if (pop(engine, &value))
		return -EINVAL;
	engine->is_float = base.is_float;
	return push(engine, fit(value, &base));
}

static int typed_register(struct engine *engine, const Dwarf_Op *op)
{
	struct base base;
	uint64_t value;
	int error = base_of(engine, op, &base);

	if (!error && !engine->machine->reg)
		error = -EOPNOTSUPP;
	if (!error)
		error = engine->machine->reg(engine->machine->context, (unsigned int)op->number,
					     &value);
	if (error)
		return error;
	engine->is_float = base.is_float;
	return push(engine, fit(value, &base));
}

static int typed_constant(struct engine *engine, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Block block;
	struct base base;
	uint64_t value = 0;
	int error = base_of(engine, op, &base);

	if (error)
		return error;
	if (dwarf_getlocation_attr(engine->attr, op, &attr) || dwarf_formblock(&attr, &block) ||
	    block.length > sizeof(value))
		return -EINVAL;
	memcpy(&value, block.data, block.length);
	engine->is_float = base.is_float;
	return push(engine, fit(value, &base));
}

/* ---- What the machine knows ---- */

static int deref(struct engine *engine, size_t bytes, const struct base *base)
{
	uint64_t addr, value = 0;
	int error = pop(engine, &addr);

	if (error)
		return error;
	if (bytes == 0 || bytes > 8)
		return -EINVAL;
	if (!engine->machine->read)
		return -EOPNOTSUPP;
	error = engine->machine->read(engine->machine->context, addr, &value, bytes);
	if (error)
		return error;
	if (base) {
		engine->is_float = base->is_float;
		value = fit(value, base);
	}
	return push(engine, value);
}

static int push_register(struct engine *engine, unsigned int number, uint64_t offset)
{
	uint64_t value;
	int error;

	if (!engine->machine->reg)
		return -EOPNOTSUPP;
	error = engine->machine->reg(engine->machine->context, number, &value);
	return error ? error : push(engine, value + offset);
}

static int push_asked(struct engine *engine, int (*ask)(void *, uint64_t *), uint64_t offset)
{
	uint64_t value;
	int error;

	if (!ask)
		return -EOPNOTSUPP;
	error = ask(engine->machine->context, &value);
	return error ? error : push(engine, value + offset);
}

/* DW_OP_entry_value of a plain register; other expressions are rare enough to be unknown. */
static int entry_value(struct engine *engine, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;
	unsigned int number;
	uint64_t value;
	int error;

	if (!engine->machine->entry_reg || !engine->attr ||
	    dwarf_getlocation_attr(engine->attr, op, &attr) ||
	    dwarf_getlocation(&attr, &ops, &count) || count != 1)
		return -EOPNOTSUPP;
	if (ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31)
		number = ops[0].atom - DW_OP_reg0;
	else if (ops[0].atom == DW_OP_regx)
		number = (unsigned int)ops[0].number;
	else
		return -EOPNOTSUPP;
	error = engine->machine->entry_reg(engine->machine->context, number, &value);
	return error ? error : push(engine, value);
}

static int tls_address(struct engine *engine)
{
	uint64_t offset, addr;
	int error = pop(engine, &offset);

	if (!error && !engine->machine->tls)
		error = -EOPNOTSUPP;
	if (!error)
		error = engine->machine->tls(engine->machine->context, offset, &addr);
	return error ? error : push(engine, addr);
}

/* DW_OP_addrx and the like: libdw resolves them by the attribute. */
static int indexed_address(struct engine *engine, const Dwarf_Op *op)
{
	Dwarf_Attribute attr;
	Dwarf_Addr addr;
	Dwarf_Word word;

	if (!engine->attr || dwarf_getlocation_attr(engine->attr, op, &attr))
		return -EINVAL;
	if (dwarf_formaddr(&attr, &addr) == 0)
		return push(engine, addr);
	return dwarf_formudata(&attr, &word) ? -EINVAL : push(engine, word);
}

/* ---- Control ---- */

static int jump(struct engine *engine, const Dwarf_Op *op)
{
	Dwarf_Word wanted = op->offset + 3 + (Dwarf_Word)(int16_t)op->number;

	for (size_t i = 0; i < engine->count; i++)
		if (engine->ops[i].offset == wanted) {
			engine->at = i;
			return 0;
		}
	engine->at = engine->count;
	return 0;
}

/* ---- Locations that are no addresses ---- */

static int take_result(struct engine *engine, enum location_kind kind, uint64_t value)
{
	if (engine->has_result)
		return -EINVAL;
	engine->has_result = true;
	engine->result = (struct location){
		.kind = kind, .value = value, .is_synthetic = engine->result.is_synthetic};
	return 0;
}

static int implicit_value(struct engine *engine, const Dwarf_Op *op)
{
	Dwarf_Block block;
	int error = take_result(engine, LOCATION_BYTES, 0);

	if (error || !engine->attr || dwarf_getlocation_implicit_value(engine->attr, op, &block))
		return -EINVAL;
	engine->result.bytes = block.data;
	engine->result.bytes_count = block.length;
	return 0;
}

/* What was computed so far, as a location of its own. */
static void close_part(struct engine *engine, struct location *part_out)
{
	if (engine->has_result)
		*part_out = engine->result;
	else if (engine->depth)
		*part_out = (struct location){.kind = LOCATION_MEMORY,
					      .value = engine->stack[engine->depth - 1]};
	else
		*part_out = (struct location){.kind = LOCATION_NONE};
	engine->has_result = false;
	engine->is_float = false;
	engine->depth = 0;
}

static int piece(struct engine *engine, const Dwarf_Op *op, struct location *whole)
{
	struct location_piece *new;

	if (whole->pieces_count >= LOCATION_PIECES_MAX)
		return -EINVAL;
	if (!whole->pieces)
		whole->pieces =
			arena_array(engine->arena, LOCATION_PIECES_MAX, sizeof(*whole->pieces));
	whole->kind = LOCATION_PIECES;
	new = &whole->pieces[whole->pieces_count++];
	new->bits = op->atom == DW_OP_piece ? op->number * 8 : op->number;
	new->bit_offset = op->atom == DW_OP_piece ? 0 : op->number2;
	if (op->number > UINT32_MAX)
		return -EINVAL;
	close_part(engine, &new->part);
	return 0;
}

/* ---- One operation ---- */

static int run_simple(struct engine *engine, const Dwarf_Op *op)
{
	unsigned int atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return push(engine, atom - DW_OP_lit0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push_register(engine, atom - DW_OP_breg0, op->number);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31)
		return take_result(engine, LOCATION_REGISTER, atom - DW_OP_reg0);
	switch (atom) {
	case DW_OP_addr:
	case DW_OP_const1u:
	case DW_OP_const2u:
	case DW_OP_const4u:
	case DW_OP_const8u:
	case DW_OP_const1s:
	case DW_OP_const2s:
	case DW_OP_const4s:
	case DW_OP_const8s:
	case DW_OP_constu:
	case DW_OP_consts:
		return push(engine, op->number);
	case DW_OP_dup:
	case DW_OP_drop:
	case DW_OP_over:
	case DW_OP_pick:
	case DW_OP_swap:
	case DW_OP_rot:
		return shuffle(engine, op);
	case DW_OP_neg:
	case DW_OP_not:
	case DW_OP_abs:
	case DW_OP_plus_uconst:
		return unary(engine, op);
	default:
		return binary(engine, atom);
	}
}

static int run_typed(struct engine *engine, const Dwarf_Op *op)
{
	struct base base;
	int error;

	switch (op->atom) {
	case DW_OP_convert:
	case DW_OP_GNU_convert:
	case DW_OP_reinterpret:
	case DW_OP_GNU_reinterpret:
		return convert(engine, op);
	case DW_OP_regval_type:
	case DW_OP_GNU_regval_type:
		return typed_register(engine, op);
	case DW_OP_const_type:
	case DW_OP_GNU_const_type:
		return typed_constant(engine, op);
	case DW_OP_deref_type:
	case DW_OP_GNU_deref_type:
		error = base_of(engine, op, &base);
		return error ? error : deref(engine, op->number, &base);
	default:
		return run_simple(engine, op);
	}
}

static int run(struct engine *engine, const Dwarf_Op *op, struct location *whole)
{
	const struct location_machine *machine = engine->machine;
	uint64_t value;

	switch (op->atom) {
	case DW_OP_nop:
		return 0;
	case DW_OP_regx:
		return take_result(engine, LOCATION_REGISTER, op->number);
	case DW_OP_bregx:
		return push_register(engine, (unsigned int)op->number, op->number2);
	case DW_OP_fbreg:
		return push_asked(engine, machine->frame_base, op->number);
	case DW_OP_call_frame_cfa:
		return push_asked(engine, machine->cfa, 0);
	case DW_OP_deref:
		return deref(engine, 8, NULL);
	case DW_OP_deref_size:
		return deref(engine, op->number, NULL);
	case DW_OP_form_tls_address:
	case DW_OP_GNU_push_tls_address:
		return tls_address(engine);
	case DW_OP_addrx:
	case DW_OP_constx:
	case DW_OP_GNU_addr_index:
	case DW_OP_GNU_const_index:
		return indexed_address(engine, op);
	case DW_OP_entry_value:
	case DW_OP_GNU_entry_value:
		return entry_value(engine, op);
	case DW_OP_implicit_value:
		return implicit_value(engine, op);
	case DW_OP_implicit_pointer:
	case DW_OP_GNU_implicit_pointer:
		/* A pointer to something that has no address: it has no value to show. */
		engine->result.is_synthetic = true;
		return take_result(engine, LOCATION_NONE, 0);
	case DW_OP_stack_value:
		if (pop(engine, &value))
			return -EINVAL;
		return take_result(engine, LOCATION_VALUE, value);
	case DW_OP_skip:
		return jump(engine, op);
	case DW_OP_bra:
		if (pop(engine, &value))
			return -EINVAL;
		return value ? jump(engine, op) : 0;
	case DW_OP_piece:
	case DW_OP_bit_piece:
		return piece(engine, op, whole);
	default:
		return run_typed(engine, op);
	}
}

int location_eval(const Dwarf_Op *ops, size_t ops_count, Dwarf_Attribute *attr,
		  const struct location_machine *machine, struct arena *arena,
		  struct location *location_out)
{
	struct engine engine = {
		.machine = machine, .attr = attr, .ops = ops, .count = ops_count, .arena = arena};
	struct location whole = {.kind = LOCATION_NONE};

	for (unsigned int steps = 0; engine.at < engine.count; steps++) {
		int error;

		if (steps >= STEPS_MAX)
			return -EINVAL;
		error = run(&engine, &ops[engine.at++], &whole);
		if (error)
			return error;
	}
	if (whole.kind != LOCATION_PIECES)
		close_part(&engine, &whole);
	*location_out = whole;
	return 0;
}

/* ---- Of attributes ---- */

static int constant(Dwarf_Attribute *attr, struct arena *arena, struct location *location_out)
{
	Dwarf_Block block;
	Dwarf_Word word;
	Dwarf_Sword number;
	const char *string;

	(void)arena;
	switch (dwarf_whatform(attr)) {
	case DW_FORM_block:
	case DW_FORM_block1:
	case DW_FORM_block2:
	case DW_FORM_block4:
	case DW_FORM_data16:
		if (dwarf_formblock(attr, &block))
			return -EINVAL;
		*location_out = (struct location){
			.kind = LOCATION_BYTES, .bytes = block.data, .bytes_count = block.length};
		return 0;
	case DW_FORM_string:
	case DW_FORM_strp:
		string = dwarf_formstring(attr);
		if (!string)
			return -EINVAL;
		*location_out = (struct location){.kind = LOCATION_BYTES,
						  .bytes = (const uint8_t *)string,
						  .bytes_count = strlen(string) + 1};
		return 0;
	case DW_FORM_sdata:
		if (dwarf_formsdata(attr, &number))
			return -EINVAL;
		word = (Dwarf_Word)number;
		break;
	default:
		if (dwarf_formudata(attr, &word))
			return -EINVAL;
	}
	*location_out = (struct location){.kind = LOCATION_VALUE, .value = word};
	return 0;
}

int location_of(Dwarf_Die *die, uint64_t addr, const struct location_machine *machine,
		struct arena *arena, struct location *location_out)
{
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;

	*location_out = (struct location){.kind = LOCATION_NONE};
	if (dwarf_attr_integrate(die, DW_AT_const_value, &attr))
		return constant(&attr, arena, location_out);
	if (!dwarf_attr_integrate(die, DW_AT_location, &attr))
		return 0;
	if (dwarf_getlocation_addr(&attr, addr, &ops, &count, 1) != 1)
		return 0;
	if (count == 0)
		return 0;
	/* Data the linker left out has the address 0. */
	if (count == 1 && ops[0].atom == DW_OP_addr && ops[0].number == 0)
		return 0;
	return location_eval(ops, count, &attr, machine, arena, location_out);
}

int location_number(Dwarf_Attribute *attr, uint64_t addr, const struct location_machine *machine,
		    struct arena *arena, uint64_t *value_out)
{
	struct location location;
	Dwarf_Word word;
	Dwarf_Die die;
	Dwarf_Op *ops;
	size_t count;
	int error;

	if (dwarf_formref_die(attr, &die)) {
		error = location_of(&die, addr, machine, arena, &location);
	} else if (dwarf_getlocation(attr, &ops, &count) == 0 && count) {
		error = location_eval(ops, count, attr, machine, arena, &location);
		if (!error && location.kind == LOCATION_MEMORY)
			location.kind = LOCATION_VALUE; /* the number the expression left */
	} else if (dwarf_formudata(attr, &word) == 0) {
		*value_out = word;
		return 0;
	} else {
		return -EINVAL;
	}
	if (error)
		return error;
	*value_out = location.value;
	switch (location.kind) {
	case LOCATION_VALUE:
		return 0;
	case LOCATION_REGISTER:
		return machine->reg ? machine->reg(machine->context, (unsigned int)location.value,
						   value_out)
				    : -EOPNOTSUPP;
	case LOCATION_MEMORY:
		return machine->read ? machine->read(machine->context, location.value, value_out, 8)
				     : -EOPNOTSUPP;
	default:
		return -ENODATA;
	}
}
