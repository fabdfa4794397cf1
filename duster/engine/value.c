/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/arch/x86_64.h"
#include "duster/engine/trace.h"
#include "duster/symbols/names.h"

struct base_types {
	struct type *types[BASES_COUNT];
};

static const struct base_row {
	const char *name;
	enum type_kind kind;
	uint8_t bytes;
	bool is_signed;
} base_rows[BASES_COUNT] = {
	[BASE_BOOL] = {"_Bool", TYPE_INT, 1, false},
	[BASE_CHAR] = {"char", TYPE_INT, 1, true},
	[BASE_INT] = {"int", TYPE_INT, 4, true},
	[BASE_UINT] = {"unsigned int", TYPE_INT, 4, false},
	[BASE_LONG] = {"long", TYPE_INT, 8, true},
	[BASE_ULONG] = {"unsigned long", TYPE_INT, 8, false},
	[BASE_FLOAT] = {"float", TYPE_FLOAT, 4, true},
	[BASE_DOUBLE] = {"double", TYPE_FLOAT, 8, true},
	[BASE_LONG_DOUBLE] = {"long double", TYPE_FLOAT, 16, true},
	[BASE_INT128] = {"__int128", TYPE_INT, 16, true},
	[BASE_VOID] = {"void", TYPE_VOID, 1, false},
	[BASE_SHORT] = {"short", TYPE_INT, 2, true},
	[BASE_USHORT] = {"unsigned short", TYPE_INT, 2, false},
	[BASE_SCHAR] = {"signed char", TYPE_INT, 1, true},
	[BASE_UCHAR] = {"unsigned char", TYPE_INT, 1, false},
};

struct type *value_base(struct session *session, enum base_type base)
{
	const struct base_row *row = &base_rows[base];
	struct type *type;

	if (!session->bases)
		session->bases = arena_alloc(&session->kept, sizeof(*session->bases));
	if (session->bases->types[base])
		return session->bases->types[base];
	type = type_make_base(&session->kept, row->name, row->kind, row->bytes, row->is_signed);
	type->is_bool = base == BASE_BOOL;
	type->is_char = type->is_char && !type->is_bool && row->kind == TYPE_INT;
	type->image = session->image;
	session->bases->types[base] = type;
	return type;
}

/* ---- Making ---- */

struct value *value_new(struct session *session, struct type *type)
{
	struct value *value = arena_alloc(&session->arena, sizeof(*value));

	value->type = type;
	value->bytes_count = type_bytes(type);
	if (value->bytes_count > VALUE_BYTES_MAX)
		value->bytes_count = 0;
	value->bytes = arena_alloc(&session->arena, value->bytes_count);
	return value;
}

struct value *value_int(struct session *session, enum base_type base, uint64_t number)
{
	struct value *value = value_new(session, value_base(session, base));

	memcpy(value->bytes, &number, value->bytes_count < 8 ? value->bytes_count : 8);
	return value;
}

static void put_real(uint8_t *bytes, uint64_t bytes_count, long double number)
{
	float single = (float)number;
	double twice = (double)number;

	if (bytes_count == 4)
		memcpy(bytes, &single, 4);
	else if (bytes_count == 8)
		memcpy(bytes, &twice, 8);
	else if (bytes_count == 16 || bytes_count == 12)
		memcpy(bytes, &number, 10);
}

long double value_real_of(const uint8_t *bytes, uint64_t bytes_count)
{
	long double extended = 0;
	double twice;
	float single;

	switch (bytes_count) {
	case 4:
		memcpy(&single, bytes, 4);
		return single;
	case 8:
		memcpy(&twice, bytes, 8);
		return twice;
	case 12:
	case 16:
		memcpy(&extended, bytes, 10);
		return extended;
	default:
		return 0;
	}
}

struct value *value_double(struct session *session, struct type *type, long double number)
{
	struct value *value = value_new(session, type);

	put_real(value->bytes, value->bytes_count, number);
	return value;
}

