/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/netdev.h"

#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

/* A packet that comes within that time is worth being looked for. */
#define QUICK_NS 100000u
/* So many sleeps in a row were that short before we look. */
#define QUICK_SLEEPS 4u
/* Looks at the devices before we offer our processor again. */
#define LOOKS 16u

static const struct netdev_client *client;

/* Devices, and who looks for packets: the lock is his until he is done. */
static struct spinlock lock;
static struct list_node devices = {&devices, &devices};
static uint64_t vcpus; /* where threads run; 0: on the first one as ever */

/* Hints, of whichever vCPU slept last. */
static uint64_t slept_ns;  /* when; 0: a packet came since then */
static unsigned int quick; /* sleeps in a row that a packet ended soon */

/* lock. */
static void spread(struct netdev *dev)
{
	if (vcpus && READ_ONCE(dev->carrier) && dev->ops->spread)
		dev->ops->spread(dev, vcpus);
}

void netdev_set_client(const struct netdev_client *new_client)
{
	client = new_client;
}

int netdev_register(struct netdev *dev)
{
	bool enabled;
	int error;

	if (!client)
		return -ENODEV;
	format_text(dev->name, sizeof(dev->name), "eth%u", dev->id % 1000);
	error = client->attach(dev);
	if (error)
		return error;
	enabled = spin_lock_events(&lock);
	list_append(&devices, &dev->node);
	spread(dev);
	spin_unlock_events(&lock, enabled);
	return 0;
}

void netdev_unregister(struct netdev *dev)
{
	bool enabled = spin_lock_events(&lock);

	list_remove(&dev->node);
	spin_unlock_events(&lock, enabled);
	client->detach(dev);
}

void netdev_changed(struct netdev *dev)
{
	/* Who still looks saw the carrier that was. */
	bool enabled = spin_lock_events(&lock);

	spread(dev);
	spin_unlock_events(&lock, enabled);
	client->changed(dev);
}

void netdev_vcpus_changed(uint64_t new_vcpus)
{
	bool enabled = spin_lock_events(&lock);

	vcpus = new_vcpus;
	for (struct list_node *node = devices.next; node != &devices; node = node->next)
		spread(container_of(node, struct netdev, node));
	spin_unlock_events(&lock, enabled);
}

bool netdev_receive(struct netdev *dev, const struct netdev_packet *packet,
		    struct netdev_batch *batch)
{
	return client->receive(dev, packet, batch);
}

void netdev_deliver(struct netdev *dev, struct netdev_batch *batch)
{
	uint64_t since_ns = READ_ONCE(slept_ns);

	if (!batch->first)
		return;
	if (since_ns) {
		WRITE_ONCE(slept_ns, 0);
		WRITE_ONCE(quick, time_monotonic_ns() - since_ns < QUICK_NS ? quick + 1 : 0);
	}
	client->deliver(dev, batch);
}

void netdev_room(struct netdev *dev)
{
	client->room(dev);
}

/* ---- Looking instead of sleeping ---- */

/* lock. */
static bool look_at_all(bool quiet)
{
	bool any = false;

	for (struct list_node *node = devices.next; node != &devices; node = node->next) {
		struct netdev *dev = container_of(node, struct netdev, node);

		if (READ_ONCE(dev->carrier) && dev->ops->look && dev->ops->look(dev, quiet))
			any = true;
	}
	return any;
}

/* Until something came, any event is pending, or it took longer than quick ones do. lock. */
static bool look_for_packets(void)
{
	uint64_t deadline_ns = 0;

	for (unsigned int looks = 0;; looks++) {
		if (look_at_all(true))
			return true;
		if (READ_ONCE(VCPU(info.evtchn_upcall_pending)))
			return false;
		/* The first time nothing was there yet, and whoever sends may want the processor:
		 * the clock is read only by who has to look a third time. */
		if (looks == 1)
			deadline_ns = time_monotonic_ns() + QUICK_NS;
		if (looks > 1 && time_monotonic_ns() >= deadline_ns) {
			WRITE_ONCE(quick, 0);
			return false;
		}
		if (looks % LOOKS == 0)
			hypercall_sched_yield();
		else
			cpu_relax();
	}
}

bool netdev_look(void)
{
	bool any;

	if (READ_ONCE(quick) < QUICK_SLEEPS) {
		WRITE_ONCE(slept_ns, time_monotonic_ns());
		return false;
	}
	if (!spin_trylock(&lock))
		return false;
	any = look_for_packets();
	/* Of those that brought nothing events are wanted again. */
	any |= look_at_all(false);
	spin_unlock(&lock);
	return any;
}
