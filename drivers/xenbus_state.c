/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of one device. xenbus_step() is called whenever something may have changed; it does
 * one thing after another until it has to wait for a message, the back end, or the time.
 */
#include "core/heap.h"
#include "core/log.h"
#include "drivers/xenbus_internal.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"

#define STALL_NS        (10 * NS_PER_S) /* of a handshake */
#define READY_NS        (30 * NS_PER_S) /* hotplug scripts may take their time */
#define RETRY_FIRST_NS  (NS_PER_S / 10)
#define RETRY_LAST_NS   (10 * NS_PER_S)
#define RETRY_SHIFT_MAX 7
#define SETTLED_NS      (60 * NS_PER_S) /* connected so long: what was before does not count */
#define NEWS_NS         (NS_PER_S / 10) /* connected so long: nobody waits for it any more */
#define STEPS_MAX       32              /* of one call: then it is kicked again */

static void enter(struct xenbus_inner *inner, enum xenbus_phase phase, uint64_t after_ns)
{
	inner->phase = phase;
	inner->due_ns = after_ns == TIME_NEVER ? TIME_NEVER : time_monotonic_ns() + after_ns;
	if (inner->due_ns != TIME_NEVER)
		timer_arm(&inner->timer, inner->due_ns);
	else
		(void)timer_cancel(&inner->timer);
	xenbus_wake();
}

static void report(struct xenbus_inner *inner, const char *why)
{
	struct xenbus_device *device = inner->device;

	if (device->trouble != why)
		log_warn("%s: %s", inner->dir, why);
	WRITE_ONCE(device->trouble, why);
}

static void detach(struct xenbus_inner *inner)
{
	if (!inner->attached)
		return;
	inner->attached = false;
	inner->held = false;
	inner->device->driver->disconnect(inner->device);
	if (inner->connected_ns && time_monotonic_ns() - inner->connected_ns > SETTLED_NS)
		inner->attempts = 0;
	inner->connected_ns = 0;
}

static void give_up(struct xenbus_inner *inner, const char *why)
{
	report(inner, why);
	detach(inner);
	enter(inner, XENBUS_DEAD, TIME_NEVER);
	xenbus_write(inner, XenbusStateClosed);
}

/* Nothing is shared any more: begin again, the later the more often it was tried. */
static void closed(struct xenbus_inner *inner)
{
	uint64_t wait_ns = 0;

	detach(inner);
	if (inner->attempts) {
		unsigned int shift = inner->attempts - 1;

		wait_ns = shift > RETRY_SHIFT_MAX ? RETRY_LAST_NS : RETRY_FIRST_NS << shift;
		if (wait_ns > RETRY_LAST_NS)
			wait_ns = RETRY_LAST_NS;
	}
	inner->attempts++;
	enter(inner, XENBUS_CLOSED, wait_ns);
}

/* Asks the back end to let go, and waits for it before anything shared is taken back. */
static void begin_closing(struct xenbus_inner *inner)
{
	if (!inner->attached) {
		closed(inner);
		if (inner->front != XenbusStateClosed)
			xenbus_write(inner, XenbusStateClosed);
		return;
	}
	enter(inner, XENBUS_CLOSING, STALL_NS);
	xenbus_write(inner, XenbusStateClosed);
}

static void trouble(struct xenbus_inner *inner, const char *why)
{
	report(inner, why);
	begin_closing(inner);
}

/* Watches the back end that was named. False: none was, or it cannot be watched. */
static bool find_backend(struct xenbus_inner *inner)
{
	uint64_t id;
	size_t length = strlen(inner->backend_read);

	if (!inner->backend_present || !length || inner->backend_read[length - 1] == '/' ||
	    xenbus_number(inner->backend_id_text, &id) || id >= DOMID_FIRST_RESERVED)
		return false;
	inner->device->backend_id = (domid_t)id;
	xenbus_unwatch(inner);
	memcpy(inner->backend, inner->backend_read, length + 1);
	memcpy(inner->watch_path, inner->backend, length);
	memcpy(inner->watch_path + length, "/state", sizeof("/state"));
	if (xenstore_watch_add(&inner->watch))
		return false;
	inner->watching = true;
	return true;
}

/* Nothing but a change of our own was the reason to look. */
static bool front_is_known(const struct xenbus_inner *inner)
{
	uint64_t front, id;

	return inner->phase != XENBUS_NEW && inner->backend_present &&
	       strcmp(inner->backend, inner->backend_read) == 0 &&
	       !xenbus_number(inner->backend_id_text, &id) && id == inner->device->backend_id &&
	       !xenbus_number(inner->front_text, &front) && front == inner->front;
}

