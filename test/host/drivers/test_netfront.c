/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network front end over the mock's back end, and over hostile ones.
 * Links: drivers/netfront.c drivers/netfront_setup.c drivers/netfront_receive.c
 * Links: drivers/netfront_send.c core/netdev.c lib/base/format.c lib/base/parse.c
 * Links: xen/hypercall.c test/mock/mock_netback.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <string.h>

#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/drivers/netback_end.h"
#include "test/mock/mock_netback.h"

static const char *const all[] = {"feature-rx-copy=1",
				  "feature-sg=1",
				  "feature-gso-tcpv4=1",
				  "feature-gso-tcpv6=1",
				  "feature-ipv6-csum-offload=1",
				  "feature-split-event-channels=1",
				  "feature-multicast-control=1",
				  "multi-queue-max-queues=4",
				  "mtu=9000",
				  NULL};
static const char *const plain[] = {"feature-rx-copy=1", NULL};
static const char *const none[] = {"feature-sg=1", NULL};

static uint8_t bytes[70000];
static struct netback_packet taken;
static struct netfront *front;
static struct netqueue *queue;

static void start(const char *const *keys)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	front = netback_start(keys);
	queue = front->queues;
}

static int send_bytes(size_t count, unsigned int flags, uint16_t segment_bytes)
{
	/* In pieces as a stack has them. */
	struct netdev_piece pieces[3] = {{bytes, count < 54 ? count : 54}};
	struct netdev_packet packet = {.pieces = pieces, .pieces_count = 1, .bytes_total = count};

	if (count > 54) {
		pieces[1] = (struct netdev_piece){bytes + 54, (count - 54) / 2};
		pieces[2] = (struct netdev_piece){bytes + 54 + (count - 54) / 2,
						  count - 54 - (count - 54) / 2};
		packet.pieces_count = 3;
	}
	packet.flags = flags;
	packet.segment_bytes = segment_bytes;
	return front->dev.ops->transmit(&front->dev, &packet);
}

static void notify(evtchn_port_t port)
{
	(void)evtchn_notify(port);
}

static void kick(void)
{
	front->dev.ops->kick(&front->dev, notify);
}

/* The one queue a packet went to. */
static struct netqueue *take_any(void)
{
	for (unsigned int i = 0; i < front->queues_count; i++)
		if (netback_tx_take(&front->queues[i], &taken))
			return &front->queues[i];
	return NULL;
}

START_TEST(connects_with_all)
{
	start(all);
	ck_assert_uint_eq(front->queues_count, 2); /* as many as vCPUs */
	ck_assert_str_eq(netback_published("multi-queue-num-queues"), "2");
	ck_assert_ptr_nonnull(netback_published("queue-0/tx-ring-ref"));
	ck_assert_ptr_nonnull(netback_published("queue-1/rx-ring-ref"));
	ck_assert_ptr_nonnull(netback_published("queue-1/event-channel-rx"));
	ck_assert_ptr_null(netback_published("tx-ring-ref"));
	ck_assert_str_eq(netback_published("request-rx-copy"), "1");
	ck_assert_uint_eq(front->dev.mtu, 9000);
	ck_assert_uint_eq(front->dev.features, NETDEV_CHECKSUM4 | NETDEV_CHECKSUM6 |
						       NETDEV_SEGMENT4 | NETDEV_SEGMENT6 |
						       NETDEV_GATHER);
	ck_assert_uint_eq(front->dev.mac[2], 0x3e);
	ck_assert(front->dev.carrier);
	netback_end(front);
}
END_TEST

static void check_ports(uint32_t first, uint32_t second)
{
	ck_assert_uint_eq(netback_vcpu_of(front->queues[0].rx_port), first);
	ck_assert_uint_eq(netback_vcpu_of(front->queues[0].tx_port), first);
	ck_assert_uint_eq(netback_vcpu_of(front->queues[1].rx_port), second);
	ck_assert_uint_eq(netback_vcpu_of(front->queues[1].tx_port), second);
}

