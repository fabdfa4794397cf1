/* SPDX-License-Identifier: BSD-2-Clause */
/* net-capture COUNT: says everything back to so many connections, one after the other; a UDP port
 * beside it. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 7

static int open_port(int type)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    (type == SOCK_STREAM && listen(fd, 5))) {
		perror("net-capture");
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	int connections = argc > 1 ? atoi(argv[1]) : 1, listener = open_port(SOCK_STREAM);
	char bytes[4096];

	(void)open_port(SOCK_DGRAM);
	printf("net-capture: port %d\n", PORT);
	for (; connections > 0; connections--) {
		int fd = accept(listener, NULL, NULL);
		ssize_t count;

		while ((count = read(fd, bytes, sizeof(bytes))) > 0)
			if (write(fd, bytes, (size_t)count) != count)
				return 1;
		close(fd);
	}
	return 0;
}
