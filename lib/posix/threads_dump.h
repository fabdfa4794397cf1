/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of all threads that people ask for: `xl sysrq DOMAIN t`, ^\ on the console. */
#ifndef LIB_POSIX_THREADS_DUMP_H
#define LIB_POSIX_THREADS_DUMP_H

/* From here on a key asks for it. Does nothing when it was called before. Thread context. */
void threads_dump_start(void);

#endif
