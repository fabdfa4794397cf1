/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What duster's live target asks of Xen, played by a few pages: one domain of two vCPUs that run
 * nothing but `nop`, with the stub's part in breakpoints and steps. Everything is shared between
 * processes, so that one may be killed and another find what it left.
 */
#ifndef TEST_HOST_DUSTER_TARGET_FAKE_XEN_H
#define TEST_HOST_DUSTER_TARGET_FAKE_XEN_H

#include "duster/target/live_parts.h"

#define FAKE_DOMID      5u
#define FAKE_VCPUS      2u
#define FAKE_CODE       0x60100000u /* CODE_BYTES of nop, run again and again */
#define FAKE_CODE_BYTES 64u
#define FAKE_BLOCK      0x60101000u
#define FAKE_STACK      0x60102000u
#define FAKE_COPIES     0x60104000u /* the hypercall page: displaced instructions run there */
#define FAKE_JUMP       0xebu       /* and the 8 bytes of an address */
#define FAKE_STUB       0x60103000u /* nothing is there: whoever stands in it is moved by hand */
#define FAKE_YMM_BYTES  256u

struct fake_xen {
	bool refuses, is_hvm, is_gone, shutdown, suspend_wanted, crashed;
	unsigned int shutdown_reason;
	int pauses;
	int in_slot[FAKE_VCPUS]; /* -1: runs */
	vcpu_guest_context_any_t contexts[FAKE_VCPUS];
	uint8_t ymm[FAKE_VCPUS][FAKE_YMM_BYTES];
	unsigned int pauses_made;
	unsigned int calls, die_at; /* the caller of that one is killed; 0: nobody */
	bool guardian_too;
	int debugger_pid, guardian_pid;
};

/* Shared; made anew by fake_xen_start(). */
extern struct fake_xen *fake;

void fake_xen_start(void);
/* A byte of the domain's memory. */
uint8_t *fake_memory(uint64_t addr);
/* The vCPUs run a little, as they do when nobody pauses them. */
void fake_run(void);

#endif
