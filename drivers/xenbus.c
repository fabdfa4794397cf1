/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which devices there are, and whose turn it is. Watches, answers and timers set flags and call
 * xenbus_work(), which looks at everything that was kicked; while it runs on one vCPU others only
 * leave their flags.
 *
 * Lock: xenbus.lock, of `working` and the lists, which the worker alone changes; held over the
 * queues of waiting threads.
 */
#include "drivers/xenbus.h"

#include "core/heap.h"
#include "core/log.h"
#include "core/suspend.h"
#include "core/wait.h"
#include "drivers/xenbus_internal.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define DEVICES_MAX   256u
#define SCAN_RETRY_NS 100000000ULL

/* One type's directory. */
struct xenbus_scan {
	struct xenbus_driver *driver;
	char path[32]; /* "device/vbd" */
	struct xenstore_watch watch;
	struct xenstore_request request;
	struct timer timer;
	bool changed;  /* by anybody: look again */
	bool asked;    /* the request is under way; the worker's */
	bool answered; /* and done */
	bool complete; /* once at least, and no change since */
	char names[XENSTORE_PAYLOAD_MAX + 1];
};

static struct {
	struct spinlock lock;
	bool working, again, suspended, registered;
	struct list_node drivers, devices;
	unsigned int devices_count;
	struct waitq waiters;
} xenbus = {
	.drivers = LIST_INIT(xenbus.drivers),
	.devices = LIST_INIT(xenbus.devices),
};

void xenbus_wake(void)
{
	waitq_wake_all(&xenbus.waiters);
}

/* --- devices --- */

static void back_state_changed(struct xenstore_watch *watch, const char *changed_path)
{
	struct xenbus_inner *inner = watch->arg;

	(void)changed_path;
	__atomic_store_n(&inner->back_changed, true, __ATOMIC_RELEASE);
	xenbus_kick(inner);
}

static void back_news_changed(struct xenstore_watch *watch, const char *changed_path)
{
	struct xenbus_inner *inner = watch->arg;

	(void)changed_path;
	__atomic_store_n(&inner->news, true, __ATOMIC_RELEASE);
	xenbus_kick(inner);
}

static void device_timer_fired(struct timer *timer)
{
	xenbus_kick(container_of(timer, struct xenbus_inner, timer));
}

void xenbus_unwatch(struct xenbus_inner *inner)
{
	if (inner->watching)
		xenstore_watch_remove(&inner->watch);
	if (inner->news_watching)
		xenstore_watch_remove(&inner->news_watch);
	inner->watching = inner->news_watching = false;
}

static unsigned int values_count(const struct xenbus_driver *driver)
{
	unsigned int count = 0;

	for (const char *const *key = driver->front_keys; key && *key; key++)
		count++;
	for (const char *const *key = driver->back_keys; key && *key; key++)
		count++;
	return count;
}

static struct xenbus_device *device_create(const struct xenbus_scan *scan, const char *id)
{
	const struct xenbus_driver *driver = scan->driver;
	struct xenbus_device *device = heap_alloc_zeroed(driver->device_bytes);
	struct xenbus_inner *inner = heap_alloc_zeroed(sizeof(*inner));
	struct xenbus_value *values = heap_alloc_zeroed(values_count(driver) * sizeof(*values) + 1);
	char *text = heap_alloc_zeroed(XENBUS_TEXT_MIN);

	if (!device || !inner || !values || !text) {
		heap_free(text);
		heap_free(values);
		heap_free(inner);
		heap_free(device);
		return NULL;
	}
	device->driver = driver;
	device->values = values;
	device->inner = inner;
	memcpy(device->id, id, strlen(id) + 1);
	inner->device = device;
	inner->text = text;
	inner->text_max = XENBUS_TEXT_MIN;
	inner->front_changed = inner->kicked = true;
	inner->due_ns = TIME_NEVER;
	inner->online = true;
	(void)format_text(inner->dir, sizeof(inner->dir), "%s/%s", scan->path, id);
	inner->watch = (struct xenstore_watch){
		.path = inner->watch_path,
		.fn = back_state_changed,
		.arg = inner,
	};
	inner->news_watch = (struct xenstore_watch){
		.path = inner->news_path,
		.fn = back_news_changed,
		.arg = inner,
	};
	timer_init(&inner->timer, device_timer_fired);
	return device;
}

