/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of hosts and services: numbers, localhost, /etc/hosts, DNS. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/resolve.h"
#include "lib/posix/net_names.h"
#include "lib/posix/net_start.h"
#include "lib/posix/socket_inet.h"

#define ADDRESSES_MAX 8

struct found {
	struct net_address addresses[ADDRESSES_MAX];
	unsigned int count;
	char name[256]; /* canonical */
};

static void found_add(struct found *found, int family, const void *bytes, uint32_t scope)
{
	struct net_address *address = &found->addresses[found->count];

	if (found->count == ADDRESSES_MAX)
		return;
	found->count++;
	memset(address, 0, sizeof(*address));
	address->family = family == AF_INET ? 4 : 6;
	address->scope = scope;
	memcpy(address->bytes, bytes, family == AF_INET ? 4 : 16);
}

/* "10.0.0.1", "fe80::1%eth0" */
static bool find_number(const char *name, int family, struct found *found)
{
	const char *percent = strchr(name, '%');
	char text[INET6_ADDRSTRLEN + 1];
	uint8_t bytes[16];
	uint32_t scope = 0;
	struct in_addr v4;
	size_t count = percent ? (size_t)(percent - name) : strlen(name);

	if (count >= sizeof(text))
		return false;
	memcpy(text, name, count);
	text[count] = '\0';
	if (family != AF_INET6 && !percent && inet_aton(text, &v4)) {
		found_add(found, AF_INET, &v4, 0);
		return true;
	}
	if (family == AF_INET || inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	if (percent) {
		scope = if_nametoindex(percent + 1);
		if (!scope)
			scope = (uint32_t)strtoul(percent + 1, NULL, 10);
	}
	found_add(found, AF_INET6, bytes, scope);
	return true;
}

/* Lines of addresses and names. */
static void find_in_hosts(const char *name, int family, struct found *found)
{
	FILE *file = fopen("/etc/hosts", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *rest, *word;
		uint8_t bytes[16];
		int line_family;

		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t", &rest);
		if (!word)
			continue;
		line_family = strchr(word, ':') ? AF_INET6 : AF_INET;
		if ((family != AF_UNSPEC && family != line_family) ||
		    inet_pton(line_family, word, bytes) != 1)
			continue;
		while ((word = strtok_r(NULL, " \t", &rest)))
			if (strcasecmp(word, name) == 0) {
				found_add(found, line_family, bytes, 0);
				break;
			}
	}
	if (file)
		fclose(file);
}

static void find_localhost(const char *name, int family, struct found *found)
{
	struct in_addr v4 = {htonl(INADDR_LOOPBACK)};
	size_t bytes = strlen(name);

	/* RFC 6761: all below .localhost as well. */
	if (bytes < 9 || strcasecmp(name + bytes - 9, "localhost") != 0 ||
	    (bytes > 9 && name[bytes - 10] != '.'))
		return;
	if (family != AF_INET)
		found_add(found, AF_INET6, &in6addr_loopback, 0);
	if (family != AF_INET6)
		found_add(found, AF_INET, &v4, 0);
}

/* Of both families what there is. EAI_*. */
static int find_by_dns(const char *name, int family, struct found *found)
{
	static const int families[] = {AF_INET, AF_INET6};
	int result = EAI_NONAME;

	(void)net_start_wait();
	for (unsigned int i = 0; i < 2; i++) {
		struct net_address address;
		int error;

		if (family != AF_UNSPEC && family != families[i])
			continue;
		error = net_resolve(name, families[i] == AF_INET ? 4 : 6, &address);
		if (error == 0)
			found_add(found, families[i], address.bytes, 0);
		else if (error == -ENOMEM)
			result = EAI_MEMORY;
		else if (error == -EINTR || error == -ENETUNREACH)
			result = EAI_AGAIN;
	}
	return found->count ? 0 : result;
}

int net_names_find(const char *name, int family, int flags, struct net_address *addresses_out,
		   unsigned int *count_out)
{
	struct found found = {.count = 0};
	int result = 0;

	net_start();
	if (!find_number(name, family, &found)) {
		if (flags & AI_NUMERICHOST)
			return EAI_NONAME;
		find_in_hosts(name, family, &found);
		if (!found.count)
			find_localhost(name, family, &found);
		if (!found.count)
			result = find_by_dns(name, family, &found);
	}
	memcpy(addresses_out, found.addresses, found.count * sizeof(found.addresses[0]));
	*count_out = found.count;
	return result;
}

/* What was asked of a service: a number, or a name we know. EAI_*; port in host order. */
static int find_service(const char *service, int flags, int type, int *port_out)
{
	struct servent *entry;
	char *end;
	unsigned long port;

	*port_out = 0;
	if (!service)
		return 0;
	port = strtoul(service, &end, 10);
	if (*service >= '0' && *service <= '9' && *end == '\0') {
		*port_out = (int)port;
		return port > 65535 ? EAI_SERVICE : 0;
	}
	if (flags & AI_NUMERICSERV)
		return EAI_NONAME;
	entry = getservbyname(service, type == SOCK_DGRAM    ? "udp"
				       : type == SOCK_STREAM ? "tcp"
							     : NULL);
	if (!entry)
		return EAI_SERVICE;
	*port_out = ntohs((uint16_t)entry->s_port);
	return 0;
}

/* One result with its address behind it. */
struct result {
	struct addrinfo info; /* first */
	struct sockaddr_storage address;
};

static int append(struct addrinfo ***end, const struct net_address *address, int type, int protocol)
{
	struct result *result = calloc(1, sizeof(*result));

	if (!result)
		return EAI_MEMORY;
	result->info.ai_addrlen = inet_address_out(address, &result->address);
	result->info.ai_family = result->address.ss_family;
	result->info.ai_socktype = type;
	result->info.ai_protocol = protocol;
	result->info.ai_addr = (struct sockaddr *)&result->address;
	**end = &result->info;
	*end = &result->info.ai_next;
	return 0;
}

static int build(struct net_address *addresses, unsigned int count, const struct addrinfo *hints,
		 int port, struct addrinfo **list_out)
{
	static const struct {
		int type, protocol;
	} kinds[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};
	struct addrinfo **end = list_out;
	int error = 0;

	for (unsigned int i = 0; i < count; i++) {
		addresses[i].port = (uint16_t)port;
		for (unsigned int k = 0; k < 3 && !error; k++) {
			if (hints->ai_socktype && hints->ai_socktype != kinds[k].type)
				continue;
			if (hints->ai_protocol && kinds[k].protocol &&
			    hints->ai_protocol != kinds[k].protocol)
				continue;
			error = append(&end, &addresses[i], kinds[k].type,
				       kinds[k].protocol ? kinds[k].protocol : hints->ai_protocol);
		}
	}
	return error;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict list_out)
{
	static const struct addrinfo none;
	struct net_address addresses[ADDRESSES_MAX] = {{.family = 6}, {.family = 4}};
	unsigned int count = 0;
	int port, error;

	if (!hints)
		hints = &none;
	if (!name && !service)
		return EAI_NONAME;
	if (hints->ai_family != AF_UNSPEC && hints->ai_family != AF_INET &&
	    hints->ai_family != AF_INET6)
		return EAI_FAMILY;
	if ((hints->ai_flags & AI_CANONNAME) && !name)
		return EAI_BADFLAGS;
	error = find_service(service, hints->ai_flags, hints->ai_socktype, &port);
	if (error)
		return error;
	if (name) {
		error = net_names_find(name, hints->ai_family, hints->ai_flags, addresses, &count);
	} else {
		struct found found = {.count = 0};
		struct in_addr v4 = {hints->ai_flags & AI_PASSIVE ? INADDR_ANY
								  : htonl(INADDR_LOOPBACK)};

		if (hints->ai_family != AF_INET)
			found_add(&found, AF_INET6,
				  hints->ai_flags & AI_PASSIVE ? &in6addr_any : &in6addr_loopback,
				  0);
		if (hints->ai_family != AF_INET6)
			found_add(&found, AF_INET, &v4, 0);
		count = found.count;
		memcpy(addresses, found.addresses, sizeof(addresses));
	}
	*list_out = NULL;
	if (!error)
		error = build(addresses, count, hints, port, list_out);
	if (!error && !*list_out)
		error = EAI_SOCKTYPE;
	if (!error && (hints->ai_flags & AI_CANONNAME)) {
		(*list_out)->ai_canonname = strdup(name);
		error = (*list_out)->ai_canonname ? 0 : EAI_MEMORY;
	}
	if (error) {
		freeaddrinfo(*list_out);
		*list_out = NULL;
	}
	return error;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list->ai_canonname);
		free(list);
		list = next;
	}
}

const char *gai_strerror(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {
		{0, "Success"},
		{EAI_BADFLAGS, "Bad value for ai_flags"},
		{EAI_NONAME, "Name or service not known"},
		{EAI_AGAIN, "Temporary failure in name resolution"},
		{EAI_FAIL, "Non-recoverable failure in name resolution"},
		{EAI_FAMILY, "ai_family not supported"},
		{EAI_SOCKTYPE, "ai_socktype not supported"},
		{EAI_SERVICE, "Service not supported for this kind of socket"},
		{EAI_MEMORY, "Out of memory"},
		{EAI_SYSTEM, "System error"},
		{EAI_OVERFLOW, "Argument buffer overflow"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return "Unknown error";
}
