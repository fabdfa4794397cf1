/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/bench/net.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void net_bring_up(const char *address)
{
	struct ifreq request = {.ifr_name = "eth0"};
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, address, &in.sin_addr);
	memcpy(&request.ifr_addr, &in, sizeof(in));
	if (ioctl(fd, SIOCSIFADDR, &request))
		perror("SIOCSIFADDR");
	inet_pton(AF_INET, "255.255.255.0", &in.sin_addr);
	memcpy(&request.ifr_netmask, &in, sizeof(in));
	if (ioctl(fd, SIOCSIFNETMASK, &request))
		perror("SIOCSIFNETMASK");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		perror("SIOCSIFFLAGS");
	close(fd);
}
