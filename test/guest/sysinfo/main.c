/* SPDX-License-Identifier: BSD-2-Clause */
/* uname, sysconf and what there is of a process. */
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "test/guest/check.h"

int main(void)
{
	struct utsname names;
	struct rlimit limit;
	char host[HOST_NAME_MAX + 1];

	CHECK(uname(&names) == 0);
	printf("%s %s %s %s %s\n", names.sysname, names.nodename, names.release, names.version,
	       names.machine);
	CHECK(strcmp(names.sysname, "Stardust") == 0 && strcmp(names.machine, "x86_64") == 0);
	CHECK(gethostname(host, sizeof(host)) == 0 && strncmp(host, "t-sysinfo", 9) == 0);
	CHECK(sysconf(_SC_PAGESIZE) == 4096 && getpagesize() == 4096);
	CHECK(sysconf(_SC_PHYS_PAGES) == 32 * 256);
	CHECK(sysconf(_SC_AVPHYS_PAGES) > 0 && sysconf(_SC_AVPHYS_PAGES) < sysconf(_SC_PHYS_PAGES));
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1 && sysconf(_SC_OPEN_MAX) >= 1024);
	CHECK(sysconf(_SC_CLK_TCK) == 100);
	errno = 0;
	CHECK(sysconf(-5) == -1 && errno == EINVAL);
	CHECK(getpid() == 1 && getppid() == 0 && getuid() == 0 && geteuid() == 0 && getgid() == 0);
	CHECK(kill(2, 0) == -1 && errno == ESRCH && kill(1, 0) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= 1024);
	CHECK(getpwuid(0) && strcmp(getpwuid(0)->pw_name, "root") == 0 && getpwuid(5) == NULL);
	CHECK(setenv("NEW", "value", 1) == 0 && strcmp(getenv("NEW"), "value") == 0);
	CHECK(unsetenv("NEW") == 0 && getenv("NEW") == NULL);
	return check_done();
}
