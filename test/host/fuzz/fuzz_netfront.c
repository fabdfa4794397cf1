/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes in the rings of the network front end: no byte outside its pages is touched, and all of
 * it can be taken away afterwards.
 * Sources: drivers/netfront.c drivers/netfront_setup.c drivers/netfront_receive.c
 * Sources: drivers/netfront_send.c core/netdev.c lib/base/format.c lib/base/parse.c
 * Sources: xen/hypercall.c test/mock/mock_netback.c test/host/fake_core.c
 * Sources: test/host/fake_spinlock.c
 */
#include <stdlib.h>
#include <string.h>

#include "test/mock/mock_netback.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

static void notify(evtchn_port_t port)
{
	(void)evtchn_notify(port);
}

static void send_some(struct netfront *front, size_t bytes_count)
{
	static const char bytes[PAGE_BYTES];
	struct netdev_piece piece = {bytes, bytes_count};
	struct netdev_packet packet = {
		.pieces = &piece, .pieces_count = 1, .bytes_total = bytes_count};

	(void)front->dev.ops->transmit(&front->dev, &packet);
	front->dev.ops->kick(&front->dev, notify);
}

/* Nine bytes are one step: what to do, and eight bytes to do it with. */
static void step(struct netfront *front, const uint8_t *bytes)
{
	struct netqueue *queue = front->queues;
	netif_rx_sring_t *rx = queue->rx_ring.vaddr;
	netif_tx_sring_t *tx = queue->tx_ring.vaddr;
	uint32_t number;

	memcpy(&number, bytes + 1, sizeof(number));
	switch (bytes[0] % 8) {
	case 0:
		rx->rsp_prod += number % 4;
		break;
	case 1:
		tx->rsp_prod += number % 4;
		break;
	case 2:
		rx->rsp_prod = number;
		break;
	case 3:
		tx->rsp_prod = number;
		break;
	case 4:
		memcpy(&rx->ring[bytes[0] / 8], bytes + 1, 8);
		break;
	case 5:
		memcpy(&tx->ring[bytes[0] / 8], bytes + 1, 8);
		break;
	case 6:
		send_some(front, 1 + number % PAGE_BYTES);
		break;
	default:
		(void)netqueue_complete(queue);
		(void)netqueue_receive(queue);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	static const char *const keys[] = {"feature-rx-copy=1", "feature-sg=1", NULL};
	static struct netfront *front;

	if (!front)
		front = netback_start(keys);
	else if (netback_connect(front))
		abort();
	for (; bytes_count >= 9; bytes += 9, bytes_count -= 9)
		step(front, bytes);
	(void)netqueue_complete(front->queues);
	(void)netqueue_receive(front->queues);
	netback_disconnect(front);
	if (netback_counts.grants_used || netback_counts.pages)
		abort();
	return 0;
}