struct value *value_at(struct session *session, struct type *type, uint64_t addr)
{
	struct value *value = arena_alloc(&session->arena, sizeof(*value));

	*value = (struct value){.type = type, .place = VALUE_MEMORY, .addr = addr};
	value->bytes_count = type_bytes(type);
	return value;
}

struct value *value_keep(struct session *session, const struct value *value)
{
	struct value *kept = arena_alloc(&session->kept, sizeof(*kept));

	*kept = *value;
	kept->node = NULL; /* it lives for the command alone */
	if (value->bytes) {
		kept->bytes = arena_alloc(&session->kept, value->bytes_count);
		memcpy(kept->bytes, value->bytes, value->bytes_count);
	}
	if (value->lost) {
		kept->lost = arena_alloc(&session->kept, value->bytes_count);
		memcpy(kept->lost, value->lost, value->bytes_count);
	}
	return kept;
}

/* ---- Variables ---- */

/* Arrays whose length a variable holds, resolved; other types as they are. */
static struct type *resolve_type(struct session *session, struct type *type, uint64_t pc,
				 const struct location_machine *machine, unsigned int depth)
{
	struct type *target, *resolved;
	uint64_t number;

	if (depth > 16 || (type->kind != TYPE_ARRAY && type->kind != TYPE_POINTER &&
			   type->kind != TYPE_TYPEDEF && type->kind != TYPE_QUALIFIED))
		return type;
	if (type->kind == TYPE_POINTER && type_target(type)->kind != TYPE_ARRAY)
		return type;
	target = resolve_type(session, type_target(type), pc, machine, depth + 1);
	if (target == type_target(type) && !type->is_variable)
		return type;
	resolved = arena_alloc(&session->kept, sizeof(*resolved));
	*resolved = *type;
	resolved->target = target;
	if (type->is_variable &&
	    location_number(&resolved->count_attr, pc, machine, &session->arena, &number) == 0) {
		resolved->is_variable = false;
		resolved->count = type->count_is_bound ? number + 1 : number;
	}
	return resolved;
}

static void lose(struct value *value)
{
	value->place = VALUE_LOST;
}

/* Copies bits from one byte string into another. */
static void copy_bits(uint8_t *to, uint64_t to_bit, const uint8_t *from, uint64_t from_bit,
		      uint64_t bits)
{
	for (uint64_t i = 0; i < bits; i++) {
		unsigned int bit = from[(from_bit + i) / 8] >> (from_bit + i) % 8 & 1;
		uint8_t mask = (uint8_t)(1u << (to_bit + i) % 8);

		to[(to_bit + i) / 8] = (uint8_t)((to[(to_bit + i) / 8] & ~mask) | (bit ? mask : 0));
	}
}

/* The bytes of a register as far as the frame knows them; false: not known. */
static bool register_bytes(const struct frame *frame, uint64_t number, uint8_t *bytes_out,
			   size_t *count_out)
{
	if (!frame)
		return false;
	if (number <= REGS_DWARF_LAST && regs_known(&frame->regs, (unsigned int)number)) {
		memcpy(bytes_out, &frame->regs.value[number], 8);
		*count_out = 8;
		return true;
	}
	if (number >= CPU_DWARF_XMM0 && number < CPU_DWARF_XMM0 + REGS_XMM_COUNT &&
	    frame->regs.xmm_known) {
		memcpy(bytes_out, frame->regs.xmm[number - CPU_DWARF_XMM0], 16);
		*count_out = 16;
		return true;
	}
	return false;
}

/* One part of a location into bytes; false: lost. */
static bool read_part(struct session *session, struct frame *frame, const struct location *part,
		      uint8_t *bytes, size_t bytes_max)
{
	size_t count = 8;
	uint8_t word[16];

	switch (part->kind) {
	case LOCATION_MEMORY:
		return session_read(session, part->value, bytes, bytes_max) == 0;
	case LOCATION_REGISTER:
		if (!register_bytes(frame, part->value, word, &count))
			return false;
		memcpy(bytes, word, count < bytes_max ? count : bytes_max);
		return true;
	case LOCATION_VALUE:
		memcpy(bytes, &part->value, bytes_max < 8 ? bytes_max : 8);
		return true;
	case LOCATION_BYTES:
		memcpy(bytes, part->bytes,
		       part->bytes_count < bytes_max ? part->bytes_count : bytes_max);
		return true;
	default:
		return false;
	}
}

