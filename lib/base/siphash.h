/* SPDX-License-Identifier: BSD-2-Clause */
/* SipHash-2-4: a keyed hash that outsiders cannot predict. Source: Aumasson, Bernstein 2012. */
#ifndef LIB_BASE_SIPHASH_H
#define LIB_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* bytes_count: a multiple of 8. */
uint64_t siphash(const uint64_t key[2], const void *bytes, size_t bytes_count);

#endif
