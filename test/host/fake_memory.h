/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake guest's memory with core/page.c and core/vm.c started on it. */
#ifndef TEST_HOST_FAKE_MEMORY_H
#define TEST_HOST_FAKE_MEMORY_H

#include <stdint.h>

/* Once per process: a guest of `mib` MiB. */
void fake_memory_setup(uint64_t mib);
/* Pages that are neither free, nor page tables, nor metadata, nor the image. */
uint64_t fake_memory_in_use(void);

#endif
