/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open files and the table of their descriptors.
 *
 * A struct file is what POSIX calls an open file description: shared by dup(), counted. Whatever
 * can be opened embeds nothing and registers nothing: it fills in an ops table. An operation that
 * is NULL is not possible on such a file; the comment says which error the caller then gets.
 *
 * Locks: the table's, inside fd.c; file->lock, which file_lock() takes, for what moves the offset.
 * An operation runs without the first, and moves the offset with the second. What POSIX.1-2017
 * 2.9.7 asks of two descriptions of one file is the file system's (lib/fs/node.h).
 */
#ifndef LIB_POSIX_FD_H
#define LIB_POSIX_FD_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "core/sleeplock.h"
#include "lib/posix/sig.h"

#define FD_COUNT_MAX 65536 /* OPEN_MAX promises 1024 */

/* setrlimit(RLIMIT_NOFILE): new descriptors are below it. At most FD_COUNT_MAX; any context. */
extern unsigned int fd_limit;

struct file;
struct node;
struct pollhead;

struct file_ops {
	/* Bytes moved, 0 at the end, or -Exxx; -EINTR before anything moved. Thread context,
	 * signals held. A file that can be sought in reads and writes at *offset and advances it,
	 * locked. NULL: EBADF. */
	ssize_t (*read)(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset);
	ssize_t (*write)(struct file *file, const void *bytes, size_t bytes_count, off_t *offset);
	/* NULL: EINVAL */
	int (*stat)(struct file *file, struct stat *stat_out);
	/* Where the end is, for SEEK_END. NULL: the file is no place to seek in, ESPIPE. */
	off_t (*size)(struct file *file);
	bool is_terminal; /* isatty() */
	/* arg as the request says. NULL: ENOTTY. */
	int (*ioctl)(struct file *file, unsigned long request, void *arg);
	/* POLL* of poll.h that hold now; some queue is woken when that changes (waitq_any). NULL:
	 * always ready to read and write. Events disabled. */
	short (*poll)(struct file *file);
	/* What is woken when that changes, for epoll. NULL: not known, it looks each time. */
	struct pollhead *(*pollhead)(struct file *file);
	/* Packs struct dirent from *offset on; bytes filled or 0 at the end. NULL: ENOTDIR. */
	ssize_t (*getdents)(struct file *file, void *dirents_out, size_t bytes_max, off_t *offset);
	int (*truncate)(struct file *file, off_t bytes); /* NULL: EINVAL */
	int (*sync)(struct file *file, bool data_only);  /* NULL: EINVAL */
	/* The last descriptor is gone. NULL: nothing to do. Any context. */
	void (*close)(struct file *file);
};

struct file {
	const struct file_ops *ops;
	struct node *node; /* lib/fs/node.h; NULL when it was not found by a path */
	void *data;        /* of whoever made it */
	struct sleeplock lock;
	off_t offset;      /* lock */
	int flags;         /* O_* as opened, changed by F_SETFL (file_set_flags) */
	unsigned int refs; /* descriptors, and calls under way; atomic */
};

/* The file of a descriptor with a reference for the caller, NULL when there is none (EBADF). */
struct file *fd_get(int fd);
void file_put(struct file *file);

/* Around what reads and changes the offset, if the file has one. Signals are held meanwhile;
 * what the second one yields is sig_release()'s. Thread context. */
void file_lock(struct file *file);
enum sig_result file_unlock(struct file *file);
/* Replaces the flags of the mask. */
void file_set_flags(struct file *file, int mask, int flags);

/* What read() and write() do, or with an offset their relatives; no cancellation point. Bytes or
 * -Exxx. */
ssize_t fd_move(int fd, bool is_read, char *bytes, size_t bytes_count, const off_t *position);

/* A zeroed file with one reference, NULL when out of memory. */
struct file *file_create(const struct file_ops *ops, int flags);

/* Gives file (with the caller's reference) the lowest free descriptor not below least. The
 * descriptor, or -EMFILE, -ENOMEM, -EINVAL; then the reference is still the caller's. */
int fd_install(struct file *file, int least, bool close_on_exec);
/* Makes fd refer to file, closing what it was. 0, -EBADF, -ENOMEM. */
int fd_replace(int fd, struct file *file, bool close_on_exec);
int fd_remove(int fd);
/* FD_CLOEXEC: kept, without meaning. -EBADF. */
int fd_get_flags(int fd);
int fd_set_flags(int fd, int flags);

/* File descriptors 0 to 2 (file_console.c). */
extern struct file file_console;
extern const struct file_ops file_console_ops;
/* file_terminal.c: whoever calls ioctl() has it linked in, other programs go without. */
int file_console_ioctl(struct file *file, unsigned long request, void *arg);

#endif
