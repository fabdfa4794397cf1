/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/mock/mock_netstack.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/netdev.h"
#include "core/random.h"
#include "core/report.h"
#include "core/sleeplock.h"
#include "core/time.h"
#include "core/wait.h"
#include "lib/base/error.h"
#include "lib/net/config.h"
#include "lib/net/interface.h"
#include "lib/net/stack.h"
#include "xen/hypercall.h"

#define ETH_BYTES    14u
#define TCP_FIN_PSH  9u
#define MEMORY_PAGES 8192u /* of the guest: 32 MiB, a quarter of which the stack may take */

/* Nobody looks for packets here, so nobody offers a processor. */
long arch_hypercall(unsigned int number, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	(void)number;
	(void)a1;
	(void)a2;
	(void)a3;
	(void)a4;
	(void)a5;
	abort();
}

void (*netstack_on_frame)(const uint8_t *frame, size_t bytes_count);
long netstack_fail_alloc = -1;
long netstack_blocks;
bool netstack_blocked;
bool netstack_log_info;
uint64_t netstack_now_ns = 1000 * NS_PER_S;

/* --- what the stack stands on --- */

void *heap_alloc(size_t bytes)
{
	void *block;

	if (netstack_fail_alloc >= 0 && netstack_fail_alloc-- == 0)
		return NULL;
	block = malloc(bytes ? bytes : 1);
	if (!block)
		abort();
	memset(block, 0xa5, bytes);
	netstack_blocks++;
	return block;
}

void *heap_alloc_zeroed(size_t bytes)
{
	void *block = heap_alloc(bytes);

	return block ? memset(block, 0, bytes) : NULL;
}

void heap_free(void *block)
{
	if (block)
		netstack_blocks--;
	free(block);
}

uint64_t time_monotonic_ns(void)
{
	return netstack_now_ns;
}

uint64_t time_wall_ns(void)
{
	return netstack_now_ns;
}

static struct timer *armed;

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	memset(timer, 0, sizeof(*timer));
	timer->fn = fn;
}

/* The stack has one timer. */
void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
	if (armed && armed != timer)
		abort();
	armed = timer;
	timer->deadline_ns = deadline_ns;
}

void netstack_advance(uint64_t ns)
{
	uint64_t end_ns = netstack_now_ns + ns;

	while (armed && armed->deadline_ns <= end_ns) {
		struct timer *timer = armed;

		armed = NULL;
		if (timer->deadline_ns > netstack_now_ns)
			netstack_now_ns = timer->deadline_ns;
		timer->fn(timer);
	}
	netstack_now_ns = end_ns;
}

int random_get(void *bytes_out, size_t bytes)
{
	static uint64_t state = 88172645463325252ULL;

	for (size_t i = 0; i < bytes; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		((uint8_t *)bytes_out)[i] = (uint8_t)(state >> 32);
	}
	return 0;
}

static char log_text[4096];

void log_write(enum log_level level, const char *format, ...)
{
	size_t used = strlen(log_text);
	va_list list;

	if (level > (netstack_log_info ? LOG_INFO : LOG_WARN))
		return;
	va_start(list, format);
	(void)vsnprintf(log_text + used, sizeof(log_text) - used, format, list);
	va_end(list);
}

bool netstack_logged(const char *words)
{
	bool found = strstr(log_text, words);

	log_text[0] = '\0';
	return found;
}

void waitq_wake_all(struct waitq *queue)
{
	queue->wakes++;
}

void sleeplock_lock(struct sleeplock *lock)
{
	if (!sleeplock_trylock(lock))
		abort();
}

void sleeplock_unlock(struct sleeplock *lock)
{
	lock->word = 0;
}

/* --- the device --- */

static struct netdev dev = {
	.mac = {0x00, 0x16, 0x3e, 0x00, 0x00, 0x02}, .mtu = 1500, .carrier = true};

static void send_frame(uint8_t *frame, size_t bytes_count, bool blank)
{
	if (blank)
		netstack_fix_sums(frame, bytes_count);
	if (bytes_count > ETH_BYTES + dev.mtu)
		abort();
	if (netstack_on_frame)
		netstack_on_frame(frame, bytes_count);
}

static void put_number(uint8_t *at, uint32_t number, unsigned int bytes)
{
	while (bytes-- > 0) {
		at[bytes] = (uint8_t)number;
		number >>= 8;
	}
}

/* What a device does with a packet of IPv4 and TCP that is longer than a segment. */
static void cut(const uint8_t *packet, size_t bytes_count, size_t segment_bytes)
{
	const uint8_t *tcp = packet + ETH_BYTES + 20;
	size_t head = ETH_BYTES + 20 + (tcp[12] >> 4) * 4u;
	uint32_t sequence = (uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7];

	if (packet[ETH_BYTES] != 0x45 || packet[ETH_BYTES + 9] != 6 || bytes_count <= head ||
	    segment_bytes > dev.mtu - head + ETH_BYTES)
		abort();
	for (size_t at = head; at < bytes_count; at += segment_bytes) {
		size_t left = bytes_count - at, part = left < segment_bytes ? left : segment_bytes;
		uint8_t frame[NETDEV_PACKET_BYTES];

		memcpy(frame, packet, head);
		memcpy(frame + head, packet + at, part);
		put_number(frame + ETH_BYTES + 2, (uint32_t)(head + part - ETH_BYTES), 2);
		put_number(frame + ETH_BYTES + 24, sequence + (uint32_t)(at - head), 4);
		if (left > part)
			frame[ETH_BYTES + 33] &= (uint8_t)~TCP_FIN_PSH;
		send_frame(frame, head + part, true);
	}
}

