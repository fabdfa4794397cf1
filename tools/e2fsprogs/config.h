/* SPDX-License-Identifier: BSD-2-Clause */
/* What e2fsprogs' configure would find out: the parts of libext2fs that we build want little. */
#ifndef TOOLS_E2FSPROGS_CONFIG_H
#define TOOLS_E2FSPROGS_CONFIG_H

#define HAVE_ERRNO_H     1
#define HAVE_STDLIB_H    1
#define HAVE_STRINGS_H   1
#define HAVE_STRING_H    1
#define HAVE_SYS_STAT_H  1
#define HAVE_SYS_TIME_H  1
#define HAVE_SYS_TYPES_H 1
#define HAVE_UNISTD_H    1
#define SIZEOF_INT       4
#define SIZEOF_LONG      8
#define SIZEOF_LONG_LONG 8
#define SIZEOF_OFF_T     8
#define SIZEOF_SHORT     2
#define SIZEOF_TIME_T    8
#define TLS

#endif
