/* SPDX-License-Identifier: BSD-2-Clause */
/* net-dhcp6: what IPv6 addresses there are once a name is known, which only the name server that
 * DHCPv6 tells of knows. */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* IPv6's. True: one of eth0's is of DHCPv6. */
static int print_addresses(FILE *to)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all, *each;
	int any = 0;

	if (getifaddrs(&all))
		return 0;
	for (each = all; each; each = each->ifa_next) {
		const struct sockaddr_in6 *address = (void *)each->ifa_addr;
		const struct sockaddr_in6 *mask = (void *)each->ifa_netmask;
		int bits = 0;

		if (!address || address->sin6_family != AF_INET6)
			continue;
		for (int i = 0; mask && i < 16; i++)
			bits += __builtin_popcount(mask->sin6_addr.s6_addr[i]);
		if (to)
			fprintf(to, "%s %s/%d\n", each->ifa_name,
				inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text)), bits);
		if (strcmp(each->ifa_name, "eth0") == 0 && bits == 128)
			any = 1;
	}
	freeifaddrs(all);
	return any;
}

int main(void)
{
	const struct addrinfo hints = {.ai_family = AF_INET6, .ai_socktype = SOCK_STREAM};
	char text[INET6_ADDRSTRLEN];
	struct addrinfo *found;

	while (getaddrinfo("host.test", "7", &hints, &found))
		usleep(100000);
	printf("host.test is %s\n",
	       inet_ntop(AF_INET6, &((struct sockaddr_in6 *)(void *)found->ai_addr)->sin6_addr,
			 text, sizeof(text)));
	freeaddrinfo(found);
	while (!print_addresses(NULL))
		usleep(100000);
	print_addresses(stdout);
	puts("that is all");
	for (;;)
		pause();
}
