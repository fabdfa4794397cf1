/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /dev/xenstore: what is written are messages of xenstore's wire protocol, what is read are the
 * replies and the events of watches, in the order they came. A write that completes a message
 * returns when xenstored has answered, so the reply is there to be read. A watch, and a transaction
 * that was begun, end with the last descriptor.
 *
 * Lock: store->lock of what is to be read; over nothing. store->writing (sleeps) of all else.
 * Source: Xen public/io/xs_wire.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/heap.h"
#include "core/log.h"
#include "core/pollhead.h"
#include "core/time.h"
#include "drivers/xenstore.h"
#include "lib/base/list.h"
#include "lib/fs/devfs.h"
#include "lib/posix/fd.h"
#include "lib/posix/file_devices.h"
#include "lib/posix/waitable.h"
#include "xen/xswire.h"

#define ANSWER_NS        (30 * NS_PER_S)
#define MESSAGES_MAX     256u /* that nobody has read */
#define WATCHES_MAX      256u
#define TRANSACTIONS_MAX 16u

struct message {
	struct list_node node;
	size_t bytes_count, taken;
	char bytes[];
};

struct store_watch {
	struct list_node node;
	struct xenstore_watch watch; /* path: of strings */
	struct store *store;
	const char *token; /* the program's, in strings */
	char strings[];
};

struct store {
	struct pollhead head;
	struct spinlock lock;
	struct list_node messages;
	unsigned int messages_count;
	bool lost; /* an event had no place, and it was said */
	struct sleeplock writing;
	struct list_node watches;
	unsigned int watches_count, transactions_count;
	uint32_t transactions[TRANSACTIONS_MAX];
	size_t filled; /* of the message that is being written */
	struct xsd_sockmsg header;
	char payload[XENSTORE_PAYLOAD_MAX];
	char reply[XENSTORE_PAYLOAD_MAX + 1];
};

/* --- what is to be read --- */

/* Two pieces, one behind the other. -ENOMEM. Any context. */
static int put_message(struct store *store, const struct xsd_sockmsg *header, const void *first,
		       size_t first_bytes, const void *second, size_t second_bytes)
{
	struct xsd_sockmsg full = *header;
	struct message *message =
		heap_alloc(sizeof(*message) + sizeof(full) + first_bytes + second_bytes);
	bool enabled;

	if (!message)
		return -ENOMEM;
	full.len = (uint32_t)(first_bytes + second_bytes);
	message->taken = 0;
	message->bytes_count = sizeof(full) + full.len;
	memcpy(message->bytes, &full, sizeof(full));
	memcpy(message->bytes + sizeof(full), first, first_bytes);
	memcpy(message->bytes + sizeof(full) + first_bytes, second, second_bytes);
	enabled = spin_lock_events(&store->lock);
	list_append(&store->messages, &message->node);
	store->messages_count++;
	spin_unlock_events(&store->lock, enabled);
	pollhead_wake(&store->head);
	return 0;
}

static unsigned int messages_count(const struct store *store)
{
	return READ_ONCE(store->messages_count);
}

/* Moves what fits of the first message. */
static size_t take_bytes(struct store *store, char *bytes_out, size_t bytes_max)
{
	struct message *message = NULL, *over = NULL;
	size_t run = 0;
	bool enabled = spin_lock_events(&store->lock);

	if (!list_empty(&store->messages)) {
		message = container_of(store->messages.next, struct message, node);
		run = message->bytes_count - message->taken;
		run = run < bytes_max ? run : bytes_max;
		memcpy(bytes_out, message->bytes + message->taken, run);
		message->taken += run;
		if (message->taken == message->bytes_count) {
			list_remove(&message->node);
			store->messages_count--;
			over = message;
		}
	}
	spin_unlock_events(&store->lock, enabled);
	heap_free(over);
	return run;
}

static ssize_t is_readable(struct file *file, uint64_t *value)
{
	(void)value;
	return messages_count(file->data) ? 1 : -EAGAIN;
}

static ssize_t store_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	size_t done = 0, run;
	uint64_t unused;
	ssize_t result;

	(void)offset;
	while (bytes_max && !done) {
		result = waitable_wait(file, &((struct store *)file->data)->head, is_readable,
				       &unused);
		if (result < 0)
			return result;
		/* Another reader may have been faster. */
		do {
			run = take_bytes(file->data, (char *)bytes_out + done, bytes_max - done);
			done += run;
		} while (run && done < bytes_max);
	}
	return (ssize_t)done;
}