static void take_pieces(struct session *session, struct frame *frame, struct value *value,
			const struct location *location)
{
	uint64_t at = 0, bits = value->bytes_count * 8;
	bool any = false;

	value->lost = arena_alloc(&session->arena, value->bytes_count);
	for (unsigned int i = 0; i < location->pieces_count && at < bits; i++) {
		const struct location_piece *piece = &location->pieces[i];
		uint64_t count = piece->bits < bits - at ? piece->bits : bits - at;
		size_t bytes_max = (size_t)((piece->bit_offset + count + 7) / 8);
		uint8_t *bytes = arena_alloc(&session->arena, bytes_max);

		if (read_part(session, frame, &piece->part, bytes, bytes_max)) {
			copy_bits(value->bytes, at, bytes, piece->bit_offset, count);
			any = true;
		} else {
			for (uint64_t bit = at; bit < at + count; bit++)
				value->lost[bit / 8] = 1;
		}
		at += count;
	}
	for (; at < bits; at += 8)
		value->lost[at / 8] = 1;
	if (!any)
		lose(value);
}

int value_variable(struct session *session, struct frame *frame, Dwarf_Die *die,
		   struct value **value_out, struct problem *problem)
{
	const struct location_machine *machine = session_machine(session, frame);
	uint64_t pc = frame ? frame->lookup_pc : 0;
	struct type *type = type_attribute(session->image, die);
	struct location location;
	struct value *value;
	int error;

	type = resolve_type(session, type, pc, machine, 0);
	error = location_of(die, pc, machine, &session->arena, &location);
	if (error == -EINVAL)
		return problem_set(problem, error, "damaged debug information of %s",
				   dwarf_diename(die) ? dwarf_diename(die) : "a variable");
	if (error) /* it depends on what nobody knows */
		location = (struct location){.kind = LOCATION_NONE};
	if (location.kind == LOCATION_MEMORY) {
		*value_out = value_at(session, type, location.value);
		(*value_out)->node = trace_variable(session, frame, die, *value_out);
		return 0;
	}
	value = value_new(session, type);
	if (location.kind == LOCATION_PIECES) {
		take_pieces(session, frame, value, &location);
	} else if (!read_part(session, frame, &location, value->bytes, value->bytes_count)) {
		lose(value);
		value->is_synthetic = location.is_synthetic;
	} else if (location.kind == LOCATION_REGISTER && location.value <= REGS_DWARF_LAST) {
		value->place = VALUE_REGISTER;
		value->reg = (unsigned int)location.value;
		value->level = frame->level;
	}
	value->node = trace_variable(session, frame, die, value);
	*value_out = value;
	return 0;
}

int value_register(struct session *session, struct frame *frame, const char *name,
		   struct value **value_out, struct problem *problem)
{
	unsigned int reg, bytes, shift, number;
	struct value *value;
	char more;

	bool is_xmm = sscanf(name, "xmm%u%c", &number, &more) == 1 && number < REGS_XMM_COUNT;