#define PORT 7u

unsigned int netstack_notifies;
static bool untold; /* transmitted, and the other end does not know */

static int transmit(struct netdev *device, const struct netdev_packet *packet)
{
	static uint8_t frame[NETDEV_PACKET_BYTES];
	size_t done = 0;

	if (packet->bytes_total > sizeof(frame))
		abort();
	if (!device->carrier)
		return -ENETDOWN;
	if (netstack_blocked)
		return -EAGAIN;
	for (size_t i = 0; i < packet->pieces_count; i++) {
		memcpy(frame + done, packet->pieces[i].bytes, packet->pieces[i].bytes_count);
		done += packet->pieces[i].bytes_count;
	}
	if (done != packet->bytes_total)
		abort();
	untold = true;
	if (packet->segment_bytes)
		cut(frame, done, packet->segment_bytes);
	else
		send_frame(frame, done, packet->flags & NETDEV_PACKET_BLANK);
	return 0;
}

static void kick(struct netdev *device, void (*notify)(evtchn_port_t port))
{
	(void)device;
	if (!untold)
		return;
	untold = false;
	notify(PORT);
}

/* Nobody waits for the lock meanwhile: taking it twice ends the test. */
int evtchn_notify(evtchn_port_t port)
{
	bool enabled = net_lock();

	if (port != PORT)
		abort();
	netstack_notifies++;
	net_unlock(enabled);
	return 0;
}

static const struct netdev_ops ops = {.transmit = transmit, .kick = kick};

void netstack_start(unsigned int features, const char *ip)
{
	const char *wrong;

	boot_info.pages_count = MEMORY_PAGES;
	dev.ops = &ops;
	dev.features = features;
	net_init();
	if (net_config_set(ip, "test", &wrong))
		abort();
	net_interfaces_init();
	if (netdev_register(&dev))
		abort();
}

void netstack_receive(const uint8_t *frame, size_t bytes_count, bool checked)
{
	struct netdev_piece piece = {frame, bytes_count};
	struct netdev_packet packet = {.pieces = &piece,
				       .pieces_count = 1,
				       .bytes_total = bytes_count,
				       .flags = checked ? NETDEV_PACKET_CHECKED : 0};
	struct netdev_batch batch = {.first = NULL};

	if (!dev.carrier)
		return;
	(void)netdev_receive(&dev, &packet, &batch);
	netdev_deliver(&dev, &batch);
}

void netstack_room(void)
{
	netstack_blocked = false;
	netdev_room(&dev);
}

void netstack_features(unsigned int features)
{
	dev.features = features;
	netdev_changed(&dev);
}

void netstack_carrier(bool carrier)
{
	dev.carrier = carrier;
	netdev_changed(&dev);
}

void netstack_mtu(unsigned int mtu)
{
	dev.mtu = mtu;
	netdev_changed(&dev);
}

void netstack_remove(void)
{
	netdev_unregister(&dev);
	dev.carrier = true;
}

void netstack_add(void)
{
	if (netdev_register(&dev))
		abort();
}

/* --- sums --- */

uint16_t netstack_sum(uint32_t sum, const uint8_t *bytes, size_t bytes_count)
{
	for (size_t i = 0; i < bytes_count; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put_sum(uint8_t *at, uint16_t sum)
{
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

void netstack_fix_sums(uint8_t *frame, size_t bytes_count)
{
	uint8_t *ip = frame + ETH_BYTES, *l4;
	size_t head, total, l4_bytes, at;
	uint32_t pseudo = 0;

	if (bytes_count < ETH_BYTES + 20 || frame[12] != 8 || frame[13] != 0)
		return;
	head = (ip[0] & 15u) * 4;
	total = (size_t)ip[2] << 8 | ip[3];
	if (head < 20 || head > bytes_count - ETH_BYTES)
		return;
	put_sum(ip + 10, 0);
	put_sum(ip + 10, netstack_sum(0, ip, head));
	if (total < head || total > bytes_count - ETH_BYTES)
		return;
	l4 = ip + head;
	l4_bytes = total - head;
	at = ip[9] == 6 ? 16 : ip[9] == 17 ? 6 : ip[9] == 1 ? 2 : SIZE_MAX;
	if (at == SIZE_MAX || l4_bytes < at + 2)
		return;
	if (ip[9] != 1) {
		for (size_t i = 12; i < 20; i += 2)
			pseudo += (uint32_t)(ip[i] << 8 | ip[i + 1]);
		pseudo += ip[9] + (uint32_t)l4_bytes;
	}
	put_sum(l4 + at, 0);
	put_sum(l4 + at, netstack_sum(pseudo, l4, l4_bytes));
}
