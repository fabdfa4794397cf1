/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks by the block class: data, ends, flush, discard, several requests at once, what is
 * refused. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/blkdev.h"
#include "core/time.h"
#include "drivers/blkfront.h"
#include "test/guest/check.h"
#include "xen/grant.h"

#define MIB     (1u << 20)
#define WAIT_NS (100 * NS_PER_S)
#define MANY    100

static struct blkdev *disk, *other;
static unsigned char buffer[3 * MIB], back[3 * MIB];
static struct blkreq many[MANY];
static struct blkseg many_segs[MANY][2];
static volatile int many_done;

/* What stands on the disk: each sector begins with its number and a word that says who wrote it. */
static void stamp(unsigned char *bytes, uint64_t sector, uint64_t sectors, uint64_t word)
{
	for (uint64_t i = 0; i < sectors; i++, bytes += BLKDEV_SECTOR) {
		uint64_t head[2] = {sector + i, word};

		memset(bytes, (int)(sector + i + word), BLKDEV_SECTOR);
		memcpy(bytes, head, sizeof(head));
	}
}

static void sizes(void)
{
	static const size_t lengths[] = {512, 1024, 4096, 4608, 45056, 45568, 65536, MIB, 3 * MIB};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t sector = 3 + i * 100;

		stamp(buffer, sector, lengths[i] / BLKDEV_SECTOR, i);
		CHECK(blkdev_write(disk, sector, buffer, lengths[i]) == 0);
		memset(back, 0, lengths[i]);
		CHECK(blkdev_read(disk, sector, back, lengths[i]) == 0);
		CHECK(memcmp(buffer, back, lengths[i]) == 0);
	}
	/* Memory that begins anywhere. */
	stamp(buffer + 13, 77, 9, 5);
	CHECK(blkdev_write(disk, 77, buffer + 13, 9 * BLKDEV_SECTOR) == 0);
	CHECK(blkdev_read(disk, 77, back + 1, 9 * BLKDEV_SECTOR) == 0);
	CHECK(memcmp(buffer + 13, back + 1, 9 * BLKDEV_SECTOR) == 0);
	CHECK(blkdev_flush(disk) == 0);
}

static void refused(void)
{
	uint64_t sectors = blkdev_sectors(disk);

	CHECK(blkdev_read(disk, sectors - 1, back, 512) == 0);
	CHECK(blkdev_read(disk, sectors, back, 512) == -EINVAL);
	CHECK(blkdev_read(disk, sectors - 1, back, 1024) == -EINVAL);
	CHECK(blkdev_write(disk, sectors, back, 512) == -ENOSPC);
	CHECK(blkdev_read(disk, UINT64_MAX - 1, back, 1024) == -EINVAL);
	CHECK(blkdev_read(disk, 0, back, 100) == -EINVAL);
	CHECK(blkdev_read(disk, 0, back, 0) == -EINVAL);
	CHECK(blkdev_get("xvdz") == NULL);
}

static void one_done(struct blkreq *req)
{
	many_done += req->result == 0;
	waitq_wake_all(&disk->waiters);
}

/* 100 requests at once, plugged so that they are merged; each of two pieces. */
static void at_once(enum blkreq_op op, unsigned char *bytes)
{
	many_done = 0;
	blkdev_plug(disk);
	for (int i = 0; i < MANY; i++) {
		many_segs[i][0] = (struct blkseg){bytes + i * 4096, 1000};
		many_segs[i][1] = (struct blkseg){bytes + i * 4096 + 1000, 3096};
		many[i] = (struct blkreq){
			.op = op,
			.sector = 1024 + (uint64_t)i * 8,
			.sectors = 8,
			.segs = many_segs[i],
			.segs_count = 2,
			.done = one_done,
		};
		CHECK(blkdev_submit(disk, &many[i]) == 0);
	}
	blkdev_unplug(disk);
	CHECK(waitq_wait(&disk->waiters, many_done == MANY, time_monotonic_ns() + WAIT_NS, false) ==
	      0);
}

static void queued(void)
{
	struct blkdev_stats before, after;
	uint64_t chain = disk->info.slice_sectors_max / 8, chains = (MANY + chain - 1) / chain;

	blkdev_get_stats(disk, &before);
	stamp(buffer, 1024, MANY * 8, 9);
	at_once(BLKREQ_WRITE, buffer);
	memset(back, 0, MANY * 4096);
	at_once(BLKREQ_READ, back);
	CHECK(memcmp(buffer, back, MANY * 4096) == 0);
	blkdev_get_stats(disk, &after);
	CHECK(after.merged - before.merged == 2 * (MANY - chains));
	CHECK(after.reads - before.reads == MANY && after.writes - before.writes == MANY);
}

