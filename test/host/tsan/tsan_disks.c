/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block class and the block cache on several vCPUs at once, over a disk in memory whose own
 * thread ends requests in any order, fails some, now and then loses its connection and comes back
 * with everything under way still to be done. Each vCPU has blocks of its own, whose contents it
 * knows; all look at, read ahead, write back and drop each other's.
 *
 * Links: core/blkdev.c core/blkdev_sync.c lib/fs/bcache.c lib/fs/bcache_io.c xen/hypercall.c
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/hypercall.h"
#include "core/blkdev.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/sched.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/fs/bcache.h"
#include "test/host/tsan/tsan.h"

#define VCPUS         3u
#define OPS_PER_ROUND 8000u
#define BLOCK         1024u
#define SECTORS       (BLOCK / BLKDEV_SECTOR)
#define BLOCKS        300u /* several times what the cache may hold */
#define CACHE_BYTES   (64u * BLOCK)
#define SLOTS         6u

static unsigned char medium[BLOCKS * BLOCK];
static unsigned long rounds = 1, ended, lost;
static bool finished;

/* ---- What the modules call ---- */

void *heap_alloc(size_t bytes)
{
	return malloc(bytes);
}

void *heap_alloc_zeroed(size_t bytes)
{
	return calloc(1, bytes);
}

void *heap_alloc_aligned(size_t alignment, size_t bytes)
{
	return aligned_alloc(alignment, bytes);
}

void heap_free(void *block)
{
	free(block);
}

void *page_alloc(unsigned int order, unsigned int flags)
{
	(void)flags;
	return aligned_alloc(PAGE_BYTES, PAGE_BYTES << order);
}

void page_free(void *block, unsigned int order)
{
	(void)order;
	free(block);
}

void waitq_wake_all(struct waitq *queue)
{
	__atomic_add_fetch(&queue->wakes, 1, __ATOMIC_ACQ_REL);
}

int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	(void)deadline_ns;
	(void)interruptible;
	while (waitq_wakes(queue) == wakes)
		sched_yield();
	return 0;
}

bool wait_is_alone(void)
{
	return true;
}

uint64_t time_monotonic_ns(void)
{
	static uint64_t now_ns;

	return __atomic_add_fetch(&now_ns, 1000, __ATOMIC_RELAXED);
}

long arch_hypercall(unsigned int number, unsigned long a, unsigned long b, unsigned long c,
		    unsigned long d, unsigned long e)
{
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	(void)e;
	sched_yield();
	return 0;
}

/* ---- The disk ---- */

static struct disk {
	struct blkdev block;
	/* Of each block: writes done; of these, what a flush has covered. */
	uint64_t stored[BLOCKS], safe[BLOCKS];
	struct spinlock lock;
	struct blkslice slots[SLOTS]; /* lock */
	bool used[SLOTS];
} disk;

static int disk_submit(struct blkdev *dev, const struct blkslice *slice, bool alone)
{
	bool enabled = spin_lock_events(&disk.lock), taken = false;

	(void)dev;
	(void)alone;
	for (unsigned int i = 0; i < SLOTS && !taken; i++)
		if (!disk.used[i]) {
			disk.slots[i] = *slice;
			disk.used[i] = taken = true;
		}
	spin_unlock_events(&disk.lock, enabled);
	return taken ? 0 : -EAGAIN;
}

static void disk_push(struct blkdev *dev)
{
	(void)dev;
}

static unsigned int disk_poll(struct blkdev *dev, bool interrupts)
{
	(void)dev;
	(void)interrupts;
	return 0;
}

static const struct blkdev_ops disk_ops = {
	.submit = disk_submit,
	.push = disk_push,
	.poll = disk_poll,
};

/* A block may change while it is being written: then it is written once more (bcache.h). */
__attribute__((no_sanitize("thread"))) static void
store(volatile unsigned char *to, const volatile unsigned char *from, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = from[i];
}

static void transfer(const struct blkslice *slice)
{
	uint64_t left = slice->sectors, at = slice->chain->sector + slice->offset_sectors;
	struct blkcursor cursor;

	blkcursor_init(&cursor, slice);
	for (; left; left--, at++) {
		const struct blkseg *seg = &cursor.req->segs[cursor.seg];

		if (slice->chain->op == BLKREQ_READ) {
			blkcursor_copy(&cursor, medium + at * BLKDEV_SECTOR, BLKDEV_SECTOR, false);
			continue;
		}
		/* Segments here are whole sectors. */
		store(medium + at * BLKDEV_SECTOR, (unsigned char *)seg->base + cursor.offset,
		      BLKDEV_SECTOR);
		cursor.offset += BLKDEV_SECTOR;
		if (cursor.offset == seg->bytes) {
			cursor.offset = 0;
			if (++cursor.seg == cursor.req->segs_count && cursor.req->chain) {
				cursor.req = cursor.req->chain;
				cursor.seg = 0;
			}
		}
	}
}

