/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/sysinfo.h>: as on Linux. */
#ifndef _SYS_SYSINFO_H
#define _SYS_SYSINFO_H

#include <sys/cdefs.h>

__BEGIN_DECLS

struct sysinfo {
	long uptime; /* seconds */
	unsigned long loads[3];
	unsigned long totalram; /* in units of mem_unit, as all that follow */
	unsigned long freeram;
	unsigned long sharedram;
	unsigned long bufferram;
	unsigned long totalswap;
	unsigned long freeswap;
	unsigned short procs;
	unsigned long totalhigh;
	unsigned long freehigh;
	unsigned int mem_unit; /* bytes */
};

int sysinfo(struct sysinfo *);
int get_nprocs(void);
int get_nprocs_conf(void);

__END_DECLS

#endif
