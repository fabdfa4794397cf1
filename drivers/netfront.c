/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/netfront.h"

#include "core/log.h"
#include "drivers/netfront_setup.h"
#include "lib/base/error.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"

static struct netfront *front_of(struct xenbus_device *xen)
{
	return container_of(xen, struct netfront, xen);
}

void netfront_broken(struct netfront *front, const char *why)
{
	front->dev.stats.violations++;
	xenbus_reset(&front->xen, why);
}

/* "00:16:3e:01:02:03" */
static int parse_mac(const char *text, uint8_t mac_out[NETDEV_MAC_BYTES])
{
	for (unsigned int i = 0; i < NETDEV_MAC_BYTES; i++) {
		uint64_t byte;

		if (strlen(text) < 2 || parse_u64_bytes(text, 2, 16, &byte))
			return -EINVAL;
		mac_out[i] = (uint8_t)byte;
		text += 2;
		if (i < NETDEV_MAC_BYTES - 1 && *text++ != ':')
			return -EINVAL;
	}
	/* Not a group's, not zeros. */
	return *text || (mac_out[0] & 1) ||
			       !(mac_out[0] | mac_out[1] | mac_out[2] | mac_out[3] | mac_out[4] |
				 mac_out[5])
		       ? -EINVAL
		       : 0;
}

static const char *config_of(struct netdev *dev)
{
	const struct netfront *front = netfront_of(dev);

	return front->config[0] ? front->config : NULL;
}

static int probe(struct xenbus_device *xen)
{
	struct netfront *front = front_of(xen);
	const char *mac = xenbus_front(xen, "mac");
	uint64_t id;

	if (parse_u64(xen->id, &id) || id > UINT16_MAX)
		return -EINVAL;
	if (!mac || parse_mac(mac, front->dev.mac)) {
		log_warn("eth%u: no usable MAC address in xenstore", (unsigned int)id);
		return -EINVAL;
	}
	front->dev.id = (unsigned int)id;
	front->dev.ops = &netfront_ops;
	front->dev.config = config_of;
	timer_init(&front->stall, netfront_stalled);
	return 0;
}

static int connect(struct xenbus_device *xen)
{
	const char *config = xenbus_back(xen, "ip");
	struct netfront *front = front_of(xen);
	int error = netfront_create_queues(front);

	if (error == -EOPNOTSUPP)
		log_error("eth%u: the back end cannot copy (feature-rx-copy)", front->dev.id);
	if (config)
		memcpy(front->config, config, strlen(config) + 1);
	return error;
}

static int connected(struct xenbus_device *xen)
{
	struct netfront *front = front_of(xen);
	int error = 0;

	netfront_read_features(front);
	WRITE_ONCE(front->dev.carrier, netfront_has_link(front));
	/* Packets may have come before anybody could be told. */
	if (front->registered) {
		netdev_changed(&front->dev);
	} else {
		error = netdev_register(&front->dev);
		front->registered = error == 0;
	}
	if (error == 0)
		netfront_send_groups(front);
	for (unsigned int i = 0; error == 0 && i < front->queues_count; i++)
		(void)evtchn_notify(front->queues[i].rx_port);
	return error;
}

static void changed(struct xenbus_device *xen)
{
	struct netfront *front = front_of(xen);

	netfront_read_features(front);
	WRITE_ONCE(front->dev.carrier, netfront_has_link(front));
	if (front->registered)
		netdev_changed(&front->dev);
}

static void disconnect(struct xenbus_device *xen)
{
	struct netfront *front = front_of(xen);

	WRITE_ONCE(front->dev.carrier, false);
	/* With the stack's lock: afterwards nobody is in transmit(), or will be. */
	if (front->registered)
		netdev_changed(&front->dev);
	netfront_destroy_queues(front);
}

static void remove(struct xenbus_device *xen)
{
	struct netfront *front = front_of(xen);

	if (front->registered)
		netdev_unregister(&front->dev);
	xenbus_device_free(xen);
}

static const char *const front_keys[] = {"mac", "mtu", NULL};
static const char *const back_keys[] = {"feature-rx-copy",
					"feature-sg",
					"feature-gso-tcpv4",
					"feature-gso-tcpv6",
					"feature-ipv6-csum-offload",
					"feature-no-csum-offload",
					"feature-split-event-channels",
					"feature-multicast-control",
					"multi-queue-max-queues",
					"ip",
					NULL};

static struct xenbus_driver driver = {
	.type = "vif",
	.front_keys = front_keys,
	.back_keys = back_keys,
	.front_news = "mtu",
	.back_news = "carrier",
	.device_bytes = sizeof(struct netfront),
	.published_state = XenbusStateConnected,
	.back_is_early = true,
	.probe = probe,
	.connect = connect,
	.connected = connected,
	.changed = changed,
	.disconnect = disconnect,
	.remove = remove,
};

int netfront_init(void)
{
	return xenbus_register(&driver);
}

int netfront_wait(uint64_t deadline_ns)
{
	return xenbus_wait(&driver, deadline_ns);
}
