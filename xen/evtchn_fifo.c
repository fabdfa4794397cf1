/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FIFO ABI. Each port has a 32-bit word in the event array: PENDING, MASKED, LINKED and, while
 * LINKED, the next port of its queue. Each vCPU has a control block with one queue head for each
 * priority and a bitmap `ready` of queues that became non-empty. Xen appends to a queue; we take
 * from its head. An event is LINKED only while PENDING and unmasked at the time it was set.
 *
 * The array grows a page (1024 ports) at a time. A new page starts out all masked.
 */
#include "lib/base/error.h"
#include "xen/evtchn_abi.h"
#include "xen/hypercall.h"

#define WORDS_PER_PAGE (PAGE_BYTES / sizeof(event_word_t))
#define PAGES_MAX      (EVTCHN_FIFO_NR_CHANNELS / WORDS_PER_PAGE)

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)
#define BUSY    (1U << EVTCHN_FIFO_BUSY)
#define LINK    ((event_word_t)EVTCHN_FIFO_LINK_MASK)

_Static_assert(sizeof(struct evtchn_fifo_control_block) == 72, "Xen: public/event_channel.h");

/* One vCPU's control block, which must not cross a page, and how far we are in each queue (0:
 * take the head Xen published). */
struct fifo_vcpu {
	struct evtchn_fifo_control_block shared;
	evtchn_port_t head[EVTCHN_FIFO_MAX_QUEUES];
} __attribute__((aligned(256)));

_Static_assert(sizeof(struct fifo_vcpu) == 256, "does not cross a page");

static struct fifo_vcpu first_vcpu;
static event_word_t first_page[WORDS_PER_PAGE] __attribute__((aligned(PAGE_BYTES)));
static event_word_t *array_pages[PAGES_MAX];
static uint32_t array_pages_count;

static inline event_word_t *word_of(evtchn_port_t port)
{
	return &array_pages[port / WORDS_PER_PAGE][port % WORDS_PER_PAGE];
}

/* All words of a page; at boot, so two at a time by one instruction. */
static void fill_words(event_word_t *page, event_word_t word)
{
	uint64_t two = (uint64_t)word << 32 | word;
	size_t count = WORDS_PER_PAGE / 2;

	__asm__ volatile("rep stosq" : "+D"(page), "+c"(count) : "a"(two) : "memory");
}

/* Gives Xen page number index of the array, allocating it unless a resume finds it there. */
static COLD int add_array_page(uint32_t index)
{
	struct evtchn_expand_array expand;
	event_word_t *page = array_pages[index];

	if (!page)
		page = index ? core_evtchn_pages(0) : first_page;
	if (!page)
		return -ENOMEM;
	fill_words(page, MASKED);
	array_pages[index] = page;
	expand.array_gfn = core_evtchn_mfn(page);
	return hypercall_event_channel_op(EVTCHNOP_expand_array, &expand);
}

static COLD int fifo_prepare(evtchn_port_t port)
{
	while (port >= array_pages_count * WORDS_PER_PAGE) {
		int error = add_array_page(array_pages_count);

		if (error)
			return error;
		/* Other vCPUs look without a lock, after the page is there. */
		smp_wmb();
		WRITE_ONCE(array_pages_count, array_pages_count + 1);
	}
	return 0;
}

static COLD int fifo_vcpu_prepare(struct vcpu *vcpu)
{
	struct evtchn_init_control control = {.vcpu = vcpu->id};
	int error;

	if (!vcpu->fifo)
		vcpu->fifo = vcpu->id ? core_evtchn_pages(0) : &first_vcpu;
	if (!vcpu->fifo)
		return -ENOMEM;
	*vcpu->fifo = (struct fifo_vcpu){.shared.ready = 0};
	control.control_gfn = core_evtchn_mfn(&vcpu->fifo->shared);
	control.offset = (uintptr_t)&vcpu->fifo->shared % PAGE_BYTES;
	error = hypercall_event_channel_op(EVTCHNOP_init_control, &control);
	/* Registering vcpu_info set it; what is really pending Xen links later. */
	if (!error)
		vcpu->info.evtchn_upcall_pending = 0;
	return error;
}

