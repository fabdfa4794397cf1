/* SPDX-License-Identifier: BSD-2-Clause */
/* Services and protocols that programs ask for by name; /etc/services is not read. */
#include <netdb.h>
#include <stdbool.h>
#include <string.h>

static const struct service {
	const char *name;
	uint16_t port;
	bool tcp, udp;
} services[] = {
	{"echo", 7, 1, 1},     {"discard", 9, 1, 1},     {"daytime", 13, 1, 1},
	{"ftp", 21, 1, 0},     {"ssh", 22, 1, 0},        {"telnet", 23, 1, 0},
	{"smtp", 25, 1, 0},    {"time", 37, 1, 1},       {"domain", 53, 1, 1},
	{"tftp", 69, 0, 1},    {"http", 80, 1, 0},       {"pop3", 110, 1, 0},
	{"ntp", 123, 0, 1},    {"imap", 143, 1, 0},      {"snmp", 161, 1, 1},
	{"https", 443, 1, 1},  {"syslog", 514, 0, 1},    {"imaps", 993, 1, 0},
	{"mqtt", 1883, 1, 0},  {"mysql", 3306, 1, 0},    {"postgresql", 5432, 1, 0},
	{"redis", 6379, 1, 0}, {"http-alt", 8080, 1, 1},
};

#define SERVICES_COUNT (sizeof(services) / sizeof(services[0]))

static struct servent *found(const struct service *service, const char *protocol)
{
	static __thread struct servent entry;
	static char *none[] = {NULL};

	if (protocol &&
	    !(strcmp(protocol, "tcp") == 0 ? service->tcp
					   : strcmp(protocol, "udp") == 0 && service->udp))
		return NULL;
	entry = (struct servent){(char *)service->name, none, htons(service->port),
				 (char *)(protocol       ? protocol
					  : service->tcp ? "tcp"
							 : "udp")};
	return &entry;
}

/* Where getservent() is: a service with both protocols is two entries. */
static __thread size_t next_service, next_protocol;

void setservent(int stay_open)
{
	(void)stay_open;
	next_service = 0;
}

void endservent(void)
{
	next_service = 0;
}

struct servent *getservent(void)
{
	struct servent *entry;

	while (next_service < 2 * SERVICES_COUNT) {
		size_t i = next_service++;

		entry = found(&services[i / 2], i % 2 ? "udp" : "tcp");
		if (entry)
			return entry;
	}
	return NULL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
	for (size_t i = 0; i < SERVICES_COUNT; i++)
		if (strcmp(services[i].name, name) == 0)
			return found(&services[i], protocol);
	return NULL;
}

struct servent *getservbyport(int port, const char *protocol)
{
	for (size_t i = 0; i < SERVICES_COUNT; i++)
		if (htons(services[i].port) == port)
			return found(&services[i], protocol);
	return NULL;
}

static const struct {
	const char *name;
	int number;
} protocols[] = {{"ip", 0}, {"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"ipv6", 41}, {"ipv6-icmp", 58}};

static struct protoent *protocol_at(size_t i)
{
	static __thread struct protoent entry;
	static char *none[] = {NULL};

	entry = (struct protoent){(char *)protocols[i].name, none, protocols[i].number};
	return &entry;
}

struct protoent *getprotobyname(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return protocol_at(i);
	return NULL;
}

struct protoent *getprotobynumber(int number)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == number)
			return protocol_at(i);
	return NULL;
}

void setprotoent(int stay_open)
{
	(void)stay_open;
	next_protocol = 0;
}

void endprotoent(void)
{
	next_protocol = 0;
}

struct protoent *getprotoent(void)
{
	if (next_protocol >= sizeof(protocols) / sizeof(protocols[0]))
		return NULL;
	return protocol_at(next_protocol++);
}
