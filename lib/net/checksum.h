/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef LIB_NET_CHECKSUM_H
#define LIB_NET_CHECKSUM_H

#include <stdint.h>

/* The Internet checksum (RFC 1071) of bytes as they lie in memory, not complemented. */
uint16_t net_checksum(const void *bytes, int bytes_count);

#endif
