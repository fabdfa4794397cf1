/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/statvfs.h>: POSIX.1-2008. */
#ifndef _SYS_STATVFS_H
#define _SYS_STATVFS_H

#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS

#ifndef _FSBLKCNT_T_DECLARED
#define _FSBLKCNT_T_DECLARED
typedef __fsblkcnt_t fsblkcnt_t;
typedef __fsfilcnt_t fsfilcnt_t;
#endif

#define ST_RDONLY 1
#define ST_NOSUID 2

struct statvfs {
	unsigned long f_bsize;  /* bytes of a block, as the file system likes it */
	unsigned long f_frsize; /* bytes of the unit the counts below are in */
	fsblkcnt_t f_blocks;
	fsblkcnt_t f_bfree;
	fsblkcnt_t f_bavail;
	fsfilcnt_t f_files;
	fsfilcnt_t f_ffree;
	fsfilcnt_t f_favail;
	unsigned long f_fsid;
	unsigned long f_flag;    /* ST_* */
	unsigned long f_namemax; /* bytes of a file name */
};

int statvfs(const char *__restrict, struct statvfs *__restrict);
int fstatvfs(int, struct statvfs *);

__END_DECLS

#endif
