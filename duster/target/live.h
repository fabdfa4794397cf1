/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A running PV domain on a stock hypervisor, from dom0. Registers and memory need no help of the
 * guest; breakpoints and steps need the stub every Stardust image has.
 *
 * What is done to the guest is undone at close, and by a guardian process when this one is killed:
 * each change stands in the guest's own memory (the block) before it is made.
 */
#ifndef DUSTER_TARGET_LIVE_H
#define DUSTER_TARGET_LIVE_H

#include "duster/target/target.h"

/* An instruction made to run at another address: what a thread executes instead of the one its
 * breakpoint stands on. */
#define DISPLACED_BYTES 32u
struct displaced {
	uint8_t code[DISPLACED_BYTES]; /* ends by going on behind the original */
	unsigned int done; /* where in it the original is done, if it goes on in a straight line */
	uint64_t next;     /* the address that place stands for */
};
/* -EOPNOTSUPP: not for this instruction. code: 16 bytes from `from` on. */
typedef int displace_fn(const uint8_t *code, uint64_t from, uint64_t to, struct displaced *out);

/* The guest's side, by symbols of its image. All 0: not a Stardust guest, or no symbols. */
struct live_stub {
	uint64_t block;          /* __duster_block */
	uint64_t start, end;     /* of code that must have no breakpoint: __duster_stub … */
	uint64_t hypercall_page; /* behind its stubs there is room for displaced instructions */
	displace_fn *displace;   /* NULL: never */
};

/* The domain's id from a name or a number; -ENOENT. */
int live_find_domain(const char *name, unsigned int *domid_out, struct problem *problem);
/* The file the domain was created from, as the toolstack noted it; -ENOENT: not known. */
int live_kernel_path(unsigned int domid, char *path_out, size_t path_bytes);

#define LIVE_RUNNING 0x1u /* does not pause it */
#define LIVE_WAIT    0x2u /* waits for another debugger to go */
/* Attaches, and pauses: -EBUSY when another debugger is there, -EPERM without privilege, -EINVAL
 * for what is no PV domain. */
int live_open(unsigned int domid, unsigned int flags, struct target **target_out,
	      struct problem *problem);
/* Undoes what a debugger left that was killed with its guardian, if there was one: before memory is
 * compared with the image. */
int live_mend(struct target *target, const struct live_stub *stub, struct problem *problem);
/* Makes breakpoints possible: tells the guest's block of us and starts the guardian. Once, while
 * paused; only after the image was found to be the guest's. */
int live_arm(struct target *target, const struct live_stub *stub, struct problem *problem);
/* Stops a domain that was opened to run on, and makes breakpoints possible if stub (NULL: none) is
 * its. Nothing when it stands already. */
int live_stop(struct target *target, const struct live_stub *stub, struct problem *problem);
/* Gives back the pause of a toolstack that created the domain paused; ours stays. */
int live_release_creator(struct target *target);
/* Undoes what a killed debugger left in the domain. wait: until another one has left, its guardian
 * included; else -EBUSY while there is one. *undone_out: how many things there were. */
int live_recover(unsigned int domid, const struct live_stub *stub, bool wait,
		 unsigned int *undone_out, struct problem *problem);

/* Makes target_wait() return -EINTR, also from a signal handler; false takes it back. */
void live_interrupt(bool wanted);

#endif
