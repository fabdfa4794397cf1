/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * telldir() and seekdir() over newlib's DIR: a place is what the entry before it says in d_off,
 * which is what lseek() takes. newlib's own know of places in the first buffer alone.
 */
#include <dirent.h>
#include <unistd.h>

/* Called by newlib's closedir(): nothing is remembered here. */
void _cleanupdir(DIR *dir);

void _cleanupdir(DIR *dir)
{
	(void)dir;
}

long telldir(DIR *dir)
{
	const struct dirent *entry = NULL;

	/* The entry given last is the one that ends where the next begins. */
	for (long at = 0; at < dir->dd_loc; at += entry->d_reclen)
		entry = (const struct dirent *)(dir->dd_buf + at);
	return entry ? (long)entry->d_off : (long)lseek(dir->dd_fd, 0, SEEK_CUR);
}

void seekdir(DIR *dir, long place)
{
	(void)lseek(dir->dd_fd, place, SEEK_SET);
	dir->dd_loc = 0;
}

void rewinddir(DIR *dir)
{
	seekdir(dir, 0);
}
