/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block front end and back ends that break the protocol, lie, or hold on to pages; and every
 * allocation, grant and hypercall that fails once.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c drivers/xenstore.c
 * Links: drivers/xenstore_sync.c core/suspend.c xen/grant.c test/mock/mock_grant.c
 * Links: drivers/xenbus.c drivers/xenbus_io.c drivers/xenbus_state.c drivers/xenbus_ring.c
 * Links: drivers/blkfront.c drivers/blkfront_setup.c drivers/blkfront_io.c drivers/blkfront_pages.c
 * Links: core/blkdev.c core/blkdev_sync.c test/mock/mock_blkback.c test/mock/mock_blkback_states.c
 */
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "test/host/drivers/blkfront_bench.h"

static const struct mock_disk_config plain = {.flush = true};
static const struct mock_disk_config rich = {
	.flush = true,
	.persistent = true,
	.segments = 64,
	.ring_order = 1,
};

/* What a response says instead of the truth. */
static int lie;
static unsigned int lies_left;

static void tell_lie(struct mock_queue *queue, blkif_response_t *response)
{
	if (!lies_left)
		return;
	lies_left--;
	switch (lie) {
	case 0: /* no slot has that number */
		response->id = queue->slots_count;
		break;
	case 1:
		response->id = UINT64_MAX;
		break;
	case 2: /* a slot that is free */
		response->id = (response->id + 5) % queue->slots_count;
		break;
	case 3: /* another operation than asked for */
		response->operation ^= 1;
		break;
	case 4: /* one response more than requests */
		queue->rsp_prod++;
		break;
	case 5: /* backwards */
		queue->rsp_prod -= 20;
		break;
	case 6: /* a whole ring too many */
		queue->rsp_prod += queue->slots_count;
		break;
	default:
		queue->rsp_prod += 0x80000000u;
		break;
	}
}

/* Hardening, rings 1, 3, 7: the device is broken, nothing is believed, and after a new connection
 * everything is done. */
START_TEST(violations)
{
	static struct bench_req reqs[10];

	bench_start(_i / 8 ? &rich : &plain);
	bench_works(1);
	disk->on_response = tell_lie;
	lie = _i % 8;
	lies_left = 1;
	disk->mute = true;
	for (int i = 0; i < 10; i++) {
		memset(bytes + i * 8192, i + 1, 8192);
		ck_assert_int_eq(bench_submit(&reqs[i], i & 1 ? BLKREQ_READ : BLKREQ_WRITE,
					      (uint64_t)i * 20, bytes + i * 8192, 8192),
				 0);
	}
	memset(disk->data + 20 * 512, 0x77, 8192);
	disk->mute = false;
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
	ck_assert_int_eq(disk->data[8 * 20 * 512], 9);
	ck_assert_int_eq(bytes[8192], 0x77);
	ck_assert_uint_eq(bench_stats().violations, 1);
	ck_assert_uint_eq(bench_stats().reconnects, 1);
	ck_assert_ptr_nonnull(strstr(mock_log(), "makes no sense"));
	bench_works(2);
}
END_TEST

/* The same id twice: the second is nobody's. */
START_TEST(duplicate)
{
	struct bench_req first, second;

	bench_start(&plain);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&first, BLKREQ_READ, 0, back, 512), 0);
	ck_assert_int_eq(bench_submit(&second, BLKREQ_READ, 8, back + 512, 512), 0);
	mock_run_backends();
	ck_assert_uint_eq(disk->queues[0].held_count, 2);
	memset(disk->data + 8 * 512, 0x66, 512);
	disk->queues[0].held[1] = disk->queues[0].held[0];
	disk->mute = false;
	mock_disk_release(disk);
	ck_assert_int_eq(first.ended, 1);
	ck_assert_int_eq(second.ended, 0);
	ck_assert_int_eq(bench_wait(&second), 0);
	ck_assert_int_eq(back[512], 0x66);
	ck_assert_int_eq(first.ended, 1);
	ck_assert_uint_eq(bench_stats().violations, 1);
}
END_TEST

