/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What newlib and this room know of each other outside newlib's own headers: the functions it calls
 * under names of its own, and those of its start-up that we call.
 */
#ifndef LIB_POSIX_NEWLIB_H
#define LIB_POSIX_NEWLIB_H

/* newlib's (misc/init.c, fini.c): the constructor and destructor arrays. */
void __libc_init_array(void);
void __libc_fini_array(void);

/* newlib's (stdio/findfp.c, fwalk.c): makes the streams of a reent usable; calls fn for each of
 * them that is open. */
struct _reent;
struct __sFILE;
void __sinit(struct _reent *reent);
int _fwalk_reent(struct _reent *reent, int (*fn)(struct _reent *reent, struct __sFILE *file));

/* Ours: readdir() sits on it (lib/posix/open.c). -1 with errno, 0 at the end, or bytes filled. */
int getdents(int fd, void *dirents_out, int bytes_max);
/* Ours: rename() and isatty() as stdio calls them. */
int _rename(const char *from, const char *to);
int _isatty(int fd);
/* Ours: a checked function found an overflow; arc4random() got no entropy. */
_Noreturn void __chk_fail(void);
_Noreturn void _arc4random_getentropy_fail(void);

#endif
