/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/syslimits.h>: limits of files and lines. Included by <limits.h> and <sys/param.h>, and when
 * libc itself is built: a change here needs newlib built anew.
 */
#ifndef _SYS_SYSLIMITS_H_
#define _SYS_SYSLIMITS_H_

#define ARG_MAX     131072 /* bytes of arguments and environment */
#define CHILD_MAX   1      /* processes: there is one */
#define LINK_MAX    65000
#define MAX_CANON   4096 /* bytes of an input line */
#define MAX_INPUT   4096
#define NAME_MAX    255 /* bytes, without the NUL */
#define NGROUPS_MAX 16
#define OPEN_MAX    1024 /* file descriptors */
#define PATH_MAX    4096 /* bytes, with the NUL */
#define PIPE_BUF    4096 /* bytes written at once stay together */
#define IOV_MAX     1024

#define BC_BASE_MAX      99
#define BC_DIM_MAX       2048
#define BC_SCALE_MAX     99
#define BC_STRING_MAX    1000
#define COLL_WEIGHTS_MAX 2
#define EXPR_NEST_MAX    32
#define LINE_MAX         2048
#define RE_DUP_MAX       255

#endif
