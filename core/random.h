/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes: RDRAND/RDSEED mixed with timing, expanded by ChaCha20 with fast key erasure.
 * Refuses to hand out bytes before it is seeded. Any context.
 */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Early boot: seeds from RDRAND (when CPUID has it) and the jitter of the time-stamp counter. */
void random_init(void);
/* 0, or -EAGAIN when not seeded yet. */
int random_get(void *bytes_out, size_t bytes);
/* Mixes something observed into the pool; costs a few instructions. */
void random_mix(uint64_t observation);
void random_resume(void);

#endif
