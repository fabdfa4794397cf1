/* SPDX-License-Identifier: BSD-2-Clause */
/* `$name`: variables of the debugger, and the history of values shown ($1, $, $$). */
#ifndef DUSTER_ENGINE_CONVENIENCE_H
#define DUSTER_ENGINE_CONVENIENCE_H

#include "duster/engine/value.h"

/* NULL: never set. */
struct value *convenience_get(struct session *session, const char *name);
/* The value is copied; it must be loaded. */
void convenience_set(struct session *session, const char *name, const struct value *value);

/* Appends a shown value; returns its number, from 1. */
unsigned int history_add(struct session *session, const struct value *value);
/* number from 1; 0: the last. NULL: none. */
struct value *history_get(struct session *session, unsigned int number);

#endif
