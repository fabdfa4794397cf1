/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GLOB_H_
#define _GLOB_H_

#include <stddef.h>
#include <sys/cdefs.h>

typedef struct {
	size_t gl_pathc; /* paths found */
	char **gl_pathv; /* gl_offs NULLs, the paths, NULL */
	size_t gl_offs;
	int gl_flags;
} glob_t;

#define GLOB_APPEND   0x0001 /* behind what an earlier call found */
#define GLOB_DOOFFS   0x0002 /* gl_offs places are left free before the paths */
#define GLOB_ERR      0x0004 /* a directory that cannot be read ends the search */
#define GLOB_MARK     0x0008 /* a slash behind directories */
#define GLOB_NOCHECK  0x0010 /* the pattern itself when nothing matches */
#define GLOB_NOSORT   0x0020
#define GLOB_NOESCAPE 0x0040 /* a backslash is a character like others */

#if __GNU_VISIBLE
#define GLOB_BRACE   0x0080 /* {a,b} stands for both */
#define GLOB_NOMAGIC 0x0100 /* as GLOB_NOCHECK where the pattern has no special characters */
#define GLOB_TILDE   0x0200 /* ~ or ~/ at the beginning is $HOME */
#define GLOB_PERIOD  0x0400 /* a leading period is matched like other characters */
#define GLOB_ONLYDIR 0x0800 /* directories only */
#endif

#define GLOB_NOSPACE 1
#define GLOB_ABORTED 2
#define GLOB_NOMATCH 3

__BEGIN_DECLS
int glob(const char *__restrict __pattern, int __flags, int (*__error)(const char *, int),
	 glob_t *__restrict __found);
void globfree(glob_t *__found);
__END_DECLS

#endif
