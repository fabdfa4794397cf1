/* SPDX-License-Identifier: BSD-2-Clause */
/* One accumulator, rax, and a stack: SDM 2A to 2C for each encoding. */
#include "duster/arch/compile.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX  8u /* words on the stack */
#define NESTED_MAX 64u
#define EXITS_MAX  16u

struct assembler {
	uint8_t *code;
	size_t room, used;
	unsigned int depth, nested;
	size_t exits[EXITS_MAX]; /* displacements of jumps to where it gives up */
	unsigned int exits_count;
	int error;
};

static void emit(struct assembler *to, const void *bytes, size_t count)
{
	if (count > to->room - to->used) {
		to->error = to->error ? to->error : -E2BIG;
		return;
	}
	memcpy(to->code + to->used, bytes, count);
	to->used += count;
}

#define EMIT(to, ...)                                                                              \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__};                                     \
		emit(to, bytes_, sizeof(bytes_));                                                  \
	} while (0)

static void emit32(struct assembler *to, uint64_t number)
{
	uint32_t word = (uint32_t)number;

	emit(to, &word, sizeof(word));
}

static bool fits(uint64_t number)
{
	return number == (uint64_t)(int64_t)(int32_t)number;
}

static bool is_const(const struct node *node)
{
	return node->kind == NODE_CONST;
}

/* ---- Jumps ---- */

/* Behind a jcc's opcode: the place of its displacement. */
static size_t jump_from(struct assembler *to)
{
	size_t at = to->used;

	emit32(to, 0);
	return at;
}

static void jump_to_here(struct assembler *to, size_t at)
{
	uint32_t distance = (uint32_t)(to->used - at - 4);

	if (!to->error)
		memcpy(to->code + at, &distance, sizeof(distance));
}

static void give_up_if_below_or_equal(struct assembler *to)
{
	if (to->exits_count == EXITS_MAX) {
		to->error = -E2BIG;
		return;
	}
	EMIT(to, 0x0f, 0x86);
	to->exits[to->exits_count++] = jump_from(to);
}

/* ---- Nodes ---- */

static void compile(struct assembler *to, const struct node *node);

static void compile_const(struct assembler *to, uint64_t number)
{
	if (number <= UINT32_MAX) {
		EMIT(to, 0xb8); /* mov $n, %eax */
		emit32(to, number);
	} else if (fits(number)) {
		EMIT(to, 0x48, 0xc7, 0xc0);
		emit32(to, number);
	} else {
		EMIT(to, 0x48, 0xb8);
		emit(to, &number, sizeof(number));
	}
}

/* The opcode of a load into rax; the ModRM byte follows. */
static void load_opcode(struct assembler *to, const struct node *node)
{
	switch (node->size << 1 | node->is_signed) {
	case 1 << 1:
		EMIT(to, 0x0f, 0xb6);
		break;
	case 1 << 1 | 1:
		EMIT(to, 0x48, 0x0f, 0xbe);
		break;
	case 2 << 1:
		EMIT(to, 0x0f, 0xb7);
		break;
	case 2 << 1 | 1:
		EMIT(to, 0x48, 0x0f, 0xbf);
		break;
	case 4 << 1:
		EMIT(to, 0x8b);
		break;
	case 4 << 1 | 1:
		EMIT(to, 0x48, 0x63);
		break;
	case 8 << 1:
	case 8 << 1 | 1:
		EMIT(to, 0x48, 0x8b);
		break;
	default:
		to->error = -EOPNOTSUPP;
	}
}

static void compile_load(struct assembler *to, const struct node *node)
{
	const struct node *addr = node->left;

	if (is_const(addr) && fits(addr->number)) {
		load_opcode(to, node);
		EMIT(to, 0x04, 0x25); /* an absolute address */
		emit32(to, addr->number);
	} else if (addr->kind == NODE_ADD && is_const(addr->right) && fits(addr->right->number)) {
		compile(to, addr->left);
		load_opcode(to, node);
		EMIT(to, 0x80); /* rax and a displacement */
		emit32(to, addr->right->number);
	} else {
		compile(to, addr);
		load_opcode(to, node);
		EMIT(to, 0x00);
	}
}

