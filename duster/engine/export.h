/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest as an ordinary ELF core file, for gdb, drgn and whoever reads those: all mapped memory
 * in PT_LOAD segments, an NT_PRSTATUS for each vCPU and for each thread that does not run.
 */
#ifndef DUSTER_ENGINE_EXPORT_H
#define DUSTER_ENGINE_EXPORT_H

#include "duster/engine/session.h"

struct export_result {
	uint64_t segments, threads, bytes;
};

/* -EOPNOTSUPP: the target has no page tables. A file that could not be finished is removed. */
int export_core(struct session *session, const char *path, struct export_result *result_out,
		struct problem *problem);

#endif
