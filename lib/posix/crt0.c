/* SPDX-License-Identifier: BSD-2-Clause */
/* The object every link begins with: it names what must come out of the library. */
#include "core/start.h"
#include "lib/posix/start.h"

__attribute__((used)) static void (*const crt0_roots[])(void) = {_start, core_program_start};
