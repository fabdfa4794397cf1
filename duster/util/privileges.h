/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Once the handles are open, root is not needed any more: what is parsed from then on was written
 * by others.
 */
#ifndef DUSTER_UTIL_PRIVILEGES_H
#define DUSTER_UTIL_PRIVILEGES_H

#include <stdbool.h>

#include "duster/util/problem.h"

/*
 * Nothing unless root. Becomes that user; NULL: the one who called sudo, else `nobody`. Of "root"
 * the capabilities go. Nothing that is executed from here on gains any. -ENOENT: no such user.
 *
 * reads: files may be read that only root may (CAP_DAC_READ_SEARCH stays): a program's sources
 * often lie where others have no way to.
 */
int privileges_drop(const char *user, bool reads, struct problem *problem);

#endif
