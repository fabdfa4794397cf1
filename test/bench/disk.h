/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What disk.c wants of each guest, besides bench.h.
 */
#ifndef TEST_BENCH_DISK_H
#define TEST_BENCH_DISK_H

#include <stddef.h>

#include "test/bench/bench.h"

#define DISK_BLOCK 4096u
#define DISK_DEPTH 32

/* The number of a block of DISK_BLOCK bytes; the same row of them for the same seed. */
uint64_t disk_random_block(uint64_t *seed);

/* Until the disk is there: 0, or -1 and errno. */
int platform_disk_wait(const char *path);

/* An ext4: 0, or -1 and errno. */
int platform_disk_mount(const char *disk, const char *directory);

/* count blocks at random places of /dev/xvda, which is open as fd, DISK_DEPTH at once; bytes has
 * DISK_DEPTH blocks, on a block's boundary. 0, or -1 and errno. */
int platform_disk_async(int fd, bool write, char *bytes, unsigned long count, uint64_t *seed);

#endif
