/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a program whose other threads may be in the middle of a stream. */
#ifndef LIB_POSIX_STDIO_EXIT_H
#define LIB_POSIX_STDIO_EXIT_H

/* Before the first thread is created: exit() flushes what threads wrote even if the first thread
 * never used a stream, and does not wait for those that read. */
void stdio_exit_prepare(void);

#endif
