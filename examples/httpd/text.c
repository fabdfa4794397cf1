/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *text_date(void)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
					 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	static __thread time_t last;
	static __thread char text[80];
	time_t time_now = time(NULL);
	struct tm tm;

	if (time_now != last && gmtime_r(&time_now, &tm)) {
		last = time_now;
		snprintf(text, sizeof(text), "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday],
			 tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
			 tm.tm_sec);
	}
	return text;
}

size_t text_join(char *text_out, size_t bytes_max, const char *const *texts)
{
	size_t used = 0, bytes;

	for (; *texts; texts++) {
		bytes = strlen(*texts);
		if (used + bytes >= bytes_max)
			break;
		memcpy(text_out + used, *texts, bytes);
		used += bytes;
	}
	text_out[used] = '\0';
	return used;
}

int text_join_all(char *text_out, size_t bytes_max, const char *const *texts)
{
	size_t bytes = 0;

	for (size_t i = 0; texts[i]; i++)
		bytes += strlen(texts[i]);
	return text_join(text_out, bytes_max, texts) == bytes;
}

const char *text_decimal(unsigned long long number, char text[TEXT_DECIMAL_BYTES])
{
	size_t at = TEXT_DECIMAL_BYTES - 1;

	text[at] = '\0';
	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	return &text[at];
}
