/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the C library that are ours, and what of newlib's is mended. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <iconv.h>
#include <netdb.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "test/guest/check.h"

static void numbers(void)
{
	wchar_t *wide_end;
	char *end;

	/* "0x" and no digit: the number is the zero. */
	CHECK(strtol("0xz", &end, 16) == 0 && strcmp(end, "xz") == 0);
	CHECK(strtoul("0x", &end, 0) == 0 && strcmp(end, "x") == 0);
	CHECK(strtoull("-0x1fg", &end, 0) == -0x1fULL && strcmp(end, "g") == 0);
	CHECK(wcstol(L"0xz", &wide_end, 16) == 0 && *wide_end == L'x');
	errno = 0;
	CHECK(wcstol(L"123", &wide_end, 37) == 0 && errno == EINVAL);
	errno = 0;
	CHECK(strtoull("123", &end, 1) == 0 && errno == EINVAL);
	CHECK(strtoll("zz", &end, 36) == 35 * 36 + 35 && *end == '\0');
}

static void random_numbers(void)
{
	static uint32_t small[8], large[64];
	long first, second;
	char *old;

	/* Those of other systems for the same seed. */
	CHECK(random() == 1804289383 && random() == 846930886 && random() == 1681692777);
	srandom(42);
	CHECK(random() == 71876166 && random() == 708592740);
	CHECK(initstate(1, (char *)small, 4) == NULL && errno == EINVAL);
	old = initstate(7, (char *)small, sizeof(small));
	CHECK(old != NULL);
	first = random();
	CHECK(initstate(8, (char *)large, sizeof(large)) == (char *)small);
	random();
	CHECK(setstate((char *)small) == (char *)large);
	second = random();
	CHECK(initstate(7, (char *)large, sizeof(small)) == (char *)small);
	CHECK(random() == first && random() == second);
	CHECK(setstate(old) == (char *)large);
	CHECK(random() == 1483128881);
	small[0] = 0xffffffff;
	CHECK(setstate((char *)small) == NULL && errno == EINVAL);
}

static void encodings(void)
{
	char text[] = "Gr\xc3\xbc\xc3\x9f", out[16] = "", *from = text, *to = out;
	size_t from_bytes = strlen(text), to_bytes = sizeof(out);
	iconv_t to_latin = iconv_open("ISO-8859-1", "UTF-8");

	CHECK(to_latin != (iconv_t)-1);
	CHECK(iconv(to_latin, &from, &from_bytes, &to, &to_bytes) == 0 && from_bytes == 0);
	CHECK(strcmp(out, "Gr\xfc\xdf") == 0 && iconv_close(to_latin) == 0);
	CHECK(iconv_open("no such", "UTF-8") == (iconv_t)-1 && errno == EINVAL);
}