/* More responses than requests: then the first of them is not believed either. */
START_TEST(more_than_asked)
{
	struct bench_req req;

	bench_start(&plain);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&req, BLKREQ_READ, 0, back, 512), 0);
	mock_run_backends();
	disk->on_response = tell_lie;
	lie = 4;
	lies_left = 1;
	disk->mute = false;
	mock_disk_release(disk);
	ck_assert_int_eq(req.ended, 0);
	ck_assert_uint_eq(bench_stats().violations, 1);
	ck_assert_int_eq(bench_wait(&req), 0);
	ck_assert_int_eq(req.ended, 1);
}
END_TEST

/* A request that is written but not published yet cannot be answered. */
START_TEST(answer_before_the_question)
{
	struct blkslice slice;
	struct bench_req req, other;

	bench_start(&plain);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&other, BLKREQ_READ, 8, back, 512), 0);
	mock_run_backends();
	blkdev_plug(dev);
	ck_assert_int_eq(bench_submit(&req, BLKREQ_READ, 0, back, 512), 0);
	slice = (struct blkslice){.chain = &req.req, .sectors = 1};
	/* As core gives it, but the push is still to come. */
	req.req.slices = 1;
	req.req.given_sectors = 1;
	list_remove(&req.req.node);
	req.req.queued = false;
	ck_assert_int_eq(blkfront_submit(dev, &slice, false), 0);
	disk->queues[0].held[0].id = bench_queue()->order[1];
	disk->mute = false;
	mock_disk_release(disk);
	ck_assert_int_eq(req.ended, 0);
	ck_assert_uint_eq(bench_stats().violations, 1);
	blkdev_unplug(dev);
	ck_assert_int_eq(bench_wait(&req), 0);
	ck_assert_int_eq(bench_wait(&other), 0);
}
END_TEST

/* Hardening, rings 1: indices that pass 2^32. */
START_TEST(wrap)
{
	struct blkqueue *queue;

	bench_start(&rich);
	queue = bench_queue();
	queue->req_prod = queue->req_sent = queue->rsp_cons = 0xfffffff0u;
	queue->shared->req_prod = queue->shared->rsp_prod = 0xfffffff0u;
	queue->shared->req_event = queue->shared->rsp_event = 0xfffffff1u;
	disk->queues[0].req_cons = disk->queues[0].rsp_prod = 0xfffffff0u;
	for (int i = 0; i < 20; i++)
		bench_works((unsigned char)i);
	ck_assert_uint_lt(queue->rsp_cons, 1000);
	ck_assert_uint_eq(bench_stats().violations, 0);
	lie = 5;
	lies_left = 1;
	disk->on_response = tell_lie;
	bench_works(33);
	ck_assert_uint_eq(bench_stats().violations, 1);
}
END_TEST

/* Hardening, rings 5: what a back end does not let go is not used again, until it has. */
START_TEST(pages_held)
{
	uint64_t pages;

	bench_start(&plain);
	bench_works(1);
	disk->keep_mapped = true;
	memset(disk->data, 0x44, 4096);
	(void)blkdev_read(dev, 0, back, 512);
	bench_pass(NS_PER_S / 10);
	ck_assert_uint_ge(bench_stats().violations, 1);
	ck_assert_ptr_nonnull(strstr(mock_log(), "keeps pages"));
	disk->keep_mapped = false;
	bench_pass(30 * NS_PER_S);
	ck_assert_uint_eq(bench_grants().quarantined, 0);
	bench_works(2);
	/* It dies with everything mapped, and is not unmapped: the ring and pages stay away. */
	pages = mock_pages_used;
	disk->gone = true;
	mock_store_write(disk->back, NULL);
	mock_store_write(disk->front, NULL);
	bench_pass(NS_PER_S);
	ck_assert_uint_eq(bench_grants().quarantined, 1);
	ck_assert_uint_le(mock_pages_used, pages);
	mock_grant_unmap(disk->queues[0].refs[0], true);
	ck_assert_uint_eq(bench_grants().quarantined, 0);
	ck_assert_uint_eq(bench_grants().used, 0);
}
END_TEST