/* Takes one slice, any; false: there is none. */
static bool take(uint64_t *state, struct blkslice *slice_out)
{
	bool enabled = spin_lock_events(&disk.lock), taken = false;
	unsigned int first = (unsigned int)(next(state) % SLOTS);

	for (unsigned int i = 0; i < SLOTS && !taken; i++) {
		unsigned int at = (first + i) % SLOTS;

		if (disk.used[at]) {
			*slice_out = disk.slots[at];
			disk.used[at] = false;
			taken = true;
		}
	}
	spin_unlock_events(&disk.lock, enabled);
	return taken;
}

static void count_write(uint64_t block)
{
	WRITE_ONCE(disk.stored[block], disk.stored[block] + 1);
}

/* What it covers is fixed when it begins; it takes its time. */
static void flush(uint64_t *state)
{
	uint64_t stored[BLOCKS];

	memcpy(stored, disk.stored, sizeof(stored));
	for (uint64_t i = next(state) % 32; i; i--)
		sched_yield();
	for (unsigned int i = 0; i < BLOCKS; i++)
		WRITE_ONCE(disk.safe[i], stored[i]);
}

/* What is under way goes back into core's queue, as when a back end dies. */
static void lose_connection(uint64_t *state)
{
	struct blkslice slice;

	blkdev_stop(&disk.block, true);
	while (take(state, &slice))
		blkdev_requeue(&disk.block, &slice);
	lost++;
	sched_yield();
	blkdev_stop(&disk.block, false);
}

static void disk_work(unsigned int id)
{
	uint64_t state = 12345;
	struct blkslice slice;

	(void)id;
	while (!READ_ONCE(finished)) {
		uint64_t kind = next(&state);

		if (kind % 4096 == 0)
			lose_connection(&state);
		if (!take(&state, &slice)) {
			sched_yield();
			continue;
		}
		if (slice.chain->op == BLKREQ_FLUSH || slice.chain->flags & BLKREQ_BARRIER)
			flush(&state);
		if (slice.chain->op == BLKREQ_READ || slice.chain->op == BLKREQ_WRITE)
			transfer(&slice);
		for (uint64_t i = 0; slice.chain->op == BLKREQ_WRITE && i < slice.sectors; i++)
			count_write((slice.chain->sector + slice.offset_sectors + i) / SECTORS);
		if (slice.chain->flags & BLKREQ_BARRIER)
			flush(&state);
		ended++;
		blkdev_done(&disk.block, &slice, 0);
	}
}

/* ---- The vCPUs ---- */

static struct bcache *cache;
static uint64_t written[BLOCKS]; /* the owner's: what its block begins and ends with */

static uint64_t *tail_of(unsigned char *bytes)
{
	return (uint64_t *)(bytes + BLOCK - 8);
}

static void check(const struct bblock *block, uint64_t number)
{
	if (*(uint64_t *)block->bytes != written[number] ||
	    *tail_of(block->bytes) != written[number])
		fail("a block does not hold what was written");
}

static void use_own(uint64_t number, uint64_t *state)
{
	struct bblock *block;
	uint64_t value = next(state);

	if (bcache_get(cache, number, &block))
		fail("a block cannot be read");
	check(block, number);
	if (value % 2) {
		written[number] = value;
		*(uint64_t *)block->bytes = *tail_of(block->bytes) = value;
		bcache_dirty(cache, block, value % 4 == 1 ? BCACHE_DATA : BCACHE_META);
	}
	bcache_put(cache, block);
}

/* One block of ours past the cache. */
static void use_direct(uint64_t number, uint64_t *state)
{
	uint64_t bytes[BLOCK / 8] = {0};

	if (next(state) % 2) {
		bytes[0] = bytes[BLOCK / 8 - 1] = written[number] = next(state);
		if (bcache_write_direct(cache, number, 1, bytes, next(state) % 8 == 0))
			fail("a direct write");
	} else {
		if (bcache_read_direct(cache, number, 1, bytes))
			fail("a direct read");
		if (bytes[0] != written[number] || bytes[BLOCK / 8 - 1] != written[number])
			fail("a direct read does not see what was written");
	}
}