static void compile_field(struct assembler *to, const struct node *node)
{
	const struct node *from = node->left;
	uint8_t left = (uint8_t)(64 - node->number - node->size);
	uint8_t right = (uint8_t)(64 - node->size);

	if (!node->size || node->number > 64 || node->size > 64 - node->number) {
		to->error = -EOPNOTSUPP;
		return;
	}
	compile(to, from);
	/* It is so already. */
	if (from->kind == NODE_LOAD && !node->number && from->size * 8 == node->size &&
	    (from->is_signed == node->is_signed || node->size == 64))
		return;
	if (left) {
		EMIT(to, 0x48, 0xc1, 0xe0);
		emit(to, &left, 1);
	}
	if (right && node->is_signed)
		EMIT(to, 0x48, 0xc1, 0xf8);
	else if (right)
		EMIT(to, 0x48, 0xc1, 0xe8);
	if (right)
		emit(to, &right, 1);
}

static void compile_logic(struct assembler *to, const struct node *node)
{
	size_t end;

	compile(to, node->left);
	EMIT(to, 0x48, 0x85, 0xc0); /* test %rax, %rax */
	if (node->kind == NODE_AND)
		EMIT(to, 0x0f, 0x84);
	else
		EMIT(to, 0x0f, 0x85);
	end = jump_from(to);
	compile(to, node->right);
	jump_to_here(to, end);
	EMIT(to, 0x48, 0x85, 0xc0, 0x0f, 0x95, 0xc0, 0x0f, 0xb6, 0xc0);
}

/* By what is in rcx. */
static void divide(struct assembler *to, const struct node *node)
{
	uint64_t by = node->right->number;

	if (!is_const(node->right)) {
		EMIT(to, 0x48, 0x8d, 0x51, 0x01, 0x48, 0x83, 0xfa, 0x01); /* rcx + 1 <= 1 */
		give_up_if_below_or_equal(to);
	} else if (by + 1 <= 1) {
		to->error = -EOPNOTSUPP;
	}
	if (node->is_signed)
		EMIT(to, 0x48, 0x99, 0x48, 0xf7, 0xf9);
	else
		EMIT(to, 0x31, 0xd2, 0x48, 0xf7, 0xf1);
	if (node->kind == NODE_REMAINDER)
		EMIT(to, 0x48, 0x89, 0xd0);
}

static void shift(struct assembler *to, const struct node *node)
{
	uint8_t by = (uint8_t)node->right->number;

	if (!is_const(node->right) || node->right->number > 63)
		to->error = -EOPNOTSUPP;
	compile(to, node->left);
	if (node->kind == NODE_SHIFT_LEFT)
		EMIT(to, 0x48, 0xc1, 0xe0);
	else if (node->is_signed)
		EMIT(to, 0x48, 0xc1, 0xf8);
	else
		EMIT(to, 0x48, 0xc1, 0xe8);
	emit(to, &by, 1);
}

static bool is_comparison(enum node_kind kind)
{
	return kind >= NODE_EQUAL;
}

/* setcc %al, and all of rax. */
static void set_by_flags(struct assembler *to, const struct node *node)
{
	static const uint8_t conditions[][2] = {
		[NODE_EQUAL - NODE_EQUAL] = {0x94, 0x94},
		[NODE_UNEQUAL - NODE_EQUAL] = {0x95, 0x95},
		[NODE_LESS - NODE_EQUAL] = {0x92, 0x9c},
		[NODE_LESS_EQUAL - NODE_EQUAL] = {0x96, 0x9e},
		[NODE_GREATER - NODE_EQUAL] = {0x97, 0x9f},
		[NODE_GREATER_EQUAL - NODE_EQUAL] = {0x93, 0x9d},
	};

	EMIT(to, 0x0f);
	emit(to, &conditions[node->kind - NODE_EQUAL][node->is_signed], 1);
	EMIT(to, 0xc0, 0x0f, 0xb6, 0xc0);
}

