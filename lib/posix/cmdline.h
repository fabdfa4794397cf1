/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line (`extra=` of the xl configuration), quoted as in a shell:
 *
 *	OPTION=VALUE … NAME=VALUE … [--] ARGUMENT …
 *
 * Before `--`, the kernel's options are its own, other NAME=VALUE words are the environment, and
 * words without `=` are arguments. Everything after `--` is an argument.
 *
 *	log=error|warn|info|debug	what of the kernel's log shows on the console (warn)
 *	stack=SIZE			the main stack, e.g. 8M (memory/32, 128K to 1M)
 *	shutdown_grace=SECONDS		how long `xl shutdown` waits; 0: for ever (30)
 *	evtchn=2l			the old event channel ABI (core/events.c)
 *	root= fstype= rootflags= mount=	file systems (lib/posix/mount.h), if it opens files
 */
#ifndef LIB_POSIX_CMDLINE_H
#define LIB_POSIX_CMDLINE_H

#include <stdint.h>

#define CMDLINE_BYTES_MAX 1024 /* Xen: public/xen.h MAX_GUEST_CMDLINE */
#define CMDLINE_WORDS_MAX 256

struct cmdline {
	int log_level;        /* enum log_level, -1: not said */
	uint64_t stack_bytes; /* 0: not said */
	uint64_t shutdown_grace_s;
	int arguments_count;
	char *arguments[CMDLINE_WORDS_MAX + 2];   /* program's name first, NULL last */
	char *environment[CMDLINE_WORDS_MAX + 1]; /* NULL last */
	char error[96];                           /* why cmdline_parse() failed */
	char storage[CMDLINE_BYTES_MAX + 1];
};

/* Fills all of cmdline (zeroed by the caller). 0, or -EINVAL with error[] set and defaults
 * elsewhere. */
int cmdline_parse(struct cmdline *cmdline, const char *line, const char *program_name);

#endif