/* --- what is written --- */

static int reply_error(struct store *store, int error)
{
	struct xsd_sockmsg header = store->header;
	const char *name = xswire_error_name(error);

	header.type = XS_ERROR;
	return put_message(store, &header, name, strlen(name) + 1, "", 0);
}

static int reply_ok(struct store *store)
{
	return put_message(store, &store->header, "OK", sizeof("OK"), "", 0);
}

/* Event context. What nobody reads is bounded: who watches looks at the nodes anyway. */
static void watch_fired(struct xenstore_watch *watch, const char *changed_path)
{
	struct store_watch *mine = watch->arg;
	struct xsd_sockmsg header = {.type = XS_WATCH_EVENT};
	bool full = messages_count(mine->store) >= MESSAGES_MAX;

	if (!full && !put_message(mine->store, &header, changed_path, strlen(changed_path) + 1,
				  mine->token, strlen(mine->token) + 1))
		return;
	if (!__atomic_exchange_n(&mine->store->lost, true, __ATOMIC_RELAXED))
		log_warn("/dev/xenstore: events of watches are lost: nobody reads them");
}

static struct store_watch *find_watch(struct store *store, const char *path, const char *token)
{
	struct list_node *node;

	list_for_each (node, &store->watches) {
		struct store_watch *watch = container_of(node, struct store_watch, node);

		if (strcmp(watch->watch.path, path) == 0 && strcmp(watch->token, token) == 0)
			return watch;
	}
	return NULL;
}

static int watch(struct store *store, const char *path, const char *token)
{
	size_t path_bytes = strlen(path) + 1, token_bytes = strlen(token) + 1;
	struct store_watch *mine;
	int error;

	if (find_watch(store, path, token))
		return reply_error(store, -EEXIST);
	if (store->watches_count == WATCHES_MAX)
		return reply_error(store, -E2BIG);
	mine = heap_alloc_zeroed(sizeof(*mine) + path_bytes + token_bytes);
	if (!mine)
		return -ENOMEM;
	memcpy(mine->strings, path, path_bytes);
	memcpy(mine->strings + path_bytes, token, token_bytes);
	mine->store = store;
	mine->token = mine->strings + path_bytes;
	mine->watch.path = mine->strings;
	mine->watch.fn = watch_fired;
	mine->watch.arg = mine;
	error = xenstore_watch_add(&mine->watch);
	if (error) {
		heap_free(mine);
		return reply_error(store, error);
	}
	list_append(&store->watches, &mine->node);
	store->watches_count++;
	return reply_ok(store);
}

static void unwatch(struct store *store, struct store_watch *mine)
{
	xenstore_watch_remove(&mine->watch);
	list_remove(&mine->node);
	store->watches_count--;
	heap_free(mine);
}

static int watch_or_unwatch(struct store *store)
{
	const char *path, *token;
	struct store_watch *mine;

	if (xswire_parse_watch(store->payload, store->header.len, &path, &token))
		return reply_error(store, -EINVAL);
	if (store->header.type == XS_WATCH)
		return watch(store, path, token);
	mine = find_watch(store, path, token);
	if (!mine)
		return reply_error(store, -ENOENT);
	unwatch(store, mine);
	return reply_ok(store);
}

/* Remembers which transactions are under way. */
static void note_transaction(struct store *store)
{
	uint64_t id = 0;

	if (store->header.type == XS_TRANSACTION_START) {
		for (const char *at = store->reply; *at >= '0' && *at <= '9'; at++)
			id = id * 10 + (uint64_t)(*at - '0');
		store->transactions[store->transactions_count++] = (uint32_t)id;
		return;
	}
	for (unsigned int i = 0; i < store->transactions_count; i++)
		if (store->transactions[i] == store->header.tx_id) {
			store->transactions[i] = store->transactions[--store->transactions_count];
			return;
		}
}

