/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What absolute paths meant that were walked lately, whole: a short cut in front of names.h.
 *
 * An entry has no reference of its own. It holds while each name on its way is remembered there, as
 * that one keeps the node; so whenever one of those is about to go, all entries here go, by
 * names_path_forget(). Only paths that led somewhere are remembered.
 *
 * Lock: path_lock, over nothing else.
 */
#ifndef LIB_POSIX_NAMES_PATH_H
#define LIB_POSIX_NAMES_PATH_H

#include <stdint.h>

#include "lib/fs/node.h"

/* The node with a reference, NULL: not remembered. */
struct node *names_path_recall(const char *path);
/* To be read before the walk whose result names_path_remember() is given. */
uint32_t names_path_generation(void);
void names_path_remember(const char *path, struct node *node, uint32_t generation);
/* Before a name that led to a node is forgotten, and when one could not be remembered. */
void names_path_forget(void);

#endif