/* The toolstack made the directory, or made it anew, perhaps for another back end. */
static void front_was_read(struct xenbus_inner *inner)
{
	struct xenbus_device *device = inner->device;
	uint64_t front;

	if (front_is_known(inner)) {
		if (inner->phase == XENBUS_CONNECTED && device->driver->front_news)
			device->driver->changed(device);
		return;
	}
	detach(inner);
	if (!find_backend(inner)) {
		/* It is being made or taken away: a watch says when to look again. */
		WRITE_ONCE(device->trouble, "no back end is named");
		enter(inner, XENBUS_NEW, TIME_NEVER);
		return;
	}
	if (!inner->probed && device->driver->probe(device)) {
		report(inner, "not a device for this driver");
		enter(inner, XENBUS_DEAD, TIME_NEVER);
		return;
	}
	inner->probed = true;
	inner->back = XenbusStateUnknown;
	inner->back_changed = true;
	enter(inner, XENBUS_WAITING, READY_NS);
	if (xenbus_number(inner->front_text, &front) || front != XenbusStateInitialising)
		xenbus_write(inner, XenbusStateInitialising);
	else
		inner->front = XenbusStateInitialising;
}

static void back_was_read(struct xenbus_inner *inner)
{
	const struct xenbus_driver *driver = inner->device->driver;
	int error;

	if (inner->phase == XENBUS_CONNECTED) {
		if (driver->changed)
			driver->changed(inner->device);
		return;
	}
	if (inner->phase == XENBUS_WAITING) {
		inner->attached = true;
		inner->publish_error = 0;
		error = driver->connect(inner->device);
		if (!error)
			error = inner->publish_error;
		if (!error) {
			enter(inner, XENBUS_PUBLISHED, STALL_NS);
			xenbus_write(inner, driver->published_state);
		}
	} else {
		error = driver->connected(inner->device);
		if (!error) {
			WRITE_ONCE(inner->device->trouble, NULL);
			inner->device->was_connected = true;
			inner->connected_ns = time_monotonic_ns();
			enter(inner, XENBUS_CONNECTED,
			      driver->back_news && !inner->news_watching ? NEWS_NS : TIME_NEVER);
			if (inner->front != XenbusStateConnected)
				xenbus_write(inner, XenbusStateConnected);
		}
	}
	if (error)
		xenbus_write_nothing(inner);
	if (error == -EOPNOTSUPP)
		give_up(inner, "the back end lacks what this driver needs");
	else if (error)
		trouble(inner, error == -EPROTO ? "the back end's nodes make no sense"
						: "no memory or grants to connect");
}

static void state_was_read(struct xenbus_inner *inner)
{
	uint64_t number;
	XenbusState before = inner->back;

	if (!inner->state_present || xenbus_number(inner->state_text, &number) ||
	    number > XenbusStateReconfigured)
		number = XenbusStateUnknown;
	inner->back = (XenbusState)number;
	inner->online = !inner->online_present || strcmp(inner->online_text, "0") != 0;
	/* Written once more: it has news. */
	if (inner->phase == XENBUS_CONNECTED && before == XenbusStateConnected &&
	    inner->back == XenbusStateConnected)
		xenbus_read_back(inner);
}

/* The operation has ended. */
static void finish_op(struct xenbus_inner *inner)
{
	enum xenbus_op op = inner->op;

	inner->op = XENBUS_OP_NONE;
	inner->total = inner->next = 0;
	inner->text_used = 0;
	if (inner->op_error && (op == XENBUS_OP_WRITE || op == XENBUS_OP_BACK)) {
		log_warn("%s: xenstore: error %d", inner->dir, inner->op_error);
		if (inner->phase < XENBUS_CLOSING)
			trouble(inner, "xenstore did not read or write its nodes");
		return;
	}
	if (op == XENBUS_OP_FRONT)
		front_was_read(inner);
	else if (op == XENBUS_OP_STATE)
		state_was_read(inner);
	else if (op == XENBUS_OP_BACK)
		back_was_read(inner);
	else if (op == XENBUS_OP_NEWS && inner->phase == XENBUS_CONNECTED)
		inner->device->driver->changed(inner->device);
}

static bool overdue(const struct xenbus_inner *inner)
{
	return inner->due_ns != TIME_NEVER && time_monotonic_ns() >= inner->due_ns;
}

static bool back_is_gone(const struct xenbus_inner *inner)
{
	return inner->back == XenbusStateClosed || inner->back == XenbusStateUnknown;
}

static void step_waiting(struct xenbus_inner *inner)
{
	if (inner->back == XenbusStateInitWait) {
		xenbus_read_back(inner);
	} else if (inner->back == XenbusStateConnected || inner->back == XenbusStateClosing ||
		   inner->back == XenbusStateInitialised) {
		/* Left from an earlier life of ours: it has to close first. */
		enter(inner, XENBUS_CLOSING, STALL_NS);
		xenbus_write(inner, XenbusStateClosed);
	} else if (overdue(inner)) {
		report(inner, "the back end does not get ready");
		if (inner->back == XenbusStateClosed)
			begin_closing(inner);
		else
			enter(inner, XENBUS_WAITING, TIME_NEVER);
	}
}