static int ask(struct store *store)
{
	struct xenstore_request request = {
		.transaction = store->header.tx_id,
		.reply = store->reply,
		.reply_max = sizeof(store->reply),
	};
	struct xenstore_part part = {store->payload, store->header.len};
	uint32_t type = store->header.type;
	bool starts = type == XS_TRANSACTION_START;
	int error;

	if (starts && store->transactions_count == TRANSACTIONS_MAX)
		return reply_error(store, -EBUSY);
	error = xenstore_call(&request, type, &part, 1, time_monotonic_ns() + ANSWER_NS);
	if (error == -ETIMEDOUT || error == -ENODEV)
		return error;
	if (type == XS_TRANSACTION_END || (starts && !error))
		note_transaction(store);
	if (error)
		return reply_error(store, error);
	return put_message(store, &store->header, store->reply, request.reply_bytes, "", 0);
}

/* A whole message is there. */
static int perform(struct store *store)
{
	switch (store->header.type) {
	case XS_WATCH:
	case XS_UNWATCH:
		return watch_or_unwatch(store);
	case XS_WATCH_EVENT:
	case XS_ERROR:
	case XS_RESET_WATCHES: /* the kernel's would go, too */
		return reply_error(store, -EINVAL);
	default:
		return ask(store);
	}
}

/* How many bytes it wants next, and where to. */
static size_t next_piece(struct store *store, char **to_out)
{
	size_t header_bytes = sizeof(store->header);

	if (store->filled < header_bytes) {
		*to_out = (char *)&store->header + store->filled;
		return header_bytes - store->filled;
	}
	*to_out = store->payload + (store->filled - header_bytes);
	return header_bytes + store->header.len - store->filled;
}

static int write_piece(struct store *store, const char *bytes, size_t bytes_count, size_t *moved)
{
	char *to;
	size_t wanted = next_piece(store, &to);

	*moved = wanted < bytes_count ? wanted : bytes_count;
	memcpy(to, bytes, *moved);
	store->filled += *moved;
	if (store->filled < sizeof(store->header))
		return 0;
	if (xswire_check_header(&store->header)) {
		store->filled = 0;
		return -EINVAL;
	}
	if (store->filled < sizeof(store->header) + store->header.len)
		return 0;
	store->filled = 0;
	return perform(store);
}

static ssize_t store_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	struct store *store = file->data;
	size_t done = 0, moved;
	int error = 0;

	(void)offset;
	sleeplock_lock(&store->writing);
	while (done < bytes_count && !error) {
		if (messages_count(store) >= MESSAGES_MAX)
			error = -EAGAIN;
		else
			error = write_piece(store, (const char *)bytes + done, bytes_count - done,
					    &moved);
		done += error ? 0 : moved;
	}
	sleeplock_unlock(&store->writing);
	return done ? (ssize_t)done : error;
}

/* --- the file --- */

static short store_poll(struct file *file)
{
	unsigned int count = messages_count(file->data);

	return (short)((count ? POLLIN | POLLRDNORM : 0) |
		       (count < MESSAGES_MAX ? POLLOUT | POLLWRNORM : 0));
}

static struct pollhead *store_pollhead(struct file *file)
{
	return &((struct store *)file->data)->head;
}

static void abort_done(struct xenstore_request *request)
{
	heap_free(request);
}

/* Nobody waits for it. */
static void abort_transaction(uint32_t id)
{
	struct xenstore_request *request = heap_alloc_zeroed(sizeof(*request));

	if (!request)
		return;
	request->transaction = id;
	request->done = abort_done;
	if (xenstore_submit(request, XS_TRANSACTION_END, "F", sizeof("F")))
		heap_free(request);
}

static void store_close(struct file *file)
{
	struct store *store = file->data;
	char rest[64];

	while (!list_empty(&store->watches))
		unwatch(store, container_of(store->watches.next, struct store_watch, node));
	while (store->transactions_count)
		abort_transaction(store->transactions[--store->transactions_count]);
	while (take_bytes(store, rest, sizeof(rest)))
		;
	pollhead_close(&store->head);
	heap_free(store);
}

static const struct file_ops store_ops = {
	.read = store_read,
	.write = store_write,
	.stat = waitable_stat,
	.poll = store_poll,
	.pollhead = store_pollhead,
	.close = store_close,
};

int file_xenstore_open(struct node *node, struct file *file)
{
	struct store *store;

	(void)node;
	if (!xenstore_available())
		return -ENXIO;
	store = heap_alloc_zeroed(sizeof(*store));
	if (!store)
		return -ENOMEM;
	pollhead_init(&store->head);
	list_init(&store->messages);
	list_init(&store->watches);
	file->ops = &store_ops;
	file->data = store;
	return 0;
}
