/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _UNISTD_H_
#define _UNISTD_H_

#include <sys/unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#define _POSIX_IPV6             200809L
#define _POSIX_RAW_SOCKETS      200809L
#define _POSIX_REGEXP           1
#define _POSIX_NO_TRUNC         1
#define _POSIX_CHOWN_RESTRICTED 1
#ifndef _POSIX_VDISABLE
#define _POSIX_VDISABLE 0xff
#endif

/* confstr() */
#define _CS_PATH                           0
#define _CS_V7_ENV                         1
#define _CS_POSIX_V7_LP64_OFF64_CFLAGS     2
#define _CS_POSIX_V7_LP64_OFF64_LDFLAGS    3
#define _CS_POSIX_V7_LP64_OFF64_LIBS       4
#define _CS_POSIX_V7_THREADS_CFLAGS        5
#define _CS_POSIX_V7_THREADS_LDFLAGS       6
#define _CS_POSIX_V7_WIDTH_RESTRICTED_ENVS 7

#if __GNU_VISIBLE
int syncfs(int fd);
#endif

#ifdef __cplusplus
}
#endif

#endif