/* As a journal does: kept from the disk until its transaction is complete. */
static void hold(uint64_t number)
{
	struct bblock *block;

	if (bcache_get(cache, number, &block))
		fail("a block cannot be read");
	if (!bcache_hold(cache, block))
		fail("nobody else holds it");
	written[number]++;
	*(uint64_t *)block->bytes = *tail_of(block->bytes) = written[number];
	bcache_dirty(cache, block, BCACHE_META);
	sched_yield();
	bcache_release(cache, block, BCACHE_META);
	bcache_put(cache, block);
}

/* What was written before is on the medium when a flush returns, whoever else flushes meanwhile. */
static void make_safe(uint64_t own, uint64_t *state)
{
	uint64_t stored;

	use_direct(own, state);
	stored = READ_ONCE(disk.stored[own]);
	/* Somebody else's flush may begin here. */
	for (uint64_t i = next(state) % 8; i; i--)
		sched_yield();
	if (bcache_flush(cache))
		fail("a flush");
	if (READ_ONCE(disk.safe[own]) < stored)
		fail("a flush returned before what was written was safe");
}

/* What was changed before is at home when writing back returns, though somebody else was writing an
 * older version then. */
static void write_back(uint64_t own, uint64_t *state)
{
	uint64_t bytes[BLOCK / 8];

	use_own(own, state);
	if (next(state) % 2 ? bcache_write_range(cache, own, 1)
			    : bcache_write_dirty(cache, BCACHE_DATA) ||
				      bcache_write_dirty(cache, BCACHE_META))
		fail("writing back");
	if (blkdev_read(&disk.block, own * SECTORS, bytes, BLOCK))
		fail("a read");
	if (bytes[0] != written[own] || bytes[BLOCK / 8 - 1] != written[own])
		fail("what was written back is not on the disk");
}

static void step(unsigned int vcpu, uint64_t *state)
{
	uint64_t own = next(state) % (BLOCKS / VCPUS) * VCPUS + vcpu;
	uint64_t any = next(state) % BLOCKS, kind = next(state) % 64;
	struct bblock *block;

	if (kind < 40)
		use_own(own, state);
	else if (kind < 46)
		use_direct(own, state);
	else if (kind < 50)
		hold(own);
	else if (kind < 54)
		bcache_read_ahead(cache, any, (uint32_t)(1 + next(state) % 16));
	else if (kind < 56 && bcache_get(cache, any, &block) == 0)
		bcache_put(cache, block);
	else if (kind == 60 || kind == 59)
		write_back(own, state);
	else if (kind == 61 && bcache_write_range(cache, any, 20))
		fail("writing back");
	else if (kind < 59 || kind == 62)
		make_safe(own, state);
	else if (kind == 63 && blkdev_read(&disk.block, 0, (uint64_t[BLOCK / 8]){0}, BLOCK))
		fail("a read");
}

static void work(unsigned int id)
{
	uint64_t state = (id + 1) * 0x9e3779b97f4a7c15ULL;

	for (unsigned long op = 0; op < rounds * OPS_PER_ROUND; op++)
		step(id, &state);
}

int main(int argc, char **argv)
{
	static struct tsan_vcpu vcpus[VCPUS + 1];

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	disk.block = (struct blkdev){.ops = &disk_ops,
				     .name = "xvda",
				     .info = {.block_bytes = BLKDEV_SECTOR,
					      .flush = true,
					      .barrier_sectors_max = SECTORS,
					      .slice_sectors_max = 3 * SECTORS}};
	if (blkdev_register(&disk.block, sizeof(medium) / BLKDEV_SECTOR) ||
	    bcache_create(&disk.block, BLOCK, CACHE_BYTES, &cache))
		fail("no disk, or no cache");
	for (unsigned int id = 1; id <= VCPUS; id++)
		tsan_vcpu_start(&vcpus[id], id, id == VCPUS ? disk_work : work);
	work(0);
	for (unsigned int id = 1; id < VCPUS; id++)
		tsan_vcpu_join(&vcpus[id]);
	if (bcache_write_dirty(cache, BCACHE_DATA) || bcache_write_dirty(cache, BCACHE_META) ||
	    bcache_flush(cache))
		fail("the last words");
	bcache_destroy(cache);
	WRITE_ONCE(finished, true);
	tsan_vcpu_join(&vcpus[VCPUS]);
	for (uint64_t i = 0; i < BLOCKS; i++)
		if (*(uint64_t *)(medium + i * BLOCK) != written[i] ||
		    *tail_of(medium + i * BLOCK) != written[i])
			fail("the disk does not hold what was written");
	printf("%lu operations on %u vCPUs, %lu requests, %lu connections lost\n",
	       rounds * OPS_PER_ROUND * VCPUS, VCPUS, ended, lost);
	return 0;
}
