/* SPDX-License-Identifier: BSD-2-Clause */
/* Thread-specific data, as the end of a thread sees it. */
#ifndef LIB_POSIX_KEYS_H
#define LIB_POSIX_KEYS_H

/* Runs the destructors of the running thread's values, again while they leave new ones, at most
 * PTHREAD_DESTRUCTOR_ITERATIONS times, and frees the table. */
void keys_destroy(void);

#endif
