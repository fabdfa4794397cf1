/* SPDX-License-Identifier: BSD-2-Clause */
/* See check: what xl and xenstore show of a program's end. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	for (;;)
		pause();
}
