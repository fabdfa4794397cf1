/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one errno domain of the kernel: 0 or -Exxx. In the freestanding kernel the values are
 * newlib's (newlib: sys/errno.h; lib/posix/errno_check.c proves them equal), so that nothing is
 * translated on the way to the program. Hosted code (unit tests, lib/posix) takes its C library's
 * own.
 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

#if __STDC_HOSTED__ && !defined(ERROR_NUMBERS_OF_KERNEL)
#include <errno.h>
#else
#define EPERM           1
#define ENOENT          2
#define ESRCH           3
#define EINTR           4
#define EIO             5
#define ENXIO           6
#define E2BIG           7
#define ENOEXEC         8
#define EBADF           9
#define EAGAIN          11
#define ENOMEM          12
#define EACCES          13
#define EFAULT          14
#define EBUSY           16
#define EEXIST          17
#define EXDEV           18
#define ENODEV          19
#define ENOTDIR         20
#define EISDIR          21
#define EINVAL          22
#define ENFILE          23
#define EMFILE          24
#define ENOTTY          25
#define EFBIG           27
#define ENOSPC          28
#define ESPIPE          29
#define EROFS           30
#define EMLINK          31
#define EPIPE           32
#define EDOM            33
#define ERANGE          34
#define EDEADLK         45
#define EPROTO          71
#define ENOSYS          88
#define ENOTEMPTY       90
#define ENAMETOOLONG    91
#define ELOOP           92
#define EOPNOTSUPP      95
#define ECONNRESET      104
#define ENOBUFS         105
#define EAFNOSUPPORT    106
#define ENOPROTOOPT     109
#define ECONNREFUSED    111
#define EADDRINUSE      112
#define ECONNABORTED    113
#define ENETUNREACH     114
#define ENETDOWN        115
#define ETIMEDOUT       116
#define EHOSTUNREACH    118
#define EINPROGRESS     119
#define EALREADY        120
#define EDESTADDRREQ    121
#define EMSGSIZE        122
#define EPROTONOSUPPORT 123
#define EADDRNOTAVAIL   125
#define EISCONN         127
#define ENOTCONN        128
#define EOVERFLOW       139
#define ECANCELED       140
#define ENOTRECOVERABLE 141
#endif

#endif
