/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP wants to know about the compiler and its surroundings. */
#ifndef LIB_NET_LWIP_ARCH_CC_H
#define LIB_NET_LWIP_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <sys/types.h>
#else
typedef int64_t ssize_t;
#endif

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_LIMITS_H   1
#define LWIP_NO_UNISTD_H   1
#define INT_MAX            __INT_MAX__
#define SSIZE_MAX          INT64_MAX
#define LWIP_NO_CTYPE_H    1
#define X8_F               "02x"
#define U16_F              "u"
#define S16_F              "d"
#define X16_F              "x"
#define U32_F              "u"
#define S32_F              "d"
#define X32_F              "x"
#define SZT_F              "zu"

/* One instruction, not lwIP's functions. */
#define lwip_htons(x) __builtin_bswap16(x)
#define lwip_htonl(x) __builtin_bswap32(x)

/* Provided by lib/net/stack.c: an assertion of the stack's is a bug, ends in a panic. */
_Noreturn void net_assert_failed(const char *what);
uint32_t net_random32(void);
void *net_mem_alloc(size_t bytes);
void *net_mem_calloc(size_t count, size_t bytes);
void net_mem_free(void *block);

#define LWIP_PLATFORM_DIAG(x)                                                                      \
	do {                                                                                       \
	} while (0)
#define LWIP_PLATFORM_ASSERT(x) net_assert_failed(x)
#define LWIP_RAND()             net_random32()

/* lib/net/checksum.c */
uint16_t net_checksum(const void *bytes, int bytes_count);
#define LWIP_CHKSUM net_checksum

#endif
