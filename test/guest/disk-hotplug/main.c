/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk that comes, grows, loses its back end in the middle of work and gets it back, has to stay
 * while it is held, goes, and comes again. The script says when; each step waits for what it does.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/blkdev.h"
#include "core/time.h"
#include "drivers/blkfront.h"
#include "drivers/xenstore.h"
#include "test/guest/check.h"
#include "xen/grant.h"

#define WAIT_NS (100 * NS_PER_S)

static unsigned char buffer[65536], back[65536];

static struct blkdev *wait_for_disk(void)
{
	struct blkdev *disk = NULL;

	CHECK(waitq_wait(&blkdev_changes, (disk = blkdev_get("xvda")) != NULL,
			 time_monotonic_ns() + WAIT_NS, false) == 0);
	return disk;
}

static bool is_gone(void)
{
	struct blkdev *disk = blkdev_get("xvda");

	if (disk)
		blkdev_put(disk);
	return !disk;
}

/* The back end looks at its file's size when there is something to do. */
static void grow(struct blkdev *disk, uint64_t sectors)
{
	uint64_t end_ns = time_monotonic_ns() + WAIT_NS;

	while (blkdev_sectors(disk) != sectors && time_monotonic_ns() < end_ns) {
		CHECK(blkdev_read(disk, 0, back, 512) == 0);
		(void)wait_until(time_monotonic_ns() + NS_PER_S / 20, false);
	}
	CHECK(blkdev_sectors(disk) == sectors);
	CHECK(blkdev_write(disk, sectors - 8, buffer, 4096) == 0);
}

/* Writes and reads back until the back end was exchanged: no error comes through, nothing is
 * lost. */
static void lose_back_end(struct blkdev *disk)
{
	uint64_t end_ns = time_monotonic_ns() + WAIT_NS;
	struct blkfront_stats stats = {.reconnects = 0};
	unsigned int round = 0;

	while (!stats.reconnects && time_monotonic_ns() < end_ns) {
		uint64_t sector = round % 8 * 128;

		memset(buffer, (int)++round, sizeof(buffer));
		CHECK(blkdev_write(disk, sector, buffer, sizeof(buffer)) == 0);
		CHECK(blkdev_read(disk, sector, back, sizeof(back)) == 0);
		CHECK(memcmp(buffer, back, sizeof(back)) == 0);
		blkfront_get_stats("xvda", &stats);
	}
	CHECK(stats.reconnects == 1 && stats.violations == 0);
	CHECK(blkdev_flush(disk) == 0);
}

int main(void)
{
	struct blkdev *disk;
	struct grant_stats grants;

	puts("ready");
	disk = wait_for_disk();
	if (!disk)
		return 1;
	printf("came: %llu sectors\n", (unsigned long long)blkdev_sectors(disk));
	grow(disk, 4096);
	puts("grew");
	lose_back_end(disk);
	puts("reconnected");
	/* It is asked to go meanwhile. */
	(void)wait_until(time_monotonic_ns() + 3 * NS_PER_S, false);
	CHECK(!is_gone());
	CHECK(blkdev_write(disk, 0, buffer, 4096) == 0);
	blkdev_put(disk);
	puts("let go");
	CHECK(waitq_wait(&blkdev_changes, is_gone(), time_monotonic_ns() + WAIT_NS, false) == 0);
	(void)grant_reap();
	grant_get_stats(&grants);
	CHECK(grants.used == 0 && grants.open == 0);
	printf("gone: %u grants used, %u in quarantine\n", grants.used, grants.quarantined);
	disk = wait_for_disk();
	if (!disk)
		return 1;
	CHECK(blkdev_read(disk, 0, back, 4096) == 0);
	blkdev_put(disk);
	puts("came again");
	return check_done();
}
