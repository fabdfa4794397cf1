/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks for a program that asks for them: -lblk names posix_blk_start, which brings this file and
 * with it the drivers. Nothing else refers to it.
 */
#include "lib/posix/disk.h"

#include <errno.h>
#include <stdbool.h>

#include "core/log.h"
#include "drivers/blkfront.h"

void posix_blk_start(void)
{
	static bool started;
	int error;

	if (started)
		return;
	started = true;
	error = blkfront_init();
	if (error && error != -ENODEV)
		log_error("disks: error %d", error);
}

/* Before the program's own constructors. */
__attribute__((constructor(101))) static void start_disks(void)
{
	posix_blk_start();
}