/* rax op rcx, or rax op a number of 32 bits. */
static void operate(struct assembler *to, const struct node *node, bool number)
{
	static const struct {
		uint8_t reg[4], reg_bytes, number[3], number_bytes;
	} codes[] = {
		[NODE_ADD] = {{0x48, 0x01, 0xc8}, 3, {0x48, 0x05}, 2},
		[NODE_SUBTRACT] = {{0x48, 0x29, 0xc8}, 3, {0x48, 0x2d}, 2},
		[NODE_MULTIPLY] = {{0x48, 0x0f, 0xaf, 0xc1}, 4, {0x48, 0x69, 0xc0}, 3},
		[NODE_BITS_AND] = {{0x48, 0x21, 0xc8}, 3, {0x48, 0x25}, 2},
		[NODE_BITS_OR] = {{0x48, 0x09, 0xc8}, 3, {0x48, 0x0d}, 2},
		[NODE_BITS_XOR] = {{0x48, 0x31, 0xc8}, 3, {0x48, 0x35}, 2},
		[NODE_EQUAL] = {{0x48, 0x39, 0xc8}, 3, {0x48, 0x3d}, 2},
	};
	enum node_kind kind = is_comparison(node->kind) ? NODE_EQUAL : node->kind;

	if (number) {
		emit(to, codes[kind].number, codes[kind].number_bytes);
		emit32(to, node->right->number);
	} else {
		emit(to, codes[kind].reg, codes[kind].reg_bytes);
	}
	if (is_comparison(node->kind))
		set_by_flags(to, node);
}

static void compile_binary(struct assembler *to, const struct node *node)
{
	bool divides = node->kind == NODE_DIVIDE || node->kind == NODE_REMAINDER;

	compile(to, node->left);
	if (!divides && is_const(node->right) && fits(node->right->number)) {
		operate(to, node, true);
		return;
	}
	if (++to->depth > DEPTH_MAX)
		to->error = -E2BIG;
	EMIT(to, 0x50); /* push %rax */
	compile(to, node->right);
	EMIT(to, 0x48, 0x89, 0xc1, 0x58); /* mov %rax, %rcx; pop %rax */
	to->depth--;
	if (divides)
		divide(to, node);
	else
		operate(to, node, false);
}

static void compile_unary(struct assembler *to, const struct node *node)
{
	compile(to, node->left);
	if (node->kind == NODE_MINUS)
		EMIT(to, 0x48, 0xf7, 0xd8);
	else if (node->kind == NODE_INVERTED)
		EMIT(to, 0x48, 0xf7, 0xd0);
	else if (node->kind == NODE_IS_TRUE)
		EMIT(to, 0x48, 0x85, 0xc0, 0x0f, 0x95, 0xc0, 0x0f, 0xb6, 0xc0);
	else
		EMIT(to, 0x48, 0x85, 0xc0, 0x0f, 0x94, 0xc0, 0x0f, 0xb6, 0xc0);
}

static void compile(struct assembler *to, const struct node *node)
{
	if (to->error || ++to->nested > NESTED_MAX) {
		to->error = to->error ? to->error : -E2BIG;
		return;
	}
	switch (node->kind) {
	case NODE_CONST:
		compile_const(to, node->number);
		break;
	case NODE_REG:
		EMIT(to, 0x48, 0x8b, 0x87); /* mov n(%rdi), %rax */
		emit32(to, node->number);
		break;
	case NODE_LOAD:
		compile_load(to, node);
		break;
	case NODE_FIELD:
		compile_field(to, node);
		break;
	case NODE_IS_TRUE:
	case NODE_IS_FALSE:
	case NODE_MINUS:
	case NODE_INVERTED:
		compile_unary(to, node);
		break;
	case NODE_AND:
	case NODE_OR:
		compile_logic(to, node);
		break;
	case NODE_SHIFT_LEFT:
	case NODE_SHIFT_RIGHT:
		shift(to, node);
		break;
	default:
		compile_binary(to, node);
		break;
	}
	to->nested--;
}

int arch_compile(const struct node *node, uint8_t *code_out, size_t room, size_t *bytes_out)
{
	struct assembler to = {.code = code_out, .room = room};

	compile(&to, node);
	if (to.exits_count) {
		EMIT(&to, 0xeb, 0x09); /* past what follows: rsp = rdi - 16, rax = 1 */
		for (unsigned int i = 0; i < to.exits_count; i++)
			jump_to_here(&to, to.exits[i]);
		EMIT(&to, 0x48, 0x8d, 0x67, 0xf0, 0xb8, 1, 0, 0, 0);
	}
	*bytes_out = to.used;
	return to.error;
}