/* Queues' events come to the vCPUs in turn, also after the back end went and came. */
START_TEST(spreads_events)
{
	netdev_vcpus_changed(0xc);
	start(all);
	check_ports(2, 3);
	netdev_vcpus_changed(0x5);
	check_ports(0, 2);
	netdev_vcpus_changed(0x1);
	check_ports(0, 0);
	netdev_vcpus_changed(0x6);
	netback_disconnect(front);
	netdev_vcpus_changed(0xa);
	ck_assert_int_eq(netback_connect(front), 0);
	check_ports(1, 3);
	netback_end(front);
}
END_TEST

/* The MTU as the toolstack says, if it makes sense and packets may be that long; the back end's
 * side of the wire. */
START_TEST(mtu_and_link)
{
	static const struct {
		const char *keys[4];
		unsigned int mtu;
		bool carrier;
	} cases[] = {
		{{"feature-rx-copy=1", "feature-sg=1"}, 1500, true},
		{{"feature-rx-copy=1", "feature-sg=1", "mtu=9000"}, 9000, true},
		{{"feature-rx-copy=1", "mtu=9000"}, 1500, true},
		{{"feature-rx-copy=1", "mtu=1280"}, 1280, true},
		{{"feature-rx-copy=1", "mtu=575"}, 1500, true},
		{{"feature-rx-copy=1", "feature-sg=1", "mtu=65522"}, 1500, true},
		{{"feature-rx-copy=1", "mtu="}, 1500, true},
		{{"feature-rx-copy=1", "mtu=1400 "}, 1500, true},
		{{"feature-rx-copy=1", "carrier=0"}, 1500, false},
		{{"feature-rx-copy=1", "carrier=1"}, 1500, true},
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start(cases[i].keys);
		ck_assert_uint_eq(front->dev.mtu, cases[i].mtu);
		ck_assert(front->dev.carrier == cases[i].carrier);
		ck_assert_int_eq(send_bytes(100, 0, 0), cases[i].carrier ? 0 : -ENETDOWN);
		netback_end(front);
	}
}
END_TEST

/* What is news while it is connected. */
START_TEST(link_changes)
{
	static const char *now[] = {"feature-rx-copy=1", "carrier=1", "mtu=1500", NULL};

	start(now);
	ck_assert_int_eq(send_bytes(100, 0, 0), 0);
	now[1] = "carrier=0";
	now[2] = "mtu=1400";
	front->xen.driver->changed(&front->xen);
	ck_assert(!front->dev.carrier);
	ck_assert_uint_eq(front->dev.mtu, 1400);
	ck_assert_int_eq(send_bytes(100, 0, 0), -ENETDOWN);
	kick();
	now[1] = "carrier=1";
	front->xen.driver->changed(&front->xen);
	ck_assert_int_eq(send_bytes(100, 0, 0), 0);
	kick();
	ck_assert_ptr_eq(take_any(), queue);
	netback_end(front);
}
END_TEST

START_TEST(connects_with_nothing)
{
	start(plain);
	ck_assert_uint_eq(front->queues_count, 1);
	ck_assert_ptr_nonnull(netback_published("tx-ring-ref"));
	ck_assert_ptr_nonnull(netback_published("event-channel"));
	ck_assert_uint_eq(front->dev.features, NETDEV_CHECKSUM4);
	/* One page at most. */
	ck_assert_int_eq(send_bytes(4097, 0, 0), -EMSGSIZE);
	ck_assert_int_eq(send_bytes(4096, 0, 0), 0);
	netback_end(front);
	start(none);
	ck_assert_ptr_null(front->queues);
	netback_remove(front);
}
END_TEST

