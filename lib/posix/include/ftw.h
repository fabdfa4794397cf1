/* SPDX-License-Identifier: BSD-2-Clause */
/* <ftw.h>: POSIX.1-2008. */
#ifndef _FTW_H
#define _FTW_H

#include <sys/cdefs.h>
#include <sys/stat.h>

__BEGIN_DECLS

#define FTW_F   0 /* a file */
#define FTW_D   1 /* a directory */
#define FTW_DNR 2 /* a directory that cannot be read */
#define FTW_NS  3 /* stat failed */
#define FTW_SL  4 /* a symbolic link */
#define FTW_DP  5 /* a directory whose contents were visited */
#define FTW_SLN 6 /* a symbolic link to nothing */

#define FTW_PHYS  1
#define FTW_MOUNT 2
#define FTW_CHDIR 4
#define FTW_DEPTH 8

struct FTW {
	int base;  /* where the last component of the path begins */
	int level; /* 0 for the path given */
};

int ftw(const char *, int (*)(const char *, const struct stat *, int), int);
int nftw(const char *, int (*)(const char *, const struct stat *, int, struct FTW *), int, int);

__END_DECLS

#endif
