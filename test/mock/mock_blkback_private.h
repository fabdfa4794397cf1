/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the block back end tell each other: its states, and its rings. */
#ifndef TEST_MOCK_MOCK_BLKBACK_PRIVATE_H
#define TEST_MOCK_MOCK_BLKBACK_PRIVATE_H

#include "test/mock/mock_blkback.h"

/* What stays mapped between requests. */
void mock_disk_unmap_all(struct mock_disk *disk);
/* Takes what is in the ring and answers, unless told otherwise. */
void mock_disk_run_queue(void *queue);

#endif
