/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of the program is the end of the domain. The status reaches the outside twice: as the
 * last console line, `stardust: exit N` or `stardust: killed by signal N`, and in xenstore as
 * data/stardust/status = `exit N` or `signal N`.
 */
#ifndef LIB_POSIX_EXIT_H
#define LIB_POSIX_EXIT_H

#include <stdint.h>
#include <ucontext.h>

/* Statuses of our own, when the program could not begin (as a shell uses them). */
#define EXIT_BAD_CMDLINE 125
#define EXIT_BAD_RAMDISK 126

/* What a signal does that nobody handles: crash signals end in a crash report, the others end the
 * domain in good order. context: where the thread was interrupted, or NULL. Thread context. */
_Noreturn void exit_by_signal(int signal, const ucontext_t *context);

/* One line about why, then as _exit(status). Thread context, before main. */
_Noreturn void exit_before_main(int status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Obeys the toolstack from now on: `xl shutdown` and `xl reboot` send SIGTERM, and after grace_ns
 * the domain ends even when the program does not (0: it may take for ever). */
void exit_watch_toolstack(uint64_t grace_ns);

#endif