/* What is pending already stays so: Xen sets it again when the array page arrives. */
static int fifo_init(struct shared_info *shared)
{
	(void)shared;
	array_pages_count = 0;
	return fifo_vcpu_prepare(&vcpu0);
}

static void fifo_mask(evtchn_port_t port)
{
	__atomic_fetch_or(word_of(port), MASKED, __ATOMIC_SEQ_CST);
}

static bool fifo_masked(evtchn_port_t port)
{
	return READ_ONCE(*word_of(port)) & MASKED;
}

static bool fifo_pending(evtchn_port_t port)
{
	return READ_ONCE(*word_of(port)) & PENDING;
}

static void fifo_clear_pending(evtchn_port_t port)
{
	__atomic_fetch_and(word_of(port), ~PENDING, __ATOMIC_SEQ_CST);
}

/* Clears MASKED unless the event is pending: then it is in no queue, and only Xen can link it.
 * While BUSY, Xen is linking the word and MASKED must not change under it. */
static bool fifo_unmask(evtchn_port_t port)
{
	event_word_t *word = word_of(port);
	event_word_t seen = READ_ONCE(*word);

	for (;;) {
		if (!(seen & MASKED))
			return true;
		if (seen & PENDING)
			return false;
		if (seen & BUSY) {
			cpu_relax();
			seen = READ_ONCE(*word);
			continue;
		}
		if (__atomic_compare_exchange_n(word, &seen, seen & ~MASKED, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	}
}

/* Takes the word out of its queue: from here on Xen may link it again. Returns the next port. */
static evtchn_port_t unlink_word(event_word_t *word)
{
	event_word_t seen = READ_ONCE(*word);

	while (!__atomic_compare_exchange_n(word, &seen, seen & ~(LINKED | LINK), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return seen & LINK;
}

/* Takes one event from a queue. False when the queue is empty now. A word that is no longer
 * pending, or masked, was dealt with in the meantime. */
static bool consume(struct fifo_vcpu *vcpu, unsigned int priority)
{
	evtchn_port_t port = vcpu->head[priority];
	evtchn_port_t next;
	event_word_t *word;

	if (!port) {
		smp_rmb(); /* pairs with Xen's store of head before ready */
		port = READ_ONCE(vcpu->shared.head[priority]);
	}
	if (port >= array_pages_count * WORDS_PER_PAGE) {
		vcpu->head[priority] = 0;
		return false;
	}
	word = word_of(port);
	next = unlink_word(word);
	vcpu->head[priority] = next;
	if ((READ_ONCE(*word) & (PENDING | MASKED)) == PENDING)
		evtchn_dispatch(port);
	return next != 0;
}

/* Highest priority (lowest number) first; a queue that filled meanwhile is looked at before the
 * next event of a lower one. */
static void fifo_scan(struct vcpu *running)
{
	struct fifo_vcpu *vcpu = running->fifo;
	uint32_t ready = __atomic_exchange_n(&vcpu->shared.ready, 0, __ATOMIC_SEQ_CST);

	while (ready) {
		unsigned int priority = __builtin_ctz(ready);

		if (!consume(vcpu, priority % EVTCHN_FIFO_MAX_QUEUES))
			ready &= ~(1U << priority);
		if (READ_ONCE(vcpu->shared.ready))
			ready |= __atomic_exchange_n(&vcpu->shared.ready, 0, __ATOMIC_SEQ_CST);
	}
}

const struct evtchn_abi evtchn_fifo_abi = {
	.name = "fifo",
	.ports_max = EVTCHN_FIFO_NR_CHANNELS,
	.init = fifo_init,
	.vcpu_prepare = fifo_vcpu_prepare,
	.prepare = fifo_prepare,
	.mask = fifo_mask,
	.unmask = fifo_unmask,
	.masked = fifo_masked,
	.pending = fifo_pending,
	.clear_pending = fifo_clear_pending,
	.scan = fifo_scan,
};