START_TEST(receives)
{
	start(all);
	netback_rx_response(queue, bytes, 60, 0);
	netback_rx_publish(queue);
	ck_assert_uint_eq(netback_counts.delivered, 1);
	ck_assert_uint_eq(netback_last.bytes_total, 60);
	ck_assert_uint_eq(netback_last.flags, 0);
	ck_assert_mem_eq(netback_last_bytes, bytes, 60);

	/* Several pieces and a segment size. */
	netback_rx_response(queue, bytes, 4096,
			    NETRXF_more_data | NETRXF_extra_info | NETRXF_csum_blank |
				    NETRXF_data_validated);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_GSO, 0);
	netback_rx_response(queue, bytes + 4096, 4096, NETRXF_more_data);
	netback_rx_response(queue, bytes + 8192, 100, 0);
	netback_rx_publish(queue);
	ck_assert_ptr_null(netback_reset_reason);
	ck_assert_uint_eq(netback_counts.delivered, 2);
	ck_assert_uint_eq(netback_last.bytes_total, 8292);
	ck_assert_uint_eq(netback_last.segment_bytes, 1448);
	ck_assert_uint_eq(netback_last.flags, NETDEV_PACKET_BLANK | NETDEV_PACKET_CHECKED);
	ck_assert_mem_eq(netback_last_bytes, bytes, 8292);

	/* What the back end could not fill is no violation. */
	netback_rx_response(queue, NULL, 0, 0)->status = NETIF_RSP_ERROR;
	netback_rx_response(queue, bytes, 64, 0);
	netback_rx_publish(queue);
	ck_assert_ptr_null(netback_reset_reason);
	ck_assert_uint_eq(netback_counts.delivered, 3);
	ck_assert_uint_eq(queue->stats.received_errors, 1);
	netback_end(front);
}
END_TEST

START_TEST(receives_long)
{
	uint32_t first = UINT32_MAX - 1000;
	netif_rx_sring_t *ring;

	start(plain);
	ck_assert_int_eq(netqueue_grow(queue, NET_RING_SLOTS), 0);
	netqueue_post(queue);
	/* As if four thousand million packets had come. */
	ring = queue->rx;
	ring->rsp_prod = queue->rx_cons = first - first % NET_RING_SLOTS;
	queue->rx_prod = ring->req_prod = queue->rx_cons + NET_RING_SLOTS;
	for (unsigned int i = 0; i < 3000; i++) {
		netback_rx_response(queue, bytes + i % 100, 100 + i % 1000, 0);
		if (test_random() % 3 == 0)
			netback_rx_publish(queue);
	}
	netback_rx_publish(queue);
	ck_assert_ptr_null(netback_reset_reason);
	ck_assert_uint_eq(netback_counts.delivered, 3000);
	ck_assert_uint_eq(queue->rx_prod - queue->rx_cons, NET_RING_SLOTS);
	netback_end(front);
}
END_TEST

static void broken(const char *why)
{
	unsigned int delivered = netback_counts.delivered;

	netback_rx_publish(queue);
	ck_assert_ptr_nonnull(netback_reset_reason);
	ck_assert_str_eq(netback_reset_reason, why);
	ck_assert_uint_eq(netback_counts.delivered, delivered);
	/* Nothing more is taken from it, and it can be connected anew. */
	netback_rx_publish(queue);
	ck_assert_uint_eq(netback_counts.delivered, delivered);
	netback_disconnect(front);
	ck_assert_int_eq(netback_connect(front), 0);
	queue = front->queues;
}

START_TEST(refuses_bad_responses)
{
	start(plain);
	queue->rx->rsp_prod = queue->rx_prod + 1;
	netqueue_rx_event(queue->rx_port, queue);
	ck_assert_str_eq(netback_reset_reason, "more responses than requests");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, 0);
	netback_rx_publish(queue);
	queue->rx->rsp_prod--;
	netqueue_rx_event(queue->rx_port, queue);
	ck_assert_str_eq(netback_reset_reason, "more responses than requests");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, 0)->id = 7;
	broken("a response to another request");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, 0)->offset = 4090;
	broken("bytes beyond the page");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, NULL, 5000, 0);
	broken("bytes beyond the page");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_more_data);
	broken("a packet that is not all there");
	netback_end(front);

	start(plain);
	for (unsigned int i = 0; i < 30; i++)
		netback_rx_response(queue, bytes, 10, NETRXF_more_data);
	netback_rx_response(queue, bytes, 10, 0);
	broken("a packet of too many pieces");
	netback_end(front);
}
END_TEST

