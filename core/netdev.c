/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/netdev.h"

#include "lib/base/error.h"
#include "lib/base/format.h"
#include "xen/spinlock.h"

static const struct netdev_client *client;

void netdev_set_client(const struct netdev_client *new_client)
{
	client = new_client;
}

int netdev_register(struct netdev *dev)
{
	if (!client)
		return -ENODEV;
	format_text(dev->name, sizeof(dev->name), "eth%u", dev->id % 1000);
	return client->attach(dev);
}

void netdev_unregister(struct netdev *dev)
{
	client->detach(dev);
}

void netdev_changed(struct netdev *dev)
{
	client->changed(dev);
}

bool netdev_receive(struct netdev *dev, const struct netdev_packet *packet,
		    struct netdev_batch *batch)
{
	return client->receive(dev, packet, batch);
}

void netdev_deliver(struct netdev *dev, struct netdev_batch *batch)
{
	if (batch->first)
		client->deliver(dev, batch);
}

void netdev_room(struct netdev *dev)
{
	client->room(dev);
}