/* Hardening, rings 12: what is gone is not taken back again. */
START_TEST(disconnected_twice)
{
	struct blkfront *front;

	bench_start(_i ? &rich : &plain);
	bench_works(1);
	front = blkfront_of(dev);
	blkfront_disconnect(&front->xen);
	blkfront_disconnect(&front->xen);
	ck_assert_uint_eq(bench_grants().open, bench_grants().quarantined);
	blkfront_break(front, "a test");
	bench_pass(60 * NS_PER_S);
	bench_works(2);
}
END_TEST

START_TEST(persistent_pages_held)
{
	uint64_t pages;

	bench_start(&rich);
	bench_works(1);
	pages = mock_pages_used;
	disk->gone = true;
	mock_store_write(disk->back, NULL);
	mock_store_write(disk->front, NULL);
	bench_pass(NS_PER_S);
	/* Still mapped: not one of these pages was given back to anybody. */
	ck_assert_uint_ge(bench_grants().quarantined, disk->mapped_count + 2);
	for (unsigned int i = 0; i < disk->mapped_count; i++)
		memset(disk->mapped_page[i], 0xee, 4096);
	ck_assert_uint_ge(mock_pages_used + 4, pages - disk->mapped_count);
	for (unsigned int i = 0; i < disk->mapped_count; i++)
		mock_grant_unmap(disk->mapped[i], true);
	mock_grant_unmap(disk->queues[0].refs[0], true);
	mock_grant_unmap(disk->queues[0].refs[1], true);
	ck_assert_uint_eq(bench_grants().used, 0);
}
END_TEST

/* Hardening, rings 8: numbers a back end writes. */
START_TEST(nodes)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{"sector-size", "0"},
		{"sector-size", "768"},
		{"sector-size", "8192"},
		{"sector-size", "256"},
		{"sector-size", "-512"},
		{"sectors", ""},
		{"sectors", "-1"},
		{"sectors", "0x800"},
		{"sectors", "1 "},
		{"sectors", "36028797018963969"},
		{"sectors", NULL},
		{"sectors", "99999999999999999999999999999999999999"},
		{"info", "x"},
		{"max-ring-page-order", "4294967296"},
		{"multi-queue-max-queues", "0"},
		{"multi-queue-max-queues", "no"},
		{"feature-max-indirect-segments", "-3"},
		{"physical-sector-size", "3"},
	};
	static struct mock_config guest = {.seed = 3, .pages_count = 4096};

	bench_begin(&guest);
	if (_i == (int)(sizeof(rows) / sizeof(rows[0])))
		return;
	disk = mock_disk_attach(&plain);
	disk->node_key = rows[_i].key;
	disk->node_value = rows[_i].value;
	mock_disk_node(disk, rows[_i].key, rows[_i].value);
	ck_assert_int_eq(blkfront_init(), 0);
	ck_assert_int_ne(blkdev_wait("xvda", time_monotonic_ns() + 3 * NS_PER_S, &dev), 0);
	bench_pass(30 * NS_PER_S);
	ck_assert_ptr_null(blkdev_get("xvda"));
	ck_assert_ptr_nonnull(strstr(mock_log(), "make no sense"));
	/* A sane one is welcome. */
	disk->node_key = NULL;
	mock_disk_node(disk, rows[_i].key, NULL);
	bench_pass(60 * NS_PER_S);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), 0);
	bench_works(3);
}
END_TEST

