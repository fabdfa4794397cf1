/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * States of the mock's block back end, and what the toolstack does with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/mock/mock_blkback_private.h"
#include "test/mock/mock_grant.h"
#include "test/mock/mock_private.h"

#define PAGE 4096u

static void write_number(const char *dir, const char *key, uint64_t number)
{
	char path[128], text[24];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
	mock_store_write(path, text);
}

static long read_number(const char *dir, const char *key)
{
	const char *value;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	value = mock_store_read(path);
	return value && *value ? atol(value) : -1;
}

void mock_disk_node(struct mock_disk *disk, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", disk->back, key);
	mock_store_write(path, value);
}

static void set_state(struct mock_disk *disk, int state)
{
	disk->state = state;
	write_number(disk->back, "state", (uint64_t)state);
}

/* The pages of a ring lie in a row in the guest, and so here. */
static bool map_ring(struct mock_queue *queue, const char *dir)
{
	long order = read_number(queue->disk->front, "ring-page-order");
	char key[32];

	queue->pages_count = order > 0 ? 1u << order : 1;
	for (unsigned int i = 0; i < queue->pages_count; i++) {
		void *page;
		long ref;

		if (order > 0)
			snprintf(key, sizeof(key), "ring-ref%u", i);
		else
			snprintf(key, sizeof(key), "ring-ref");
		ref = read_number(dir, key);
		page = ref < 0 ? NULL
			       : mock_grant_map(queue->disk->config.domain, (grant_ref_t)ref, true);
		if (!page)
			return false;
		queue->refs[i] = (grant_ref_t)ref;
		if (!i)
			queue->ring = page;
		else if (page != (char *)queue->ring + i * PAGE)
			mock_die("the pages of a ring are not in a row");
	}
	queue->slots_count = (queue->pages_count * PAGE - 64) / sizeof(union blkif_sring_entry);
	while (queue->slots_count & (queue->slots_count - 1))
		queue->slots_count &= queue->slots_count - 1;
	queue->req_cons = queue->rsp_prod = queue->ring->rsp_prod;
	queue->held_count = 0;
	queue->port = (evtchn_port_t)read_number(dir, "event-channel");
	mock_evtchn_connect(queue->port, mock_disk_run_queue, queue);
	return true;
}

static void connect(struct mock_disk *disk)
{
	const struct mock_disk_config *config = &disk->config;
	long queues = read_number(disk->front, "multi-queue-num-queues");
	char dir[128];

	disk->queues_count = queues > 0 ? (unsigned int)queues : 1;
	disk->persistent =
		config->persistent && read_number(disk->front, "feature-persistent") == 1;
	for (unsigned int i = 0; i < disk->queues_count; i++) {
		disk->queues[i].disk = disk;
		snprintf(dir, sizeof(dir), queues > 0 ? "%s/queue-%u" : "%s", disk->front, i);
		if (!map_ring(&disk->queues[i], dir))
			mock_die("the ring cannot be mapped");
	}
	write_number(disk->back, "sectors", config->sectors);
	write_number(disk->back, "sector-size", config->sector_bytes);
	write_number(disk->back, "info", config->read_only ? VDISK_READONLY : 0);
	write_number(disk->back, "feature-persistent", config->persistent);
	write_number(disk->back, "feature-flush-cache", config->flush);
	write_number(disk->back, "feature-barrier", config->barrier);
	if (config->discard)
		write_number(disk->back, "feature-discard", 1);
	if (disk->node_key)
		mock_disk_node(disk, disk->node_key, disk->node_value);
	disk->connected = true;
	set_state(disk, XenbusStateConnected);
}

static void disconnect(struct mock_disk *disk)
{
	for (unsigned int i = 0; disk->connected && i < disk->queues_count; i++) {
		struct mock_queue *queue = &disk->queues[i];

		for (unsigned int page = 0; page < queue->pages_count; page++)
			mock_grant_unmap(queue->refs[page], true);
		queue->ring = NULL;
		queue->held_count = 0;
	}
	if (disk->connected)
		mock_disk_unmap_all(disk);
	disk->connected = false;
}

