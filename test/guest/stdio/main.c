/* SPDX-License-Identifier: BSD-2-Clause */
/* Formatted output and input, floating point and long double among them. */
#define _GNU_SOURCE
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>

#include "test/guest/check.h"

static int is(const char *wanted, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int is(const char *wanted, const char *format, ...)
{
	char text[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (strcmp(text, wanted) != 0)
		printf("got [%s], wanted [%s]\n", text, wanted);
	return strcmp(text, wanted) == 0;
}

static void formats(void)
{
	CHECK(is("-7 +7 007 7   |  7", "%d %+d %03d %-4d|%3d", -7, 7, 7, 7, 7));
	CHECK(is("18446744073709551615 ffffffffffffffff", "%" PRIu64 " %" PRIx64, UINT64_MAX,
		 UINT64_MAX));
	CHECK(is("3.142 3.14159e+00 3.14159 0x1.8p+1", "%.3f %.5e %g %a", M_PI, M_PI, M_PI, 3.0));
	CHECK(is("0.1000000000000000055511151231257827", "%.34f", 0.1));
	CHECK(is("1e+308 4.94066e-324 inf -inf nan", "%g %g %f %f %f", 1e308, 5e-324, INFINITY,
		 -INFINITY, NAN));
	CHECK(is("1.18973e+4932", "%Lg", LDBL_MAX));
	CHECK(is("3.1415926535897932385", "%.19Lf", 3.14159265358979323846264338327950288L));
	CHECK(is("abc  |ab", "%-5s|%.2s", "abc", "abcdef"));
	CHECK(is("2 1", "%2$d %1$d", 1, 2));
	CHECK(is("c 0x10 %", "%c %p %%", 'c', (void *)16));
	CHECK(is("12 -1 255", "%zu %td %hhu", (size_t)12, (ptrdiff_t)-1, (unsigned char)255));
}

static void input(void)
{
	char word[20], *end;
	double d;
	long double ld;
	int i;

	CHECK(sscanf("12 2.5 word", "%d %lf %19s", &i, &d, word) == 3 && i == 12 && d == 2.5 &&
	      strcmp(word, "word") == 0);
	CHECK(sscanf("1.5", "%Lf", &ld) == 1 && ld == 1.5L);
	CHECK(strtod("0x1p-3rest", &end) == 0.125 && strcmp(end, "rest") == 0);
	CHECK(strtold("1.1", NULL) == 1.1L);
	CHECK(strtoull("18446744073709551615", NULL, 10) == UINT64_MAX);
}

static void long_double(void)
{
	volatile long double x = 2.0L;

	CHECK(fabsl(sqrtl(x) * sqrtl(x) - 2.0L) < 1e-18L);
	CHECK(fabsl(expl(logl(x)) - 2.0L) < 1e-17L);
	CHECK(fabsl(sinl(x) * sinl(x) + cosl(x) * cosl(x) - 1.0L) < 1e-18L);
	CHECK(fabsl(powl(x, 0.5L) - sqrtl(x)) < 1e-18L);
	CHECK(fabsl(atan2l(1.0L, 1.0L) * 4 - 3.14159265358979323846L) < 1e-18L);
	CHECK(floorl(-1.5L) == -2.0L && ceill(1.5L) == 2.0L && fmodl(7.5L, x) == 1.5L);
	CHECK(fabs(tgamma(5.0) - 24) < 1e-12 && fabs(erf(0.5) - 0.5204998778130465) < 1e-15);
}

static void streams(void)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&text, &bytes);

	CHECK(stream && fprintf(stream, "%d,%s", 5, "five") == 6 && fclose(stream) == 0);
	CHECK(bytes == 6 && strcmp(text, "5,five") == 0);
	free(text);
	stream = fmemopen("a line\nanother\n", 15, "r");
	text = NULL;
	bytes = 0;
	CHECK(stream && getline(&text, &bytes, stream) == 7 && strcmp(text, "a line\n") == 0);
	CHECK(getline(&text, &bytes, stream) == 8 && getline(&text, &bytes, stream) == -1 &&
	      feof(stream));
	free(text);
	fclose(stream);
	CHECK(asprintf(&text, "%05.1f", 2.25) == 5 && strcmp(text, "002.2") == 0);
	free(text);
}

int main(void)
{
	formats();
	input();
	long_double();
	streams();
	return check_done();
}
