/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The waiting half of the block class, and copying between requests and a driver's pages.
 */
#include "core/blkdev.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/hypercall.h"

#pragma weak core_blkdev_settle

/* A lone request that is over in less is looked for, not slept for. */
#define QUICK_NS 100000u
/* Looks at the device before we offer our processor again. */
#define LOOKS 16u

/* How a call stands. */
enum { CALL_LOOKS, CALL_SLEEPS, CALL_ENDED };

static void call_done(struct blkreq *req)
{
	struct blkdev *dev = req->arg;

	/* From here on the request may be gone. */
	if (__atomic_exchange_n(&req->call, CALL_ENDED, __ATOMIC_ACQ_REL) == CALL_SLEEPS)
		waitq_wake_all(&dev->waiters);
}

static bool is_done(const struct blkreq *req)
{
	return __atomic_load_n(&req->call, __ATOMIC_ACQUIRE) == CALL_ENDED;
}

/* Looks for its end until it took longer than quick ones do, or for as long as the device is
 * polled. Others run meanwhile: the back end, perhaps, and threads of ours that become ready, for
 * which we give up. */
static bool look_for(struct blkdev *dev, const struct blkreq *req)
{
	uint64_t deadline_ns = 0;

	for (unsigned int looks = 0;; looks++) {
		if (looks % LOOKS == 0)
			hypercall_sched_yield();
		else
			cpu_relax();
		(void)dev->ops->poll(dev, false);
		if (is_done(req))
			return true;
		/* The clock is read only by who has to look again. */
		if (!looks)
			deadline_ns = time_monotonic_ns() + QUICK_NS;
		else if (!READ_ONCE(dev->polling) &&
			 (time_monotonic_ns() >= deadline_ns || !wait_is_alone()))
			return false;
	}
}

/* Submitted. A lone request of a quick disk is not worth the sleep: an interrupt, the back end's
 * hypercall for it, and ours. True when it was slept for nevertheless. */
