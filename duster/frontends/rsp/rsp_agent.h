/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions as gdb sends them: bytecode of its agent (Debugging with GDB, appendix F). What they
 * need is integers, registers and memory; the guest is not asked, and does not stop for gdb.
 */
#ifndef DUSTER_FRONTENDS_RSP_RSP_AGENT_H
#define DUSTER_FRONTENDS_RSP_RSP_AGENT_H

#include "duster/engine/session.h"

/* The number a register has in the protocol; its value, up to 8 bytes. False: not known. */
typedef bool rsp_agent_register_fn(void *context, unsigned int number, uint64_t *value_out);

struct rsp_agent {
	struct session *session;
	rsp_agent_register_fn *reg;
	void *context;
};

/* -EINVAL: damaged code or an operation that is not for conditions, -EFAULT: memory or a register
 * is not there, -ELOOP: too many steps. */
int rsp_agent_run(const struct rsp_agent *agent, const uint8_t *code, size_t bytes,
		  uint64_t *value_out);

#endif
