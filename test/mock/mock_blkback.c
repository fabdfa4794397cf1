/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings and data of the mock's block back end: each request is copied, its grants are mapped, data
 * moved, grants unmapped, and the response published, as blkback does.
 */
#include "test/mock/mock_blkback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/mock/mock_blkback_private.h"
#include "test/mock/mock_grant.h"
#include "test/mock/mock_private.h"

#define SECTOR 512u

bool mock_disk_hostile;

static void *map(struct mock_disk *disk, grant_ref_t ref, bool write)
{
	void *page;

	for (unsigned int i = 0; i < disk->mapped_count; i++)
		if (disk->mapped[i] == ref)
			return disk->mapped_page[i];
	page = mock_grant_map(disk->config.domain, ref, write || disk->persistent);
	if (!page)
		disk->grant_errors++;
	if (page && (disk->persistent || disk->keep_mapped)) {
		if (disk->mapped_count == MOCK_DISK_MAPS)
			mock_die("the back end maps too much");
		disk->mapped[disk->mapped_count] = ref;
		disk->mapped_page[disk->mapped_count++] = page;
	}
	return page;
}

static void unmap(struct mock_disk *disk, grant_ref_t ref, bool write)
{
	if (!disk->persistent && !disk->keep_mapped)
		mock_grant_unmap(ref, write);
}

/* With what stays mapped: whether for writing depends on how it was mapped. */
void mock_disk_unmap_all(struct mock_disk *disk)
{
	while (disk->mapped_count) {
		grant_ref_t ref = disk->mapped[--disk->mapped_count];
		const struct grant_entry_v1 *entry = mock_grant_entry(ref);

		mock_grant_unmap(ref, entry->flags & GTF_writing);
	}
}

static int16_t transfer(struct mock_disk *disk, bool write, uint64_t sector,
			const struct blkif_request_segment *segments, unsigned int segments_count)
{
	if (segments_count > disk->segments_max_seen)
		disk->segments_max_seen = segments_count;
	for (unsigned int i = 0; i < segments_count; i++) {
		unsigned int first = segments[i].first_sect, last = segments[i].last_sect;
		uint64_t sectors = last - first + 1;
		unsigned char *page, *at = disk->data + sector * SECTOR;

		if (last > 7 || first > last || sector + sectors > disk->config.sectors)
			return BLKIF_RSP_ERROR;
		page = map(disk, segments[i].gref, !write);
		if (!page)
			return BLKIF_RSP_ERROR;
		if (write)
			memcpy(at, page + first * SECTOR, sectors * SECTOR);
		else
			memcpy(page + first * SECTOR, at, sectors * SECTOR);
		unmap(disk, segments[i].gref, !write);
		sector += sectors;
	}
	return BLKIF_RSP_OKAY;
}

static int16_t do_indirect(struct mock_disk *disk, const blkif_request_indirect_t *request)
{
	static struct blkif_request_segment segments[512];
	bool write = request->indirect_op == BLKIF_OP_WRITE;
	void *page;

	disk->indirect++;
	if (request->nr_segments > disk->config.segments || request->nr_segments > 512)
		return BLKIF_RSP_ERROR;
	page = map(disk, request->indirect_grefs[0], false);
	if (!page)
		return BLKIF_RSP_ERROR;
	memcpy(segments, page, request->nr_segments * sizeof(segments[0]));
	unmap(disk, request->indirect_grefs[0], false);
	if (write)
		disk->writes++;
	else
		disk->reads++;
	return transfer(disk, write, request->sector_number, segments, request->nr_segments);
}

static int16_t do_discard(struct mock_disk *disk, const blkif_request_discard_t *request)
{
	disk->discards++;
	if (!disk->config.discard)
		return BLKIF_RSP_EOPNOTSUPP;
	if (request->sector_number + request->nr_sectors > disk->config.sectors)
		return BLKIF_RSP_ERROR;
	memset(disk->data + request->sector_number * SECTOR, 0, request->nr_sectors * SECTOR);
	return BLKIF_RSP_OKAY;
}