	if (!is_xmm && !arch_reg_find(name, &reg, &bytes, &shift))
		return -ENOENT;
	if (!frame)
		return problem_set(problem, -ENODATA, "no registers");
	if (is_xmm) {
		struct type *type =
			type_make_array(&session->kept, value_base(session, BASE_UCHAR), 16);

		type->image = session->image;
		value = value_new(session, type);
		memcpy(value->bytes, frame->regs.xmm[number], 16);
		if (!frame->regs.xmm_known)
			lose(value);
		*value_out = value;
		return 0;
	}
	if (reg == CPU_RIP || reg == CPU_RSP || reg == CPU_RBP) {
		struct type *to = value_base(session, BASE_VOID), *code;

		if (reg == CPU_RIP) {
			code = arena_alloc(&session->kept, sizeof(*code));
			*code = (struct type){.kind = TYPE_FUNCTION,
					      .bytes = 1,
					      .image = session->image,
					      .target = to};
			to = code;
		}

		value = value_new(session, type_make_pointer(&session->kept, to));
		if (bytes != 8)
			value = value_int(session, bytes == 4 ? BASE_INT : BASE_SHORT, 0);
	} else {
		value = value_int(session,
				  bytes == 8   ? BASE_LONG
				  : bytes == 4 ? BASE_INT
				  : bytes == 2 ? BASE_SHORT
					       : BASE_SCHAR,
				  0);
	}
	value->reg = reg;
	value->level = frame->level;
	value->place = shift ? VALUE_PLAIN : VALUE_REGISTER;
	if (!shift)
		value->node = trace_register(session, frame, reg);
	if (regs_known(&frame->regs, reg)) {
		uint64_t word = frame->regs.value[reg] >> shift;

		memcpy(value->bytes, &word, value->bytes_count);
	} else {
		lose(value);
	}
	*value_out = value;
	return 0;
}

/* ---- Reading ---- */

int value_load(struct session *session, struct value *value, struct problem *problem)
{
	if (session->skip) {
		if (!value->bytes)
			value->bytes = arena_alloc(&session->arena, value->bytes_count + 8);
		return 0;
	}
	if (value->place == VALUE_LOST)
		return problem_set(problem, -ENODATA, "value has been optimized out");
	if (value->bytes)
		return 0;
	if (value->bytes_count > VALUE_BYTES_MAX)
		return problem_set(problem, -E2BIG, "a value of %llu bytes is too large",
				   (unsigned long long)value->bytes_count);
	value->bytes = arena_alloc(&session->arena, value->bytes_count + 8);
	if (session_read(session, value->addr, value->bytes, value->bytes_count)) {
		value->bytes = NULL;
		return problem_set(problem, -EFAULT, "Cannot access memory at address 0x%llx",
				   (unsigned long long)value->addr);
	}
	return 0;
}

uint64_t value_bits_of(const struct value *value)
{
	struct type *type = type_strip(value->type);
	uint64_t word = 0, bits = value->bytes_count * 8;
	unsigned int shift;

	if (value->bit_size) {
		copy_bits((uint8_t *)&word, 0, value->bytes, value->bit_offset, value->bit_size);
		bits = value->bit_size;
	} else {
		memcpy(&word, value->bytes, value->bytes_count < 8 ? value->bytes_count : 8);
	}
	if (bits == 0 || bits >= 64)
		return word;
	shift = (unsigned int)(64 - bits);
	if (type->is_signed)
		return (uint64_t)((int64_t)(word << shift) >> shift);
	return word << shift >> shift;
}

static bool partly_lost(const struct value *value)
{
	for (uint64_t i = 0; value->lost && i < value->bytes_count; i++)
		if (value->lost[i])
			return true;
	return false;
}

/* What 64 bits hold no whole number for is what the processor makes of it (SDM 2A CVTTSD2SI:
 * integer indefinite). */
static uint64_t whole_of(long double real)
{
	if (real >= 0x1p63L && real < 0x1p64L)
		return (uint64_t)real;
	if (real > -0x1p63L - 1 && real < 0x1p63L)
		return (uint64_t)(int64_t)real;
	return 1ULL << 63;
}

int value_number(struct session *session, struct value *value, uint64_t *number_out,
		 struct problem *problem)
{
	struct type *type = type_strip(value->type);
	int error;

