/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Expressions with C's syntax over typed values, and what debuggers add: `array@count`,
 * `$register`,
 * `$variable`, `$1`, 'file.c'::name, function::name. Calls are refused: the guest's code does not
 * run for an expression. problem->column points into the text.
 */
#ifndef DUSTER_ENGINE_EVAL_H
#define DUSTER_ENGINE_EVAL_H

#include "duster/engine/value.h"

int eval_expression(struct session *session, const char *text, struct value **value_out,
		    struct problem *problem);
/* A type's name alone (`struct node *`) gives *type_out, an expression *value_out; the other is
 * NULL. */
int eval_type_or_expression(struct session *session, const char *text, struct type **type_out,
			    struct value **value_out, struct problem *problem);
/* An expression that is an address: of a function, a pointer, a number. */
int eval_address(struct session *session, const char *text, uint64_t *addr_out,
		 struct problem *problem);

/* A name as an expression finds it: locals of the selected frame, then the file's, then all. */
int eval_name(struct session *session, const char *name, struct value **value_out,
	      struct problem *problem);

#endif
