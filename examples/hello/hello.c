/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hello from a virtual machine that is this program: what it runs on, what it was given.
 *
 *	make run				says hello to the world
 *	make run ARGS='one "two words"'		shows its arguments
 *	WHO=… in extra= of the xl configuration	says hello to somebody else
 */
#define _GNU_SOURCE /* CLOCK_BOOTTIME */
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *who = getenv("WHO");
	struct utsname names;
	struct timespec since_boot;
	long vcpus = sysconf(_SC_NPROCESSORS_CONF);

	uname(&names);
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	printf("Hello from Stardust, %s!\n", who ? who : "world");
	printf("%s %s on %s, %s: %ld KiB of memory, %ld vCPU%s, %ld.%06ld s after boot\n",
	       names.sysname, names.release, names.version, names.machine,
	       sysconf(_SC_PHYS_PAGES) * (sysconf(_SC_PAGESIZE) / 1024),
	       vcpus, vcpus == 1 ? "" : "s", (long)since_boot.tv_sec, since_boot.tv_nsec / 1000);
	for (int i = 1; i < argc; i++)
		printf("argument %d: %s\n", i, argv[i]);
	return 0;
}
