/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/interface.h"
#include "lib/posix/net_start.h"
#include "lib/posix/socket_inet.h"

/* One entry with all it points to. */
struct entry {
	struct ifaddrs ifaddrs; /* first */
	char name[IF_NAMESIZE];
	struct sockaddr_storage address, mask, broadcast;
};

static void set_mask(struct entry *entry, int family, unsigned int bits)
{
	uint8_t *bytes =
		family == AF_INET
			? (uint8_t *)&((struct sockaddr_in *)(void *)&entry->mask)->sin_addr
			: (uint8_t *)&((struct sockaddr_in6 *)(void *)&entry->mask)->sin6_addr;

	entry->mask.ss_family = (sa_family_t)family;
	for (unsigned int i = 0; i < bits; i++)
		bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	entry->ifaddrs.ifa_netmask = (struct sockaddr *)&entry->mask;
}

static void set_broadcast(struct entry *entry)
{
	const struct sockaddr_in *address = (const void *)&entry->address;
	const struct sockaddr_in *mask = (const void *)&entry->mask;
	struct sockaddr_in *broadcast = (void *)&entry->broadcast;

	*broadcast = *address;
	broadcast->sin_addr.s_addr |= ~mask->sin_addr.s_addr;
	entry->ifaddrs.ifa_broadaddr = (struct sockaddr *)&entry->broadcast;
}

static struct entry *make(const struct net_interface_info *info, unsigned int number)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	strcpy(entry->name, info->name);
	entry->ifaddrs.ifa_name = entry->name;
	entry->ifaddrs.ifa_flags = (info->up ? IFF_UP : 0) | (info->running ? IFF_RUNNING : 0) |
				   (info->loopback ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
	if (number < info->addresses_count) {
		(void)inet_address_out(&info->addresses[number].address, &entry->address);
		entry->ifaddrs.ifa_addr = (struct sockaddr *)&entry->address;
		set_mask(entry, entry->address.ss_family, info->addresses[number].prefix_bits);
		if (entry->address.ss_family == AF_INET && !info->loopback)
			set_broadcast(entry);
	}
	return entry;
}

int getifaddrs(struct ifaddrs **list_out)
{
	struct net_interface_info info = {.index = 0};
	struct ifaddrs **end = list_out;

	*list_out = NULL;
	net_start();
	while (net_interface_get(info.index + 1, &info)) {
		for (unsigned int i = 0; i == 0 || i < info.addresses_count; i++) {
			struct entry *entry = make(&info, i);

			if (!entry) {
				freeifaddrs(*list_out);
				errno = ENOMEM;
				return -1;
			}
			*end = &entry->ifaddrs;
			end = &entry->ifaddrs.ifa_next;
		}
	}
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	while (list) {
		struct ifaddrs *next = list->ifa_next;

		free(list);
		list = next;
	}
}
