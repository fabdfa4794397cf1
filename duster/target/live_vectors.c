/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting a vCPU's context makes Xen forget what of its vector registers the context does not hold:
 * the upper halves of ymm, and more. So they are fetched before and put back afterwards
 * (Xen: public/domctl.h, xen_domctl_vcpuextstate). Between the two they lie in the lock's file,
 * which the guardian shares and `duster recover` finds when both were killed there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "duster/target/live_parts.h"

/* The buffer: xcr0, xcr0 as it ever was, an XSAVE area in its standard form (SDM 1 13.4). */
#define XSAVE_AT     16u
#define XSTATE_BV_AT (XSAVE_AT + 512u)
#define XSTATE_BASIC 0x3u /* x87 and SSE: in the context */
#define STATE_BYTES  16384u
#define FILE_AT      4096 /* in the lock's file; before it: live_note_pause() */

struct live_vectors {
	uint32_t pending; /* the vCPU whose state has to be put back, + 1 */
	uint32_t domid;   /* whose vCPU: a saved domain comes back under another number */
	uint64_t mask, bytes;
	uint8_t state[STATE_BYTES];
};

int live_vectors_open(struct live *live)
{
	int flags = MAP_SHARED, fd = live->lock_fd;

	/* Room first: a full file system would kill us at the first write. */
	if (fd < 0 || posix_fallocate(fd, FILE_AT, sizeof(*live->vectors))) {
		flags |= MAP_ANONYMOUS;
		fd = -1;
	}
	live->vectors = mmap(NULL, sizeof(*live->vectors), PROT_READ | PROT_WRITE, flags, fd,
			     fd < 0 ? 0 : FILE_AT);
	if (live->vectors == MAP_FAILED) {
		live->vectors = NULL;
		return -ENOMEM;
	}
	return 0;
}

void live_vectors_close(struct live *live)
{
	if (live->vectors)
		munmap(live->vectors, sizeof(*live->vectors));
	live->vectors = NULL;
}

/* One domctl with the buffer; *bytes and *mask as they come back. libxc's own function does not
 * say how much was written. */
static int transfer(struct live *live, uint32_t command, unsigned int vcpu, uint64_t *mask,
		    uint64_t *bytes)
{
	struct xen_domctl domctl = {.cmd = command, .domain = (domid_t)live->domid};
	struct xen_domctl_vcpuextstate *state = &domctl.u.vcpuextstate;
	uint64_t room = *bytes;
	int error = 0;

	DECLARE_HYPERCALL_BUFFER(uint8_t, buffer);

	buffer = room ? xc_hypercall_buffer_alloc(live->xc, buffer, room) : NULL;
	if (room && !buffer)
		return -ENOMEM;
	state->vcpu = vcpu;
	state->xfeature_mask = *mask;
	state->size = room;
	if (room) {
		memcpy(buffer, live->vectors->state, room);
		set_xen_guest_handle(state->buffer, buffer);
	}
	if (xc_domctl(live->xc, &domctl))
		error = -errno;
	*mask = state->xfeature_mask;
	*bytes = state->size;
	if (room) {
		memcpy(live->vectors->state, buffer, room);
		xc_hypercall_buffer_free(live->xc, buffer);
	}
	return error;
}

int live_vectors_save(struct live *live, unsigned int vcpu)
{
	struct live_vectors *vectors = live->vectors;
	uint64_t in_use, mask = 0, bytes = 0;
	int error;

	/* First how much room it takes. An error: a machine without, nothing to lose. */
	if (!vectors || transfer(live, XEN_DOMCTL_getvcpuextstate, vcpu, &mask, &bytes) || !bytes)
		return 0;
	if (bytes > STATE_BYTES)
		return -E2BIG;
	error = transfer(live, XEN_DOMCTL_getvcpuextstate, vcpu, &mask, &bytes);
	if (error || bytes < XSTATE_BV_AT + 8 || bytes > STATE_BYTES)
		return error;
	memcpy(&in_use, vectors->state + XSTATE_BV_AT, sizeof(in_use));
	if (!(in_use & ~(uint64_t)XSTATE_BASIC))
		return 0;
	vectors->mask = mask;
	vectors->bytes = bytes;
	vectors->domid = live->domid;
	__atomic_store_n(&vectors->pending, vcpu + 1, __ATOMIC_RELEASE);
	return 0;
}

int live_vectors_restore(struct live *live)
{
	struct live_vectors *vectors = live->vectors;
	uint32_t pending = vectors ? __atomic_load_n(&vectors->pending, __ATOMIC_ACQUIRE) : 0;
	uint64_t mask, bytes;
	int error = 0;

	if (!pending)
		return 0;
	mask = vectors->mask;
	bytes = vectors->bytes;
	if (vectors->domid == live->domid && bytes <= STATE_BYTES)
		error = transfer(live, XEN_DOMCTL_setvcpuextstate, pending - 1, &mask, &bytes);
	__atomic_store_n(&vectors->pending, 0, __ATOMIC_RELEASE);
	return error;
}

int live_vectors_recover(struct live *live)
{
	xc_dominfo_t info;

	/* Somebody let it run: what its registers hold now is newer. */
	if (live->vectors && (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 ||
			      info.domid != live->domid || !info.paused))
		__atomic_store_n(&live->vectors->pending, 0, __ATOMIC_RELEASE);
	return live_vectors_restore(live);
}
