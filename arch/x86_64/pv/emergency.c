/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console output for when nothing else can be relied on. The ring is the same one the driver uses:
 * characters go in behind what it has written.
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt_internal.h"
#include "xen/hypercall.h"
#include "xen/vcpu.h"

/* Waits of 1 ms without the other end taking a single byte, after which it counts as dead. */
#define WAITS_MAX     2000u
#define WAIT_NS       1000000ULL
#define RING_OUT_MASK (sizeof(((struct xencons_interface *)0)->out) - 1)

/* Guarded by masked events; a nested writer can only make the output interleave. */
static unsigned int waits;
static XENCONS_RING_IDX taken_before;
static bool dead;

static struct xencons_interface *console_ring(void)
{
	pfn_t pfn;

	if (!boot_info.console_mfn)
		return NULL;
	pfn = pt_mfn_to_pfn(boot_info.console_mfn);
	return pfn == PFN_NONE ? NULL : pt_dmap_vaddr(pfn);
}

static void notify(void)
{
	struct evtchn_send send = {.port = boot_info.console_port};

	(void)hypercall_event_channel_op(EVTCHNOP_send, &send);
}

/* Lets the other end work for a moment; false once it is given up. */
static bool wait_for_reader(const struct xencons_interface *ring)
{
	XENCONS_RING_IDX taken = READ_ONCE(ring->out_cons);

	if (taken != taken_before)
		waits = 0;
	taken_before = taken;
	if (dead || ++waits > WAITS_MAX || !boot_shared_info) {
		dead = true;
		return false;
	}
	notify();
	boot_wait(WAIT_NS);
	return true;
}

static void put(struct xencons_interface *ring, char character)
{
	XENCONS_RING_IDX prod = READ_ONCE(ring->out_prod);

	/* A difference larger than the ring is nonsense of the other end, and never ends. */
	while (prod - READ_ONCE(ring->out_cons) >= sizeof(ring->out))
		if (!wait_for_reader(ring))
			return;
	/* Pairs with the reader, which frees the place after it has read it. */
	smp_mb();
	ring->out[prod & RING_OUT_MASK] = character;
	/* The character before the index that shows it. */
	smp_wmb();
	WRITE_ONCE(ring->out_prod, prod + 1);
}

void boot_emergency_write(const char *text, size_t text_bytes)
{
	struct xencons_interface *ring = console_ring();

	if (!ring) {
		(void)hypercall_console_write(text, (unsigned int)text_bytes);
		return;
	}
	for (size_t i = 0; i < text_bytes; i++) {
		if (text[i] == '\n')
			put(ring, '\r');
		put(ring, text[i]);
	}
	notify();
}

void boot_emergency_drain(void)
{
	struct xencons_interface *ring = console_ring();

	while (ring && READ_ONCE(ring->out_cons) != READ_ONCE(ring->out_prod))
		if (!wait_for_reader(ring))
			return;
}
