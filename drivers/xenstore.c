/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages go into the ring whole when they fit, else into a queue behind it that the next event
 * moves on. Replies are matched by req_id; ids start at 1, replies to id 0 are ignored. What
 * arrives is gathered piece by piece: first a header, then its payload.
 *
 * A flood cannot keep us: an event handles at most RECEIVE_BYTES_MAX; then the port stays masked
 * until a timer has gone on with it.
 *
 * Lock: store.lock, of everything here and of the requests and watches in its lists; held over the
 * page allocator, timers and waiting threads' queues. done and fn are called without it, by one
 * vCPU at a time, the one that is in store_work().
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/log.h"
#include "core/page.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/ring.h"
#include "xen/spinlock.h"
#include "xen/xswire.h"

#define QUEUE_ORDER       1
#define QUEUE_BYTES       (PAGE_BYTES << QUEUE_ORDER)
#define RECEIVE_BYTES_MAX 16384
#define RECEIVE_PAUSE_NS  1000000ULL

enum store_state { STORE_NONE, STORE_READY, STORE_BROKEN };

static struct store {
	struct spinlock lock;
	bool working;        /* some vCPU is in store_work() */
	bool again;          /* and shall look once more */
	bool paused;         /* by a flood: the port is masked until the timer goes on */
	uint32_t caller;     /* 1 + the vCPU that is inside done or fn, 0: none */
	const void *calling; /* the request or watch it is called for */
	enum store_state state;
	evtchn_port_t port;
	struct ring_in in;
	struct ring_out out;
	struct list_node in_flight, watches;
	struct waitq queue_waiters; /* for replies and for room */
	uint32_t last_id, last_token;
	uint32_t event_req_cons; /* the other side's index at the last event */
	bool sending;            /* a message is half in the ring or the queue */
	/* messages behind the ring, as a byte ring of our own */
	char *queue;
	uint32_t queue_head, queue_used;
	/* the message being received */
	struct xsd_sockmsg header;
	uint32_t header_bytes, payload_bytes;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
	struct timer receive_timer;
	struct xenstore_stats stats;
} store;

static bool lock(void)
{
	return spin_lock_events(&store.lock);
}

static void unlock(bool enabled)
{
	spin_unlock_events(&store.lock, enabled);
}

bool xenstore_available(void)
{
	return READ_ONCE(store.state) == STORE_READY;
}

void xenstore_get_stats(struct xenstore_stats *stats_out)
{
	bool enabled = lock();

	*stats_out = store.stats;
	unlock(enabled);
}

/* Lets go of the lock to call somebody back for a request or watch. */
static void call_begin(const void *calling)
{
	store.calling = calling;
	store.caller = VCPU(id) + 1;
	spin_unlock(&store.lock);
}

static void call_end(void)
{
	spin_lock(&store.lock);
	store.calling = NULL;
	store.caller = 0;
}

static void request_complete(struct xenstore_request *request, int result)
{
	void (*done)(struct xenstore_request * request) = request->done;

	list_remove(&request->node);
	request->result = result;
	/* Without done it is its owner's again from here on, and may be gone. */
	smp_wmb();
	WRITE_ONCE(request->completed, true);
	waitq_wake_all(&store.queue_waiters);
	if (done) {
		call_begin(request);
		done(request);
		call_end();
	}
}

static void fail_all(void)
{
	while (!list_empty(&store.in_flight))
		request_complete(container_of(store.in_flight.next, struct xenstore_request, node),
				 -EIO);
}

/* The other side broke the protocol: nothing it says counts any more. store_work() fails what is in
 * flight: a timer makes it run. */
static void store_break(const char *why)
{
	if (store.state != STORE_READY)
		return;
	WRITE_ONCE(store.state, STORE_BROKEN);
	store.stats.violations++;
	store.queue_used = 0;
	timer_arm(&store.receive_timer, time_monotonic_ns());
	log_error("xenstore: protocol violation: %s; connection given up", why);
}

/* Appends to the queue; the caller has checked the room. */
static void queue_append(const void *bytes, size_t bytes_count)
{
	const char *from = bytes;

	for (size_t i = 0; i < bytes_count; i++)
		store.queue[(store.queue_head + store.queue_used++) % QUEUE_BYTES] = from[i];
}

/* Moves on what waits behind the ring. True if anything moved. */
static bool queue_pump(void)
{
	bool moved = false;

	while (store.queue_used) {
		uint32_t run = QUEUE_BYTES - store.queue_head;
		size_t sent;

		if (run > store.queue_used)
			run = store.queue_used;
		sent = ring_out_write(&store.out, store.queue + store.queue_head, run);
		if (!sent)
			break;
		store.queue_head = (store.queue_head + sent) % QUEUE_BYTES;
		store.queue_used -= sent;
		moved = true;
	}
	return moved;
}

