/* SPDX-License-Identifier: BSD-2-Clause */
/* Operators, casts and assignment, with C's conversions (C11 6.3, 6.5). */
#include <errno.h>
#include <string.h>

#include "duster/engine/convenience.h"
#include "duster/engine/trace.h"
#include "duster/engine/value.h"

static bool is_number(const struct type *type)
{
	return type->kind == TYPE_INT || type->kind == TYPE_ENUM || type->kind == TYPE_FLOAT;
}

static const char *name_of(struct session *session, const struct value *value)
{
	return type_name(&session->arena, value->type, NULL);
}

/* ---- Casts ---- */

static void store_number(struct value *value, uint64_t number, bool is_negative)
{
	memset(value->bytes, is_negative ? 0xff : 0, value->bytes_count);
	memcpy(value->bytes, &number, value->bytes_count < 8 ? value->bytes_count : 8);
}

static int cast_number(struct session *session, struct value *value, struct type *to,
		       struct value *result, struct problem *problem)
{
	struct type *from = type_strip(value->type);
	long double real;
	uint64_t number;
	int error;

	if (to->kind == TYPE_FLOAT) {
		error = value_real(session, value, &real, problem);
		if (!error)
			memcpy(result->bytes, value_double(session, to, real)->bytes,
			       result->bytes_count);
		return error;
	}
	error = value_number(session, value, &number, problem);
	if (error)
		return error;
	if (to->is_bool) {
		bool is_true = number != 0;

		if (from->kind == TYPE_FLOAT)
			error = value_is_true(session, value, &is_true, problem);
		store_number(result, is_true, false);
		return error;
	}
	if (value->bytes && from->kind == TYPE_INT && value->bytes_count == 16 &&
	    result->bytes_count == 16)
		memcpy(result->bytes, value->bytes, 16);
	else
		store_number(result, number,
			     (from->is_signed || from->kind == TYPE_FLOAT) && (int64_t)number < 0);
	return 0;
}

int value_cast(struct session *session, struct value *value, struct type *type,
	       struct value **cast_out, struct problem *problem)
{
	struct type *to = type_strip(type), *from = type_strip(value->type);
	struct value *result;
	int error;

	if (to->kind == TYPE_VOID) {
		*cast_out = value_new(session, type);
		return 0;
	}
	if (to->kind == from->kind && type_same(to, from)) {
		result = arena_alloc(&session->arena, sizeof(*result));
		*result = *value;
		result->type = type;
		*cast_out = result;
		return 0;
	}
	/* An object seen as another type of the same size, or an array of another shape. */
	if ((to->kind == TYPE_ARRAY || to->kind == TYPE_STRUCT || to->kind == TYPE_UNION) &&
	    value->place == VALUE_MEMORY && type_bytes(to) == value->bytes_count) {
		*cast_out = value_at(session, type, value->addr);
		return 0;
	}
	if (!is_number(to) && to->kind != TYPE_POINTER)
		return problem_set(problem, -EINVAL, "Invalid cast.");
	if (!is_number(from) && from->kind != TYPE_POINTER && from->kind != TYPE_ARRAY &&
	    from->kind != TYPE_FUNCTION)
		return problem_set(problem, -EINVAL, "Invalid cast.");
	result = value_new(session, type);
	error = cast_number(session, value, to, result, problem);
	if (error)
		return error;
	if (to->kind != TYPE_FLOAT)
		result->node = trace_number(session, value);
	result->node = to->is_bool
			       ? trace_op(session, NODE_IS_TRUE, false, result->node, result->node)
			       : trace_extend(session, result->node, (unsigned int)type_bytes(to),
					      to->is_signed);
	*cast_out = result;
	return 0;
}

/* ---- Assignment ---- */

static int assign_register(struct session *session, struct value *to, uint64_t number,
			   struct problem *problem)
{
	struct frame *frame;
	struct regs regs;
	uint64_t mask = to->bytes_count >= 8 ? UINT64_MAX : (1ULL << to->bytes_count * 8) - 1;
	unsigned int level = session->level;
	int error;

	if (session_frame(session, to->level, &frame) || !session->target)
		return problem_set(problem, -EINVAL, "the register's frame is gone");
	for (unsigned int i = 0; i < to->level; i++)
		if (!session->frames[i]->is_inlined)
			return problem_set(problem, -EOPNOTSUPP,
					   "only registers of the innermost frame can be changed");
	if (session->has_start_regs)
		return problem_set(problem, -EOPNOTSUPP,
				   "registers of a thread that does not run cannot be changed");
	error = target_regs_get(session->target, session->vcpu, &regs);
	if (!error) {
		regs_set(&regs, to->reg, (regs.value[to->reg] & ~mask) | (number & mask));
		error = target_regs_set(session->target, session->vcpu, &regs);
	}
	if (error)
		return problem_set(problem, error, "registers of this target cannot be changed");
	session_forget_frames(session);
	session->level = level;
	return 0;
}

