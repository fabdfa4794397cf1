/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for addresses: those of /etc/hosts, numbers otherwise. */
#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* The first name /etc/hosts has for it. */
static int name_in_hosts(int family, const void *bytes, char *name_out, socklen_t name_bytes)
{
	FILE *file = fopen("/etc/hosts", "re");
	char line[512];
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *rest, *word, *name;
		uint8_t there[16];

		line[strcspn(line, "#\n")] = '\0';
		word = strtok_r(line, " \t", &rest);
		name = word ? strtok_r(NULL, " \t", &rest) : NULL;
		if (name && inet_pton(family, word, there) == 1 &&
		    memcmp(there, bytes, family == AF_INET ? 4 : 16) == 0)
			found = snprintf(name_out, name_bytes, "%s", name) < (int)name_bytes;
	}
	if (file)
		fclose(file);
	return found;
}

static int name_host(const struct sockaddr *address, char *host, socklen_t host_bytes, int flags)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;
	int family = address->sa_family;
	const void *bytes =
		family == AF_INET ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr;
	char name[IF_NAMESIZE];

	if (!(flags & NI_NUMERICHOST)) {
		if (name_in_hosts(family, bytes, host, host_bytes))
			return 0;
		if (flags & NI_NAMEREQD)
			return EAI_NONAME;
	}
	if (!inet_ntop(family, bytes, host, host_bytes))
		return EAI_OVERFLOW;
	if (family == AF_INET6 && v6->sin6_scope_id) {
		size_t used = strlen(host);

		if (!if_indextoname(v6->sin6_scope_id, name))
			snprintf(name, sizeof(name), "%u", (unsigned int)v6->sin6_scope_id);
		if (snprintf(host + used, host_bytes - used, "%%%s", name) >=
		    (int)(host_bytes - used))
			return EAI_OVERFLOW;
	}
	return 0;
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t bytes, char *restrict host,
		socklen_t host_bytes, char *restrict service, socklen_t service_bytes, int flags)
{
	const struct sockaddr_in *v4 = (const void *)address;
	struct servent *entry = NULL;
	int error = 0;

	if (address->sa_family != AF_INET && address->sa_family != AF_INET6)
		return EAI_FAMILY;
	if (bytes < (address->sa_family == AF_INET ? sizeof(struct sockaddr_in)
						   : sizeof(struct sockaddr_in6)))
		return EAI_FAMILY;
	if (host && host_bytes > 0)
		error = name_host(address, host, host_bytes, flags);
	if (error || !service || service_bytes == 0)
		return error;
	/* The port is in the same place. */
	if (!(flags & NI_NUMERICSERV))
		entry = getservbyport(v4->sin_port, flags & NI_DGRAM ? "udp" : "tcp");
	if (entry ? snprintf(service, service_bytes, "%s", entry->s_name) >= (int)service_bytes
		  : snprintf(service, service_bytes, "%u", ntohs(v4->sin_port)) >=
			    (int)service_bytes)
		return EAI_OVERFLOW;
	return 0;
}