static int16_t perform(struct mock_disk *disk, const blkif_request_t *request)
{
	switch (request->operation) {
	case BLKIF_OP_READ:
		disk->reads++;
		break;
	case BLKIF_OP_WRITE:
		disk->writes++;
		break;
	case BLKIF_OP_WRITE_BARRIER:
		disk->barriers++;
		if (!disk->config.barrier)
			return BLKIF_RSP_EOPNOTSUPP;
		break;
	case BLKIF_OP_FLUSH_DISKCACHE:
		disk->flushes++;
		return disk->config.flush ? BLKIF_RSP_OKAY : BLKIF_RSP_EOPNOTSUPP;
	case BLKIF_OP_DISCARD:
		return do_discard(disk, (const void *)request);
	case BLKIF_OP_INDIRECT:
		return do_indirect(disk, (const void *)request);
	default:
		return BLKIF_RSP_EOPNOTSUPP;
	}
	if (request->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
		return BLKIF_RSP_ERROR;
	if (disk->config.read_only && request->operation != BLKIF_OP_READ)
		return BLKIF_RSP_ERROR;
	return transfer(disk, request->operation != BLKIF_OP_READ, request->sector_number,
			request->seg, request->nr_segments);
}

void mock_disk_respond(struct mock_queue *queue, uint64_t id, uint8_t operation, int16_t status)
{
	blkif_response_t response = {.id = id, .operation = operation, .status = status};
	uint32_t before = queue->rsp_prod;

	if (queue->disk->on_response)
		queue->disk->on_response(queue, &response);
	memcpy(&queue->ring->ring[before & (queue->slots_count - 1)].rsp, &response,
	       sizeof(response));
	queue->ring->rsp_prod = ++queue->rsp_prod;
	if (queue->rsp_prod - queue->ring->rsp_event < queue->rsp_prod - before) {
		queue->disk->notifies++;
		mock_evtchn_set_pending(queue->port);
	}
}

static void answer(struct mock_queue *queue)
{
	while (queue->held_count) {
		unsigned int at = queue->disk->shuffle
					  ? (unsigned int)mock_random_below(queue->held_count)
					  : 0;
		uint64_t id = queue->held[at].id;
		uint8_t operation = queue->held[at].operation;
		int16_t status = queue->held[at].status;

		memmove(&queue->held[at], &queue->held[at + 1],
			(--queue->held_count - at) * sizeof(queue->held[0]));
		mock_disk_respond(queue, id, operation, status);
		if (!queue->ring)
			return;
	}
}

static void take_request(struct mock_queue *queue)
{
	struct mock_disk *disk = queue->disk;
	union blkif_sring_entry entry;
	uint8_t operation;
	int16_t status;

	memcpy(&entry, &queue->ring->ring[queue->req_cons++ & (queue->slots_count - 1)],
	       sizeof(entry));
	operation = entry.req.operation;
	disk->requests++;
	status = perform(disk, &entry.req);
	if (disk->fail_in && --disk->fail_in == 0)
		status = disk->fail_status;
	if (queue->held_count == sizeof(queue->held) / sizeof(queue->held[0])) {
		if (mock_disk_hostile)
			return;
		mock_die("the back end holds too much");
	}
	if (operation == BLKIF_OP_INDIRECT)
		operation = ((const blkif_request_indirect_t *)&entry.req)->indirect_op;
	queue->held[queue->held_count].id =
		entry.req.operation == BLKIF_OP_INDIRECT
			? ((const blkif_request_indirect_t *)&entry.req)->id
			: entry.req.id;
	queue->held[queue->held_count].operation = operation;
	queue->held[queue->held_count++].status = status;
}

void mock_disk_run_queue(void *arg)
{
	struct mock_queue *queue = arg;

	if (!queue->ring || queue->disk->dead)
		return;
	while (queue->req_cons != queue->ring->req_prod) {
		if (queue->ring->req_prod - queue->req_cons > queue->slots_count) {
			if (mock_disk_hostile)
				return;
			mock_die("more requests than the ring has places");
		}
		take_request(queue);
		queue->ring->req_event = queue->req_cons + 1;
	}
	if (!queue->disk->mute)
		answer(queue);
}

void mock_disk_release(struct mock_disk *disk)
{
	for (unsigned int i = 0; i < disk->queues_count; i++)
		if (disk->queues[i].ring)
			answer(&disk->queues[i]);
	mock_deliver();
}