static int assign_memory(struct session *session, struct value *to, struct value *new,
			 struct problem *problem)
{
	uint8_t *bytes = new->bytes;

	if (to->bit_size) {
		uint64_t number = value_bits_of(new), byte_count = to->bytes_count;

		bytes = arena_alloc(&session->arena, byte_count);
		if (session_read(session, to->addr, bytes, byte_count))
			return problem_set(problem, -EFAULT,
					   "Cannot access memory at address 0x%llx",
					   (unsigned long long)to->addr);
		for (unsigned int i = 0; i < to->bit_size; i++) {
			unsigned int bit = to->bit_offset + i;
			uint8_t mask = (uint8_t)(1u << bit % 8);

			bytes[bit / 8] =
				(uint8_t)((bytes[bit / 8] & ~mask) | (number >> i & 1 ? mask : 0));
		}
	}
	return session_write(session, to->addr, bytes, to->bytes_count, problem);
}

int value_assign(struct session *session, struct value *to, struct value *from,
		 struct value **result_out, struct problem *problem)
{
	struct value *new;
	int error;

	session->changed = true;
	if (to->lazy_name) {
		error = session->skip ? 0 : value_load(session, from, problem);
		if (!error && !session->skip)
			convenience_set(session, to->lazy_name, from);
		*result_out = from;
		return error;
	}
	if (to->place != VALUE_MEMORY && to->place != VALUE_REGISTER)
		return problem_set(problem, -EINVAL,
				   "Left operand of assignment is not an lvalue.");
	error = value_cast(session, from, to->type, &new, problem);
	if (!error)
		error = value_load(session, new, problem);
	if (error)
		return error;
	*result_out = new;
	if (session->skip)
		return 0;
	if (to->place == VALUE_REGISTER) {
		uint64_t number = 0;

		memcpy(&number, new->bytes, new->bytes_count < 8 ? new->bytes_count : 8);
		return assign_register(session, to, number, problem);
	}
	error = assign_memory(session, to, new, problem);
	if (!error) {
		struct value *result = arena_alloc(&session->arena, sizeof(*result));

		*result = *to;
		result->bytes = result->lost = NULL;
		*result_out = result;
		session_forget_frames(session);
	}
	return error;
}

/* ---- Conversions ---- */

/* Of what arithmetic works with: int, unsigned int, long, unsigned long. */
static bool rank_is_signed(enum base_type rank)
{
	return rank == BASE_INT || rank == BASE_LONG;
}

static unsigned int rank_bytes(enum base_type rank)
{
	return rank == BASE_INT || rank == BASE_UINT ? 4 : 8;
}

/* Integer promotions and the usual arithmetic conversions for what is no float: the type of the
 * result. */
static enum base_type rank_of(const struct value *value, const struct type *type)
{
	uint64_t bytes = type->bytes;
	bool is_signed = type->is_signed;

	if (type->kind == TYPE_POINTER)
		return BASE_ULONG;
	if (value->bit_size)
		return value->bit_size < 32 || is_signed ? BASE_INT : BASE_UINT;
	if (bytes < 4)
		return BASE_INT;
	if (type->kind == TYPE_ENUM && bytes == 4)
		return is_signed ? BASE_INT : BASE_UINT;
	if (bytes == 4)
		return is_signed ? BASE_INT : BASE_UINT;
	return is_signed ? BASE_LONG : BASE_ULONG;
}

static enum base_type common_rank(const struct value *left, const struct type *left_type,
				  const struct value *right, const struct type *right_type)
{
	enum base_type a = rank_of(left, left_type), b = rank_of(right, right_type);

	return a > b ? a : b; /* int < unsigned int < long < unsigned long */
}

static int integer_op(int op, enum base_type rank, uint64_t a, uint64_t b, uint64_t *result_out,
		      struct problem *problem)
{
	bool is_signed = rank_is_signed(rank);
	unsigned int bits = 8 * rank_bytes(rank);

