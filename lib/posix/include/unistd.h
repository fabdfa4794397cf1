/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _UNISTD_H_
#define _UNISTD_H_

#include <sys/unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

#if __GNU_VISIBLE
int syncfs(int fd);
#endif

#ifdef __cplusplus
}
#endif

#endif
