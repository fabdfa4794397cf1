/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end made of the fuzzer's bytes: what it answers, when, in which order, and what it writes
 * into the ring, beside a guest that reads and writes. The driver never touches memory that is not
 * its own, ends each request once, and comes back when a sane back end does.
 * Sources: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c xen/evtchn.c
 * Sources: xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Sources: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c
 * Sources: test/mock/mock_console.c test/mock/mock_store.c test/mock/mock_memory.c
 * Sources: test/mock/mock_core.c xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c
 * Sources: drivers/xenstore.c drivers/xenstore_sync.c core/suspend.c xen/grant.c
 * Sources: test/mock/mock_grant.c drivers/xenbus.c drivers/xenbus_io.c drivers/xenbus_state.c
 * Sources: drivers/xenbus_ring.c drivers/blkfront.c drivers/blkfront_setup.c
 * Sources: drivers/blkfront_io.c drivers/blkfront_pages.c core/blkdev.c core/blkdev_sync.c
 * Sources: test/mock/mock_blkback.c test/mock/mock_blkback_states.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/blkdev.h"
#include "core/events.h"
#include "core/time.h"
#include "drivers/blkfront_internal.h"
#include "drivers/xenstore.h"
#include "test/mock/mock.h"
#include "test/mock/mock_blkback.h"
#include "test/mock/mock_grant.h"
#include "xen/evtchn.h"

#define REQS 8

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_bytes);

static const uint8_t *next, *end;
static struct mock_disk *disk;
static struct blkdev *dev;
static struct {
	struct blkreq req;
	struct blkseg seg;
	bool busy;
	unsigned char memory[16384];
} reqs[REQS];

static uint32_t take(uint32_t bound)
{
	return next < end ? *next++ % bound : 0;
}

static void ended(struct blkreq *req)
{
	unsigned int index = (unsigned int)(uintptr_t)req->arg;

	if (!reqs[index].busy || req != &reqs[index].req)
		abort();
	reqs[index].busy = false;
}

static void submit(unsigned int index)
{
	uint32_t op = take(4), sectors = op == 2 ? 0 : 1 + take(32);

	if (reqs[index].busy)
		return;
	reqs[index].seg = (struct blkseg){reqs[index].memory, sectors * 512};
	reqs[index].req = (struct blkreq){
		.op = op == 3 ? BLKREQ_READ : (enum blkreq_op)op,
		.sector = sectors ? take(200) : 0,
		.sectors = sectors,
		.segs = &reqs[index].seg,
		.segs_count = sectors ? 1 : 0,
		.done = ended,
		.arg = (void *)(uintptr_t)index,
	};
	reqs[index].busy = true;
	if (blkdev_submit(dev, &reqs[index].req))
		reqs[index].busy = false;
}

/* What the shared memory says. */
static void scribble(struct mock_queue *queue, blkif_response_t *response)
{
	uint32_t *words = (uint32_t *)queue->ring;

	switch (take(9)) {
	case 0:
		response->id = take(256);
		break;
	case 1:
		response->operation = (uint8_t)take(8);
		break;
	case 2:
		response->status = (int16_t)(take(5) - 3);
		break;
	case 3:
		words[take(4)] += take(5) - 2;
		break;
	case 4:
		queue->rsp_prod += take(3) - 1;
		break;
	case 5:
		words[take(255) * 4 + take(4)] = take(255) * 0x01010101u;
		break;
	case 6:
		words[take(4)] = take(256) << 24 | take(256);
		break;
	default:
		break;
	}
}

static void pass(uint64_t ns)
{
	for (int i = 0; i < 5; i++) {
		mock_run_backends();
		mock_deliver();
		mock_advance_ns(ns / 5);
	}
}

static void act(void)
{
	char state[4] = {(char)('0' + take(9)), 0};

	switch (take(16)) {
	case 0:
		mock_disk_node(disk, "state", state);
		break;
	case 1:
		disk->mute = !disk->mute;
		break;
	case 2:
		disk->keep_mapped = !disk->keep_mapped;
		break;
	case 3:
		pass(NS_PER_S * (1 + take(20)));
		break;
	case 4:
		mock_evtchn_raise(blkfront_of(dev)->queues[0].port);
		break;
	case 5:
		(void)blkdev_poll(dev);
		break;
	default:
		submit(take(REQS));
		pass(1000000);
		break;
	}
}

static void once(void)
{
	static const struct mock_config guest = {.seed = 1, .pages_count = 4096};

	mock_start(&guest);
	if (events_init() || (time_init(), xenstore_init()))
		abort();
	events_restore(true);
	mock_disk_hostile = true;
}

/* The kernel's modules keep their state, so one guest lives through all inputs; the disk comes and
 * goes with each. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_bytes)
{
	static bool started;
	static struct mock_disk_config config = {.flush = true};

	next = input;
	end = input + input_bytes;
	if (!started) {
		once();
		disk = mock_disk_attach(&config);
		if (blkfront_init() ||
		    blkdev_wait("xvda", time_monotonic_ns() + 30 * NS_PER_S, &dev))
			abort();
		started = true;
	}
	disk->on_response = scribble;
	while (next < end)
		act();
	/* A sane one, and everything ends. */
	disk->on_response = NULL;
	disk->mute = disk->keep_mapped = false;
	mock_disk_kill(disk, true);
	pass(NS_PER_S);
	mock_disk_revive(disk);
	for (int i = 0; i < 400; i++) {
		bool busy = false;

		pass(NS_PER_S / 2);
		for (unsigned int k = 0; k < REQS; k++)
			busy |= reqs[k].busy;
		if (!busy && disk->connected && disk->state == XenbusStateConnected)
			return 0;
	}
	abort();
}