START_TEST(refuses_bad_extras)
{
	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	broken("extra information without end");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_MAX, 0);
	broken("extra information of no known type");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_NONE, 0);
	broken("extra information of no known type");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_GSO, 0)->u.gso.size = 0;
	broken("a bad segment size or type");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_GSO, 0)->u.gso.type = 9;
	broken("a bad segment size or type");
	netback_end(front);

	start(plain);
	netback_rx_response(queue, bytes, 60, NETRXF_extra_info);
	for (unsigned int i = 0; i < 20; i++)
		netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE);
	netback_rx_extra(queue, XEN_NETIF_EXTRA_TYPE_HASH, 0);
	broken("extra information without end");
	netback_end(front);
}
END_TEST

START_TEST(sends)
{
	static const size_t sizes[] = {1, 60, 4096, 4097, 8192, 10000, 65535};
	struct netqueue *which;

	start(all);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int notifies = netback_counts.notifies;

		ck_assert_int_eq(send_bytes(sizes[i], NETDEV_PACKET_BLANK, i % 2 ? 1448 : 0), 0);
		ck_assert_ptr_null(take_any()); /* not before the kick */
		kick();
		ck_assert_uint_eq(netback_counts.notifies, notifies + 1);
		which = take_any();
		ck_assert_ptr_nonnull(which);
		ck_assert_uint_eq(taken.bytes_total, sizes[i]);
		ck_assert_uint_eq(taken.slots, (sizes[i] + 4095) / 4096);
		ck_assert_mem_eq(taken.bytes, bytes, sizes[i]);
		ck_assert(taken.flags & NETTXF_csum_blank);
		ck_assert_uint_eq(taken.segment_bytes, i % 2 ? 1448 : 0);
		netback_tx_answer(which, NETIF_RSP_OKAY);
	}
	ck_assert_int_eq(send_bytes(65536, 0, 0), -EMSGSIZE);
	ck_assert_int_eq(send_bytes(0, 0, 0), -EMSGSIZE);
	ck_assert_ptr_null(netback_reset_reason);
	netback_end(front);
}
END_TEST

START_TEST(waits_for_room)
{
	unsigned int sent = 0, received = 0;

	start(plain);
	while (send_bytes(1000, 0, 0) == 0)
		sent++;
	ck_assert_uint_eq(sent, NET_RING_SLOTS);
	ck_assert_int_eq(send_bytes(1000, 0, 0), -EAGAIN);
	ck_assert(front->stall.armed);
	kick();
	while (netback_tx_take(queue, &taken))
		received++;
	ck_assert_uint_eq(received, NET_RING_SLOTS);
	ck_assert_uint_eq(netback_counts.rooms, 0);
	netback_tx_answer(queue, NETIF_RSP_DROPPED);
	ck_assert_uint_eq(netback_counts.rooms, 1);
	ck_assert_uint_eq(queue->stats.sent_errors, NET_RING_SLOTS);
	ck_assert_int_eq(send_bytes(1000, 0, 0), 0);
	/* Pages and grants were kept. */
	ck_assert_uint_eq(netback_counts.grants_used, NET_RING_SLOTS + 32 + 2);
	netback_end(front);
}
END_TEST

START_TEST(notices_a_stall)
{
	start(plain);
	while (send_bytes(1000, 0, 0) == 0)
		;
	kick();
	front->stall.fn(&front->stall);
	ck_assert_str_eq(netback_reset_reason, "takes no packets for 10 s");
	netback_end(front);
}
END_TEST

static void tx_broken(const char *why)
{
	/* It looks when there is no room. */
	netqueue_tx_event(queue->tx_port, queue);
	ck_assert_ptr_nonnull(netback_reset_reason);
	ck_assert_str_eq(netback_reset_reason, why);
	ck_assert_int_eq(send_bytes(100, 0, 0), -ENETDOWN);
	kick();
}

