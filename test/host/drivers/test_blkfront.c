/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block front end over the mock's back end: what it offers, what it does when that comes and
 * goes, fails, stalls, or is resized.
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
#include "test/host/drivers/blkfront_bench.h"

static const struct mock_disk_config offers[] = {
	{.flush = true},
	{.flush = true, .ring_order = 2, .segments = 64},
	{.flush = true, .barrier = true, .persistent = true, .segments = 256, .ring_order = 4},
	{.barrier = true, .persistent = true, .queues = 2, .discard = true},
	{.flush = true, .persistent = true, .queues = 4, .ring_order = 3, .segments = 32},
	{.flush = true, .sector_bytes = 4096, .segments = 256, .queues = 2, .ring_order = 1},
};
#define OFFERS (sizeof(offers) / sizeof(offers[0]))

START_TEST(whatever_the_back_end_offers)
{
	const struct mock_disk_config *offer = &offers[_i];
	struct blkfront_stats stats;

	bench_start(offer);
	disk->shuffle = true;
	ck_assert_uint_eq(dev->info.block_bytes, offer->sector_bytes ? offer->sector_bytes : 512);
	for (int i = 0; i < 200; i++) {
		uint64_t block = dev->info.block_bytes / 512;
		uint64_t sectors = (1 + mock_random_below(i % 10 ? 40 : 1500 / block)) * block;
		uint64_t sector = mock_random_below((2048 - sectors) / block + 1) * block;
		size_t length = sectors * 512, at = mock_random_below(64);

		for (size_t k = 0; k < length; k++)
			bytes[at + k] = (unsigned char)mock_random();
		ck_assert_int_eq(blkdev_write(dev, sector, bytes + at, length), 0);
		ck_assert_int_eq(memcmp(disk->data + sector * 512, bytes + at, length), 0);
		memset(back, 0x5a, length + 128);
		ck_assert_int_eq(blkdev_read(dev, sector, back + 64, length), 0);
		ck_assert_int_eq(memcmp(disk->data + sector * 512, back + 64, length), 0);
		ck_assert(back[63] == 0x5a && back[64 + length] == 0x5a);
	}
	ck_assert_int_eq(blkdev_read(dev, 0, back, sizeof(back)), 0);
	ck_assert_int_eq(memcmp(disk->data, back, sizeof(back)), 0);
	stats = bench_stats();
	ck_assert_uint_eq(stats.violations, 0);
	ck_assert_uint_eq(disk->grant_errors, 0);
	ck_assert_uint_eq(stats.queues, offer->queues > 2 ? 2 : offer->queues ? offer->queues : 1);
	ck_assert_uint_eq(stats.persistent, offer->persistent);
	ck_assert_uint_eq(disk->segments_max_seen, offer->segments ? offer->segments : 11);
	ck_assert_uint_eq(disk->indirect > 0, offer->segments > 0);
}
END_TEST

START_TEST(flush_barrier_discard)
{
	struct blkreq req = {.op = BLKREQ_WRITE, .flags = BLKREQ_BARRIER, .sectors = 88};
	struct blkseg seg = {bytes, 88 * 512};

	bench_start(&offers[_i]);
	ck_assert_int_eq(blkdev_flush(dev), 0);
	ck_assert_uint_eq(disk->flushes, offers[_i].flush);
	ck_assert_uint_eq(disk->barriers, !offers[_i].flush && offers[_i].barrier);
	req.segs = &seg;
	req.segs_count = 1;
	ck_assert_int_eq(blkdev_call(dev, &req), offers[_i].barrier ? 0 : -EOPNOTSUPP);
	memset(disk->data, 1, 2048 * 512);
	ck_assert_int_eq(blkdev_discard(dev, 8, 1600), offers[_i].discard ? 0 : -EOPNOTSUPP);
	ck_assert_uint_eq(disk->discards, offers[_i].discard);
	if (offers[_i].discard)
		ck_assert(disk->data[8 * 512] == 0 && disk->data[1608 * 512] == 1);
}
END_TEST

