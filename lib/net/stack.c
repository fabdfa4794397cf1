/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP stands on: lock, time, timers, memory, random numbers. */
#include "lib/net/stack.h"

#include <lwip/autoip.h>
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/init.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>

#include "arch/x86_64/pv/boot.h"
#include "core/heap.h"
#include "core/panic.h"
#include "core/random.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/siphash.h"
#include "lib/base/string.h"
#include "lib/net/dhcp6.h"
#include "lib/net/lwip/hooks.h"
#include "xen/spinlock.h"

#define NS_PER_MS        1000000ULL
#define MEMORY_SHARE     4
#define LOOP_ROUNDS_MAX  1024
#define NOTIFY_MAX       8u
#define ISN_TICK_NS_LOG2 6 /* RFC 6528: a clock of about 4 us or faster */

static struct {
	struct spinlock lock;
	bool started;
	struct net_flush *flushes;
	evtchn_port_t ports[NOTIFY_MAX]; /* to be notified */
	unsigned int ports_count;
	struct timer timer;
	bool look; /* at which timers are needed */
	uint64_t isn_key[2];
	uint32_t random[16];
	unsigned int random_left;
} net;

static struct net_memory memory; /* atomic */

/* ---- Timers: lwIP's, each run only while it is needed. ---- */

static bool tcp_needed(void)
{
	return tcp_active_pcbs || tcp_tw_pcbs;
}

static bool device_needed(void)
{
	return netif_list && (netif_list->next || !(netif_list->flags & NETIF_FLAG_UP));
}

static bool dhcp_needed(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct dhcp *dhcp = netif_dhcp_data(netif);

		if (dhcp && dhcp->request_timeout > 0)
			return true;
	}
	return false;
}

static bool groups_needed(void)
{
	struct netif *netif;

	NETIF_FOREACH(netif)
	{
		const struct igmp_group *group = netif_igmp_data(netif);
		const struct mld_group *group6 = netif_mld6_data(netif);

		for (; group; group = group->next)
			if (group->timer > 0)
				return true;
		for (; group6; group6 = group6->next)
			if (group6->timer > 0)
				return true;
	}
	return false;
}

static void groups_tmr(void)
{
	igmp_tmr();
	mld6_tmr();
}

static void second_tmr(void)
{
	ip_reass_tmr();
	ip6_reass_tmr();
	etharp_tmr();
	nd6_tmr();
}

static struct cyclic {
	void (*fn)(void);
	bool (*needed)(void);
	uint32_t interval_ms;
	uint64_t next_ns; /* 0: not running */
} cyclics[] = {
	{tcp_tmr, tcp_needed, TCP_TMR_INTERVAL, 0},
	{groups_tmr, groups_needed, IGMP_TMR_INTERVAL, 0},
	{second_tmr, device_needed, ARP_TMR_INTERVAL, 0},
	{dhcp_fine_tmr, dhcp_needed, DHCP_FINE_TIMER_MSECS, 0},
	{dhcp_coarse_tmr, device_needed, DHCP_COARSE_TIMER_MSECS, 0},
	{net_dhcp6_tick, net_dhcp6_wants_ticks, NET_DHCP6_TICK_MS, 0},
	{autoip_tmr, device_needed, AUTOIP_TMR_INTERVAL, 0},
	{dns_tmr, device_needed, DNS_TMR_INTERVAL, 0},
};

#define CYCLICS_COUNT (sizeof(cyclics) / sizeof(cyclics[0]))

/* Starts what is needed, runs what is due, and says when to come again. */
static uint64_t run_cyclics(uint64_t now_ns)
{
	uint64_t first_ns = TIME_NEVER;

	for (unsigned int i = 0; i < CYCLICS_COUNT; i++) {
		struct cyclic *cyclic = &cyclics[i];

		if (cyclic->next_ns != 0 && now_ns >= cyclic->next_ns) {
			cyclic->fn();
			cyclic->next_ns = 0;
		}
		if (!cyclic->needed())
			cyclic->next_ns = 0;
		else if (cyclic->next_ns == 0)
			cyclic->next_ns = now_ns + cyclic->interval_ms * NS_PER_MS;
		if (cyclic->next_ns != 0 && cyclic->next_ns < first_ns)
			first_ns = cyclic->next_ns;
	}
	return first_ns;
}

static void arm(void)
{
	uint64_t deadline_ns = run_cyclics(time_monotonic_ns());

	net.look = false;
	if (deadline_ns != TIME_NEVER)
		timer_arm(&net.timer, deadline_ns);
}

static void timer_fired(struct timer *timer)
{
	bool enabled = net_lock();

	(void)timer;
	net.look = true;
	net_unlock(enabled);
}

/* lwIP says that tcp_tmr() is wanted. */
void tcp_timer_needed(void)
{
	if (cyclics[0].next_ns == 0)
		net.look = true;
}

