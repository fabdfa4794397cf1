/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs tests of the POSIX test suite one after the other in one guest, as far as a test leaves
 * nothing behind that could change the next one's result. test/posix/README.md has the whole.
 */
#ifndef TEST_POSIX_DRIVER_H
#define TEST_POSIX_DRIVER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct posixtest {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *argument; /* empty: none */
	bool really_exits;    /* it has handlers for the program's end, or does damage */
	bool until_told;      /* it goes on until it is sent SIGUSR1 */
};

/* The image's tests, generated. */
extern const struct posixtest posixtest_table[];
extern const unsigned int posixtest_count;

/* undo(what) is called after the test. Any thread. */
void posixtest_undo_later(void (*undo)(uintptr_t what), uintptr_t what);

/* What the tests' calls of it become, and the driver's own. */
int posixtest_timer_create(clockid_t clock, struct sigevent *event, timer_t *timer_out);

/* What the tests' calls of exit and _exit become. */
_Noreturn void posixtest_exit(int status);
_Noreturn void posixtest__exit(int status);

#endif
