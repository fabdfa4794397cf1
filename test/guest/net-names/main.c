/* SPDX-License-Identifier: BSD-2-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

#include "test/guest/check.h"

static void text(void)
{
	static const struct {
		const char *in, *out; /* NULL: no address */
	} cases[] = {
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
		{"FE80::ABCD", "fe80::abcd"},
		{"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
		{"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
		{"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},
		{"", NULL},
		{":", NULL},
		{":::", NULL},
		{"1:2:3:4:5:6:7", NULL},
		{"1:2:3:4:5:6:7:8:9", NULL},
		{"1::2::3", NULL},
		{"12345::", NULL},
		{"1:", NULL},
		{"::1.2.3", NULL},
		{"::1.2.3.256", NULL},
		{"g::", NULL},
		{"1:2:3:4:5:6:7:1.2.3.4", NULL},
		{"::1 ", NULL},
	};
	unsigned char bytes[16];
	char out[INET6_ADDRSTRLEN];
	struct in_addr v4;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int result = inet_pton(AF_INET6, cases[i].in, bytes);

		if (result != !!cases[i].out)
			printf("\"%s\": %d\n", cases[i].in, result);
		CHECK(result == !!cases[i].out);
		if (result != 1 || !cases[i].out)
			continue;
		CHECK(inet_ntop(AF_INET6, bytes, out, sizeof(out)) == out);
		if (strcmp(out, cases[i].out) != 0)
			printf("\"%s\": \"%s\"\n", cases[i].in, out);
		CHECK(strcmp(out, cases[i].out) == 0);
	}
	CHECK(inet_pton(AF_INET, "1.2.3.4", bytes) == 1 && bytes[3] == 4);
	CHECK(inet_pton(AF_INET, "1.2.3", bytes) == 0);
	CHECK(inet_pton(AF_INET, "1.2.3.04", bytes) == 0);
	CHECK(inet_pton(AF_INET, "1.2.3.4.5", bytes) == 0);
	CHECK(inet_pton(99, "1", bytes) == -1 && errno == EAFNOSUPPORT);
	CHECK(inet_ntop(AF_INET, bytes, out, 7) == NULL && errno == ENOSPC);
	CHECK(inet_aton("127.1", &v4) && v4.s_addr == htonl(0x7f000001));
	CHECK(inet_aton("0x7f.0.0.010", &v4) && v4.s_addr == htonl(0x7f000008));
	CHECK(!inet_aton("1.2.3.4 x", &v4) && !inet_aton("1.256.3", &v4));
	CHECK(inet_addr("255.255.255.255") == INADDR_NONE);
	CHECK(strcmp(inet_ntoa(v4), "127.0.0.8") == 0);
}

static void names(void)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list;
	struct sockaddr_in *v4;
	struct hostent *host;
	char name[64], service[32];

	CHECK(getaddrinfo("gw", "http", &hints, &list) == 0);
	v4 = (struct sockaddr_in *)list->ai_addr;
	CHECK(v4->sin_addr.s_addr == htonl(0x0a010203) && v4->sin_port == htons(80));
	CHECK(!list->ai_next && list->ai_protocol == IPPROTO_TCP);
	CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, name, sizeof(name), service,
			  sizeof(service), 0) == 0);
	CHECK(strcmp(name, "gateway") == 0 && strcmp(service, "http") == 0);
	CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, name, 5, NULL, 0, NI_NUMERICHOST) ==
	      EAI_OVERFLOW);
	freeaddrinfo(list);
	hints.ai_family = AF_UNSPEC;
	CHECK(getaddrinfo("gateway", NULL, &hints, &list) == 0);
	CHECK(list->ai_next && !list->ai_next->ai_next);
	freeaddrinfo(list);
	CHECK(getaddrinfo("localhost", "7", &hints, &list) == 0);
	CHECK(list->ai_family == AF_INET6 && list->ai_next->ai_family == AF_INET);
	freeaddrinfo(list);
	hints.ai_flags = AI_PASSIVE;
	CHECK(getaddrinfo(NULL, "1234", &hints, &list) == 0);
	CHECK(IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)list->ai_addr)->sin6_addr));
	freeaddrinfo(list);
	hints.ai_flags = AI_NUMERICHOST;
	CHECK(getaddrinfo("localhost", NULL, &hints, &list) == EAI_NONAME);
	hints.ai_flags = 0;
	CHECK(getaddrinfo("localhost", "no-such-service", &hints, &list) == EAI_SERVICE);
	CHECK(getaddrinfo("localhost", "99999", &hints, &list) == EAI_SERVICE);
	CHECK(getaddrinfo(NULL, NULL, &hints, &list) == EAI_NONAME);
	/* Nobody could be asked. */
	CHECK(getaddrinfo("www.example.org", NULL, &hints, &list) == EAI_AGAIN);
	host = gethostbyname("gateway");
	CHECK(host && host->h_length == 4 && memcmp(host->h_addr, "\12\1\2\3", 4) == 0);
	CHECK(!gethostbyname("www.example.org") && h_errno == TRY_AGAIN);
	CHECK(getservbyname("domain", "udp")->s_port == htons(53));
	CHECK(getprotobyname("tcp")->p_proto == IPPROTO_TCP);
}

static void interfaces(void)
{
	struct ifaddrs *list;
	struct if_nameindex *names;
	char name[IF_NAMESIZE];
	int addresses = 0;

	CHECK(if_nametoindex("lo") == 1);
	CHECK(if_nametoindex("eth7") == 0 && errno == ENODEV);
	CHECK(if_indextoname(1, name) == name && strcmp(name, "lo") == 0);
	CHECK(!if_indextoname(9, name) && errno == ENXIO);
	names = if_nameindex();
	CHECK(names && names[0].if_index == 1 && names[1].if_index == 0);
	if_freenameindex(names);
	CHECK(getifaddrs(&list) == 0);
	for (struct ifaddrs *at = list; at; at = at->ifa_next) {
		CHECK(strcmp(at->ifa_name, "lo") == 0 && (at->ifa_flags & IFF_LOOPBACK));
		addresses += at->ifa_addr != NULL;
	}
	CHECK(addresses == 2);
	freeifaddrs(list);
}

int main(void)
{
	text();
	names();
	interfaces();
	return check_done();
}
