/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/util/problem.h"

#include <stdio.h>

static int set(struct problem *problem, int error, int column, const char *format,
	       va_list arguments)
{
	if (problem) {
		problem->column = column;
		vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	}
	return error;
}

int problem_set(struct problem *problem, int error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error = set(problem, error, -1, format, arguments);
	va_end(arguments);
	return error;
}

int problem_set_at(struct problem *problem, int error, int column, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	error = set(problem, error, column, format, arguments);
	va_end(arguments);
	return error;
}
