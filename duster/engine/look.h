/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looking at the kernel's data by the names its sources give them, through debug information
 * alone: what another version of the kernel does not have, is not found, and the views go without.
 * Numbers and texts are read one by one: of a guest that runs each may be of another moment.
 */
#ifndef DUSTER_ENGINE_LOOK_H
#define DUSTER_ENGINE_LOOK_H

#include "duster/engine/value.h"

#define LOOK_ELEMENTS_MAX 1000000u

/* An expression, as a rule a variable; NULL: it means nothing here. */
struct value *look(struct session *session, const char *expression);
/* The struct of that tag at addr; NULL: there is no such struct. */
struct value *look_at(struct session *session, const char *tag, uint64_t addr);
/* A member: "wait.owner". NULL: there is none. */
struct value *look_member(struct session *session, struct value *value, const char *path);
/* The same as a number, also of pointers and array addresses; false: none, or no memory. */
bool look_number(struct session *session, struct value *value, const char *path,
		 uint64_t *number_out);
/* 0 when it is not there. */
uint64_t look_word(struct session *session, struct value *value, const char *path);
/* The element of an array, or of what a pointer points to. NULL: none. */
struct value *look_index(struct session *session, struct value *value, uint64_t index);
/* What a pointer points to; NULL for a null pointer. */
struct value *look_deref(struct session *session, struct value *value);
/* A string in the guest, in the arena; what is not printable becomes '?'. Empty for 0. */
const char *look_text(struct session *session, uint64_t addr, size_t bytes_max);
/* `name+4` of an address, or its number. In the arena. */
const char *look_symbol(struct session *session, uint64_t addr);
/* The enumerator's name in small letters behind its last '_' (THREAD_WAITING: "waiting"). */
const char *look_enumerator(struct session *session, const char *tag, uint64_t number);

/*
 * A ring of links: calls fn with each element of struct tag whose `member` is in the ring that
 * head is not part of, until it returns false. 0, -ENOENT (no such struct), -EFAULT, -ELOOP: the
 * ring is damaged, or changed while it was walked; fn was called for what came before.
 */
typedef bool look_fn(void *context, struct value *element);
int look_list(struct session *session, uint64_t head, const char *tag, const char *member,
	      look_fn *fn, void *context);

#endif
