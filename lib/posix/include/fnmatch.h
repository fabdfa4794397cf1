/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _FNMATCH_H_
#define _FNMATCH_H_

#include <sys/cdefs.h>

#define FNM_NOMATCH 1

#define FNM_NOESCAPE 0x01 /* a backslash is a character like others */
#define FNM_PATHNAME 0x02 /* a slash is matched by a slash only */
#define FNM_PERIOD   0x04 /* a leading period is matched by a period only */

#if __GNU_VISIBLE
#define FNM_LEADING_DIR 0x08 /* what follows a slash in the string does not count */
#define FNM_CASEFOLD    0x10
#define FNM_IGNORECASE  FNM_CASEFOLD
#define FNM_FILE_NAME   FNM_PATHNAME
#endif

__BEGIN_DECLS
int fnmatch(const char *__pattern, const char *__string, int __flags);
__END_DECLS

#endif
