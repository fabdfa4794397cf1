/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks of Xen: front end of the block protocol, for stock blkback. Each disk of the domain becomes
 * a block device (core/blkdev.h) named after its virtual-device number: xvda, xvdb1, sda, hdc.
 *
 * Data goes through pages of the driver's own, so that a back end sees and writes nothing else of
 * ours, trusted or not (XSA-403). `blkfront=plain` on the command line uses none of the protocol's
 * extensions. Source: Xen public/io/blkif.h.
 */
#ifndef DRIVERS_BLKFRONT_H
#define DRIVERS_BLKFRONT_H

#include <stdint.h>

/* Begins to look for disks; those that are there come soon, others when they are attached. Thread
 * context, once. 0, -ENODEV (no xenstore), -ENOMEM. */
int blkfront_init(void);

struct blkfront_stats {
	uint32_t disks;      /* that are registered */
	uint32_t queues;     /* of the disk asked for; 0: not connected */
	uint32_t ring_slots; /* of each queue */
	uint32_t segments;   /* pages that one request can carry */
	uint32_t persistent; /* 1: grants stay open */
	uint32_t pages;      /* granted now */
	uint32_t reconnects; /* beyond the first connection */
	uint32_t requeued;   /* slices sent again after one */
	uint32_t violations; /* of the protocol, by the back end */
	uint64_t notifies, interrupts;
};
/* Of the disk with this name. 0 or -ENODEV. */
int blkfront_get_stats(const char *name, struct blkfront_stats *stats_out);

#endif
