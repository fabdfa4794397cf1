/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sysroot's libc, libm and headers, run on the build machine over linux-stub.c: what we changed
 * in newlib, and what programs rely on first. Prints "N passed, N failed".
 */
#include <complex.h>
#include <errno.h>
#include <fenv.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <regex.h>
#include <search.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

_Static_assert(FD_SETSIZE == 1024 && sizeof(fd_set) == 128, "select works on 1024 descriptors");
_Static_assert(OPEN_MAX == 1024 && PATH_MAX == 4096 && FILENAME_MAX == 4096, "limits");
_Static_assert(MB_LEN_MAX == 8, "what wcrtomb may write");
_Static_assert(SIGSEGV == 11 && SIGBUS == 7 && SIGUSR1 == 10 && NSIG == 65, "signals");
_Static_assert(sizeof(time_t) == 8 && sizeof(off_t) == 8 && sizeof(wchar_t) == 4, "types");
_Static_assert(sizeof(jmp_buf) == sizeof(sigjmp_buf), "_setjmp may be given either");

static unsigned int passed, failed;

static void check(int ok, const char *what)
{
	passed += ok;
	failed += !ok;
	if (!ok)
		printf("FAIL %s\n", what);
}

/* One call of snprintf, and all the ways there are to give it its arguments. */
__attribute__((format(printf, 2, 3))) static void prints(const char *want, const char *format, ...)
{
	char text[600], *allocated = NULL;
	va_list args;

	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	va_start(args, format);
	int length2 = vasprintf(&allocated, format, args);
	va_end(args);
	va_start(args, format);
	int length3 = vsnprintf(NULL, 0, format, args);
	va_end(args);

	int ok = !strcmp(text, want) && (size_t)length == strlen(want) && length2 == length &&
		 length3 == length && allocated && !strcmp(allocated, want);

	if (!ok)
		printf("     got '%s', want '%s'\n", text, want);
	check(ok, format);
	free(allocated);
}

static void test_printf(void)
{
	/* Without prints()'s attribute: the compiler need not like the arguments. */
	void (*prints_any)(const char *want, const char *format, ...) = prints;

	prints("  42|0x2a|052|-7|+7", "%4d|%#x|%#o|%d|%+d", 42, 42, 42, -7, 7);
	prints("18446744073709551615 -9223372036854775808", "%llu %lld", ULLONG_MAX, LLONG_MIN);
	prints_any("255 -1 44 -5", "%zu %td %hhd %jd", (size_t)255, (ptrdiff_t)-1, 300,
		   (intmax_t)-5);
	prints("0.667 1e+10 1.5 100000 1e-05", "%.3f %g %g %g %g", 2.0 / 3, 1e10, 1.5, 1e5, 1e-5);
	prints("0.10000000000000001 1.7976931348623157e+308 4.9406564584124654e-324",
	       "%.17g %.17g %.17g", 0.1, DBL_MAX, DBL_TRUE_MIN);
	prints("0.1000000000000000055511151231257827 1234567890123456789.0", "%.34f %.1Lf", 0.1,
	       1234567890123456789.0L);
	prints("0x1.8p+3 inf -inf nan", "%a %f %f %f", 12.0, HUGE_VAL, -HUGE_VAL, (double)NAN);
	prints("3.14159265358979323851", "%.20Lf", 3.14159265358979323846L);
	prints("x 5 1.500 2.5", "%2$s %1$d %3$.3f %4$Lg", 5, "x", 1.5, 2.5L);
	prints("b a b", "%2$s %1$s %2$s", "a", "b");
	prints("[  abc][abc  ][ab]", "[%5s][%-5s][%.2s]", "abc", "abc", "abc");
	prints("wide he", "wide %ls", L"he");
	prints("00000000000000000000000000000000000000000000000000000000000000000000000000000007",
	       "%080d", 7);

	char text[5];

	const char *volatile longer = "longer";

	check(snprintf(text, sizeof(text), "%s", longer) == 6 && !strcmp(text, "long"), "cut off");

	wchar_t wide[20];

	check(swprintf(wide, 20, L"%ls-%d", L"w", 9) == 3 && !wcscmp(wide, L"w-9"), "swprintf");
}

static void test_scanf(void)
{
	int a = 0, b = 0;
	double d = 0;
	long double ld = 0;
	char word[10];

	check(sscanf("12 34", "%2$d %1$d", &a, &b) == 2 && a == 34 && b == 12, "sscanf %n$");
	check(sscanf("1.5e3 -3.0 abc", "%lf %Lf %9s", &d, &ld, word) == 3 && d == 1500 &&
		      ld == -3 && !strcmp(word, "abc"),
	      "sscanf floats");
	check(strtod("1e308", NULL) == 1e308 && strtod("0x1.8p3", NULL) == 12 &&
		      strtod("2.2250738585072011e-308", NULL) == 2.2250738585072011e-308,
	      "strtod");
	check(strtold("0.1", NULL) == 0.1L, "strtold");
	errno = 0;
	check(strtol("99999999999999999999", NULL, 10) == LONG_MAX && errno == ERANGE,
	      "strtol range");
	check(strtoull("0xffffffffffffffff", NULL, 0) == ULLONG_MAX, "strtoull");
}

static int close_to(long double got, long double want)
{
	return fabsl(got - want) <= fabsl(want) * 8 * LDBL_EPSILON;
}

