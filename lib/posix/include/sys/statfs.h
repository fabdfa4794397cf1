/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/statfs.h>: as on Linux, for programs that have not moved to statvfs. */
#ifndef _SYS_STATFS_H
#define _SYS_STATFS_H

#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS

typedef struct {
	int val[2];
} fsid_t;

struct statfs {
	long f_type;
	long f_bsize; /* bytes; the counts are in blocks of this size */
	unsigned long f_blocks;
	unsigned long f_bfree;
	unsigned long f_bavail;
	unsigned long f_files;
	unsigned long f_ffree;
	fsid_t f_fsid;
	long f_namelen;
	long f_frsize;
	long f_flags;
};

int statfs(const char *, struct statfs *);
int fstatfs(int, struct statfs *);

__END_DECLS

#endif