static void step_published(struct xenbus_inner *inner)
{
	if (inner->back == XenbusStateConnected && inner->device->driver->back_is_early)
		back_was_read(inner);
	else if (inner->back == XenbusStateConnected)
		xenbus_read_back(inner);
	else if (inner->back == XenbusStateClosing || back_is_gone(inner))
		trouble(inner, "the back end refused the connection");
	else if (overdue(inner))
		trouble(inner, "the back end does not connect");
}

static void watch_news(struct xenbus_inner *inner)
{
	(void)format_text(inner->news_path, sizeof(inner->news_path), "%s/%s", inner->backend,
			  inner->device->driver->back_news);
	/* It fires at once, so the node is read. */
	inner->news_watching = !xenstore_watch_add(&inner->news_watch);
}

static void step_connected(struct xenbus_inner *inner)
{
	const struct xenbus_driver *driver = inner->device->driver;

	if (back_is_gone(inner)) {
		report(inner, "the back end went away");
		closed(inner);
		xenbus_write(inner, XenbusStateClosed);
	} else if (inner->back == XenbusStateClosing && !inner->held) {
		inner->close_now = false;
		inner->held = driver->closing && !driver->closing(inner->device);
		if (inner->held)
			report(inner, "in use; it closes when nobody has it any more");
		else
			begin_closing(inner);
	} else if (inner->held && READ_ONCE(inner->close_now)) {
		begin_closing(inner);
	} else if (overdue(inner)) {
		inner->due_ns = TIME_NEVER;
		watch_news(inner);
	}
}

static void step_closing(struct xenbus_inner *inner)
{
	if (back_is_gone(inner) || inner->back == XenbusStateInitWait || overdue(inner))
		closed(inner);
}

static void step_closed(struct xenbus_inner *inner)
{
	/* The toolstack takes it away: our directory goes next. */
	if (!inner->online || !overdue(inner))
		return;
	inner->back_changed = true;
	enter(inner, XENBUS_WAITING, READY_NS);
	xenbus_write(inner, XenbusStateInitialising);
}

static void remove_device(struct xenbus_inner *inner)
{
	detach(inner);
	xenbus_unwatch(inner);
	enter(inner, XENBUS_REMOVED, TIME_NEVER);
	if (inner->probed)
		inner->device->driver->remove(inner->device);
	else
		WRITE_ONCE(inner->freed, true);
}

/* One thing; false: there is nothing to do now. */
static bool step_once(struct xenbus_inner *inner)
{
	enum xenbus_phase phase = inner->phase;
	const char *why;

	if (inner->op != XENBUS_OP_NONE) {
		if (!xenbus_io_pump(inner))
			return false;
		finish_op(inner);
		return true;
	}
	if (phase == XENBUS_REMOVED)
		return false;
	if (!inner->listed) {
		remove_device(inner);
		return true;
	}
	if (inner->front_changed) {
		inner->front_changed = false;
		xenbus_read_front(inner);
		return true;
	}
	why = __atomic_exchange_n(&inner->why, NULL, __ATOMIC_ACQ_REL);
	if (why && (phase == XENBUS_PUBLISHED || phase == XENBUS_CONNECTED)) {
		trouble(inner, why);
		return true;
	}
	if (inner->watching && __atomic_exchange_n(&inner->back_changed, false, __ATOMIC_ACQ_REL)) {
		xenbus_read_state(inner);
		return true;
	}
	if (phase == XENBUS_CONNECTED &&
	    __atomic_exchange_n(&inner->news, false, __ATOMIC_ACQ_REL)) {
		xenbus_read_news(inner);
		return true;
	}
	if (phase == XENBUS_WAITING)
		step_waiting(inner);
	else if (phase == XENBUS_PUBLISHED)
		step_published(inner);
	else if (phase == XENBUS_CONNECTED)
		step_connected(inner);
	else if (phase == XENBUS_CLOSING)
		step_closing(inner);
	else if (phase == XENBUS_CLOSED)
		step_closed(inner);
	return inner->op != XENBUS_OP_NONE || inner->phase != phase;
}

void xenbus_step(struct xenbus_inner *inner)
{
	uint64_t now_ns;

	for (int i = 0; i < STEPS_MAX; i++) {
		if (step_once(inner))
			continue;
		/* Sending what did not fit may have used the timer. */
		now_ns = time_monotonic_ns();
		if (inner->due_ns != TIME_NEVER && inner->due_ns > now_ns && !inner->timer.armed)
			timer_arm(&inner->timer, inner->due_ns);
		return;
	}
	/* A back end that keeps us busy waits. */
	timer_arm(&inner->timer, time_monotonic_ns() + RETRY_FIRST_NS);
}
