/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer expressions as machine code, for a breakpoint's condition that a guest evaluates itself.
 *
 * A node yields a number of 64 bits. The code is called with the address of the frame of saved
 * registers in rdi, and with the return address right below the 8 bytes below it (rsp = rdi - 16);
 * it ends by running off its end with the number in rax, rsp as it was, and has changed rcx and rdx
 * at most. Reading memory that is not there faults: whoever calls it must be ready for that.
 */
#ifndef DUSTER_ARCH_COMPILE_H
#define DUSTER_ARCH_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum node_kind {
	NODE_CONST,    /* number */
	NODE_REG,      /* the word at `number` in the frame */
	NODE_LOAD,     /* size bytes at the address left, 1, 2, 4 or 8, extended */
	NODE_FIELD,    /* size bits of left from bit `number` on, extended */
	NODE_IS_TRUE,  /* left != 0 */
	NODE_IS_FALSE, /* left == 0 */
	NODE_MINUS,    /* of left */
	NODE_INVERTED, /* ~left */
	NODE_AND,      /* left && right: 0 or 1 */
	NODE_OR,       /* left || right */
	NODE_ADD,      /* left + right, and so on */
	NODE_SUBTRACT,
	NODE_MULTIPLY,
	NODE_BITS_AND,
	NODE_BITS_OR,
	NODE_BITS_XOR,
	NODE_SHIFT_LEFT, /* by the constant right, less than 64 */
	NODE_SHIFT_RIGHT,
	NODE_DIVIDE, /* by 0 or -1, unless that is a constant: as if the whole were 1 */
	NODE_REMAINDER,
	NODE_EQUAL, /* 0 or 1 */
	NODE_UNEQUAL,
	NODE_LESS,
	NODE_LESS_EQUAL,
	NODE_GREATER,
	NODE_GREATER_EQUAL,
};

struct node {
	enum node_kind kind;
	bool is_signed; /* LOAD and FIELD extend by the sign; shifts, divisions, comparisons */
	unsigned int size;
	uint64_t number;
	const struct node *left, *right;
};

/* -E2BIG: it does not fit, or needs more stack than a guest should be asked for. -EOPNOTSUPP: a
 * node with numbers that cannot be. */
int arch_compile(const struct node *node, uint8_t *code_out, size_t room, size_t *bytes_out);

#endif
