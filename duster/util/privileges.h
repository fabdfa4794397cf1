/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Once the handles are open, root is not needed any more: what is parsed from then on was written
 * by others.
 */
#ifndef DUSTER_UTIL_PRIVILEGES_H
#define DUSTER_UTIL_PRIVILEGES_H

#include "duster/util/problem.h"

/*
 * Nothing unless root. Becomes that user; NULL: the one who called sudo, else `nobody`. Of "root"
 * the capabilities go. Nothing that is executed from here on gains any. -ENOENT: no such user.
 */
int privileges_drop(const char *user, struct problem *problem);

#endif
