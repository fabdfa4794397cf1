/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/sched.h>: scheduling policies, with Linux's numbers. */
#ifndef _SYS_SCHED_H_
#define _SYS_SCHED_H_

#define SCHED_OTHER 0
#define SCHED_FIFO  1
#define SCHED_RR    2

/* Priorities of SCHED_FIFO and SCHED_RR: sched_get_priority_min(), _max(); SCHED_OTHER has 0. */
struct sched_param {
	int sched_priority;
};

#endif