static void device_destroy(struct xenbus_inner *inner)
{
	bool enabled = spin_lock_events(&xenbus.lock);

	list_remove(&inner->node);
	xenbus.devices_count--;
	spin_unlock_events(&xenbus.lock, enabled);
	(void)timer_cancel(&inner->timer);
	heap_free(inner->text);
	heap_free(inner->device->values);
	heap_free(inner->device);
	heap_free(inner);
}

/* What drivers say in the middle of something is looked at when they are out of it. */
static void kick_later(struct xenbus_inner *inner, bool *flag)
{
	bool enabled = spin_lock_events(&xenbus.lock);

	if (flag)
		WRITE_ONCE(*flag, true);
	timer_arm(&inner->timer, time_monotonic_ns());
	spin_unlock_events(&xenbus.lock, enabled);
}

void xenbus_device_free(struct xenbus_device *device)
{
	kick_later(device->inner, &device->inner->freed);
}

void xenbus_reset(struct xenbus_device *device, const char *why)
{
	__atomic_store_n(&device->inner->why, why, __ATOMIC_RELEASE);
	kick_later(device->inner, NULL);
}

void xenbus_close(struct xenbus_device *device)
{
	kick_later(device->inner, &device->inner->close_now);
}

/* --- scans --- */

static bool id_is_sane(const char *id)
{
	size_t length = strlen(id);

	if (!length || length >= sizeof(((struct xenbus_device *)0)->id))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'z') ||
		      id[i] == '-' || id[i] == '_'))
			return false;
	return true;
}

static struct xenbus_inner *device_find(const struct xenbus_driver *driver, const char *id)
{
	struct list_node *node;

	list_for_each (node, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);

		/* One that was removed may live on with its driver while a new one comes. */
		if (inner->device->driver == driver && inner->phase != XENBUS_REMOVED &&
		    strcmp(inner->device->id, id) == 0)
			return inner;
	}
	return NULL;
}

static void device_listed(struct xenbus_scan *scan, const char *id)
{
	struct xenbus_inner *inner = id_is_sane(id) ? device_find(scan->driver, id) : NULL;
	struct xenbus_device *device;
	bool enabled;

	if (inner) {
		inner->listed = true;
		return;
	}
	if (!id_is_sane(id) || xenbus.devices_count >= DEVICES_MAX) {
		log_warn("%s: a device too strange, or one too many", scan->path);
		return;
	}
	device = device_create(scan, id);
	if (!device) {
		log_error("%s/%s: no memory for it", scan->path, id);
		timer_arm(&scan->timer, time_monotonic_ns() + SCAN_RETRY_NS);
		return;
	}
	device->inner->listed = true;
	enabled = spin_lock_events(&xenbus.lock);
	list_append(&xenbus.devices, &device->inner->node);
	xenbus.devices_count++;
	spin_unlock_events(&xenbus.lock, enabled);
}

static void scan_answered(struct xenbus_scan *scan)
{
	size_t bytes = scan->request.result ? 0 : scan->request.reply_bytes;
	struct list_node *node;

	scan->asked = scan->answered = false;
	if (scan->request.result && scan->request.result != -ENOENT) {
		timer_arm(&scan->timer, time_monotonic_ns() + SCAN_RETRY_NS);
		return;
	}
	list_for_each (node, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);

		if (inner->device->driver == scan->driver && inner->phase != XENBUS_REMOVED) {
			inner->listed = false;
			inner->kicked = true;
		}
	}
	for (const char *name = scan->names; name < scan->names + bytes; name += strlen(name) + 1)
		device_listed(scan, name);
	WRITE_ONCE(scan->complete, !READ_ONCE(scan->changed));
	xenbus_wake();
}

static void scan_done(struct xenstore_request *request)
{
	struct xenbus_scan *scan = container_of(request, struct xenbus_scan, request);

	__atomic_store_n(&scan->answered, true, __ATOMIC_RELEASE);
	xenbus_work();
}

static void scan_step(struct xenbus_scan *scan)
{
	int error;

	if (scan->asked) {
		if (!__atomic_load_n(&scan->answered, __ATOMIC_ACQUIRE))
			return;
		scan_answered(scan);
	}
	if (!__atomic_exchange_n(&scan->changed, false, __ATOMIC_ACQ_REL))
		return;
	scan->request = (struct xenstore_request){
		.reply = scan->names,
		.reply_max = sizeof(scan->names),
		.done = scan_done,
	};
	scan->asked = true;
	error = xenstore_submit(&scan->request, XS_DIRECTORY, scan->path, strlen(scan->path) + 1);
	if (error) {
		scan->asked = false;
		timer_arm(&scan->timer, time_monotonic_ns() + SCAN_RETRY_NS);
	}
}

