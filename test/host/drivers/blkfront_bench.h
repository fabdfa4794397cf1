/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the block front end share: a guest with disks, and requests against it. */
#ifndef TEST_HOST_DRIVERS_BLKFRONT_BENCH_H
#define TEST_HOST_DRIVERS_BLKFRONT_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/blkdev.h"
#include "core/events.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/blkfront.h"
#include "drivers/blkfront_internal.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/mock/mock.h"
#include "test/mock/mock_blkback.h"
#include "test/mock/mock_grant.h"
#include "xen/evtchn.h"
#include "xen/grant.h"

#define WAIT_NS (30 * NS_PER_S)

static struct mock_disk *disk;
static struct blkdev *dev;
static unsigned char bytes[1 << 20] __attribute__((unused)), back[1 << 20] __attribute__((unused));

static struct mock_config bench_guest
	__attribute__((unused)) = {.seed = 7, .pages_count = 65536, .vcpus = 2};

static inline void bench_begin(const struct mock_config *config)
{
	mock_start(config);
	ck_assert_int_eq(events_init(), 0);
	time_init();
	ck_assert_int_eq(xenstore_init(), 0);
	events_restore(true);
}

/* A guest with one disk, which it found. */
static inline void bench_start(const struct mock_disk_config *config)
{
	bench_begin(&bench_guest);
	disk = mock_disk_attach(config);
	ck_assert_int_eq(blkfront_init(), 0);
	ck_assert_int_eq(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &dev), 0);
}

static inline struct blkqueue *bench_queue(void)
{
	return &blkfront_of(dev)->queues[0];
}

/* Time passes, and everybody does what he has to. */
static inline void bench_pass(uint64_t ns)
{
	uint64_t step_ns = ns > 10 * NS_PER_S ? NS_PER_S / 2 : ns / 20;

	for (uint64_t passed_ns = 0; passed_ns < ns; passed_ns += step_ns) {
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(step_ns);
	}
}

static inline struct blkfront_stats bench_stats(void)
{
	struct blkfront_stats stats;

	(void)blkfront_get_stats("xvda", &stats);
	return stats;
}

static inline struct grant_stats bench_grants(void)
{
	struct grant_stats stats;

	(void)grant_reap();
	grant_get_stats(&stats);
	return stats;
}

/* A request without waiting. */
struct bench_req {
	struct blkreq req;
	struct blkseg seg;
	int ended, result;
};

static inline void bench_ended(struct blkreq *req)
{
	struct bench_req *mine = req->arg;

	mine->ended++;
	mine->result = req->result;
}

static inline int bench_submit(struct bench_req *mine, enum blkreq_op op, uint64_t sector,
			       void *memory, size_t memory_bytes)
{
	mine->seg = (struct blkseg){memory, memory_bytes};
	mine->ended = 0;
	mine->req = (struct blkreq){
		.op = op,
		.sector = sector,
		.sectors = memory_bytes / BLKDEV_SECTOR,
		.segs = &mine->seg,
		.segs_count = memory_bytes ? 1 : 0,
		.done = bench_ended,
		.arg = mine,
	};
	return blkdev_submit(dev, &mine->req);
}

/* Until it ended, at most for ten minutes of the virtual clock. */
static inline int bench_wait(struct bench_req *mine)
{
	for (int i = 0; i < 600 && !mine->ended; i++)
		bench_pass(NS_PER_S);
	ck_assert_int_eq(mine->ended, 1);
	return mine->result;
}

/* The disk works: something written is there, and comes back. */
static inline void bench_works(unsigned char seed)
{
	struct bench_req write, read;
	static unsigned char out[20000], in[20000];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (unsigned char)(seed + i * 7);
	ck_assert_int_eq(bench_submit(&write, BLKREQ_WRITE, 40, out, 19968), 0);
	ck_assert_int_eq(bench_wait(&write), 0);
	ck_assert_int_eq(memcmp(disk->data + 40 * 512, out, 19968), 0);
	memset(in, 0, sizeof(in));
	ck_assert_int_eq(bench_submit(&read, BLKREQ_READ, 40, in, 19968), 0);
	ck_assert_int_eq(bench_wait(&read), 0);
	ck_assert_int_eq(memcmp(in, out, 19968), 0);
}

#endif
