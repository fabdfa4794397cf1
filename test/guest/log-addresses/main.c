/* SPDX-License-Identifier: BSD-2-Clause */
/* Uses this and that while the log says everything it has to say. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void nothing(int signal)
{
	(void)signal;
}

int main(void)
{
	char *block = malloc(1 << 20);

	signal(SIGALRM, nothing);
	alarm(1);
	pause();
	munmap(mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 65536);
	free(block);
	fopen("/no/such/file", "r");
	puts("done");
	return 0;
}