START_TEST(refuses_bad_answers)
{
	start(plain);
	queue->tx->rsp_prod = 1;
	tx_broken("more responses than packets");
	netback_end(front);

	/* Put, and not shown to the back end yet. */
	start(plain);
	send_bytes(100, 0, 0);
	queue->tx->rsp_prod = 1;
	tx_broken("more responses than packets");
	netback_end(front);

	start(plain);
	send_bytes(100, 0, 0);
	kick();
	netback_tx_response(queue, 999, NETIF_RSP_OKAY);
	netback_tx_publish(queue);
	tx_broken("an answer to no packet");
	netback_end(front);

	start(plain);
	send_bytes(100, 0, 0);
	send_bytes(100, 0, 0);
	kick();
	netback_tx_take(queue, &taken);
	netback_tx_response(queue, queue->tx->ring[0].req.id, NETIF_RSP_OKAY);
	netback_tx_response(queue, queue->tx->ring[0].rsp.id, NETIF_RSP_OKAY);
	netback_tx_publish(queue);
	tx_broken("an answer to no packet");
	netback_end(front);

	start(plain);
	send_bytes(100, 0, 0);
	kick();
	netback_tx_response(queue, queue->tx->ring[0].req.id, NETIF_RSP_NULL);
	netback_tx_publish(queue);
	tx_broken("an answer to no extra information");
	netback_end(front);

	start(plain);
	send_bytes(100, 0, 0);
	kick();
	netback_tx_response(queue, queue->tx->ring[0].req.id, 77);
	netback_tx_publish(queue);
	tx_broken("an answer that means nothing");
	netback_end(front);
}
END_TEST

START_TEST(keeps_what_the_back_end_holds)
{
	start(plain);
	send_bytes(100, 0, 0);
	kick();
	netback_hold_grants = 3;
	netback_disconnect(front);
	ck_assert_uint_eq(netback_counts.quarantined, 3);
	ck_assert_uint_eq(netback_counts.pages, 3);
	ck_assert_uint_eq(netback_counts.grants_used, 3);
	/* Once more is not once too often. */
	netback_disconnect(front);
	ck_assert_int_eq(send_bytes(100, 0, 0), -ENETDOWN);
	netback_remove(front);
}
END_TEST

START_TEST(survives_every_failed_allocation)
{
	int at = 0, error;

	start(plain);
	netback_disconnect(front);
	do {
		netback_fail_alloc = at++;
		error = netback_connect(front);
		if (!error)
			error = send_bytes(10000, 0, 0) == -EMSGSIZE ? send_bytes(100, 0, 0) : 0;
		netback_fail_alloc = -1;
		netback_disconnect(front);
		ck_assert_uint_eq(netback_counts.grants_used, 0);
		ck_assert_uint_eq(netback_counts.pages, 0);
	} while (error);
	ck_assert_int_gt(at, 2 * 32); /* pages to begin with, and their grants */
	netback_end(front);
}
END_TEST

START_TEST(gives_up_a_packet_without_memory)
{
	start(all);
	for (int at = 0; at < 6; at++) {
		struct netqueue *which;

		netback_fail_alloc = at;
		if (send_bytes(12000, 0, 1448) == 0) {
			netback_fail_alloc = -1;
			kick();
			which = take_any();
			ck_assert_ptr_nonnull(which);
			netback_tx_answer(which, NETIF_RSP_OKAY);
		}
		netback_fail_alloc = -1;
		ck_assert_int_eq(send_bytes(60, 0, 0), 0);
		kick();
		which = take_any();
		ck_assert_ptr_nonnull(which);
		ck_assert_uint_eq(taken.bytes_total, 60);
		netback_tx_answer(which, NETIF_RSP_OKAY);
		ck_assert_ptr_null(take_any());
	}
	ck_assert_ptr_null(netback_reset_reason);
	(void)netqueue_complete(&front->queues[0]);
	(void)netqueue_complete(&front->queues[1]);
	ck_assert_uint_eq(front->queues[0].tx_extras + front->queues[1].tx_extras, 0);
	netback_end(front);
}
END_TEST

