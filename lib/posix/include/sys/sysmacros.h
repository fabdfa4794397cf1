/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/sysmacros.h>: a dev_t is major << 32 | minor. */
#ifndef _SYS_SYSMACROS_H
#define _SYS_SYSMACROS_H

#include <sys/types.h>

#ifndef major
#define major(dev)        ((unsigned int)((dev_t)(dev) >> 32))
#define minor(dev)        ((unsigned int)(dev))
#define makedev(maj, min) ((dev_t)(maj) << 32 | (unsigned int)(min))
#endif

#endif