static void make_directories(struct mock_disk *disk)
{
	const struct mock_disk_config *config = &disk->config;
	char path[128];

	write_number(disk->back, "frontend-id", 1);
	write_number(disk->back, "online", 1);
	mock_disk_node(disk, "mode", config->read_only ? "r" : "w");
	if (config->ring_order)
		write_number(disk->back, "max-ring-page-order", config->ring_order);
	if (config->queues)
		write_number(disk->back, "multi-queue-max-queues", config->queues);
	if (config->segments)
		write_number(disk->back, "feature-max-indirect-segments", config->segments);
	set_state(disk, XenbusStateInitWait);
	snprintf(path, sizeof(path), "%s/backend", disk->front);
	mock_store_write(path, disk->back);
	write_number(disk->front, "backend-id", config->domain);
	write_number(disk->front, "virtual-device", config->vdev);
	mock_store_write(disk->front, "");
	write_number(disk->front, "state", XenbusStateInitialising);
}

static void remove_directories(struct mock_disk *disk)
{
	disk->gone = true;
	mock_store_write(disk->back, NULL);
	mock_store_write(disk->front, NULL);
}

void mock_disk_run(void *arg)
{
	struct mock_disk *disk = arg;
	long front;

	if (disk->gone || disk->dead)
		return;
	front = read_number(disk->front, "state");
	if (front == XenbusStateClosed && disk->state != XenbusStateClosed) {
		disconnect(disk);
		set_state(disk, XenbusStateClosed);
	} else if (front == XenbusStateInitialising && disk->state == XenbusStateClosed &&
		   disk->online) {
		set_state(disk, XenbusStateInitWait);
	} else if ((front == XenbusStateInitialised || front == XenbusStateConnected) &&
		   disk->state == XenbusStateInitWait) {
		connect(disk);
	}
	if (disk->state == XenbusStateClosed && !disk->online)
		remove_directories(disk);
	for (unsigned int i = 0; disk->connected && i < disk->queues_count; i++)
		mock_disk_run_queue(&disk->queues[i]);
	mock_store_run();
}

struct mock_disk *mock_disk_attach(const struct mock_disk_config *config)
{
	struct mock_disk *disk = calloc(1, sizeof(*disk));

	if (config)
		disk->config = *config;
	if (!disk->config.vdev)
		disk->config.vdev = 51712;
	if (!disk->config.sectors)
		disk->config.sectors = 2048;
	if (!disk->config.sector_bytes)
		disk->config.sector_bytes = 512;
	disk->data = calloc(disk->config.sectors, 512);
	disk->online = true;
	snprintf(disk->front, sizeof(disk->front), MOCK_HOME "/device/vbd/%u", disk->config.vdev);
	snprintf(disk->back, sizeof(disk->back), "/local/domain/%u/backend/vbd/1/%u",
		 disk->config.domain, disk->config.vdev);
	make_directories(disk);
	mock_backend_add(mock_disk_run, disk);
	return disk;
}

void mock_disk_detach(struct mock_disk *disk)
{
	disk->online = false;
	write_number(disk->back, "online", 0);
	set_state(disk, XenbusStateClosing);
}

void mock_disk_vanish(struct mock_disk *disk)
{
	disconnect(disk);
	remove_directories(disk);
}

void mock_disk_kill(struct mock_disk *disk, bool directory_too)
{
	disconnect(disk);
	disk->dead = true;
	if (directory_too)
		mock_store_write(disk->back, NULL);
	else
		set_state(disk, XenbusStateClosed);
}

void mock_disk_revive(struct mock_disk *disk)
{
	disk->dead = false;
	make_directories(disk);
}

void mock_disk_resize(struct mock_disk *disk, uint64_t sectors)
{
	disk->data = realloc(disk->data, sectors * 512);
	if (sectors > disk->config.sectors)
		memset(disk->data + disk->config.sectors * 512, 0,
		       (sectors - disk->config.sectors) * 512);
	disk->config.sectors = sectors;
	write_number(disk->back, "sectors", sectors);
	set_state(disk, XenbusStateConnected);
}
