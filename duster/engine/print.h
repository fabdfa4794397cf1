/* SPDX-License-Identifier: BSD-2-Clause */
/* printf over expressions: what `printf` and `dprintf` write. */
#ifndef DUSTER_ENGINE_PRINT_H
#define DUSTER_ENGINE_PRINT_H

#include "duster/engine/session.h"
#include "duster/util/text.h"

/* words: "format", EXPRESSION, … with the conversions of C, of which the lengths (l, ll, z …) mean
 * nothing: values bring their own. %s: of a pointer the string it points to. -EINVAL for a format
 * that does not fit. */
int print_formatted(struct session *session, const char *words, struct text *text,
		    struct problem *problem);

#endif