	if (type->kind == TYPE_ARRAY || type->kind == TYPE_FUNCTION) {
		if (value->place != VALUE_MEMORY)
			return problem_set(problem, -EINVAL, "the array has no address");
		*number_out = value->addr;
		return 0;
	}
	if (type->kind != TYPE_INT && type->kind != TYPE_ENUM && type->kind != TYPE_POINTER &&
	    type->kind != TYPE_FLOAT)
		return problem_set(problem, -EINVAL, "a number is wanted here, not %s",
				   type_name(&session->arena, value->type, NULL));
	error = value_load(session, value, problem);
	if (!error && partly_lost(value) && !session->skip)
		error = problem_set(problem, -ENODATA, "value has been optimized out");
	if (error)
		return error;
	if (type->kind == TYPE_FLOAT) {
		*number_out = whole_of(value_real_of(value->bytes, value->bytes_count));
	} else {
		*number_out = value_bits_of(value);
	}
	return 0;
}

int value_real(struct session *session, struct value *value, long double *number_out,
	       struct problem *problem)
{
	struct type *type = type_strip(value->type);
	uint64_t number;
	int error = value_number(session, value, &number, problem);

	if (error)
		return error;
	if (type->kind == TYPE_FLOAT)
		*number_out = value_real_of(value->bytes, value->bytes_count);
	else
		*number_out = type->is_signed ? (long double)(int64_t)number : (long double)number;
	return 0;
}

int value_is_true(struct session *session, struct value *value, bool *true_out,
		  struct problem *problem)
{
	struct type *type = type_strip(value->type);
	long double real;
	uint64_t number;
	int error;

	if (type->kind == TYPE_FLOAT) {
		error = value_real(session, value, &real, problem);
		*true_out = !error && real != 0;
	} else {
		error = value_number(session, value, &number, problem);
		*true_out = !error && number != 0;
	}
	return error;
}

/* ---- Parts ---- */

struct value *value_part(struct session *session, const struct value *whole, struct type *type,
			 uint64_t offset)
{
	struct value *part = arena_alloc(&session->arena, sizeof(*part));

	*part = *whole;
	part->type = type;
	part->bytes_count = type_bytes(type);
	part->addr = whole->addr + offset;
	part->bit_size = part->bit_offset = 0;
	part->bytes = part->lost = NULL;
	part->node =
		whole->place == VALUE_MEMORY ? trace_offset(session, whole->node, offset) : NULL;
	if (part->place == VALUE_REGISTER && (offset || part->bytes_count != whole->bytes_count))
		part->place = VALUE_PLAIN;
	if (whole->place == VALUE_LOST)
		return part;
	if (whole->bytes && offset <= whole->bytes_count &&
	    part->bytes_count <= whole->bytes_count - offset) {
		part->bytes = whole->bytes + offset;
		part->lost = whole->lost ? whole->lost + offset : NULL;
	} else if (whole->place != VALUE_MEMORY) {
		part->bytes = arena_alloc(&session->arena, part->bytes_count + 8);
		lose(part);
	}
	if (part->lost && part->bytes_count) {
		bool all = true;

		for (uint64_t i = 0; i < part->bytes_count; i++)
			all = all && part->lost[i];
		if (all)
			lose(part);
	}
	return part;
}

struct value *value_bits(struct session *session, const struct value *whole,
			 const struct member *member, uint64_t offset)
{
	uint64_t bytes = (member->bit_offset + member->bit_size + 7) / 8;
	struct value *part;

	if (!member->bit_size)
		return value_part(session, whole, member->type, offset);
	/* As many bytes as hold the field, which its type may exceed or fall short of. */
	part = value_part(session, whole,
			  type_make_array(&session->arena, value_base(session, BASE_UCHAR), bytes),
			  offset);
	part->type = member->type;
	part->bytes_count = bytes;
	part->bit_offset = member->bit_offset;
	part->bit_size = member->bit_size;
	return part;
}

int value_member(struct session *session, struct value *value, const char *name,
		 struct value **member_out, struct problem *problem)
{
	struct type *type = type_strip(value->type);
	const struct member *member;
	bool was_pointer = type->kind == TYPE_POINTER;
	uint64_t offset;
	int error;

