/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenbus: front ends of devices, from their directory in xenstore to a connected back end, and
 * back.
 *
 * A driver registers a type ("vbd", "vif"). For each directory device/TYPE/ID xenbus makes a device
 * and walks the states with the back end, at boot, later (xl block-attach), and again when the back
 * end dies and comes back or the domain is resumed. Nothing waits: all of it runs from xenstore's
 * events and timers, so it works without threads and while the program computes. Each step has a
 * time limit, after which the device is closed and connected anew, later and later each time.
 *
 *   back end      front end       what xenbus does
 *   InitWait      Initialising    reads back_keys; connect(); writes what it published, then
 *                                 Initialised or Connected (published_state)
 *   Connected     Initialised     reads back_keys; connected(); Connected
 *   Connected     Connected       wrote its nodes anew: reads back_keys; changed()
 *                                 a node that is news (front_news, back_news): changed()
 *   Closing       any             closing(); then disconnect(); Closed
 *   Closed, gone  any             disconnect(); Closed; then Initialising again, if the toolstack
 *                                 has not taken the device away
 *   the front end's directory is gone: disconnect(), remove()
 *
 * Hooks are called by one vCPU at a time, over all devices; events disabled, no lock held that they
 * could want; they never wait, and may call everything below. Everything read is hostile: strings
 * are cut at XENBUS_VALUE_MAX and always terminated, numbers are parsed strictly.
 * Source: Xen public/io/xenbus.h, docs/misc/xenstore-paths.pandoc.
 */
#ifndef DRIVERS_XENBUS_H
#define DRIVERS_XENBUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/list.h"
#include "xen/evtchn.h"
#include "xen/grant.h"

#define XENBUS_VALUE_MAX 64
#define XENBUS_KEYS_MAX  24

struct xenbus_device;

struct xenbus_driver {
	const char *type;              /* also of a directory in xenstore */
	const char *const *front_keys; /* read once, before probe(); ended by NULL; may be NULL */
	const char *const *back_keys;  /* read before connect(), connected(), changed() */
	size_t device_bytes;           /* of the driver's struct, which begins with xenbus_device */
	XenbusState published_state;   /* after connect(): Initialised or Connected */
	const char *front_news;        /* one of front_keys: changed() when it does; may be NULL */
	const char *back_news;         /* the same of the back end's, not in back_keys: first read a
					* while after connected(), which does not wait for it */
	bool back_is_early;            /* the back end says all before InitWait: not read again
					* before connected() */

	/* A new device, zeroed but for xenbus's part. 0, or -errno: it is not for us, for good. */
	int (*probe)(struct xenbus_device *device);
	/* Makes rings, grants and ports, and publishes them. -errno: disconnect() is called and it
	 * is tried again later; -EOPNOTSUPP: never. */
	int (*connect)(struct xenbus_device *device);
	/* The back end has everything: begin. -errno as connect(). */
	int (*connected)(struct xenbus_device *device);
	/* May be NULL. */
	void (*changed)(struct xenbus_device *device);
	/* The back end asks to close. True: do so. False: in use; xenbus_close() will say when.
	 * NULL: always true. */
	bool (*closing)(struct xenbus_device *device);
	/* Takes back rings, grants and ports: exactly once for each connect(), also for one that
	 * failed. What is in flight stays with the driver, for after the next connected(). */
	void (*disconnect)(struct xenbus_device *device);
	/* There will be no connect() any more. From here on the device is the driver's, which calls
	 * xenbus_device_free() now or later. */
	void (*remove)(struct xenbus_device *device);

	struct list_node node; /* xenbus's, as the rest */
	struct xenbus_scan *scan;
};

struct xenbus_value {
	bool present;
	char text[XENBUS_VALUE_MAX];
};

struct xenbus_device {
	const struct xenbus_driver *driver;
	char id[16];         /* the last part of its directory: "51712", "0" */
	domid_t backend_id;  /* valid from probe() on; another one after a reconnect perhaps */
	bool was_connected;  /* at least once */
	const char *trouble; /* why it is not connected now, NULL: it is, or nothing is wrong */
	struct xenbus_value *values; /* of front_keys, then of back_keys */
	struct xenbus_inner *inner;  /* drivers/xenbus_internal.h */
};

/* driver stays for good. Devices that exist come soon. Thread context or early boot. 0 or -errno of
 * xenstore: -ENODEV for a domain without one. */
int xenbus_register(struct xenbus_driver *driver);

/* The value of one of the driver's keys, NULL when the other side has not written it. Borrowed
 * until the hook returns. */
const char *xenbus_front(const struct xenbus_device *device, const char *key);
const char *xenbus_back(const struct xenbus_device *device, const char *key);
/* A number of the back end's: absent: fallback; 0. Not a decimal number, or outside min to max:
 * -EPROTO, and value_out is fallback. */
int xenbus_back_u64(const struct xenbus_device *device, const char *key, uint64_t min, uint64_t max,
		    uint64_t fallback, uint64_t *value_out);
/* A "feature-…" or other flag: present and 1. */
bool xenbus_back_flag(const struct xenbus_device *device, const char *key);

/* In connect(): a node in the device's directory (key may be "queue-0/ring-ref"), written before
 * the state. Errors come out when all is written: the connection fails and is tried again. */
void xenbus_publish(struct xenbus_device *device, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Pages shared with the back end, zeroed. */
#define XENBUS_RING_ORDER_MAX 4
struct xenbus_ring {
	void *vaddr; /* 2^order pages in a row; NULL: none */
	unsigned int order;
	grant_ref_t refs[1 << XENBUS_RING_ORDER_MAX];
};
/* 0, -ENOMEM, -ENOSPC. */
int xenbus_ring_alloc(struct xenbus_device *device, unsigned int order,
		      struct xenbus_ring *ring_out);
/* Does nothing for one that is not there. What the back end keeps mapped goes into quarantine. */
void xenbus_ring_free(struct xenbus_ring *ring);

/* The other side broke the protocol, or does not answer: closes the device and connects it anew.
 * why: static storage; one line in the log. Any context: disconnect() is called later. */
void xenbus_reset(struct xenbus_device *device, const char *why);
/* After closing() said false: go on now. Any context. */
void xenbus_close(struct xenbus_device *device);
/* Of a device that remove() was called for. Any context. */
void xenbus_device_free(struct xenbus_device *device);

/* Waits until every device of this type that is in xenstore now is connected, or cannot be; at most
 * until deadline_ns. 0, -ETIMEDOUT, -ENODEV (no xenstore). Thread context. */
int xenbus_wait(const struct xenbus_driver *driver, uint64_t deadline_ns);

#endif
