/* SPDX-License-Identifier: BSD-2-Clause */
/* More output than the ring holds, then more input than all buffers hold: nothing is lost, and what
 * has not been read yet waits at the other end. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
	unsigned long lines = 0, bytes = 0, sum = 0;
	struct termios attr;
	char line[100];

	tcgetattr(0, &attr);
	attr.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(0, TCSANOW, &attr);
	for (int i = 0; i < 5000; i++)
		printf("line %05d of output\n", i);
	while (fgets(line, sizeof(line), stdin)) {
		lines++;
		for (char *at = line; *at; at++, bytes++)
			sum = sum * 31 + (unsigned char)*at;
		if (strcmp(line, "END\n") == 0)
			break;
	}
	printf("lines %lu bytes %lu sum %lx\n", lines, bytes, sum);
	return 0;
}
