/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A small xenstore client for dom0: reads, and waits for changes. Nothing but libc is needed.
 * Source: Xen public/io/xs_wire.h, docs/misc/xenstore.txt.
 */
#ifndef TOOLS_BOX_XS_H
#define TOOLS_BOX_XS_H

#include <stdbool.h>
#include <stddef.h>

struct xs {
	int fd;       /* readable when a watch may have fired */
	bool changed; /* a watch fired; the user clears it */
};

/* 0, or -Exxx when there is no xenstore to talk to. */
int xs_open(struct xs *xs);

/* The value at `path` as a string. 0 or -Exxx (-ENOENT: no such node; -E2BIG: longer). */
int xs_read(struct xs *xs, const char *path, char *value, size_t value_bytes);

/* From now on a change at or below `path` sets xs->changed. It is set once at the start. */
int xs_watch(struct xs *xs, const char *path);

/* Takes in what is readable. 0, or -Exxx when xenstore is gone. */
int xs_pump(struct xs *xs);

#endif