/* Sends header and parts, or none of it: 0, -EAGAIN, -ENOMEM. Locked. */
static int send_message(const struct xsd_sockmsg *header, const struct xenstore_part *parts,
			size_t parts_count)
{
	size_t message_bytes = sizeof(*header) + header->len;
	bool direct = !store.queue_used && ring_out_room(&store.out) >= message_bytes;

	if (!direct && !store.queue)
		store.queue = page_alloc(QUEUE_ORDER, 0);
	if (!direct && !store.queue)
		return -ENOMEM;
	if (!direct && QUEUE_BYTES - store.queue_used < message_bytes)
		return -EAGAIN;
	store.sending = true;
	if (direct)
		(void)ring_out_write(&store.out, header, sizeof(*header));
	else
		queue_append(header, sizeof(*header));
	for (size_t i = 0; i < parts_count; i++) {
		if (direct)
			(void)ring_out_write(&store.out, parts[i].bytes, parts[i].bytes_count);
		else
			queue_append(parts[i].bytes, parts[i].bytes_count);
	}
	store.sending = false;
	if (!direct)
		(void)queue_pump();
	(void)evtchn_notify(store.port);
	return 0;
}

static uint32_t next_id(void)
{
	if (!++store.last_id)
		++store.last_id;
	return store.last_id;
}