/* Nothing of what memory held before is shown. */
START_TEST(shows_no_old_bytes)
{
	start(plain);
	send_bytes(100, 0, 0);
	for (unsigned int i = 0; i < NET_RING_SLOTS; i++) {
		const uint8_t *page = queue->rx_pages[i].vaddr;

		ck_assert(!page || (page[0] == 0 && page[PAGE_BYTES - 1] == 0));
		page = queue->tx_pages[i].vaddr;
		ck_assert(!page || page[PAGE_BYTES - 1] == 0);
	}
	netback_end(front);
}
END_TEST

START_TEST(asks_for_groups)
{
	static const uint8_t mac[6] = {0x33, 0x33, 0, 0, 0, 1};

	start(all);
	front->dev.ops->group(&front->dev, mac, true);
	ck_assert(netback_tx_take(queue, &taken));
	ck_assert(taken.flags & NETTXF_extra_info);
	netback_tx_answer(queue, NETIF_RSP_OKAY);
	front->dev.ops->group(&front->dev, mac, true);
	ck_assert(!netback_tx_take(queue, &taken));
	ck_assert_ptr_null(netback_reset_reason);
	netback_end(front);
}
END_TEST

/* Whatever the ring shows: no byte outside the pages, nothing lost, nothing leaked. */
START_TEST(survives_noise)
{
	for (unsigned int round = 0; round < 3000; round++) {
		start(round % 2 ? all : plain);
		for (unsigned int i = 0; i < 20 && !netback_reset_reason; i++) {
			unsigned int kind = (unsigned int)(test_random() % 8);

			send_bytes(1 + test_random() % 4096, 0, 0);
			kick();
			if (kind == 0)
				queue->tx->rsp_prod = (uint32_t)test_random();
			else if (kind == 1)
				queue->rx->rsp_prod += (uint32_t)(test_random() % 300);
			else if (kind == 2)
				for (unsigned int at = 0; at < NET_RING_SLOTS; at++)
					memcpy(&queue->rx->ring[at],
					       &(uint64_t){test_random() & test_random()}, 8);
			else if (kind == 3)
				memcpy(&queue->tx->ring[test_random() % NET_RING_SLOTS],
				       &(uint64_t){test_random()}, 8);
			else
				queue->rx->rsp_prod += (uint32_t)(test_random() % 3);
			(void)netqueue_complete(queue);
			(void)netqueue_receive(queue);
		}
		netback_end(front);
		memset(&netback_counts, 0, sizeof(netback_counts));
	}
}
END_TEST

/* ---- Looking instead of sleeping ---- */

/* As a vCPU does that is about to sleep. */
static bool look_now(void)
{
	bool enabled = events_disable(), any = netdev_look();

	events_restore(enabled);
	return any;
}

static unsigned int yields, answers_left;

/* The peer answers when it gets the processor. */
static void peer_runs(void)
{
	yields++;
	if (answers_left == 0)
		return;
	answers_left--;
	netback_rx_response(queue, bytes, 60, 0);
	ck_assert(!netback_rx_offer(queue));
}

/* Sleeps that a packet ends so much later; not one is looked for. */
static void sleep_quickly(unsigned int times, uint64_t ns)
{
	for (unsigned int i = 0; i < times; i++) {
		ck_assert(!look_now());
		netback_now_ns += ns;
		netback_rx_response(queue, bytes, 60, 0);
		ck_assert(netback_rx_offer(queue));
	}
}

static void start_looking(void)
{
	start(plain);
	/* What an earlier test left behind ends with one long sleep. */
	(void)look_now();
	netback_now_ns += NS_PER_S;
	netback_rx_response(queue, bytes, 60, 0);
	netback_rx_publish(queue);
	netback_on_yield = peer_runs;
	yields = answers_left = 0;
	memset(&netback_counts, 0, sizeof(netback_counts));
}

static void finish_looking(void)
{
	netback_on_yield = NULL;
	netback_step_ns = 0;
	netback_disconnect(front);
	netback_remove(front);
}