START_TEST(depth)
{
	static struct bench_req reqs[300];

	bench_start(&offers[_i]);
	disk->mute = true;
	disk->shuffle = true;
	for (int i = 0; i < 300; i++) {
		memset(bytes + i * 512, i + 1, 512);
		ck_assert_int_eq(bench_submit(&reqs[i], BLKREQ_WRITE, (uint64_t)i * 2 + (i & 1),
					      bytes + i * 512, 512),
				 0);
	}
	ck_assert_int_eq(reqs[0].ended, 0);
	disk->mute = false;
	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
		ck_assert_int_eq(disk->data[(i * 2 + (i & 1)) * 512], (i + 1) & 255);
	}
	ck_assert_uint_eq(bench_stats().violations, 0);
}
END_TEST

START_TEST(few_events)
{
	static struct bench_req reqs[32];
	struct blkfront_stats before, after;

	bench_guest.lazy_backends = true;
	bench_start(&offers[2]);
	before = bench_stats();
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(bench_submit(&reqs[i], BLKREQ_READ, (uint64_t)i * 16, back, 512),
				 0);
	for (int i = 0; i < 32; i++)
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
	after = bench_stats();
	ck_assert_uint_eq(after.notifies - before.notifies, 1);
	ck_assert_uint_eq(after.interrupts - before.interrupts, 1);
}
END_TEST

START_TEST(errors_come_through)
{
	static struct bench_req reqs[4];

	bench_start(&offers[2]);
	disk->fail_in = 1;
	disk->fail_status = BLKIF_RSP_ERROR;
	ck_assert_int_eq(blkdev_read(dev, 0, back, 512), -EIO);
	disk->fail_in = 1;
	disk->fail_status = BLKIF_RSP_EOPNOTSUPP;
	ck_assert_int_eq(blkdev_flush(dev), -EOPNOTSUPP);
	disk->fail_in = 1;
	disk->fail_status = 77;
	ck_assert_int_eq(blkdev_write(dev, 0, back, 512), -EIO);
	/* Four in a chain: the chain fails, then one of them alone. */
	blkdev_plug(dev);
	for (int i = 0; i < 4; i++)
		bench_submit(&reqs[i], BLKREQ_WRITE, 8 + (uint64_t)i, bytes, 512);
	disk->requests = 0;
	disk->fail_in = 1;
	disk->fail_status = BLKIF_RSP_ERROR;
	blkdev_unplug(dev);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
	ck_assert_uint_eq(disk->requests, 5);
	ck_assert_uint_eq(bench_stats().violations, 0);
}
END_TEST

START_TEST(read_only_and_limits)
{
	struct mock_disk_config config = {.read_only = true, .flush = true};

	bench_start(&config);
	ck_assert(dev->info.read_only);
	ck_assert_int_eq(blkdev_write(dev, 0, bytes, 512), -EROFS);
	ck_assert_int_eq(blkdev_read(dev, 2047, back, 512), 0);
	ck_assert_int_eq(blkdev_read(dev, 2047, back, 1024), -EINVAL);
	ck_assert_int_eq(blkdev_read(dev, 0, back, 511), -EINVAL);
	ck_assert_uint_eq(disk->writes, 0);
}
END_TEST

/* Hardening, rings 6: a page that is granted holds nothing else; what is only read is granted
 * so. */
START_TEST(granted_pages)
{
	struct bench_req write;
	const blkif_request_t *request;
	const unsigned char *page;

	bench_start(&offers[0]);
	disk->dead = true;
	memset(bytes, 0xee, 512);
	ck_assert_int_eq(bench_submit(&write, BLKREQ_WRITE, 0, bytes, 512), 0);
	request = &bench_queue()->shared->ring[0].req;
	ck_assert_uint_eq(request->nr_segments, 1);
	ck_assert(mock_grant_entry(request->seg[0].gref)->flags & GTF_readonly);
	ck_assert_ptr_null(mock_grant_map(0, request->seg[0].gref, true));
	ck_assert_ptr_null(mock_grant_map(3, request->seg[0].gref, false));
	page = mock_grant_map(0, request->seg[0].gref, false);
	ck_assert_ptr_nonnull(page);
	for (unsigned int i = 0; i < 4096; i++)
		ck_assert_uint_eq(page[i], i < 512 ? 0xee : 0);
	mock_grant_unmap(request->seg[0].gref, false);
	for (unsigned int i = bench_queue()->slots_count * 112 + 64; i < 4096; i++)
		ck_assert_uint_eq(((unsigned char *)bench_queue()->shared)[i], 0);
	disk->dead = false;
	ck_assert_int_eq(bench_wait(&write), 0);
	/* The ring only. */
	ck_assert_uint_eq(bench_grants().open, 1);
}
END_TEST

