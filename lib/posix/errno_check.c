/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's errno numbers beside newlib's: a macro defined twice with different values is a
 * warning, and so an error in the checks. No code. */
#include <errno.h>

#define ERROR_NUMBERS_OF_KERNEL
#include "lib/base/error.h"

_Static_assert(EPERM == 1 && ENOSYS == 88 && ECANCELED == 140, "newlib: sys/errno.h");
