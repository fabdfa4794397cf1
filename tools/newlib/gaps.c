/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions POSIX programs expect of a C library which newlib does not have. */
#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/lock.h>
#include <time.h>
#include <unistd.h>

/* A stream's lock: newlib takes the same one inside each call, and it is recursive. */
void flockfile(FILE *file)
{
	if (!(file->_flags & __SSTR))
		__lock_acquire_recursive(file->_lock);
}

void funlockfile(FILE *file)
{
	if (!(file->_flags & __SSTR))
		__lock_release_recursive(file->_lock);
}

int ftrylockfile(FILE *file)
{
	return file->_flags & __SSTR ? 0 : __lock_try_acquire_recursive(file->_lock);
}

int clearenv(void)
{
	if (environ)
		*environ = NULL;
	return 0;
}

/* Elements that begin with pointers to the next and the one before (POSIX.1-2017 insque). */
struct element {
	struct element *next, *before;
};

void insque(void *new_element, void *element_before)
{
	struct element *element = new_element, *before = element_before;

	*element = (struct element){before ? before->next : NULL, before};
	if (element->next)
		element->next->before = element;
	if (before)
		before->next = element;
}

void remque(void *old_element)
{
	struct element *element = old_element;

	if (element->next)
		element->next->before = element->before;
	if (element->before)
		element->before->next = element->next;
}

ssize_t getdelim(char **restrict line, size_t *restrict room, int delimiter, FILE *restrict file)
{
	return __getdelim(line, room, delimiter, file);
}

ssize_t getline(char **restrict line, size_t *restrict room, FILE *restrict file)
{
	return __getdelim(line, room, '\n', file);
}

/* Days from 1970-01-01 to the first of a month, in the proleptic Gregorian calendar. */
static int64_t days_to_month(int64_t year, int64_t month)
{
	/* Count from March, so that the leap day is a year's last; 400 years have 146,097 days. */
	int64_t y = month < 2 ? year - 1 : year;
	int64_t m = month < 2 ? month + 10 : month - 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 - 719468;
}

/* The inverse of gmtime(); fields out of range are brought into it, as by mktime(). */
time_t timegm(struct tm *tm)
{
	int64_t months = (int64_t)tm->tm_year * 12 + tm->tm_mon;
	int64_t year = (months >= 0 ? months : months - 11) / 12;
	int64_t days = days_to_month(year + 1900, months - year * 12) + tm->tm_mday - 1;
	time_t seconds = ((days * 24 + tm->tm_hour) * 60 + tm->tm_min) * 60 + tm->tm_sec;
	struct tm normal;

	if (!gmtime_r(&seconds, &normal)) {
		errno = EOVERFLOW;
		return -1;
	}
	*tm = normal;
	return seconds;
}

void *lfind(const void *key, const void *base, size_t *count, size_t bytes,
	    int (*compare)(const void *, const void *))
{
	const char *at = base;

	for (size_t i = 0; i < *count; i++, at += bytes)
		if (compare(key, at) == 0)
			return (void *)(uintptr_t)at;
	return NULL;
}

void *lsearch(const void *key, void *base, size_t *count, size_t bytes,
	      int (*compare)(const void *, const void *))
{
	void *found = lfind(key, base, count, bytes, compare);

	if (!found) {
		found = (char *)base + *count * bytes;
		memcpy(found, key, bytes);
		++*count;
	}
	return found;
}