START_TEST(grows_and_shrinks)
{
	uint32_t before;

	bench_start(&offers[2]);
	before = blkdev_generation();
	mock_disk_resize(disk, 4096);
	bench_pass(NS_PER_S);
	ck_assert_uint_eq(blkdev_sectors(dev), 4096);
	ck_assert_uint_ne(blkdev_generation(), before);
	ck_assert_int_eq(blkdev_read(dev, 4095, back, 512), 0);
	mock_disk_resize(disk, 1024);
	bench_pass(NS_PER_S);
	ck_assert_int_eq(blkdev_read(dev, 1024, back, 512), -EINVAL);
	ck_assert_int_eq(blkdev_write(dev, 1024, back, 512), -ENOSPC);
	ck_assert_uint_eq(bench_stats().reconnects, 0);
}
END_TEST

/* Everything of the disk goes, nothing stays behind; then it comes again. */
START_TEST(detach_and_attach)
{
	struct blkdev *held;
	uint64_t pages, blocks;

	bench_start(&offers[_i]);
	bench_works(1);
	blkdev_put(dev);
	mock_disk_detach(disk);
	bench_pass(NS_PER_S);
	ck_assert(disk->gone);
	ck_assert_ptr_null(blkdev_get("xvda"));
	ck_assert_uint_eq(bench_grants().used, 0);
	ck_assert_uint_eq(mock_store_watches_count(), 1);
	pages = mock_pages_used;
	blocks = mock_blocks_used;
	disk = mock_disk_attach(&offers[_i]);
	bench_pass(NS_PER_S);
	dev = blkdev_get("xvda");
	ck_assert_ptr_nonnull(dev);
	bench_works(2);
	/* In use: it stays until nobody has it any more. */
	mock_disk_detach(disk);
	bench_pass(NS_PER_S);
	ck_assert(!disk->gone);
	held = blkdev_get("xvda");
	ck_assert_ptr_eq(held, dev);
	bench_works(3);
	blkdev_put(held);
	bench_pass(NS_PER_S);
	ck_assert(!disk->gone);
	blkdev_put(dev);
	bench_pass(NS_PER_S);
	ck_assert(disk->gone);
	ck_assert_uint_eq(bench_grants().used, 0);
	ck_assert_uint_eq(mock_pages_used, pages);
	ck_assert_uint_eq(mock_blocks_used, blocks);
}
END_TEST

/* xl block-detach --force in the middle of work, while somebody holds it. */
START_TEST(vanishes)
{
	static struct bench_req reqs[8];
	uint64_t blocks;

	bench_start(&offers[_i]);
	blocks = mock_blocks_used;
	disk->mute = true;
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(bench_submit(&reqs[i], BLKREQ_READ, (uint64_t)i * 9, back, 4096),
				 0);
	mock_disk_vanish(disk);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(bench_wait(&reqs[i]), -ENODEV);
	ck_assert_ptr_null(blkdev_get("xvda"));
	ck_assert_int_eq(blkdev_read(dev, 0, back, 512), -ENODEV);
	ck_assert_uint_eq(bench_grants().used, 0);
	ck_assert_uint_le(mock_blocks_used, blocks);
	blkdev_put(dev);
	bench_pass(NS_PER_S);
	ck_assert_uint_le(mock_blocks_used, 1);
}
END_TEST

/* The back end dies with requests in the ring and comes back: they are done, once each. */
START_TEST(back_end_dies)
{
	static struct bench_req reqs[100];

	bench_start(&offers[_i]);
	disk->mute = true;
	for (int i = 0; i < 100; i++) {
		memset(bytes + i * 4096, i + 1, 4096);
		ck_assert_int_eq(bench_submit(&reqs[i], BLKREQ_WRITE, (uint64_t)i * 16,
					      bytes + i * 4096, 4096),
				 0);
	}
	bench_pass(NS_PER_S);
	mock_disk_kill(disk, _i & 1);
	memset(disk->data, 0, 2048 * 512);
	bench_pass(5 * NS_PER_S);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(reqs[i].ended, 0);
	disk->mute = false;
	mock_disk_revive(disk);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
		ck_assert_int_eq(disk->data[i * 16 * 512 + 4095], (i + 1) & 255);
	}
	ck_assert_uint_eq(bench_stats().reconnects, 1);
	ck_assert_uint_gt(bench_stats().requeued, 0);
	bench_works(9);
}
END_TEST

