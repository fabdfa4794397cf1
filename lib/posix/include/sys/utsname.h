/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/utsname.h>: POSIX.1-2008. */
#ifndef _SYS_UTSNAME_H
#define _SYS_UTSNAME_H

#include <sys/cdefs.h>

__BEGIN_DECLS

#define _UTSNAME_LENGTH 65 /* bytes with the NUL */

struct utsname {
	char sysname[_UTSNAME_LENGTH];  /* "Stardust" */
	char nodename[_UTSNAME_LENGTH]; /* the domain's name */
	char release[_UTSNAME_LENGTH];
	char version[_UTSNAME_LENGTH];
	char machine[_UTSNAME_LENGTH]; /* "x86_64" */
	char domainname[_UTSNAME_LENGTH];
};

int uname(struct utsname *);

__END_DECLS

#endif