static void queues(void)
{
	struct link {
		struct link *next, *before;
		int number;
	} links[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

	insque(&links[0], NULL);
	insque(&links[2], &links[0]);
	insque(&links[1], &links[0]);
	CHECK(links[0].next == &links[1] && links[1].next == &links[2] && !links[2].next);
	CHECK(links[2].before == &links[1] && links[1].before == &links[0] && !links[0].before);
	remque(&links[1]);
	CHECK(links[0].next == &links[2] && links[2].before == &links[0]);
	remque(&links[2]);
	CHECK(!links[0].next);
}

static void environment(void)
{
	CHECK(strcmp(getenv("LEFT"), "1") == 0);
	CHECK(clearenv() == 0 && !getenv("LEFT") && (!environ || !*environ));
	errno = 0;
	CHECK(setenv("", "x", 1) == -1 && errno == EINVAL);
	CHECK(setenv("NEW", "2", 1) == 0 && strcmp(getenv("NEW"), "2") == 0);
}

static void patterns(void)
{
	static const struct {
		const char *pattern, *string;
		int flags, result;
	} cases[] = {
		{"*", "", 0, 0},
		{"a*b?c", "axxbbc", 0, 0},
		{"*.c", ".c", FNM_PERIOD, FNM_NOMATCH},
		{"*/b", "a/x/b", FNM_PATHNAME, FNM_NOMATCH},
		{"*/b", "a/x/b", 0, 0},
		{"*/.*", "a/.x", FNM_PATHNAME | FNM_PERIOD, 0},
		{"*/*", "a/.x", FNM_PATHNAME | FNM_PERIOD, FNM_NOMATCH},
		{"[[:alpha:]_]*[!0-9]", "_12z", 0, 0},
		{"[[:alpha:]_]*[!0-9]", "_120", 0, FNM_NOMATCH},
		{"[]-a]", "^", 0, 0},
		{"[a", "[a", 0, 0},
		{"\\*", "*", 0, 0},
		{"\\*", "\\x", FNM_NOESCAPE, 0},
		{"ABC", "abc", FNM_CASEFOLD, 0},
		{"a", "a/b", FNM_LEADING_DIR, 0},
		{"[[=a=][.b.]]c", "bc", 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int result = fnmatch(cases[i].pattern, cases[i].string, cases[i].flags);

		if (result != cases[i].result)
			printf("fnmatch(\"%s\", \"%s\")\n", cases[i].pattern, cases[i].string);
		CHECK(result == cases[i].result);
	}
}

static void touch(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	CHECK(fd >= 0 && close(fd) == 0);
}

static int errors;

static int note_error(const char *path, int number)
{
	errors += strcmp(path, "/no-directory") == 0 && number == ENOTDIR;
	return 1;
}

static void paths(void)
{
	glob_t found = {.gl_offs = 1};

	CHECK(mkdir("/g", 0700) == 0 && mkdir("/g/d", 0700) == 0);
	touch("/g/b.c");
	touch("/g/a.c");
	touch("/g/.h.c");
	touch("/g/d/x*");
	CHECK(glob("/g/*.c", GLOB_DOOFFS, NULL, &found) == 0 && found.gl_pathc == 2);
	CHECK(!found.gl_pathv[0] && strcmp(found.gl_pathv[1], "/g/a.c") == 0);
	CHECK(glob("/g/*", GLOB_DOOFFS | GLOB_APPEND | GLOB_MARK, NULL, &found) == 0);
	CHECK(found.gl_pathc == 5 && strcmp(found.gl_pathv[5], "/g/d/") == 0 && !found.gl_pathv[6]);
	globfree(&found);
	CHECK(glob("/g/nothing*", 0, NULL, &found) == GLOB_NOMATCH);
	CHECK(glob("/g/noth*", GLOB_NOCHECK, NULL, &found) == 0 && found.gl_pathc == 1 &&
	      strcmp(found.gl_pathv[0], "/g/noth*") == 0);
	globfree(&found);
	CHECK(glob("/g/d/x\\*", 0, NULL, &found) == 0 && strcmp(found.gl_pathv[0], "/g/d/x*") == 0);
	globfree(&found);
	CHECK(glob("/g/{b,a}.c", GLOB_BRACE | GLOB_NOSORT, NULL, &found) == 0 &&
	      found.gl_pathc == 2 && strcmp(found.gl_pathv[0], "/g/b.c") == 0);
	globfree(&found);
	/* What is no directory has no names; what cannot be read is an error. */
	CHECK(glob("/g/a.c/*", GLOB_ERR, note_error, &found) == GLOB_NOMATCH && errors == 0);
	globfree(&found);
}

static void limits(void)
{
	struct rlimit limit;
	int fd, last;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 65536);
	limit.rlim_cur = 10;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 10 &&
	      limit.rlim_max == 65536);
	for (last = -1; (fd = dup(1)) >= 0; last = fd)
		;
	CHECK(last == 9 && errno == EMFILE);
	CHECK(dup2(1, 10) == -1 && errno == EBADF);
	CHECK(fcntl(1, F_DUPFD, 10) == -1 && errno == EINVAL);
	limit.rlim_cur = 65536;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0 && dup(1) == 10);
}

static void names(void)
{
	struct servent *service;
	char text[8];
	int both = 0;

	CHECK(confstr(_CS_PATH, text, sizeof(text)) == sizeof("/bin:/usr/bin") &&
	      strcmp(text, "/bin:/u") == 0);
	CHECK(confstr(12345, NULL, 0) == 0 && errno == EINVAL);
	CHECK(strcmp(ctermid(NULL), "/dev/tty") == 0);
	setservent(1);
	while ((service = getservent()) != NULL)
		both += strcmp(service->s_name, "domain") == 0;
	endservent();
	CHECK(both == 2);
	setprotoent(0);
	CHECK(strcmp(getprotoent()->p_name, "ip") == 0 && getprotoent()->p_proto == 1);
	CHECK(sysconf(_SC_IPV6) == _POSIX_IPV6 && sysconf(_SC_RAW_SOCKETS) == _POSIX_RAW_SOCKETS);
}

int main(void)
{
	random_numbers();
	numbers();
	encodings();
	queues();
	environment();
	patterns();
	paths();
	limits();
	names();
	CHECK(strstr(strerror(ESOCKTNOSUPPORT), "ocket") != NULL && ESHUTDOWN != ESOCKTNOSUPPORT);
	return check_done();
}