START_TEST(back_end_gone_for_good)
{
	struct bench_req req;

	bench_start(&offers[0]);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&req, BLKREQ_READ, 0, back, 512), 0);
	mock_disk_kill(disk, true);
	ck_assert_int_eq(bench_wait(&req), -ETIMEDOUT);
	disk->mute = false;
	mock_disk_revive(disk);
	bench_pass(15 * NS_PER_S);
	bench_works(4);
}
END_TEST

/* Hardening, rings 11: requests that are never answered. */
START_TEST(stalls)
{
	struct bench_req req;

	bench_start(&offers[_i]);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&req, BLKREQ_READ, 0, back, 512), 0);
	ck_assert_int_eq(bench_wait(&req), -ETIMEDOUT);
	ck_assert_uint_ge(bench_stats().reconnects, 2);
	disk->mute = false;
	bench_pass(60 * NS_PER_S);
	bench_works(5);
}
END_TEST

/* A handshake that stops half-way. */
START_TEST(handshake_stalls)
{
	static const struct mock_config guest = {.seed = 7, .pages_count = 4096};
	struct grant_stats grants;

	bench_begin(&guest);
	disk = mock_disk_attach(NULL);
	disk->dead = true;
	ck_assert_int_eq(blkfront_init(), 0);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + 3 * NS_PER_S, &dev), -ETIMEDOUT);
	bench_pass(60 * NS_PER_S);
	ck_assert_ptr_nonnull(strstr(mock_log(), "does not connect"));
	grants = bench_grants();
	ck_assert_uint_le(grants.open, 1);
	disk->dead = false;
	bench_pass(30 * NS_PER_S);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), 0);
	bench_works(6);
}
END_TEST

START_TEST(no_disk)
{
	static const struct mock_config guest = {.seed = 7};

	bench_begin(&guest);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), -ENODEV);
	ck_assert_int_eq(blkfront_init(), 0);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), -ENODEV);
}
END_TEST

START_TEST(names)
{
	static const struct {
		uint32_t vdev;
		const char *name;
	} rows[] = {
		{51712, "xvda"},
		{51713, "xvda1"},
		{51728, "xvdb"},
		{51952, "xvdp"},
		{(1 << 28) | (16 << 8), "xvdq"},
		{(1 << 28) | (26 << 8) | 3, "xvdaa3"},
		{(1 << 28) | (702 << 8), "xvdaaa"},
		{768, "hda"},
		{5696, "hdd"},
		{2048, "sda"},
		{7, "blk7"},
	};
	struct mock_disk_config config = {.vdev = rows[_i].vdev};
	static const struct mock_config guest = {.seed = 7};

	bench_begin(&guest);
	disk = mock_disk_attach(&config);
	ck_assert_int_eq(blkfront_init(), 0);
	ck_assert_int_eq(blkdev_wait(rows[_i].name, time_monotonic_ns() + WAIT_NS, &dev), 0);
	ck_assert_str_eq(dev->name, rows[_i].name);
	bench_works(7);
}
END_TEST

/* xl save and restore: a new table, no ports, a back end that knows nothing of us. */
START_TEST(resume)
{
	static struct bench_req reqs[20];

	bench_start(&offers[_i]);
	disk->mute = true;
	for (int i = 0; i < 20; i++) {
		memset(bytes + i * 512, i + 1, 512);
		ck_assert_int_eq(
			bench_submit(&reqs[i], BLKREQ_WRITE, (uint64_t)i * 2, bytes + i * 512, 512),
			0);
	}
	(void)events_disable();
	suspend_prepare();
	mock_start(&bench_guest);
	mock_grant_reset();
	disk = mock_disk_attach(&offers[_i]);
	ck_assert_int_eq(suspend_finish(), 0);
	events_restore(true);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(bench_wait(&reqs[i]), 0);
		ck_assert_int_eq(disk->data[i * 2 * 512], i + 1);
	}
	ck_assert_uint_eq(bench_grants().quarantined, 0);
	bench_works(8);
}
END_TEST