void net_timers_changed(void)
{
	net.look = true;
}

void sys_timeouts_init(void)
{
}

u32_t sys_now(void)
{
	return (u32_t)(time_monotonic_ns() / NS_PER_MS);
}

void sys_init(void)
{
}

/* ---- The lock ---- */

bool net_lock(void)
{
	return spin_lock_events(&net.lock);
}

static void deliver_own(void)
{
	for (unsigned int round = 0; round < LOOP_ROUNDS_MAX; round++) {
		struct netif *netif;
		bool any = false;

		NETIF_FOREACH(netif)
		{
			if (netif->loop_first) {
				netif_poll(netif);
				any = true;
			}
		}
		if (!any)
			return;
	}
}

static void flush(void)
{
	while (net.flushes) {
		struct net_flush *first = net.flushes;

		net.flushes = first->next;
		first->queued = false;
		first->fn(first);
	}
}

void net_flush_later(struct net_flush *later)
{
	if (later->queued)
		return;
	later->queued = true;
	later->next = net.flushes;
	net.flushes = later;
}

void net_flush_cancel(struct net_flush *flushed)
{
	struct net_flush **at = &net.flushes;

	while (*at && *at != flushed)
		at = &(*at)->next;
	if (*at)
		*at = flushed->next;
	flushed->queued = false;
}

void net_notify_later(evtchn_port_t port)
{
	if (net.ports_count == NOTIFY_MAX)
		(void)evtchn_notify(port);
	else
		net.ports[net.ports_count++] = port;
}

void net_unlock(bool enabled)
{
	evtchn_port_t ports[NOTIFY_MAX];
	unsigned int ports_count;

	deliver_own();
	if (net.look) {
		arm();
		deliver_own();
	}
	flush();
	ports_count = net.ports_count;
	net.ports_count = 0;
	for (unsigned int i = 0; i < ports_count; i++)
		ports[i] = net.ports[i];
	spin_unlock(&net.lock);
	/* A hypercall each, for which nobody else shall wait. */
	for (unsigned int i = 0; i < ports_count; i++)
		(void)evtchn_notify(ports[i]);
	events_restore(enabled);
}

/* ---- Memory ---- */

/* Before each block: its size, so that what is freed can be counted. */
#define BLOCK_HEAD_BYTES 16

/* Packets' buffers have three sizes, and some of them are kept when they are freed: the heap fills
 * what it gets back and looks at it before it gives it out, which for a full packet takes longer
 * than all TCP has to do with it. */
static struct kept {
	size_t block_bytes; /* with its head; more than the next shorter one's for what is in it */
	struct spinlock lock;
	size_t *first; /* list, linked behind the heads */
	unsigned int count;
} kept[] = {{.block_bytes = 256}, {.block_bytes = 2048}, {.block_bytes = 8192}};

#define KEPT_MIN_BYTES    128u /* shorter blocks are the heap's, where that is quicker */
#define CONTROL_MAX_BYTES 1024u
#define KEPT_SHARE        8 /* of the stack's memory for each size at most */
#define KEPT_MAX          512u

/* The kind of buffer for a block of so many bytes; NULL: none. */
static struct kept *kept_for(size_t block_bytes)
{
	if (block_bytes <= KEPT_MIN_BYTES || block_bytes > kept[2].block_bytes)
		return NULL;
	/* In between are control blocks, which are not worth that much memory. */
	if (block_bytes > kept[0].block_bytes && block_bytes <= CONTROL_MAX_BYTES)
		return NULL;
	return block_bytes <= kept[0].block_bytes   ? &kept[0]
	       : block_bytes <= kept[1].block_bytes ? &kept[1]
						    : &kept[2];
}

static size_t **link_of(size_t *block)
{
	return (size_t **)(void *)((char *)block + BLOCK_HEAD_BYTES);
}

static size_t *kept_take(struct kept *kind)
{
	bool enabled = spin_lock_events(&kind->lock);
	size_t *block = kind->first;

	if (block) {
		kind->first = *link_of(block);
		kind->count--;
	}
	spin_unlock_events(&kind->lock, enabled);
	return block ? block : heap_alloc(kind->block_bytes);
}

/* False: there are enough. */
static bool kept_put(struct kept *kind, size_t *block)
{
	bool enabled, room;

	enabled = spin_lock_events(&kind->lock);
	room = kind->count < KEPT_MAX &&
	       kind->count * kind->block_bytes < memory.max_bytes / KEPT_SHARE;
	if (room) {
		*link_of(block) = kind->first;
		kind->first = block;
		kind->count++;
	}
	spin_unlock_events(&kind->lock, enabled);
	return room;
}