/* Hardening, rings 12: states that change at random, at any time. */
START_TEST(states_at_random)
{
	static struct bench_req reqs[4];
	char state[8];

	bench_guest.seed = test_seed + (unsigned int)_i;
	bench_start(_i & 1 ? &rich : &plain);
	for (int i = 0; i < 4; i++)
		reqs[i].ended = 1;
	for (int round = 0; round < 300; round++) {
		unsigned int dice = (unsigned int)mock_random_below(12);

		for (int i = 0; i < 4; i++)
			if (reqs[i].ended)
				(void)bench_submit(&reqs[i], BLKREQ_WRITE, (uint64_t)i * 8,
						   bytes + i * 4096, 4096);
		if (dice < 9) {
			snprintf(state, sizeof(state), "%u", dice);
			mock_disk_node(disk, "state", state);
		}
		if (dice == 9)
			mock_evtchn_raise(bench_queue()->port);
		if (dice == 10)
			mock_store_write(disk->front, "");
		bench_pass(mock_random_below(2 * NS_PER_S) + 1000);
	}
	/* It calms down. */
	mock_disk_kill(disk, true);
	bench_pass(10 * NS_PER_S);
	mock_disk_revive(disk);
	bench_pass(120 * NS_PER_S);
	bench_works(5);
}
END_TEST

/* --- memory that changes at every load: the ring is out of reach, each access to it is stepped
 * over, and what was read is something else afterwards --- */

static unsigned char *snooped, *loaded;
static unsigned int loads;

static void on_access(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	loaded = info->si_addr;
	if (loaded < snooped || loaded >= snooped + PAGE_BYTES)
		signal(number, SIG_DFL);
	mprotect(snooped, PAGE_BYTES, PROT_READ | PROT_WRITE);
	user->uc_mcontext.gregs[REG_EFL] |= 0x100; /* TF: SDM 3A 2.3 */
}

static void on_step(int number, siginfo_t *info, void *context)
{
	static const blkif_response_t spoilt = {
		.id = UINT64_MAX, .operation = 0xff, .status = 0x7f};
	size_t offset = (size_t)(loaded - snooped), header = offsetof(blkif_sring_t, ring);
	size_t at = (offset - header) % sizeof(union blkif_sring_entry);
	ucontext_t *user = context;

	(void)number;
	(void)info;
	user->uc_mcontext.gregs[REG_EFL] &= ~0x100;
	if (offset >= header && at <= offsetof(blkif_response_t, status)) {
		size_t count = at == 0 ? sizeof(spoilt.id) : sizeof(spoilt.operation);

		if (at == offsetof(blkif_response_t, status))
			count = sizeof(spoilt.status);
		memcpy(loaded, (const unsigned char *)&spoilt + at, count);
		loads++;
	}
	mprotect(snooped, PAGE_BYTES, PROT_NONE);
}

/* Hardening, rings 2: each field of a response is read once. */
START_TEST(read_once)
{
	struct sigaction access = {.sa_sigaction = on_access, .sa_flags = SA_SIGINFO};
	struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	static struct bench_req reqs[10];
	bool enabled;

	bench_start(&plain);
	bench_works(1);
	disk->mute = true;
	memset(disk->data, 0x33, 10 * 4096);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(
			bench_submit(&reqs[i], BLKREQ_READ, (uint64_t)i * 8, back + i * 4096, 4096),
			0);
	mock_run_backends();
	ck_assert_uint_gt(disk->queues[0].held_count, 0);
	snooped = (unsigned char *)bench_queue()->shared;
	sigaction(SIGSEGV, &access, NULL);
	sigaction(SIGTRAP, &step, NULL);
	enabled = events_disable();
	disk->mute = false;
	mock_disk_release(disk);
	mprotect(snooped, PAGE_BYTES, PROT_NONE);
	events_restore(enabled);
	dev->ops->poll(dev, false);
	mprotect(snooped, PAGE_BYTES, PROT_READ | PROT_WRITE);
	signal(SIGSEGV, SIG_DFL);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
	ck_assert_uint_ge(loads, 3);
	ck_assert_int_eq(back[9 * 4096 + 4095], 0x33);
	ck_assert_uint_eq(bench_stats().violations, 0);
	bench_works(2);
}
END_TEST