static void polled(void)
{
	blkdev_set_polling(disk, true);
	stamp(buffer, 8, 8, 11);
	CHECK(blkdev_write(disk, 8, buffer, 4096) == 0);
	CHECK(blkdev_read(disk, 8, back, 4096) == 0);
	CHECK(memcmp(buffer, back, 4096) == 0);
	blkdev_set_polling(disk, false);
}

static void barrier_write(void)
{
	struct blkseg seg = {buffer, 4096};
	struct blkreq req = {
		.op = BLKREQ_WRITE,
		.flags = BLKREQ_BARRIER,
		.sector = 64,
		.sectors = 8,
		.segs = &seg,
		.segs_count = 1,
	};

	stamp(buffer, 64, 8, 12);
	CHECK(blkdev_call(disk, &req) == (disk->info.barrier_sectors_max ? 0 : -EOPNOTSUPP));
	if (disk->info.discard)
		CHECK(blkdev_discard(disk, 4096, 1024) == 0);
	else
		CHECK(blkdev_discard(disk, 4096, 1024) == -EOPNOTSUPP);
}

static void second(void)
{
	stamp(buffer, 0, 8, 13);
	CHECK(other->info.read_only);
	CHECK(blkdev_write(other, 0, buffer, 4096) == -EROFS);
	CHECK(blkdev_read(other, 0, back, 4096) == 0);
	CHECK(memcmp(back, "written by dom0", 15) == 0);
	blkdev_put(other);
}

/* For dom0 to compare: the whole disk, a pattern of its own in each sector. */
static void last_words(void)
{
	for (uint64_t sector = 0; sector < blkdev_sectors(disk); sector += 2048) {
		stamp(buffer, sector, 2048, 0x5354415244555354);
		CHECK(blkdev_write(disk, sector, buffer, MIB) == 0);
	}
	CHECK(blkdev_flush(disk) == 0);
}

/* Half of it is given back: dom0 looks whether its file has shrunk. */
static void hole(void)
{
	CHECK(disk->info.discard);
	CHECK(blkdev_discard(disk, 8 * 1024, 16 * 1024) == 0);
	CHECK(blkdev_flush(disk) == 0);
	memset(back, 1, MIB);
	CHECK(blkdev_read(disk, 8 * 1024, back, MIB) == 0);
	for (size_t i = 0; i < MIB; i++)
		if (back[i]) {
			CHECK(!back[i]);
			break;
		}
}

/* What is offered as a CD. */
static void removable(void)
{
	struct blkdev *cdrom = NULL;

	CHECK(blkdev_wait("xvdc", time_monotonic_ns() + WAIT_NS, &cdrom) == 0);
	if (!cdrom)
		return;
	CHECK(cdrom->info.removable && cdrom->info.cdrom && cdrom->info.read_only);
	CHECK(!disk->info.removable && !disk->info.cdrom);
	CHECK(blkdev_read(cdrom, 0, back, 2048) == 0 && memcmp(back, "written by dom0", 15) == 0);
	blkdev_put(cdrom);
}

int main(int argc, char **argv)
{
	struct blkfront_stats stats;
	struct grant_stats grants;

	CHECK(blkdev_wait("xvda", time_monotonic_ns() + WAIT_NS, &disk) == 0);
	CHECK(blkdev_wait("/dev/xvdb", time_monotonic_ns() + WAIT_NS, &other) == 0);
	if (!disk || !other)
		return 1;
	CHECK(blkdev_sectors(disk) == 16 * 2048 && disk->info.block_bytes == 512);
	CHECK(disk->info.flush && !disk->info.read_only);
	sizes();
	refused();
	queued();
	polled();
	barrier_write();
	second();
	last_words();
	if (argc > 1 && strcmp(argv[1], "full") == 0) {
		hole();
		removable();
	}
	blkfront_get_stats("xvda", &stats);
	grant_get_stats(&grants);
	printf("%u disks, %u queues of %u, %u pages a request, persistent %u, %u pages\n",
	       stats.disks, stats.queues, stats.ring_slots, stats.segments, stats.persistent,
	       stats.pages);
	printf("%u grants used, %u open, %u in quarantine\n", grants.used, grants.open,
	       grants.quarantined);
	CHECK(stats.violations == 0 && stats.reconnects == 0 && grants.quarantined == 0);
	blkdev_put(disk);
	return check_done();
}