START_TEST(polling)
{
	bench_start(&offers[2]);
	blkdev_set_polling(dev, true);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(blkdev_read(dev, 0, back, 4096), 0);
	blkdev_set_polling(dev, false);
	ck_assert_uint_eq(disk->reads, 20);
}
END_TEST

/* A lone request of a quick disk: nobody sleeps, and the back end sends no event. */
START_TEST(quick)
{
	struct blkfront_stats before;
	unsigned int blocks, notifies;

	bench_guest.lazy_backends = true;
	bench_start(&offers[_i]);
	ck_assert_int_eq(blkdev_read(dev, 0, back, 512), 0);
	ck_assert(dev->quick);
	before = bench_stats();
	blocks = mock_counts.blocks;
	notifies = disk->notifies;
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(blkdev_read(dev, (uint64_t)i * 8, back, 4096), 0);
	ck_assert_uint_eq(mock_counts.blocks, blocks);
	ck_assert_uint_eq(disk->notifies, notifies);
	ck_assert_uint_eq(bench_stats().interrupts, before.interrupts);
	ck_assert_uint_eq(bench_stats().violations, 0);
}
END_TEST

static void release_disk(void *arg)
{
	disk->mute = false;
	mock_disk_release(arg);
}

/* It was quick, and is not now: sleep, and do not look for the next one. */
START_TEST(quick_no_more)
{
	unsigned int blocks;

	bench_start(&offers[_i]);
	ck_assert_int_eq(blkdev_read(dev, 0, back, 512), 0);
	ck_assert(dev->quick);
	for (int i = 0; i < 2; i++) {
		uint64_t yields = mock_counts.hypercalls[__HYPERVISOR_sched_op];

		disk->mute = true;
		mock_at(mock_now_ns() + NS_PER_S / 200, release_disk, disk);
		blocks = mock_counts.blocks;
		ck_assert_int_eq(blkdev_read(dev, 0, back, 512), 0);
		/* By the event, not by the watchdog. */
		ck_assert_uint_eq(bench_stats().reconnects, 0);
		yields = mock_counts.hypercalls[__HYPERVISOR_sched_op] - yields;
		blocks = mock_counts.blocks - blocks;
		ck_assert_uint_ge(blocks, 1);
		ck_assert(i ? yields == blocks : yields > blocks);
		ck_assert(!dev->quick);
	}
	ck_assert_int_eq(blkdev_read(dev, 0, back, 512), 0);
	ck_assert(dev->quick);
}
END_TEST

/* Somebody looks for a request's end, and then another comes whose end nobody looks for. */
START_TEST(quiet_beside_others)
{
	static struct bench_req others[2];
	struct blkreq quiet = {.op = BLKREQ_READ, .sectors = 8, .quiet = true};
	struct blkseg seg = {back, 4096};
	struct bench_req mine = {.ended = 0};
	unsigned int notifies;

	bench_start(&offers[0]);
	quiet.segs = &seg;
	quiet.segs_count = 1;
	quiet.done = bench_ended;
	quiet.arg = &mine;
	notifies = disk->notifies;
	/* Answered before the other comes (no event said so), or after. */
	disk->mute = _i & 1;
	ck_assert_int_eq(blkdev_submit(dev, &quiet), 0);
	mock_run_backends();
	mock_deliver();
	ck_assert_int_eq(mine.ended, 0);
	ck_assert_uint_eq(disk->notifies, notifies);
	disk->mute = true;
	ck_assert_int_eq(bench_submit(&others[0], BLKREQ_READ, 16, back + 4096, 512), 0);
	ck_assert_int_eq(mine.ended, !(_i & 1));
	ck_assert_int_eq(bench_submit(&others[1], BLKREQ_READ, 32, back + 8192, 512), 0);
	mock_run_backends();
	disk->mute = false;
	mock_disk_release(disk);
	ck_assert(mine.ended == 1 && others[0].ended == 1 && others[1].ended == 1);
	ck_assert_uint_gt(disk->notifies, notifies);
}
END_TEST

