/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/stat.h>

#include "lib/posix/vfs.h"

static mode_t current = S_IWGRP | S_IWOTH;

mode_t vfs_umask(void)
{
	return __atomic_load_n(&current, __ATOMIC_RELAXED);
}

mode_t umask(mode_t mask)
{
	return __atomic_exchange_n(&current, mask & (S_IRWXU | S_IRWXG | S_IRWXO),
				   __ATOMIC_RELAXED);
}
