/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How an expression came to its value: while session->tracing is set, values carry a node
 * (arch/compile.h) of what they are computed from: of a value in memory its address, of another one
 * the number. NULL: nobody can say, or it is no integer. So a condition evaluated once, at its
 * breakpoint, can be compiled.
 *
 * Nodes live in the session's arena of the command.
 */
#ifndef DUSTER_ENGINE_TRACE_H
#define DUSTER_ENGINE_TRACE_H

#include "duster/arch/compile.h"
#include "duster/engine/value.h"

/* Each returns NULL when an operand is NULL, and when nothing is traced. */
const struct node *trace_const(struct session *session, uint64_t number);
/* A register of a frame. */
const struct node *trace_register(struct session *session, const struct frame *frame,
				  unsigned int reg);
/* A variable that was found there: value_variable() of the same DIE. */
const struct node *trace_variable(struct session *session, struct frame *frame, Dwarf_Die *die,
				  const struct value *value);
/* The number a value stands for: value_number(). */
const struct node *trace_number(struct session *session, const struct value *value);
const struct node *trace_op(struct session *session, enum node_kind kind, bool is_signed,
			    const struct node *left, const struct node *right);
/* left + number */
const struct node *trace_offset(struct session *session, const struct node *left, uint64_t number);
/* bytes of a number, extended to all of it. */
const struct node *trace_extend(struct session *session, const struct node *left,
				unsigned int bytes, bool is_signed);
/* An operator of C on numbers of one type, of 4 or 8 bytes; '<' << 8 | '=' as OP2(). */
const struct node *trace_binary(struct session *session, int op, unsigned int bytes, bool is_signed,
				const struct node *left, const struct node *right);

/* Compiles what a condition came from. -EOPNOTSUPP: it cannot be. */
int trace_compile(struct session *session, const struct value *value, uint8_t *code_out,
		  size_t room, size_t *bytes_out);

#endif