/* Memory in pieces of every size, of which none follows the other. */
START_TEST(scattered)
{
	static const size_t sizes[] = {1, 4095, 4096, 100, 0, 3996, 8192, 511, 1537, 6144};
	struct blkseg segs[sizeof(sizes) / sizeof(*sizes)];
	struct blkreq req = {.segs = segs, .done = bench_ended};
	size_t count = sizeof(sizes) / sizeof(*sizes), at = 0;

	bench_start(&offers[_i]);
	for (size_t i = 0; i < count; i++) {
		at += sizes[i];
		segs[i] = (struct blkseg){bytes + sizeof(bytes) - at - i, sizes[i]};
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 31 >> 3);
	req.segs_count = count;
	req.sectors = at / 512;
	for (int read = 0; read < 2; read++) {
		struct bench_req mine = {.ended = 0};
		size_t of_disk = 24 * 512UL;

		req.op = read ? BLKREQ_READ : BLKREQ_WRITE;
		req.sector = 24;
		req.arg = &mine;
		if (read) {
			memcpy(back, bytes, sizeof(bytes));
			for (size_t i = 0; i < count; i++)
				memset(segs[i].base, 0, segs[i].bytes);
		}
		ck_assert_int_eq(blkdev_submit(dev, &req), 0);
		ck_assert_int_eq(bench_wait(&mine), 0);
		for (size_t i = 0; i < count; i++) {
			ck_assert(!memcmp(disk->data + of_disk, segs[i].base, segs[i].bytes));
			of_disk += segs[i].bytes;
		}
	}
	/* What lies between them, too, is as it was. */
	ck_assert(!memcmp(back, bytes, sizeof(bytes)));
}
END_TEST

/* Whoever hears of a request's end gives the next one, while one is being given. */
static struct bench_req next;

static void ended_then_next(struct blkreq *req)
{
	bench_ended(req);
	ck_assert_int_eq(bench_submit(&next, BLKREQ_READ, 48, back + 8192, 512), 0);
}

START_TEST(next_from_within)
{
	struct blkreq quiet = {.op = BLKREQ_READ, .sectors = 8, .quiet = true};
	struct blkseg seg = {back, 4096};
	struct bench_req mine = {.ended = 0}, other;

	bench_start(&offers[_i]);
	quiet.segs = &seg;
	quiet.segs_count = 1;
	quiet.done = ended_then_next;
	quiet.arg = &mine;
	ck_assert_int_eq(blkdev_submit(dev, &quiet), 0);
	mock_run_backends();
	mock_deliver();
	ck_assert_int_eq(mine.ended, 0);
	/* Its push finds the quiet one's answer. */
	ck_assert_int_eq(bench_submit(&other, BLKREQ_READ, 16, back + 4096, 512), 0);
	ck_assert_int_eq(mine.ended, 1);
	ck_assert_int_eq(bench_wait(&other), 0);
	ck_assert_int_eq(bench_wait(&next), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("blkfront");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, whatever_the_back_end_offers, 0, OFFERS);
	tcase_add_loop_test(all, flush_barrier_discard, 0, OFFERS);
	tcase_add_loop_test(all, depth, 0, OFFERS - 1);
	tcase_add_test(all, few_events);
	tcase_add_test(all, errors_come_through);
	tcase_add_test(all, read_only_and_limits);
	tcase_add_test(all, granted_pages);
	tcase_add_test(all, grows_and_shrinks);
	tcase_add_loop_test(all, detach_and_attach, 0, OFFERS - 1);
	tcase_add_loop_test(all, vanishes, 0, OFFERS - 1);
	tcase_add_loop_test(all, back_end_dies, 0, OFFERS - 1);
	tcase_add_test(all, back_end_gone_for_good);
	tcase_add_loop_test(all, stalls, 0, OFFERS - 1);
	tcase_add_test(all, handshake_stalls);
	tcase_add_test(all, no_disk);
	tcase_add_loop_test(all, names, 0, 11);
	tcase_add_loop_test(all, resume, 0, OFFERS - 1);
	tcase_add_test(all, polling);
	tcase_add_loop_test(all, quick, 0, OFFERS - 1);
	tcase_add_loop_test(all, quick_no_more, 0, OFFERS - 1);
	tcase_add_loop_test(all, quiet_beside_others, 0, 2);
	tcase_add_loop_test(all, next_from_within, 0, OFFERS - 1);
	tcase_add_loop_test(all, scattered, 0, OFFERS);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return suite;
}