	if (was_pointer) {
		error = value_deref(session, value, &value, problem);
		if (error)
			return error;
		type = type_strip(value->type);
	}
	if (type->kind != TYPE_STRUCT && type->kind != TYPE_UNION)
		return problem_set(problem, -EINVAL,
				   "Attempt to extract a component of a value "
				   "that is not a structure%s.",
				   was_pointer ? " pointer" : "");
	member = type_find_member(type, name, &offset);
	if (!member)
		return problem_set(problem, -ENOENT, "There is no member named %s.", name);
	*member_out = value_bits(session, value, member, offset);
	return 0;
}

int value_decay(struct session *session, struct value *value, struct value **decayed_out,
		struct problem *problem)
{
	struct type *type = type_strip(value->type), *pointer;

	*decayed_out = value;
	if (type->kind != TYPE_ARRAY && type->kind != TYPE_FUNCTION)
		return 0;
	if (value->place != VALUE_MEMORY)
		return problem_set(problem, -EINVAL, "this value has no address");
	pointer = type_make_pointer(&session->kept,
				    type->kind == TYPE_ARRAY ? type_target(type) : value->type);
	*decayed_out = value_new(session, pointer);
	memcpy((*decayed_out)->bytes, &value->addr, 8);
	(*decayed_out)->node = value->node;
	return 0;
}

int value_index(struct session *session, struct value *value, int64_t index,
		struct value **element_out, struct problem *problem)
{
	struct type *type = type_strip(value->type), *element;
	uint64_t bytes, number;
	int error;

	if (type->kind != TYPE_ARRAY && type->kind != TYPE_POINTER)
		return problem_set(problem, -EINVAL, "cannot index a value of type %s",
				   type_name(&session->arena, value->type, NULL));
	element = type_target(type);
	bytes = type_bytes(element);
	if (type->kind == TYPE_ARRAY && value->place != VALUE_MEMORY) {
		if (index < 0 || (uint64_t)index >= type->count)
			return problem_set(problem, -ERANGE,
					   "no element %lld of an array without "
					   "an address",
					   (long long)index);
		*element_out = value_part(session, value, element, (uint64_t)index * bytes);
		return 0;
	}
	if (type->kind == TYPE_ARRAY && index >= 0 && value->bytes &&
	    (uint64_t)index * bytes < value->bytes_count) {
		*element_out = value_part(session, value, element, (uint64_t)index * bytes);
		return 0;
	}
	error = value_number(session, value, &number, problem);
	if (!error)
		*element_out = value_at(session, element, number + (uint64_t)index * bytes);
	return error;
}

int value_deref(struct session *session, struct value *value, struct value **target_out,
		struct problem *problem)
{
	struct type *type = type_strip(value->type), *target;
	uint64_t number;
	int error;

	if (type->kind == TYPE_INT) { /* as gdb has it: a number is the address of a long */
		target = value_base(session, BASE_LONG);
	} else if (type->kind == TYPE_POINTER || type->kind == TYPE_ARRAY) {
		target = type_target(type);
	} else if (type->kind == TYPE_FUNCTION) {
		*target_out = value;
		return 0;
	} else {
		return problem_set(problem, -EINVAL,
				   "Attempt to take contents of a non-pointer "
				   "value.");
	}
	if (type_strip(target)->kind == TYPE_VOID)
		return problem_set(problem, -EINVAL,
				   "Attempt to take contents of a void pointer: cast it first");
	error = value_number(session, value, &number, problem);
	if (!error) {
		*target_out = value_at(session, target, number);
		(*target_out)->node = trace_number(session, value);
	}
	return error;
}

int value_address(struct session *session, struct value *value, struct value **pointer_out,
		  struct problem *problem)
{
	if (value->bit_size)
		return problem_set(problem, -EINVAL, "a bit-field has no address");
	if (value->place != VALUE_MEMORY)
		return problem_set(
			problem, -EINVAL, "%s",
			value->place == VALUE_REGISTER
				? "Attempt to take address of value in a register."
				: "Attempt to take address of value not located in memory.");
	*pointer_out = value_new(session, type_make_pointer(&session->kept, value->type));
	memcpy((*pointer_out)->bytes, &value->addr, 8);
	(*pointer_out)->node = value->node;
	return 0;
}
