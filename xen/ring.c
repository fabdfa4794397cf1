/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/cpu.h"
#include "lib/base/string.h"
#include "xen/ring.h"

void ring_in_init(struct ring_in *ring, const char *bytes, uint32_t bytes_count,
		  volatile uint32_t *shared_cons, const volatile uint32_t *shared_prod)
{
	uint32_t cons = *shared_cons;

	*ring = (struct ring_in){
		.bytes = bytes,
		.bytes_count = bytes_count,
		.shared_cons = shared_cons,
		.shared_prod = shared_prod,
		.cons = cons,
		.prod_seen = cons,
	};
	(void)ring_in_available(ring);
}

void ring_out_init(struct ring_out *ring, char *bytes, uint32_t bytes_count,
		   volatile uint32_t *shared_prod, const volatile uint32_t *shared_cons)
{
	uint32_t prod = *shared_prod;

	*ring = (struct ring_out){
		.bytes = bytes,
		.bytes_count = bytes_count,
		.shared_prod = shared_prod,
		.shared_cons = shared_cons,
		.prod = prod,
		.cons_seen = prod - bytes_count,
	};
	(void)ring_out_room(ring);
}

/* The order of the comparisons matters: all distances are taken from our own index, so that the
 * wrap at 2^32 needs no case of its own. */
uint32_t ring_in_available(struct ring_in *ring)
{
	uint32_t available, seen;

	if (ring->broken)
		return 0;
	seen = ring->prod_seen - ring->cons;
	ring->prod_seen = *ring->shared_prod;
	available = ring->prod_seen - ring->cons;
	if (available > ring->bytes_count || available < seen) {
		ring->broken = true;
		return 0;
	}
	return available;
}

size_t ring_in_read(struct ring_in *ring, void *bytes_out, size_t bytes_max)
{
	uint32_t available = ring_in_available(ring);
	uint32_t at = ring->cons & (ring->bytes_count - 1);
	size_t first;

	if (bytes_max > available)
		bytes_max = available;
	if (!bytes_max)
		return 0;
	smp_rmb(); /* pairs with the producer's: its bytes are there before its index */
	first = ring->bytes_count - at;
	if (first > bytes_max)
		first = bytes_max;
	memcpy(bytes_out, ring->bytes + at, first);
	memcpy((char *)bytes_out + first, ring->bytes, bytes_max - first);
	ring->cons += bytes_max;
	smp_mb(); /* we have read the bytes before the producer may overwrite them */
	*ring->shared_cons = ring->cons;
	return bytes_max;
}

uint32_t ring_out_room(struct ring_out *ring)
{
	uint32_t used, used_before;

	if (ring->broken)
		return 0;
	used_before = ring->prod - ring->cons_seen;
	ring->cons_seen = *ring->shared_cons;
	used = ring->prod - ring->cons_seen;
	/* used_before is within the ring, so this is the bound as well */
	if (used > used_before) {
		ring->broken = true;
		return 0;
	}
	return ring->bytes_count - used;
}

size_t ring_out_write(struct ring_out *ring, const void *bytes, size_t bytes_count)
{
	uint32_t room = ring_out_room(ring);
	uint32_t at = ring->prod & (ring->bytes_count - 1);
	size_t first;

	if (bytes_count > room)
		bytes_count = room;
	if (!bytes_count)
		return 0;
	smp_mb(); /* the consumer has read the old bytes before we overwrite them */
	first = ring->bytes_count - at;
	if (first > bytes_count)
		first = bytes_count;
	memcpy(ring->bytes + at, bytes, first);
	memcpy(ring->bytes, (const char *)bytes + first, bytes_count - first);
	ring->prod += bytes_count;
	smp_wmb(); /* bytes before index; pairs with the consumer's read of them */
	*ring->shared_prod = ring->prod;
	return bytes_count;
}

bool ring_out_empty(struct ring_out *ring)
{
	return ring_out_room(ring) == ring->bytes_count || ring->broken;
}
