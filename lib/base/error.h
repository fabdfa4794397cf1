/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one errno domain of the kernel: 0 or -Exxx. Values are newlib's, which are Linux's where the kernel
 * uses them, so nothing is translated on the way to the program.
 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

#include <errno.h>

#endif