void *net_mem_alloc(size_t bytes)
{
	size_t total = bytes + BLOCK_HEAD_BYTES;
	struct kept *kind = kept_for(total);
	size_t *block;

	if (kind)
		total = kind->block_bytes;
	if (__atomic_add_fetch(&memory.used_bytes, total, __ATOMIC_RELAXED) <= memory.max_bytes) {
		block = kind ? kept_take(kind) : heap_alloc(total);
		if (block) {
			*block = total;
			return (char *)block + BLOCK_HEAD_BYTES;
		}
	}
	__atomic_sub_fetch(&memory.used_bytes, total, __ATOMIC_RELAXED);
	__atomic_add_fetch(&memory.refused, 1, __ATOMIC_RELAXED);
	return NULL;
}

void *net_mem_calloc(size_t count, size_t bytes)
{
	void *block = net_mem_alloc(count * bytes);

	if (block)
		memset(block, 0, count * bytes);
	return block;
}

void net_mem_free(void *block)
{
	struct kept *kind;
	size_t *head;

	if (!block)
		return;
	head = (size_t *)(void *)((char *)block - BLOCK_HEAD_BYTES);
	__atomic_sub_fetch(&memory.used_bytes, *head, __ATOMIC_RELAXED);
	kind = kept_for(*head);
	if (!kind || !kept_put(kind, head))
		heap_free(head);
}

void net_get_memory(struct net_memory *memory_out)
{
	memory_out->used_bytes = __atomic_load_n(&memory.used_bytes, __ATOMIC_RELAXED);
	memory_out->max_bytes = memory.max_bytes;
	memory_out->refused = __atomic_load_n(&memory.refused, __ATOMIC_RELAXED);
}

bool net_memory_is_tight(void)
{
	return __atomic_load_n(&memory.used_bytes, __ATOMIC_RELAXED) > memory.max_bytes / 2;
}

/* ---- Random numbers ---- */

uint32_t net_random32(void)
{
	if (net.random_left == 0) {
		if (random_get(net.random, sizeof(net.random)))
			panic("net: no random numbers");
		net.random_left = sizeof(net.random) / sizeof(net.random[0]);
	}
	return net.random[--net.random_left];
}

uint32_t net_tcp_isn(const ip_addr_t *local, uint16_t local_port, const ip_addr_t *remote,
		     uint16_t remote_port)
{
	struct {
		ip6_addr_t local, remote;
		uint16_t local_port, remote_port;
		uint32_t zero;
	} connection;

	memset(&connection, 0, sizeof(connection));
	if (IP_IS_V6(local)) {
		connection.local = *ip_2_ip6(local);
		connection.remote = *ip_2_ip6(remote);
	} else {
		connection.local.addr[0] = ip_2_ip4(local)->addr;
		connection.remote.addr[0] = ip_2_ip4(remote)->addr;
	}
	connection.local_port = local_port;
	connection.remote_port = remote_port;
	return (uint32_t)siphash(net.isn_key, &connection, sizeof(connection)) +
	       (uint32_t)(time_monotonic_ns() >> ISN_TICK_NS_LOG2);
}

_Noreturn void net_assert_failed(const char *what)
{
	panic("net: %s", what);
}

/* ---- Start ---- */

void net_init(void)
{
	bool enabled;

	if (__atomic_exchange_n(&net.started, true, __ATOMIC_ACQ_REL))
		return;
	memory.max_bytes = boot_info.pages_count * PAGE_BYTES / MEMORY_SHARE;
	timer_init(&net.timer, timer_fired);
	if (random_get(net.isn_key, sizeof(net.isn_key)))
		panic("net: no random numbers");
	enabled = net_lock();
	lwip_init();
	/* What never leaves memory needs no checksums. */
	NETIF_SET_CHECKSUM_CTRL(netif_list, 0);
	net_unlock(enabled);
}

int net_errno(int error)
{
	static const int16_t numbers[] = {
		[-ERR_OK] = 0,
		[-ERR_MEM] = -ENOBUFS,
		[-ERR_BUF] = -ENOBUFS,
		[-ERR_TIMEOUT] = -ETIMEDOUT,
		[-ERR_RTE] = -ENETUNREACH,
		[-ERR_INPROGRESS] = -EINPROGRESS,
		[-ERR_VAL] = -EINVAL,
		[-ERR_WOULDBLOCK] = -EAGAIN,
		[-ERR_USE] = -EADDRINUSE,
		[-ERR_ALREADY] = -EALREADY,
		[-ERR_ISCONN] = -EISCONN,
		[-ERR_CONN] = -ENOTCONN,
		[-ERR_IF] = -ENETDOWN,
		[-ERR_ABRT] = -ECONNABORTED,
		[-ERR_RST] = -ECONNRESET,
		[-ERR_CLSD] = -ENOTCONN,
		[-ERR_ARG] = -EINVAL,
	};

	if (error > 0 || (unsigned int)-error >= sizeof(numbers) / sizeof(numbers[0]))
		return -EIO;
	return numbers[-error];
}
