/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/_cpuset.h>: the type; the macros are in <sched.h>. */
#ifndef _SYS__CPUSET_H_
#define _SYS__CPUSET_H_

typedef unsigned long __cpu_mask;

/* 64 processors: as many as a guest can have. */
typedef struct {
	__cpu_mask __bits[1];
} cpu_set_t;

#endif
