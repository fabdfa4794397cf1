/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that uses much of the library; check looks at its image, and nothing boots. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct termios settings;

	printf("%s %f %p\n", setlocale(LC_ALL, ""), strtod("1", NULL), malloc(1));
	signal(SIGTERM, SIG_IGN);
	tcgetattr(0, &settings);
	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fopen("/etc/motd", "r");
	return (int)time(NULL) + getpid();
}
