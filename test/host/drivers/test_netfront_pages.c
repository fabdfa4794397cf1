/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network front end's memory for packets that come, over the mock's back end.
 * Links: drivers/netfront.c drivers/netfront_setup.c drivers/netfront_receive.c
 * Links: drivers/netfront_send.c core/netdev.c lib/base/format.c lib/base/parse.c
 * Links: xen/hypercall.c test/mock/mock_netback.c test/host/fake_core.c test/host/fake_spinlock.c
 */
#include "arch/x86_64/pv/boot.h"
#include "test/host/check_main.h"
#include "test/host/drivers/netback_end.h"
#include "test/mock/mock_netback.h"

static struct netfront *front;
static struct netqueue *queue;

static void start(void)
{
	static const char *const plain[] = {"feature-rx-copy=1", NULL};

	front = netback_start(plain);
	queue = front->queues;
}

static void receive(unsigned int count)
{
	static const uint8_t bytes[60];

	while (count--)
		netback_rx_response(queue, bytes, sizeof(bytes), 0);
	netback_rx_publish(queue);
}

/* Few pages for packets, and twice as many whenever half of them are filled at once. */
START_TEST(grows_with_packets)
{
	unsigned int count, delivered = 1500;

	start();
	ck_assert_uint_eq(queue->rx_pages_count, 32);
	ck_assert_uint_eq(queue->rx_prod, 32);
	for (unsigned int i = 0; i < 100; i++)
		receive(15);
	ck_assert_uint_eq(queue->rx_pages_count, 32);
	for (count = 32; count < NET_RING_SLOTS; count *= 2) {
		receive(count / 2);
		delivered += count / 2;
		ck_assert_uint_eq(queue->rx_pages_count, 2 * count);
		ck_assert_uint_eq(queue->rx_prod - queue->rx_cons, 2 * count);
		ck_assert_uint_eq(queue->rx_frees, 0);
	}
	receive(NET_RING_SLOTS);
	ck_assert_uint_eq(queue->rx_pages_count, NET_RING_SLOTS);
	ck_assert_uint_eq(netback_counts.delivered, delivered + NET_RING_SLOTS);
	netback_end(front);

	/* Without memory for more all goes on with those there are. */
	start();
	delivered = netback_counts.delivered;
	netback_fail_alloc = 9;
	receive(16);
	ck_assert_int_eq(netback_fail_alloc, -1);
	count = queue->rx_pages_count;
	ck_assert_uint_ge(count, 33);
	ck_assert_uint_lt(count, 45);
	ck_assert_uint_eq(queue->rx_prod - queue->rx_cons, count);
	receive(count);
	ck_assert_uint_eq(queue->rx_pages_count, 2 * count);
	ck_assert_uint_eq(queue->rx_prod - queue->rx_cons, 2 * count);
	ck_assert_uint_eq(netback_counts.delivered, delivered + 16 + count);
	ck_assert_ptr_null(netback_reset_reason);
	netback_end(front);

	/* No more than a share of memory, whatever comes. */
	start();
	netback_disconnect(front);
	boot_info.pages_count = 100 * 64;
	ck_assert_int_eq(netback_connect(front), 0);
	queue = front->queues;
	for (count = 16; count <= 100; count += 4) {
		receive(count < queue->rx_pages_count ? count : queue->rx_pages_count);
		ck_assert_uint_le(queue->rx_pages_count, 100);
	}
	ck_assert_uint_eq(queue->rx_pages_count, 100);
	netback_end(front);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("netfront_pages");
	TCase *tcase = tcase_create("netfront_pages");

	tcase_add_test(tcase, grows_with_packets);
	suite_add_tcase(suite, tcase);
	return suite;
}
