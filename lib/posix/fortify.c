/* SPDX-License-Identifier: BSD-2-Clause */
/* What newlib's checked functions (__memcpy_chk …, with _FORTIFY_SOURCE) and its random numbers
 * call when they cannot go on. */
#include <signal.h>

#include "core/panic.h"
#include "lib/posix/newlib.h"

void __chk_fail(void)
{
	panic_signal("buffer overflow detected by a checked function (_FORTIFY_SOURCE)", SIGABRT);
}

void _arc4random_getentropy_fail(void)
{
	panic_signal("no random numbers: not seeded", SIGABRT);
}