	switch (op) {
	case '+':
		*result_out = a + b;
		return 0;
	case '-':
		*result_out = a - b;
		return 0;
	case '*':
		*result_out = a * b;
		return 0;
	case '&':
		*result_out = a & b;
		return 0;
	case '|':
		*result_out = a | b;
		return 0;
	case '^':
		*result_out = a ^ b;
		return 0;
	case OP2('<', '<'):
		*result_out = b >= bits ? 0 : a << b;
		return 0;
	case OP2('>', '>'):
		if (is_signed)
			*result_out = (uint64_t)((int64_t)a >> (b > 63 ? 63 : b));
		else
			*result_out = b >= bits ? 0 : a >> b;
		return 0;
	case '/':
	case '%':
		if (b == 0)
			return problem_set(problem, -EDOM, "Division by zero");
		if (!is_signed)
			*result_out = op == '/' ? a / b : a % b;
		else if ((int64_t)b == -1) /* INT64_MIN / -1 traps */
			*result_out = op == '/' ? 0 - a : 0;
		else
			*result_out = op == '/' ? (uint64_t)((int64_t)a / (int64_t)b)
						: (uint64_t)((int64_t)a % (int64_t)b);
		return 0;
	default:
		return problem_set(problem, -EINVAL, "no such operator on integers");
	}
}

static uint64_t narrow(enum base_type rank, uint64_t number)
{
	if (rank == BASE_INT)
		return (uint64_t)(int64_t)(int32_t)number;
	return rank == BASE_UINT ? (uint32_t)number : number;
}

static bool is_comparison(int op)
{
	return op == '<' || op == '>' || op == OP2('<', '=') || op == OP2('>', '=') ||
	       op == OP2('=', '=') || op == OP2('!', '=');
}

#define COMPARE(op, a, b)                                                                          \
	((op) == '<'             ? (a) < (b)                                                       \
	 : (op) == '>'           ? (a) > (b)                                                       \
	 : (op) == OP2('<', '=') ? (a) <= (b)                                                      \
	 : (op) == OP2('>', '=') ? (a) >= (b)                                                      \
	 : (op) == OP2('=', '=') ? (a) == (b)                                                      \
				 : (a) != (b))

static int real_op(struct session *session, int op, struct value *left, struct value *right,
		   struct value **result_out, struct problem *problem)
{
	struct type *a_type = type_strip(left->type), *b_type = type_strip(right->type), *type;
	long double a, b, result;
	int error = value_real(session, left, &a, problem);

	if (!error)
		error = value_real(session, right, &b, problem);
	if (error)
		return error;
	if (is_comparison(op)) {
		*result_out = value_int(session, BASE_INT, (uint64_t)COMPARE(op, a, b));
		return 0;
	}
	type = value_base(session, BASE_DOUBLE);
	if (a_type->kind == TYPE_FLOAT && b_type->kind == TYPE_FLOAT)
		type = a_type->bytes >= b_type->bytes ? a_type : b_type;
	else if (a_type->kind == TYPE_FLOAT)
		type = a_type;
	else
		type = b_type;
	switch (op) {
	case '+':
		result = a + b;
		break;
	case '-':
		result = a - b;
		break;
	case '*':
		result = a * b;
		break;
	case '/':
		result = a / b;
		break;
	default:
		return problem_set(problem, -EINVAL,
				   "Argument to arithmetic operation not a "
				   "number or boolean.");
	}
	*result_out = value_double(session, type, result);
	return 0;
}

/* ---- Pointers ---- */

static uint64_t step_of(const struct type *pointer)
{
	struct type *target = type_target((struct type *)pointer);
	uint64_t bytes = type_bytes(target);

	return bytes ? bytes : 1; /* void and functions step by bytes, as compilers have it */
}

static int pointer_op(struct session *session, int op, struct value *left, struct value *right,
		      struct value **result_out, struct problem *problem)
{
	struct type *a_type = type_strip(left->type), *b_type = type_strip(right->type);
	bool a_points = a_type->kind == TYPE_POINTER, b_points = b_type->kind == TYPE_POINTER;
	uint64_t a, b;
	int error = value_number(session, left, &a, problem);

	if (!error)
		error = value_number(session, right, &b, problem);
	if (error)
		return error;
	if (is_comparison(op)) {
		*result_out = value_int(session, BASE_INT, (uint64_t)COMPARE(op, a, b));
		(*result_out)->node =
			trace_binary(session, op, 8, false, trace_number(session, left),
				     trace_number(session, right));
		return 0;
	}
	if (op == '-' && a_points && b_points) {
		if (step_of(a_type) != step_of(b_type))
			return problem_set(problem, -EINVAL,
					   "the pointers do not point to things of one size");
		*result_out = value_int(session, BASE_LONG,
					(uint64_t)((int64_t)(a - b) / (int64_t)step_of(a_type)));
		return 0;
	}
	if (op == '+' && b_points && !a_points) {
		*result_out = value_new(session, right->type);
		store_number(*result_out, b + a * step_of(b_type), false);
		return 0;
	}
	if ((op == '+' || op == '-') && a_points && !b_points) {
		b *= step_of(a_type);
		*result_out = value_new(session, left->type);
		store_number(*result_out, op == '+' ? a + b : a - b, false);
		(*result_out)->node = trace_binary(
			session, op, 8, false, trace_number(session, left),
			trace_binary(session, '*', 8, false, trace_number(session, right),
				     trace_const(session, step_of(a_type))));
		return 0;
	}
	if ((op == '&' || op == '|') && a_points != b_points) {
		/* Not C, but what one does with page addresses. */
		*result_out = value_int(session, BASE_ULONG, op == '&' ? (a & b) : (a | b));
		return 0;
	}
	return problem_set(problem, -EINVAL, "no such operation on a pointer");
}