static unsigned int one_in;

/* Anything in a response and in the ring, often near the truth. */
static void scribble(struct mock_queue *queue, blkif_response_t *response)
{
	uint32_t *word;

	if (mock_random_below(one_in))
		return;
	switch (mock_random_below(6)) {
	case 0:
		response->id = mock_random_below(queue->slots_count * 2);
		break;
	case 1:
		response->operation = (uint8_t)mock_random_below(8);
		break;
	case 2:
		response->status = (int16_t)(mock_random_below(7) - 4);
		break;
	case 3:
		word = (uint32_t *)queue->ring + mock_random_below(4);
		*word += (uint32_t)mock_random_below(5) - 2;
		break;
	case 4:
		queue->rsp_prod += (uint32_t)mock_random_below(3) - 1;
		break;
	default:
		word = (uint32_t *)queue->ring + mock_random_below(queue->pages_count * 1024);
		*word = (uint32_t)mock_random();
		break;
	}
}

START_TEST(adversary)
{
	static struct bench_req reqs[20];

	bench_guest.seed = test_seed + (unsigned int)_i;
	mock_disk_hostile = true;
	bench_start(_i & 1 ? &rich : &plain);
	one_in = 1 + (unsigned int)_i % 30;
	disk->shuffle = _i & 2;
	disk->on_response = scribble;
	for (int i = 0; i < 20; i++)
		reqs[i].ended = 1;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 20; i++) {
			enum blkreq_op op = (enum blkreq_op)mock_random_below(3);
			size_t length = op == BLKREQ_FLUSH ? 0 : 512 * (1 + mock_random_below(90));

			if (!reqs[i].ended)
				continue;
			ck_assert_int_eq(bench_submit(&reqs[i], op, op == BLKREQ_FLUSH ? 0 : 9,
						      bytes + i * 46080, length),
					 0);
		}
		bench_pass(NS_PER_S);
	}
	disk->on_response = NULL;
	mock_disk_kill(disk, true);
	bench_pass(60 * NS_PER_S);
	mock_disk_revive(disk);
	bench_pass(120 * NS_PER_S);
	for (int i = 0; i < 20; i++)
		(void)bench_wait(&reqs[i]);
	bench_works(6);
	ck_assert_uint_eq(bench_grants().quarantined, 0);
}
END_TEST

/* Hardening, rings 9: an event storm without responses is put off. */
START_TEST(event_storm)
{
	struct evtchn_stats before, after;

	bench_start(&plain);
	evtchn_get_stats(&before);
	for (int i = 0; i < 100; i++)
		mock_evtchn_raise(bench_queue()->port);
	evtchn_get_stats(&after);
	ck_assert_uint_gt(after.delayed, before.delayed);
	bench_works(1);
}
END_TEST

/* --- every allocation, grant and hypercall fails once --- */

static void no_timer(const char *text)
{
	/* the one thing that cannot be done without */
	ck_assert_ptr_nonnull(strstr(text, "timer"));
	exit(0);
}

static void whole_life(void)
{
	static struct mock_config guest = {.seed = 5, .pages_count = 65536, .lazy_backends = true};

	mock_on_panic = no_timer;
	bench_begin(&guest);
	disk = mock_disk_attach(&rich);
}

static void live(void)
{
	uint64_t pages, blocks;

	bench_pass(200 * NS_PER_S);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), 0);
	for (int i = 0; i < 3; i++) {
		struct bench_req req;

		ck_assert_int_eq(bench_submit(&req, BLKREQ_WRITE, 0, bytes, 65536), 0);
		if (bench_wait(&req))
			ck_assert_int_eq(req.result, -ENOMEM);
	}
	mock_fail_allocation = UINT64_MAX;
	bench_works(1);
	blkdev_put(dev);
	mock_disk_detach(disk);
	bench_pass(60 * NS_PER_S);
	ck_assert(disk->gone);
	ck_assert_uint_eq(bench_grants().used, 0);
	pages = mock_pages_used;
	blocks = mock_blocks_used;
	ck_assert_uint_le(blocks, 1);
	ck_assert_uint_le(pages, 64);
}

