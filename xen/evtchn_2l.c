/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 2-level ABI: a selector word per vCPU says which words of the pending bitmap to look at.
 * Xen sets pending, then the selector, then upcall_pending; we clear in the opposite order.
 */
#include "xen/evtchn_abi.h"

#define WORD_BITS (sizeof(xen_ulong_t) * 8)
#define WORDS     (EVTCHN_2L_NR_CHANNELS / WORD_BITS)

static struct shared_info *shared_info;

static inline xen_ulong_t *word_of(xen_ulong_t *words, evtchn_port_t port)
{
	return &words[port / WORD_BITS];
}

static inline xen_ulong_t bit_of(evtchn_port_t port)
{
	return 1UL << (port % WORD_BITS);
}

static COLD int level2_init(struct shared_info *shared)
{
	shared_info = shared;
	for (size_t i = 0; i < WORDS; i++)
		WRITE_ONCE(shared_info->evtchn_mask[i], ~0UL);
	return 0;
}

static int level2_vcpu_prepare(struct vcpu *vcpu)
{
	(void)vcpu;
	return 0;
}

static int level2_prepare(evtchn_port_t port)
{
	(void)port;
	return 0;
}

static void level2_mask(evtchn_port_t port)
{
	__atomic_fetch_or(word_of(shared_info->evtchn_mask, port), bit_of(port), __ATOMIC_SEQ_CST);
}

static bool level2_masked(evtchn_port_t port)
{
	return READ_ONCE(*word_of(shared_info->evtchn_mask, port)) & bit_of(port);
}

static bool level2_pending(evtchn_port_t port)
{
	return READ_ONCE(*word_of(shared_info->evtchn_pending, port)) & bit_of(port);
}

static void level2_clear_pending(evtchn_port_t port)
{
	__atomic_fetch_and(word_of(shared_info->evtchn_pending, port), ~bit_of(port),
			   __ATOMIC_SEQ_CST);
}

/* An event that became pending while masked has no selector bit: only Xen can set that. One
 * that arrives between our look and the clearing of the mask is seen by the second look. */
static bool level2_unmask(evtchn_port_t port)
{
	if (level2_pending(port))
		return false;
	__atomic_fetch_and(word_of(shared_info->evtchn_mask, port), ~bit_of(port),
			   __ATOMIC_SEQ_CST);
	if (!level2_pending(port))
		return true;
	level2_mask(port);
	return false;
}

/* Works on a snapshot, so that a busy port cannot keep the others from their turn; what a
 * handler masked or cleared meanwhile is left out. The bits of all vCPUs stand side by side. */
static void level2_scan(struct vcpu *vcpu)
{
	xen_ulong_t selector =
		__atomic_exchange_n(&vcpu->info.evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

	for (; selector; selector &= selector - 1) {
		size_t word = __builtin_ctzl(selector);
		xen_ulong_t bits = READ_ONCE(shared_info->evtchn_pending[word]) &
				   ~READ_ONCE(shared_info->evtchn_mask[word]);

		for (; bits; bits &= bits - 1) {
			evtchn_port_t port = word * WORD_BITS + __builtin_ctzl(bits);

			if (level2_pending(port) && !level2_masked(port) &&
			    evtchn_vcpu_of(port) == vcpu->id)
				evtchn_dispatch(port);
		}
	}
}

const struct evtchn_abi evtchn_2l_abi = {
	.name = "2-level",
	.ports_max = EVTCHN_2L_NR_CHANNELS,
	.init = level2_init,
	.vcpu_prepare = level2_vcpu_prepare,
	.prepare = level2_prepare,
	.mask = level2_mask,
	.unmask = level2_unmask,
	.masked = level2_masked,
	.pending = level2_pending,
	.clear_pending = level2_clear_pending,
	.scan = level2_scan,
};