int value_binary(struct session *session, int op, struct value *left, struct value *right,
		 struct value **result_out, struct problem *problem)
{
	struct type *a_type, *b_type;
	const struct node *node;
	enum base_type rank;
	uint64_t a, b, result = 0;
	bool is_signed;
	int error = value_decay(session, left, &left, problem);

	if (!error)
		error = value_decay(session, right, &right, problem);
	if (error)
		return error;
	a_type = type_strip(left->type);
	b_type = type_strip(right->type);
	if ((a_type->kind == TYPE_POINTER || b_type->kind == TYPE_POINTER) &&
	    (is_number(a_type) || a_type->kind == TYPE_POINTER) &&
	    (is_number(b_type) || b_type->kind == TYPE_POINTER))
		return pointer_op(session, op, left, right, result_out, problem);
	if (!is_number(a_type) || !is_number(b_type))
		return problem_set(problem, -EINVAL, "no such operation on %s and %s",
				   name_of(session, left), name_of(session, right));
	if (a_type->kind == TYPE_FLOAT || b_type->kind == TYPE_FLOAT)
		return real_op(session, op, left, right, result_out, problem);
	error = value_number(session, left, &a, problem);
	if (!error)
		error = value_number(session, right, &b, problem);
	if (error)
		return error;
	rank = op == OP2('<', '<') || op == OP2('>', '>')
		       ? rank_of(left, a_type)
		       : common_rank(left, a_type, right, b_type);
	a = narrow(rank, a);
	b = narrow(rank, b);
	is_signed = rank_is_signed(rank);
	node = trace_binary(session, op, rank_bytes(rank), is_signed, trace_number(session, left),
			    trace_number(session, right));
	if (is_comparison(op)) {
		*result_out = value_int(session, BASE_INT,
					is_signed ? (uint64_t)COMPARE(op, (int64_t)a, (int64_t)b)
						  : (uint64_t)COMPARE(op, a, b));
		(*result_out)->node = node;
		return 0;
	}
	error = integer_op(op, rank, a, b, &result, session->skip ? NULL : problem);
	if (error && !session->skip)
		return error;
	*result_out = value_int(session, rank, result);
	(*result_out)->node = node;
	return 0;
}

int value_unary(struct session *session, int op, struct value *operand, struct value **result_out,
		struct problem *problem)
{
	struct type *type = type_strip(operand->type);
	const struct node *node;
	enum base_type rank;
	long double real;
	uint64_t number;
	bool is_true;
	int error;

	if (op == '!') {
		error = value_decay(session, operand, &operand, problem);
		if (!error)
			error = value_is_true(session, operand, &is_true, problem);
		if (error)
			return error;
		*result_out = value_int(session, BASE_INT, !is_true);
		node = trace_number(session, operand);
		(*result_out)->node = trace_op(session, NODE_IS_FALSE, false, node, node);
		return 0;
	}
	if (!is_number(type) || (type->kind == TYPE_FLOAT && op == '~'))
		return problem_set(problem, -EINVAL, "no such operation on %s",
				   name_of(session, operand));
	if (type->kind == TYPE_FLOAT) {
		error = value_real(session, operand, &real, problem);
		if (!error)
			*result_out = value_double(session, type, op == '-' ? -real : real);
		return error;
	}
	error = value_number(session, operand, &number, problem);
	if (error)
		return error;
	rank = rank_of(operand, type);
	*result_out = value_int(session, rank,
				op == '-'   ? 0 - number
				: op == '~' ? ~number
					    : number);
	node = trace_number(session, operand);
	if (op != '+')
		node = trace_op(session, op == '-' ? NODE_MINUS : NODE_INVERTED, false, node, node);
	(*result_out)->node = trace_extend(session, node, rank_bytes(rank), rank_is_signed(rank));
	return 0;
}
