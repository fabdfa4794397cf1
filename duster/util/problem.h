/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong, in words, beside the -Exxx a function returns. The caller owns the struct and
 * may pass NULL where it only wants the number.
 */
#ifndef DUSTER_UTIL_PROBLEM_H
#define DUSTER_UTIL_PROBLEM_H

#include <stdarg.h>

struct problem {
	char text[320]; /* one line, without a full stop */
	int column;     /* of an expression, from 0; -1: none */
};

/* Writes the text and returns error, so that `return problem_set(...)` reads well. */
int problem_set(struct problem *problem, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a place in the expression. */
int problem_set_at(struct problem *problem, int error, int column, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