static void test_math(void)
{
	check(sin(1) == 0.8414709848078965 && exp(1) == 2.718281828459045 &&
		      pow(2.5, 3.5) == 24.705294220065465 && sqrt(2) == 1.4142135623730951,
	      "double");
	check(close_to(sinl(1), 0.841470984807896506652502321630298999623L) &&
		      close_to(cosl(1), 0.540302305868139717400936607442976603733L) &&
		      close_to(tanl(1), 1.55740772465490223050697480745836017309L),
	      "sinl cosl tanl");
	check(close_to(expl(1), 2.71828182845904523536028747135266249776L) &&
		      close_to(logl(10), 2.30258509299404568401799145468436420760L) &&
		      close_to(powl(2, 0.5L), 1.41421356237309504880168872420969807857L) &&
		      close_to(exp2l(0.5L), 1.41421356237309504880168872420969807857L) &&
		      close_to(expm1l(1e-10L), 1.00000000005000000000166666666670833e-10L),
	      "expl logl powl");
	check(close_to(tgammal(5.5L), 52.3427777845535201811490084053205L) &&
		      close_to(lgammal(0.5L), 0.572364942924700087071713675676529356L) &&
		      close_to(erfl(0.5L), 0.520499877813046537682746653891964529L),
	      "gamma and erf");
	check(sqrtl(2) == 1.41421356237309504880168872420969807857L &&
		      isfinite(hypotl(1e4000L, 1e4000L)) && fmodl(10, 3) == 1 && cbrtl(27) == 3,
	      "roots");
	check(lrintl(2.5L) == 2 && llroundl(-2.5L) == -3 && ceill(1.1L) == 2 &&
		      floorl(-1.1L) == -2 && truncl(-1.9L) == -1 && rintl(3.5L) == 4,
	      "rounding");
	check(nextafterl(1, 2) == 1 + LDBL_EPSILON && ilogbl(1024) == 10 &&
		      scalbnl(1, 100) == 0x1p100L,
	      "parts of a number");

	double complex z = (1 + 2 * I) * (3 - 4 * I) / (1 - I);

	check(fabs(creal(z) - 4.5) < 1e-12 && fabs(cimag(z) - 6.5) < 1e-12, "complex");
	feclearexcept(FE_ALL_EXCEPT);
	volatile double zero = 0, one = 1;

	check(isinf(one / zero) && fetestexcept(FE_DIVBYZERO), "floating-point exceptions");
	fesetround(FE_UPWARD);
	check(rint(0.1 * one) == 1, "rounding mode");
	fesetround(FE_TONEAREST);

	volatile __int128 big = (__int128)1 << 100, by = 1000003;

	check(big / by * by + big % by == big, "128-bit division");
}

static jmp_buf jump;
static int constructed;

__attribute__((constructor)) static void construct(void)
{
	constructed = 1;
}

static void test_control(void)
{
	volatile int turns = 0;
	int value = setjmp(jump);

	if (turns++ == 0)
		longjmp(jump, 0);
	check(value == 1 && turns == 2, "longjmp(env, 0) returns 1");
	value = _setjmp(jump);
	if (turns++ == 2)
		_longjmp(jump, -5);
	check(value == -5, "_setjmp");

	sigjmp_buf with_mask;

	value = sigsetjmp(with_mask, 1);
	if (turns++ == 4)
		siglongjmp(with_mask, 3);
	check(value == 3, "sigsetjmp");
	check(constructed, "constructors run");

	static atomic_int counter;

	check(atomic_fetch_add(&counter, 5) == 0 && atomic_load(&counter) == 5, "<stdatomic.h>");
}

static int by_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void test_library(void)
{
	struct tm tm;
	char text[64];
	int wrong = 0;

	for (int64_t t = -70000000000; t < 70000000000; t += 98765431) {
		time_t when = t;

		gmtime_r(&when, &tm);
		wrong += timegm(&tm) != when;
	}
	check(!wrong, "timegm undoes gmtime");
	tm = (struct tm){.tm_year = 124, .tm_mon = 1, .tm_mday = 29, .tm_hour = 1};
	timegm(&tm);
	check(strftime(text, sizeof(text), "%F %a %j", &tm) && !strcmp(text, "2024-02-29 Thu 060"),
	      "strftime");

	int numbers[] = {5, 3, 9, 1}, key = 9;
	size_t count = 4;

	check(lfind(&key, numbers, &count, sizeof(int), by_int) == &numbers[2], "lfind");
	qsort(numbers, 4, sizeof(int), by_int);
	check(numbers[0] == 1 && bsearch(&key, numbers, 4, sizeof(int), by_int) == &numbers[3],
	      "qsort");

	regex_t re;
	regmatch_t match[2];

	check(regcomp(&re, "^a(b+)c$", REG_EXTENDED) == 0 &&
		      regexec(&re, "abbbc", 2, match, 0) == 0 && match[1].rm_so == 1 &&
		      match[1].rm_eo == 4,
	      "regex");
	regfree(&re);

	wchar_t wide[8];

	check(setlocale(LC_CTYPE, "C.UTF-8") && mbstowcs(wide, "h\xc3\xa9", 8) == 2 &&
		      wide[1] == 0xe9,
	      "UTF-8");
	check(system(NULL) == 0, "there is no command processor");
	check(!strcmp(strerror(ENOENT), "No such file or directory"), "strerror");

	FILE *memory = fmemopen((char[]){"one\ntwo"}, 7, "r");
	char *line = NULL;
	size_t room = 0;

	check(memory && getline(&line, &room, memory) == 4 && !strcmp(line, "one\n") &&
		      getline(&line, &room, memory) == 3 && getline(&line, &room, memory) == -1,
	      "getline");
}

int main(void)
{
	test_printf();
	test_scanf();
	test_math();
	test_control();
	test_library();
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
