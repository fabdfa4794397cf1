/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * glob() as POSIX has it, over newlib's, which has older habits: nothing found is no error there,
 * and a backslash escapes only when asked to.
 */
#include <glob.h>

/* newlib's own. */
int glob_newlib(const char *__restrict pattern, int flags, int (*failed)(const char *, int),
		glob_t *__restrict found) __asm__("glob");

int glob(const char *__restrict pattern, int flags, int (*failed)(const char *, int),
	 glob_t *__restrict found)
{
	int inner = (flags & ~GLOB_NOESCAPE) | (flags & GLOB_NOESCAPE ? 0 : GLOB_QUOTE);
	int result = glob_newlib(pattern, inner, failed, found);

	if (result == 0 && found->gl_matchc == 0 && !(flags & (GLOB_NOCHECK | GLOB_NOMAGIC)))
		return GLOB_NOMATCH;
	return result;
}
