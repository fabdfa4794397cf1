/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A block back end as C functions: xenstore states, rings, grants, data. It follows stock blkback
 * as far as a front end can tell, and lies on demand.
 */
#ifndef TEST_MOCK_MOCK_BLKBACK_H
#define TEST_MOCK_MOCK_BLKBACK_H

#include "test/mock/mock.h"

#define MOCK_DISK_QUEUES 4
#define MOCK_DISK_MAPS   4096

struct mock_disk_config {
	uint32_t vdev; /* 0: 51712, xvda */
	domid_t domain;
	uint64_t sectors;                          /* 0: 2048 */
	uint32_t sector_bytes;                     /* 0: 512 */
	unsigned int ring_order, queues, segments; /* 0: does not offer any */
	bool persistent, flush, barrier, discard, read_only;
};

struct mock_queue {
	struct mock_disk *disk;
	blkif_sring_t *ring; /* the pages in a row as the guest has them */
	uint32_t slots_count, req_cons, rsp_prod;
	grant_ref_t refs[16];
	unsigned int pages_count;
	evtchn_port_t port;
	/* taken and not answered */
	struct {
		uint64_t id;
		uint8_t operation;
		int16_t status;
	} held[1024];
	unsigned int held_count;
};

struct mock_disk {
	struct mock_disk_config config;
	char front[64], back[64]; /* directories */
	unsigned char *data;
	int state; /* of the back end */
	bool online, connected, gone;
	struct mock_queue queues[MOCK_DISK_QUEUES];
	unsigned int queues_count;
	bool persistent;                    /* both sides can */
	grant_ref_t mapped[MOCK_DISK_MAPS]; /* that stay mapped */
	void *mapped_page[MOCK_DISK_MAPS];
	unsigned int mapped_count;
	/* what it is told to do */
	bool dead;            /* runs no more: neither ring nor states */
	bool mute;            /* takes requests and does not answer */
	bool shuffle;         /* answers in any order */
	bool keep_mapped;     /* does not unmap when it should */
	unsigned int fail_in; /* the request after so many fails; 0: none */
	int16_t fail_status;
	/* A node that says this after the back end wrote all others; NULL: none. */
	const char *node_key, *node_value;
	/* Called with each response before it is published; may change it, and the ring. */
	void (*on_response)(struct mock_queue *queue, blkif_response_t *response);
	/* what it saw */
	unsigned int requests, reads, writes, flushes, barriers, discards, indirect, notifies;
	unsigned int grant_errors; /* references it could not map */
	unsigned int segments_max_seen;
};

/* What a ring says may make no sense, since the test scribbles over it. */
extern bool mock_disk_hostile;

/* Makes the directories, as the toolstack does, and the back end. Lasts until the test ends. */
struct mock_disk *mock_disk_attach(const struct mock_disk_config *config);
/* As xl block-detach: asks it to close, then removes the directories. */
void mock_disk_detach(struct mock_disk *disk);
/* As xl block-detach --force: the directories vanish. */
void mock_disk_vanish(struct mock_disk *disk);
/* The driver's domain dies: everything it mapped is unmapped; its state becomes Closed, or its
 * directory goes. It stays away until revived. */
void mock_disk_kill(struct mock_disk *disk, bool directory_too);
void mock_disk_revive(struct mock_disk *disk);
void mock_disk_resize(struct mock_disk *disk, uint64_t sectors);
/* A node of the back end's directory. */
void mock_disk_node(struct mock_disk *disk, const char *key, const char *value);
/* Puts a response into the ring as it is and publishes it. */
void mock_disk_respond(struct mock_queue *queue, uint64_t id, uint8_t operation, int16_t status);
/* Answers what is held. */
void mock_disk_release(struct mock_disk *disk);
/* States and rings, once. */
void mock_disk_run(void *disk);

#endif
