/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all threads are doing, for people: state, processor time, what each waits for and who holds
 * it, where it is in the program, and cycles of threads that wait for each other.
 */
#ifndef CORE_THREADS_REPORT_H
#define CORE_THREADS_REPORT_H

/* Writes to the console, past the program's own output. The threads go on meanwhile: the report
 * looks at one after the other. Waits for the other end of the console, not for long when nobody
 * reads. Any context. */
void threads_report(void);

#endif