START_TEST(an_allocation_fails)
{
	int error;

	whole_life();
	mock_fail_allocation = (uint64_t)_i;
	error = blkfront_init();
	if (error) {
		ck_assert_int_eq(error, -ENOMEM);
		return;
	}
	live();
}
END_TEST

START_TEST(a_grant_fails)
{
	int error;

	whole_life();
	mock_fail_hypercall(__HYPERVISOR_grant_table_op, (unsigned int)_i, ENOMEM);
	error = blkfront_init();
	if (error) {
		ck_assert_int_eq(error, -ENOMEM);
		return;
	}
	live();
}
END_TEST

static void nothing(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
}

/* Hardening, rings 12: a connection that cannot be made anew ends nothing of the last one's twice.
 * The number of its port is somebody else's by now. */
START_TEST(a_port_of_others)
{
	struct mock_disk_config two = rich;
	evtchn_port_t last, other;

	two.queues = 2;
	bench_start(&two);
	ck_assert_uint_eq(blkfront_of(dev)->queues_count, 2);
	/* The first queue is the one that fails. */
	last = blkfront_of(dev)->queues[1].port;
	mock_disk_kill(disk, true);
	bench_pass(5 * NS_PER_S);
	mock_evtchn_next_port(last);
	ck_assert_int_eq(evtchn_alloc_unbound(0, nothing, NULL, 0, &other), 0);
	ck_assert_uint_eq(other, last);
	mock_fail_allocation = (uint64_t)_i;
	mock_disk_revive(disk);
	bench_pass(5 * NS_PER_S);
	mock_fail_allocation = UINT64_MAX;
	ck_assert_uint_eq(mock_evtchn_status(other), EVTCHNSTAT_unbound);
	bench_pass(200 * NS_PER_S);
	bench_works(1);
}
END_TEST

START_TEST(grants_run_out)
{
	grant_ref_t ref;

	mock_grant_frames_max = 1;
	bench_start(&rich);
	bench_works(1);
	while (!grant_alloc(&ref, 1))
		;
	/* With the pages it has it goes on. */
	bench_works(2);
	ck_assert_int_eq(blkdev_read(dev, 0, back, sizeof(back)), -ENOMEM);
	bench_works(3);
}
END_TEST

START_TEST(a_hypercall_fails)
{
	int error;

	whole_life();
	mock_fail_hypercall(__HYPERVISOR_event_channel_op, (unsigned int)_i, ENOSPC);
	error = blkfront_init();
	ck_assert_int_eq(error, 0);
	live();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("blkfront_hostile");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, violations, 0, 16);
	tcase_add_test(all, duplicate);
	tcase_add_test(all, read_once);
	tcase_add_test(all, more_than_asked);
	tcase_add_loop_test(all, disconnected_twice, 0, 2);
	tcase_add_test(all, answer_before_the_question);
	tcase_add_test(all, wrap);
	tcase_add_test(all, pages_held);
	tcase_add_test(all, persistent_pages_held);
	tcase_add_loop_test(all, nodes, 0, 18);
	tcase_add_loop_test(all, states_at_random, 0, 10);
	tcase_add_loop_test(all, adversary, 0, 40);
	tcase_add_test(all, event_storm);
	tcase_add_loop_test(all, an_allocation_fails, 0, 60);
	tcase_add_loop_test(all, a_grant_fails, 0, 3);
	tcase_add_loop_test(all, a_port_of_others, 0, 30);
	tcase_add_test(all, grants_run_out);
	tcase_add_loop_test(all, a_hypercall_fails, 0, 12);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return suite;
}