static void scan_timer_fired(struct timer *timer)
{
	struct xenbus_scan *scan = container_of(timer, struct xenbus_scan, timer);

	__atomic_store_n(&scan->changed, true, __ATOMIC_RELEASE);
	xenbus_work();
}

/* A device's own nodes change all the time, by us too. What counts is a directory that comes or
 * goes, another back end, and what the driver calls news. */
static void front_changed(struct xenstore_watch *watch, const char *changed_path)
{
	struct xenbus_scan *scan = watch->arg;
	size_t length = strlen(scan->path), id_length = 0;
	const char *id = changed_path + length + 1, *rest;
	bool enabled, whole, news;
	struct list_node *node;

	if (strncmp(changed_path, scan->path, length) != 0)
		return;
	whole = !changed_path[length];
	while (!whole && id[id_length] && id[id_length] != '/')
		id_length++;
	rest = id + id_length;
	news = !whole && *rest && scan->driver->front_news &&
	       strcmp(rest + 1, scan->driver->front_news) == 0;
	if (!news && !whole && *rest && strcmp(rest, "/backend") != 0 &&
	    strcmp(rest, "/backend-id") != 0)
		return;
	enabled = spin_lock_events(&xenbus.lock);
	if (!news)
		WRITE_ONCE(scan->complete, false);
	list_for_each (node, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);
		const char *own = inner->device->id;

		if (inner->device->driver == scan->driver && !whole &&
		    strncmp(own, id, id_length) == 0 && !own[id_length]) {
			__atomic_store_n(&inner->front_changed, true, __ATOMIC_RELEASE);
			WRITE_ONCE(inner->kicked, true);
		}
	}
	spin_unlock_events(&xenbus.lock, enabled);
	if (!news)
		__atomic_store_n(&scan->changed, true, __ATOMIC_RELEASE);
	xenbus_work();
}

/* --- the worker --- */

static void work(void)
{
	struct list_node *node, *after;

	list_for_each (node, &xenbus.drivers)
		scan_step(container_of(node, struct xenbus_driver, node)->scan);
	list_for_each_safe (node, after, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);

		if (!__atomic_exchange_n(&inner->kicked, false, __ATOMIC_ACQ_REL))
			continue;
		xenbus_step(inner);
		if (READ_ONCE(inner->freed) && inner->op == XENBUS_OP_NONE)
			device_destroy(inner);
	}
}

/* With xenbus.lock, which it gives back. */
static void work_locked(bool enabled)
{
	xenbus.again = true;
	while (!xenbus.working && !xenbus.suspended && xenbus.again) {
		xenbus.working = true;
		xenbus.again = false;
		spin_unlock(&xenbus.lock);
		work();
		spin_lock(&xenbus.lock);
		xenbus.working = false;
	}
	spin_unlock_events(&xenbus.lock, enabled);
}

void xenbus_work(void)
{
	work_locked(spin_lock_events(&xenbus.lock));
}

/* The flag is set under the lock, which who frees the device takes last. */
void xenbus_kick(struct xenbus_inner *inner)
{
	bool enabled = spin_lock_events(&xenbus.lock);

	inner->kicked = true;
	work_locked(enabled);
}

void xenbus_answered(struct xenbus_inner *inner)
{
	bool enabled = spin_lock_events(&xenbus.lock);

	(void)__atomic_sub_fetch(&inner->pending, 1, __ATOMIC_RELEASE);
	inner->kicked = true;
	work_locked(enabled);
}

/* --- registering, waiting, suspending --- */

static void xenbus_suspend(void)
{
	xenbus.suspended = true;
}

/* Rings and ports are gone, the back ends perhaps others; nobody else runs, and no message is under
 * way. */