static bool wait_for(struct blkdev *dev, struct blkreq *req)
{
	uint8_t looks = CALL_LOOKS;

	if (req->quiet && look_for(dev, req))
		return false;
	if (!__atomic_compare_exchange_n(&req->call, &looks, CALL_SLEEPS, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return false;
	if (req->quiet) {
		WRITE_ONCE(req->quiet, false);
		(void)dev->ops->poll(dev, true);
	}
	(void)waitq_wait(&dev->waiters, is_done(req), TIME_NEVER, false);
	return true;
}

int blkdev_call(struct blkdev *dev, struct blkreq *req)
{
	bool alone = __atomic_add_fetch(&dev->calls, 1, __ATOMIC_RELAXED) == 1;
	bool quick = alone && READ_ONCE(dev->quick);
	/* Where nobody looks the clock says how long it took. */
	uint64_t begun_ns = alone && !quick ? time_monotonic_ns() : 0;
	bool slept;
	int error;

	req->done = call_done;
	req->arg = dev;
	req->call = CALL_LOOKS;
	req->quiet = READ_ONCE(dev->polling) || (quick && wait_is_alone());
	error = blkdev_submit(dev, req);
	if (!error) {
		if (READ_ONCE(dev->plugged))
			blkdev_unplug_once(dev);
		slept = wait_for(dev, req);
		error = req->result;
		if (begun_ns)
			WRITE_ONCE(dev->quick, time_monotonic_ns() - begun_ns < QUICK_NS);
		else if (slept && quick)
			WRITE_ONCE(dev->quick, false);
	}
	(void)__atomic_sub_fetch(&dev->calls, 1, __ATOMIC_RELAXED);
	return error;
}

void blkdev_set_polling(struct blkdev *dev, bool on)
{
	(void)__atomic_add_fetch(&dev->polling, on ? 1 : -1, __ATOMIC_RELAXED);
}

static int transfer(struct blkdev *dev, enum blkreq_op op, uint64_t sector, void *bytes,
		    size_t bytes_count)
{
	struct blkseg seg = {bytes, bytes_count};
	struct blkreq req;

	/* All that blkdev_call() and blkdev_submit() do not set. */
	req.op = op;
	req.flags = 0;
	req.sector = sector;
	req.sectors = bytes_count / BLKDEV_SECTOR;
	req.segs = &seg;
	req.segs_count = 1;
	return blkdev_call(dev, &req);
}

int blkdev_read(struct blkdev *dev, uint64_t sector, void *bytes_out, size_t bytes_count)
{
	return transfer(dev, BLKREQ_READ, sector, bytes_out, bytes_count);
}

int blkdev_write(struct blkdev *dev, uint64_t sector, const void *bytes, size_t bytes_count)
{
	return transfer(dev, BLKREQ_WRITE, sector, (void *)bytes, bytes_count);
}

int blkdev_flush(struct blkdev *dev)
{
	struct blkreq req = {.op = BLKREQ_FLUSH};

	return blkdev_call(dev, &req);
}

int blkdev_discard(struct blkdev *dev, uint64_t sector, uint64_t sectors)
{
	struct blkreq req = {.op = BLKREQ_DISCARD, .sector = sector, .sectors = sectors};

	return blkdev_call(dev, &req);
}

int blkdev_wait(const char *name, uint64_t deadline_ns, struct blkdev **dev_out)
{
	int error;

	*dev_out = blkdev_get(name);
	if (*dev_out)
		return 0;
	error = core_blkdev_settle ? core_blkdev_settle(deadline_ns) : -ENODEV;
	*dev_out = blkdev_get(name);
	if (*dev_out)
		return 0;
	return error ? error : -ENODEV;
}

void blkcursor_init(struct blkcursor *cursor, const struct blkslice *slice)
{
	uint64_t skip = slice->offset_sectors;

	cursor->req = slice->chain;
	while (skip >= cursor->req->sectors && cursor->req->chain) {
		skip -= cursor->req->sectors;
		cursor->req = cursor->req->chain;
	}
	skip *= BLKDEV_SECTOR;
	cursor->seg = 0;
	while (cursor->seg < cursor->req->segs_count &&
	       skip >= cursor->req->segs[cursor->seg].bytes)
		skip -= cursor->req->segs[cursor->seg++].bytes;
	cursor->offset = skip;
}

/* core has checked that there is memory for all sectors. */
static __attribute__((noinline)) void copy_in_parts(struct blkcursor *cursor, void *block,
						    size_t bytes, bool to_block)
{
	char *at = block;

	while (bytes) {
		const struct blkseg *seg;
		size_t run;

		if (cursor->seg == cursor->req->segs_count) {
			cursor->req = cursor->req->chain;
			cursor->seg = cursor->offset = 0;
			continue;
		}
		seg = &cursor->req->segs[cursor->seg];
		run = seg->bytes - cursor->offset < bytes ? seg->bytes - cursor->offset : bytes;
		if (to_block)
			memcpy(at, (char *)seg->base + cursor->offset, run);
		else
			memcpy((char *)seg->base + cursor->offset, at, run);
		at += run;
		bytes -= run;
		cursor->offset += run;
		if (cursor->offset == seg->bytes) {
			cursor->seg++;
			cursor->offset = 0;
		}
	}
}

void blkcursor_copy(struct blkcursor *cursor, void *block, size_t bytes, bool to_block)
{
	const struct blkseg *seg = cursor->req->segs + cursor->seg;
	size_t offset = cursor->offset;

	if (cursor->seg == cursor->req->segs_count || bytes > seg->bytes - offset) {
		copy_in_parts(cursor, block, bytes, to_block);
		return;
	}
	/* At its end the next copy finds none of it left. */
	cursor->offset = offset + bytes;
	if (to_block)
		memcpy(block, (char *)seg->base + offset, bytes);
	else
		memcpy((char *)seg->base + offset, block, bytes);
}
