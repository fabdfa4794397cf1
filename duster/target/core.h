/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Core files as targets: what `xl dump-core` writes (Xen: docs/misc/dump-core-format.txt), and the
 * usual ELF core files (program headers, NT_PRSTATUS), among them those `export` writes.
 */
#ifndef DUSTER_TARGET_CORE_H
#define DUSTER_TARGET_CORE_H

#include "duster/target/target.h"

/* Opens either kind. The target is the caller's until target_close(). */
int core_open(const char *path, struct target **target_out, struct problem *problem);

#endif
