/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte rings shared with a side we do not trust: the console's and xenstore's.
 *
 * A ring is 2^n bytes and two free-running 32-bit indices, prod and cons; prod - cons bytes are in
 * it, modulo 2^32. Each side writes one index. We keep a copy of ours and never read it back, and
 * check the other side's each time: it may not lie further ahead of ours than the ring allows, nor
 * move backwards. The first violation breaks the ring for good. Any context; the owner serialises.
 * Source: Xen public/io/console.h, xs_wire.h.
 */
#ifndef XEN_RING_H
#define XEN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The direction we read. */
struct ring_in {
	const char *bytes;
	uint32_t bytes_count;
	volatile uint32_t *shared_cons;       /* ours */
	const volatile uint32_t *shared_prod; /* theirs */
	uint32_t cons, prod_seen;
	bool broken;
};

/* The direction we write. */
struct ring_out {
	char *bytes;
	uint32_t bytes_count;
	volatile uint32_t *shared_prod;       /* ours */
	const volatile uint32_t *shared_cons; /* theirs */
	uint32_t prod, cons_seen;
	bool broken;
};

/* Takes over at the indices found in the shared page; broken at once when they make no sense.
 * bytes_count is a power of two; the shared page is borrowed for as long as the ring is used. */
void ring_in_init(struct ring_in *ring, const char *bytes, uint32_t bytes_count,
		  volatile uint32_t *shared_cons, const volatile uint32_t *shared_prod);
void ring_out_init(struct ring_out *ring, char *bytes, uint32_t bytes_count,
		   volatile uint32_t *shared_prod, const volatile uint32_t *shared_cons);

/* Bytes that wait to be read; 0 when broken. */
uint32_t ring_in_available(struct ring_in *ring);
/* Takes up to bytes_max bytes, each copied once; returns how many. */
size_t ring_in_read(struct ring_in *ring, void *bytes_out, size_t bytes_max);

/* Room for so many bytes; 0 when broken. */
uint32_t ring_out_room(struct ring_out *ring);
/* Writes as many of bytes_count bytes as there is room for; returns how many. */
size_t ring_out_write(struct ring_out *ring, const void *bytes, size_t bytes_count);
/* True when the other side has read everything, or never will (broken). */
bool ring_out_empty(struct ring_out *ring);

#endif