static void xenbus_resume(void)
{
	struct list_node *node;

	list_for_each (node, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);

		if (inner->phase == XENBUS_REMOVED)
			continue;
		if (inner->attached)
			inner->device->driver->disconnect(inner->device);
		inner->attached = inner->held = false;
		inner->op = XENBUS_OP_NONE;
		xenbus_write_nothing(inner);
		inner->phase = XENBUS_NEW;
		inner->due_ns = TIME_NEVER;
		inner->attempts = 0;
		inner->front_changed = inner->kicked = true;
	}
	xenbus.suspended = false;
	xenbus_work();
}

int xenbus_register(struct xenbus_driver *driver)
{
	static struct suspend_client client = {
		.name = "xenbus",
		.suspend = xenbus_suspend,
		.resume = xenbus_resume,
	};
	struct xenbus_scan *scan;
	bool enabled;
	int error;

	if (!xenstore_available())
		return -ENODEV;
	error = grant_prepare();
	if (error)
		return error;
	scan = heap_alloc_zeroed(sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	if (!xenbus.registered)
		suspend_register(&client);
	xenbus.registered = true;
	(void)format_text(scan->path, sizeof(scan->path), "device/%s", driver->type);
	scan->driver = driver;
	driver->scan = scan;
	timer_init(&scan->timer, scan_timer_fired);
	scan->watch = (struct xenstore_watch){.path = scan->path, .fn = front_changed, .arg = scan};
	enabled = spin_lock_events(&xenbus.lock);
	list_append(&xenbus.drivers, &driver->node);
	spin_unlock_events(&xenbus.lock, enabled);
	/* It fires at once, which begins the first scan. */
	error = xenstore_watch_add(&scan->watch);
	if (error)
		log_error("%s: cannot be watched: error %d", scan->path, error);
	return error;
}

static bool is_settled(const struct xenbus_driver *driver)
{
	bool enabled = spin_lock_events(&xenbus.lock), settled = READ_ONCE(driver->scan->complete);
	struct list_node *node;

	list_for_each (node, &xenbus.devices) {
		struct xenbus_inner *inner = container_of(node, struct xenbus_inner, node);
		enum xenbus_phase phase = READ_ONCE(inner->phase);

		if (inner->device->driver == driver && phase != XENBUS_CONNECTED &&
		    phase < XENBUS_DEAD && !READ_ONCE(inner->device->trouble))
			settled = false;
	}
	spin_unlock_events(&xenbus.lock, enabled);
	return settled;
}

int xenbus_wait(const struct xenbus_driver *driver, uint64_t deadline_ns)
{
	if (!driver->scan)
		return -ENODEV;
	return waitq_wait(&xenbus.waiters, is_settled(driver), deadline_ns, false);
}

/* --- what drivers ask --- */

static const struct xenbus_value *value_find(const struct xenbus_device *device, const char *key,
					     bool back)
{
	const struct xenbus_value *value = device->values;

	for (const char *const *name = device->driver->front_keys; name && *name; name++, value++)
		if (!back && strcmp(*name, key) == 0)
			return value;
	for (const char *const *name = device->driver->back_keys; name && *name; name++, value++)
		if (back && strcmp(*name, key) == 0)
			return value;
	if (back && device->driver->back_news && strcmp(device->driver->back_news, key) == 0)
		return &device->inner->news_value;
	return NULL;
}

const char *xenbus_front(const struct xenbus_device *device, const char *key)
{
	const struct xenbus_value *value = value_find(device, key, false);

	return value && value->present ? value->text : NULL;
}

const char *xenbus_back(const struct xenbus_device *device, const char *key)
{
	const struct xenbus_value *value = value_find(device, key, true);

	return value && value->present ? value->text : NULL;
}

int xenbus_number(const char *text, uint64_t *value_out)
{
	return parse_u64_bytes(text, strlen(text), 10, value_out) ? -EINVAL : 0;
}

int xenbus_back_u64(const struct xenbus_device *device, const char *key, uint64_t min, uint64_t max,
		    uint64_t fallback, uint64_t *value_out)
{
	const char *text = xenbus_back(device, key);
	uint64_t value;

	*value_out = fallback;
	if (!text)
		return 0;
	if (xenbus_number(text, &value) || value < min || value > max) {
		log_warn("%s: back end's %s is '%s'", device->inner->dir, key, text);
		return -EPROTO;
	}
	*value_out = value;
	return 0;
}

bool xenbus_back_flag(const struct xenbus_device *device, const char *key)
{
	const char *text = xenbus_back(device, key);

	return text && strcmp(text, "1") == 0;
}