int xenstore_submit_parts(struct xenstore_request *request, unsigned int type,
			  const struct xenstore_part *parts, size_t parts_count)
{
	struct xsd_sockmsg header = {.type = type, .tx_id = request->transaction};
	size_t payload_bytes = 0;
	bool enabled;
	int error;

	for (size_t i = 0; i < parts_count; i++)
		payload_bytes += parts[i].bytes_count;
	if (payload_bytes > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	enabled = lock();
	header.req_id = next_id();
	header.len = payload_bytes;
	error = store.state == STORE_READY  ? send_message(&header, parts, parts_count)
		: store.state == STORE_NONE ? -ENODEV
					    : -EIO;
	if (!error) {
		request->id = header.req_id;
		request->type = type;
		request->completed = false;
		request->reply_bytes = request->reply_total_bytes = 0;
		list_append(&store.in_flight, &request->node);
	}
	if (store.out.broken)
		store_break("impossible request index");
	unlock(enabled);
	return error;
}

int xenstore_submit(struct xenstore_request *request, unsigned int type, const void *payload,
		    size_t payload_bytes)
{
	struct xenstore_part part = {payload, payload_bytes};

	return xenstore_submit_parts(request, type, &part, 1);
}

/* Locked. */
static bool forget(struct xenstore_request *request)
{
	bool in_flight = request->node.next && !list_empty(&request->node);

	if (in_flight)
		list_remove(&request->node);
	return in_flight;
}

bool xenstore_cancel(struct xenstore_request *request)
{
	bool enabled = lock(), in_flight = forget(request);

	unlock(enabled);
	return in_flight;
}

/* Replies without a place to go, e.g. to XS_UNWATCH, have id 0. */
static int send_unasked(unsigned int type, const struct xenstore_part *parts, size_t parts_count)
{
	struct xsd_sockmsg header = {.type = type};

	for (size_t i = 0; i < parts_count; i++)
		header.len += parts[i].bytes_count;
	return store.state == STORE_READY ? send_message(&header, parts, parts_count) : -EIO;
}

static struct xenstore_request *request_find(uint32_t id)
{
	struct list_node *node;

	list_for_each (node, &store.in_flight) {
		struct xenstore_request *request =
			container_of(node, struct xenstore_request, node);

		if (request->id == id)
			return request;
	}
	return NULL;
}

static void reply_received(void)
{
	struct xenstore_request *request;
	size_t bytes = store.header.len;

	if (!store.header.req_id)
		return;
	request = request_find(store.header.req_id);
	if (!request) {
		store.stats.replies_unknown++;
		return;
	}
	if (store.header.type == XS_ERROR) {
		request_complete(request, xswire_errno(store.payload, bytes));
		return;
	}
	if (store.header.type != request->type) {
		store_break("reply of another type than the request");
		return;
	}
	request->reply_total_bytes = bytes;
	if (request->reply && request->reply_max) {
		if (bytes > request->reply_max - 1)
			bytes = request->reply_max - 1;
		memcpy(request->reply, store.payload, bytes);
		request->reply[bytes] = '\0';
		request->reply_bytes = bytes;
	}
	request_complete(request, 0);
}

static void watch_received(void)
{
	const char *path, *token;
	struct list_node *node;
	uint64_t number;

	if (xswire_parse_watch(store.payload, store.header.len, &path, &token)) {
		store_break("malformed watch event");
		return;
	}
	if (parse_u64_bytes(token, strlen(token), 16, &number) == 0) {
		list_for_each (node, &store.watches) {
			struct xenstore_watch *watch =
				container_of(node, struct xenstore_watch, node);

			if (watch->token == number) {
				call_begin(watch);
				watch->fn(watch, path);
				call_end();
				return;
			}
		}
	}
	store.stats.watches_unknown++;
}

/* Takes one step: part of a header, or of a payload, or a whole message. Returns the bytes taken,
 * 0 when nothing more is there. */
static size_t receive_step(void)
{
	char *header = (char *)&store.header;
	size_t taken;

	if (store.header_bytes < sizeof(store.header)) {
		taken = ring_in_read(&store.in, header + store.header_bytes,
				     sizeof(store.header) - store.header_bytes);
		store.header_bytes += taken;
		if (store.header_bytes < sizeof(store.header))
			return taken;
		if (xswire_check_header(&store.header))
			store_break("impossible message header");
	} else {
		taken = ring_in_read(&store.in, store.payload + store.payload_bytes,
				     store.header.len - store.payload_bytes);
		store.payload_bytes += taken;
	}
	if (store.state != STORE_READY || store.payload_bytes < store.header.len)
		return taken;
	store.payload[store.payload_bytes] = '\0';
	store.header_bytes = store.payload_bytes = 0;
	store.stats.messages_received++;
	if (store.header.type == XS_WATCH_EVENT)
		watch_received();
	else
		reply_received();
	return taken;
}

/* Locked. True when there was anything to do. */
static bool work(void)
{
	size_t received = 0, step;
	bool moved;

	while (store.state == STORE_READY && received < RECEIVE_BYTES_MAX) {
		step = receive_step();
		if (!step)
			break;
		received += step;
	}
	moved = store.state == STORE_READY && queue_pump();
	if (store.in.broken || store.out.broken)
		store_break("impossible ring index");
	if (store.state == STORE_BROKEN)
		fail_all();
	store.paused = store.state == STORE_READY && received >= RECEIVE_BYTES_MAX;
	if (store.paused)
		timer_arm(&store.receive_timer, time_monotonic_ns() + RECEIVE_PAUSE_NS);
	if (received || moved) {
		(void)evtchn_notify(store.port);
		waitq_wake_all(&store.queue_waiters);
	}
	return received || moved;
}

/* Locked. While another vCPU is at it, that one looks again. */
static bool store_work(void)
{
	bool progress = false;

	if (store.working) {
		store.again = true;
		return true;
	}
	store.working = true;
	do {
		store.again = false;
		progress |= work();
	} while (store.again);
	store.working = false;
	return progress;
}

static void store_event(evtchn_port_t port, void *arg)
{
	bool enabled = lock(), progress = store_work(), paused;

	(void)arg;
	if (store.state == STORE_READY)
		(void)ring_out_room(&store.out);
	if (store.out.cons_seen != store.event_req_cons)
		progress = true;
	store.event_req_cons = store.out.cons_seen;
	paused = store.paused;
	unlock(enabled);
	if (!paused)
		evtchn_eoi(port, !progress);
}

static void receive_timer_fired(struct timer *timer)
{
	bool enabled = lock(), resumed = store.paused;

	(void)timer;
	(void)store_work();
	resumed &= !store.paused;
	unlock(enabled);
	if (resumed)
		evtchn_eoi(store.port, false);
}

static int store_attach(void)
{
	pfn_t pfn = boot_info.store_mfn ? pt_mfn_to_pfn(boot_info.store_mfn) : PFN_NONE;
	struct xenstore_domain_interface *shared;

	store.state = STORE_NONE;
	if (pfn == PFN_NONE || pt_dmap_add(pfn, 1))
		return -ENODEV;
	shared = pt_dmap_vaddr(pfn);
	ring_in_init(&store.in, shared->rsp, sizeof(shared->rsp), &shared->rsp_cons,
		     &shared->rsp_prod);
	ring_out_init(&store.out, shared->req, sizeof(shared->req), &shared->req_prod,
		      &shared->req_cons);
	store.port = boot_info.store_port;
	store.header_bytes = store.payload_bytes = 0;
	store.queue_head = store.queue_used = 0;
	store.sending = false;
	if (store.in.broken || store.out.broken)
		return -EIO;
	store.state = STORE_READY;
	return evtchn_bind_handler(store.port, store_event, NULL, EVTCHN_LATE_EOI);
}

static void watch_answered(struct xenstore_request *request)
{
	struct xenstore_watch *watch = container_of(request, struct xenstore_watch, request);

	if (request->result)
		log_warn("xenstore: watch on %s refused: error %d", watch->path, request->result);
}

/* The payload of XS_WATCH and XS_UNWATCH: path and token, each with its NUL. */
static void watch_parts(const struct xenstore_watch *watch, char token[9],
			struct xenstore_part parts[2])
{
	int token_bytes = format_text(token, 9, "%x", watch->token);

	parts[0] = (struct xenstore_part){watch->path, strlen(watch->path) + 1};
	parts[1] = (struct xenstore_part){token, token_bytes + 1};
}

static int watch_submit(struct xenstore_watch *watch)
{
	struct xenstore_part parts[2];
	char token[9];

	watch->request = (struct xenstore_request){.done = watch_answered};
	watch_parts(watch, token, parts);
	return xenstore_submit_parts(&watch->request, XS_WATCH, parts, 2);
}

int xenstore_watch_add(struct xenstore_watch *watch)
{
	bool enabled;
	int error = xswire_check_path(watch->path, XENSTORE_PATH_MAX);

	if (error)
		return error;
	enabled = lock();
	watch->token = ++store.last_token;
	list_append(&store.watches, &watch->node);
	unlock(enabled);
	error = watch_submit(watch);
	if (error) {
		enabled = lock();
		list_remove(&watch->node);
		unlock(enabled);
	}
	return error;
}

/* Should the ring be full the other side keeps its watch, and its events are dropped as unknown. */
void xenstore_watch_remove(struct xenstore_watch *watch)
{
	struct xenstore_part parts[2];
	bool enabled = lock();
	char token[9];

	(void)forget(&watch->request);
	list_remove(&watch->node);
	watch_parts(watch, token, parts);
	(void)send_unasked(XS_UNWATCH, parts, 2);
	/* Another vCPU may be calling fn; our own may be inside it. */
	while (store.caller != VCPU(id) + 1 &&
	       (store.calling == watch || store.calling == &watch->request)) {
		spin_unlock(&store.lock);
		cpu_relax();
		spin_lock(&store.lock);
	}
	unlock(enabled);
}

int xenstore_emergency_write(const char *path, const char *value)
{
	struct xenstore_part parts[2] = {{path, strlen(path) + 1}, {value, strlen(value)}};
	struct xsd_sockmsg header = {
		.type = XS_WRITE,
		.len = parts[0].bytes_count + parts[1].bytes_count,
	};
	int tries = 50;

	if (store.state != STORE_READY || store.sending || store.queue_used)
		return -EIO;
	if (ring_out_room(&store.out) < sizeof(header) + header.len)
		return -EAGAIN;
	(void)send_message(&header, parts, 2);
	while (!ring_out_empty(&store.out) && tries--)
		(void)hypercall_sched_poll(NULL, 0, time_monotonic_ns() + 1000000);
	return ring_out_empty(&store.out) ? 0 : -ETIMEDOUT;
}

static bool is_settled(void)
{
	bool enabled = lock(), settled = list_empty(&store.in_flight) && !store.queue_used;

	unlock(enabled);
	return settled;
}

static void xenstore_suspend(void)
{
	uint64_t deadline_ns = time_monotonic_ns() + NS_PER_S;

	(void)waitq_wait(&store.queue_waiters, is_settled(), deadline_ns, false);
}

/* Nobody else runs. */
static void xenstore_resume(void)
{
	bool enabled = lock();
	struct list_node *node;
	int error;

	store.state = STORE_NONE;
	fail_all();
	error = store_attach();
	unlock(enabled);
	if (error)
		log_error("xenstore: lost after resume: error %d", error);
	list_for_each (node, &store.watches) {
		if (!error)
			error = watch_submit(container_of(node, struct xenstore_watch, node));
	}
}

int xenstore_init(void)
{
	static struct suspend_client client = {
		.name = "xenstore",
		.suspend = xenstore_suspend,
		.resume = xenstore_resume,
	};
	int error;

	timer_init(&store.receive_timer, receive_timer_fired);
	list_init(&store.in_flight);
	list_init(&store.watches);
	error = store_attach();
	if (error)
		store.state = STORE_NONE;
	else
		suspend_register(&client);
	return error;
}

/* Here because it waits on what is private to this file. */
int xenstore_call(struct xenstore_request *request, unsigned int type,
		  const struct xenstore_part *parts, size_t parts_count, uint64_t deadline_ns)
{
	int error = 0, timeout;

	timeout = waitq_wait(&store.queue_waiters,
			     (error = xenstore_submit_parts(request, type, parts, parts_count)) !=
				     -EAGAIN,
			     deadline_ns, false);
	if (timeout || error)
		return timeout ? timeout : error;
	error = waitq_wait(&store.queue_waiters, READ_ONCE(request->completed), deadline_ns, false);
	/* After this nobody touches it. */
	(void)xenstore_cancel(request);
	return error ? error : request->result;
}
