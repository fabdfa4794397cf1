/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the end of start of day to the program: core_start() initialises core and hands over to
 * the room above.
 */
#ifndef CORE_START_H
#define CORE_START_H

/* Provided by lib/posix/start.c: initialises the drivers and the C library, runs main on a stack
 * of its own and never returns. Boot stack, events enabled. */
_Noreturn void core_program_start(void);

#endif
