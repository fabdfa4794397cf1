/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/net/resolve.h"

#include <lwip/dns.h>

#include "core/heap.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/net/address.h"
#include "lib/net/stack.h"

/* On the heap: who asked may be gone when the answer comes. net_lock. */
struct query {
	struct waitq queue;
	bool done, abandoned, found;
	ip_addr_t ip;
};

static void on_answer(const char *name, const ip_addr_t *ip, void *arg)
{
	struct query *query = arg;

	(void)name;
	query->done = true;
	query->found = ip;
	if (ip)
		query->ip = *ip;
	if (query->abandoned)
		heap_free(query);
	else
		waitq_wake_all(&query->queue);
}

static int begin(const char *name, unsigned int family, struct query *query)
{
	bool enabled = net_lock();
	err_t error = ERR_CONN;
	int result = -EAGAIN;

	if (!ip_addr_isany(dns_getserver(0)))
		error = dns_gethostbyname_addrtype(name, &query->ip, on_answer, query,
						   family == 4 ? LWIP_DNS_ADDRTYPE_IPV4
							       : LWIP_DNS_ADDRTYPE_IPV6);
	if (error == ERR_OK)
		result = 0;
	else if (error == ERR_CONN)
		result = -ENETUNREACH;
	else if (error != ERR_INPROGRESS)
		result = error == ERR_ARG ? -EINVAL : -ENOMEM;
	net_timers_changed();
	net_unlock(enabled);
	return result;
}

/* Whether the answer came. */
static bool is_done(struct query *query)
{
	bool enabled = net_lock(), done = query->done;

	net_unlock(enabled);
	return done;
}

/* Nobody waits any more. False: the answer came first. */
static bool abandon(struct query *query)
{
	bool enabled = net_lock(), left = !query->done;

	query->abandoned = true;
	net_unlock(enabled);
	return left;
}

int net_resolve(const char *name, unsigned int family, struct net_address *address_out)
{
	struct query *query = heap_alloc_zeroed(sizeof(*query));
	int result;

	if (!query)
		return -ENOMEM;
	result = begin(name, family, query);
	if (result == -EAGAIN) {
		result = waitq_wait(&query->queue, is_done(query), TIME_NEVER, true);
		if (result && abandon(query))
			return result;
		result = query->found ? 0 : -ENOENT;
	}
	if (result == 0)
		net_address_from_lwip(&query->ip, 0, family, address_out);
	heap_free(query);
	return result;
}

bool net_resolve_server(unsigned int index, struct net_address *address_out)
{
	bool enabled = net_lock(), any = false;
	const ip_addr_t *ip;

	if (index < DNS_MAX_SERVERS) {
		ip = dns_getserver((u8_t)index);
		any = !ip_addr_isany(ip);
		if (any)
			net_address_from_lwip(ip, 0, IP_IS_V6(ip) ? 6 : 4, address_out);
	}
	net_unlock(enabled);
	return any;
}
