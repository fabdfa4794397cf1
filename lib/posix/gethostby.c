/* SPDX-License-Identifier: BSD-2-Clause */
/* gethostbyname() and its relatives: one result for each thread. */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "lib/posix/net_names.h"

#define ADDRESSES_MAX 8

static __thread int error_number;
static __thread struct hostent host;
static __thread char host_name[NI_MAXHOST];
static __thread uint8_t host_bytes[ADDRESSES_MAX][16];
static __thread char *host_list[ADDRESSES_MAX + 1];

int *__h_errno_location(void)
{
	return &error_number;
}

static struct hostent *finish(const char *name, int family)
{
	static char *none[] = {NULL};

	snprintf(host_name, sizeof(host_name), "%s", name);
	host = (struct hostent){.h_name = host_name,
				.h_aliases = none,
				.h_addrtype = family,
				.h_length = family == AF_INET ? 4 : 16,
				.h_addr_list = host_list};
	return &host;
}

struct hostent *gethostbyname2(const char *name, int family)
{
	struct net_address addresses[ADDRESSES_MAX];
	unsigned int count;
	int error = net_names_find(name, family, 0, addresses, &count);

	if (error) {
		error_number = error == EAI_AGAIN ? TRY_AGAIN : HOST_NOT_FOUND;
		return NULL;
	}
	for (unsigned int i = 0; i < count; i++) {
		memcpy(host_bytes[i], addresses[i].bytes, 16);
		host_list[i] = (char *)host_bytes[i];
	}
	host_list[count] = NULL;
	return finish(name, family);
}

/* Nothing stays open between two questions. */
void sethostent(int stay_open)
{
	(void)stay_open;
}

void endhostent(void)
{
}

struct hostent *gethostbyname(const char *name)
{
	return gethostbyname2(name, AF_INET);
}

struct hostent *gethostbyaddr(const void *address, socklen_t bytes, int family)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char name[NI_MAXHOST];

	if (bytes != (family == AF_INET ? 4 : 16)) {
		error_number = NO_RECOVERY;
		return NULL;
	}
	memcpy(family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, address, bytes);
	if (getnameinfo(family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6,
			family == AF_INET ? sizeof(v4) : sizeof(v6), name, sizeof(name), NULL, 0,
			NI_NAMEREQD)) {
		error_number = HOST_NOT_FOUND;
		return NULL;
	}
	memcpy(host_bytes[0], address, bytes);
	host_list[0] = (char *)host_bytes[0];
	host_list[1] = NULL;
	return finish(name, family);
}

const char *hstrerror(int error)
{
	switch (error) {
	case 0:
		return "Success";
	case HOST_NOT_FOUND:
		return "Unknown host";
	case TRY_AGAIN:
		return "Host name lookup failure";
	case NO_DATA:
		return "No address associated with name";
	default:
		return "Unknown server error";
	}
}

void herror(const char *text)
{
	if (text && *text)
		fprintf(stderr, "%s: ", text);
	fprintf(stderr, "%s\n", hstrerror(error_number));
}