START_TEST(looks_for_quick_packets)
{
	start_looking();
	/* Slow ones are slept for, and so are the first quick ones. */
	sleep_quickly(20, 150000);
	sleep_quickly(4, 20000);
	ck_assert_uint_eq(yields, 0);
	ck_assert_uint_eq(netback_counts.delivered, 24);
	/* From here on one look finds them, and no event is sent. */
	for (answers_left = 50; answers_left > 0;)
		ck_assert(look_now());
	ck_assert_uint_eq(yields, 50);
	ck_assert_uint_eq(netback_counts.delivered, 74);
	/* An event that was on its way finds nothing to do, and is not to blame. */
	netqueue_rx_event(queue->rx_port, queue);
	ck_assert_uint_eq(netback_counts.spurious, 0);
	netqueue_rx_event(queue->rx_port, queue);
	ck_assert_uint_eq(netback_counts.spurious, 1);
	/* Whoever does not look is told. */
	netback_rx_response(queue, bytes, 60, 0);
	ck_assert(netback_rx_offer(queue));
	finish_looking();
}
END_TEST

START_TEST(looks_in_vain_once)
{
	start_looking();
	sleep_quickly(4, 20000);
	netback_step_ns = 1000;
	ck_assert(!look_now());
	/* For a tenth of a millisecond, and it offered its processor meanwhile. */
	ck_assert_uint_gt(yields, 3);
	ck_assert_uint_lt(yields, 10);
	yields = 0;
	/* Then it is told again, and looks only when packets are quick once more. */
	netback_rx_response(queue, bytes, 60, 0);
	ck_assert(netback_rx_offer(queue));
	netback_step_ns = 0;
	ck_assert(!look_now());
	ck_assert_uint_eq(yields, 0);
	netback_rx_response(queue, bytes, 60, 0);
	ck_assert(netback_rx_offer(queue));
	finish_looking();
}
END_TEST

START_TEST(looks_not_while_events_wait)
{
	start_looking();
	sleep_quickly(4, 20000);
	vcpu_host->info.evtchn_upcall_pending = 1;
	ck_assert(!look_now());
	ck_assert_uint_eq(yields, 0);
	vcpu_host->info.evtchn_upcall_pending = 0;
	/* It may look again: that was not in vain. */
	answers_left = 1;
	ck_assert(look_now());
	/* Without a carrier, nobody touches the rings. */
	netback_disconnect(front);
	netback_step_ns = 10000;
	ck_assert(!look_now());
	ck_assert_int_eq(netback_connect(front), 0);
	queue = front->queues;
	finish_looking();
}
END_TEST

START_TEST(looks_at_broken_rings)
{
	start_looking();
	sleep_quickly(4, 20000);
	queue->rx->rsp_prod = queue->rx_prod + 1;
	netback_step_ns = 10000;
	(void)look_now();
	ck_assert_ptr_nonnull(netback_reset_reason);
	ck_assert(!netqueue_look(queue, true));
	finish_looking();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("netfront");
	TCase *tcase = tcase_create("netfront");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, connects_with_all);
	tcase_add_test(tcase, spreads_events);
	tcase_add_test(tcase, mtu_and_link);
	tcase_add_test(tcase, link_changes);
	tcase_add_test(tcase, connects_with_nothing);
	tcase_add_test(tcase, receives);
	tcase_add_test(tcase, receives_long);
	tcase_add_test(tcase, refuses_bad_responses);
	tcase_add_test(tcase, refuses_bad_extras);
	tcase_add_test(tcase, sends);
	tcase_add_test(tcase, waits_for_room);
	tcase_add_test(tcase, notices_a_stall);
	tcase_add_test(tcase, refuses_bad_answers);
	tcase_add_test(tcase, keeps_what_the_back_end_holds);
	tcase_add_test(tcase, survives_every_failed_allocation);
	tcase_add_test(tcase, gives_up_a_packet_without_memory);
	tcase_add_test(tcase, shows_no_old_bytes);
	tcase_add_test(tcase, asks_for_groups);
	tcase_add_test(tcase, survives_noise);
	tcase_add_test(tcase, looks_for_quick_packets);
	tcase_add_test(tcase, looks_in_vain_once);
	tcase_add_test(tcase, looks_not_while_events_wait);
	tcase_add_test(tcase, looks_at_broken_rings);
	suite_add_tcase(suite, tcase);
	return suite;
}
