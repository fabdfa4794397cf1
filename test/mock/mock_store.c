/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xenstored: a tree as a table of absolute paths, transactions as copies of it, watches, and the
 * ring that carries the protocol. Follows docs/misc/xenstore.txt as far as a guest can tell.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "test/mock/mock_private.h"

#define NODES_MAX        512
#define WATCHES_MAX      128
#define TRANSACTIONS_MAX 16
#define READONLY_MAX     16
#define PATH_BYTES       256

size_t mock_store_chunk_max;
bool mock_store_reorder, mock_store_mute;

struct node {
	char path[PATH_BYTES];
	char *value;
	size_t value_bytes;
};

struct tree {
	struct node nodes[NODES_MAX];
	size_t nodes_count;
};

static struct tree *live;
static uint64_t generation;

static struct {
	uint32_t id; /* 0: free */
	uint64_t generation;
	struct tree tree;
	char changed[32][PATH_BYTES];
	size_t changed_count;
} * transactions;
static uint32_t last_transaction;

static struct {
	char path[PATH_BYTES], token[PATH_BYTES];
	bool relative;
} watches[WATCHES_MAX];
static size_t watches_count;

static char readonly[READONLY_MAX][PATH_BYTES];
static size_t readonly_count;

/* Messages on their way to the guest. */
struct message {
	struct message *next;
	size_t bytes, sent;
	char data[];
};
static struct message *outgoing;

/* The request being gathered. */
static char request[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX + 1];
static size_t request_bytes;

struct xenstore_domain_interface *mock_store_page(void)
{
	return mock_pfn_page(MOCK_STORE_PFN);
}

unsigned int mock_store_watches_count(void)
{
	return watches_count;
}

/* --- tree --- */

static struct node *node_find(struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->nodes_count; i++)
		if (strcmp(tree->nodes[i].path, path) == 0)
			return &tree->nodes[i];
	return NULL;
}

static void node_set(struct tree *tree, const char *path, const char *value, size_t value_bytes)
{
	struct node *node = node_find(tree, path);
	char parent[PATH_BYTES];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash && slash != parent) {
		*slash = '\0';
		if (!node_find(tree, parent))
			node_set(tree, parent, "", 0);
		node = node_find(tree, path);
	}
	if (!node) {
		if (tree->nodes_count == NODES_MAX)
			mock_die("xenstore is full");
		node = &tree->nodes[tree->nodes_count++];
		memset(node, 0, sizeof(*node));
		snprintf(node->path, sizeof(node->path), "%s", path);
	}
	free(node->value);
	node->value = malloc(value_bytes + 1);
	memcpy(node->value, value, value_bytes);
	node->value[value_bytes] = '\0';
	node->value_bytes = value_bytes;
}

/* True when path is below or at top. */
static bool is_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	return strncmp(path, top, length) == 0 && (!path[length] || path[length] == '/');
}

static bool node_remove(struct tree *tree, const char *path)
{
	bool found = false;

	for (size_t i = 0; i < tree->nodes_count;) {
		if (is_below(tree->nodes[i].path, path)) {
			free(tree->nodes[i].value);
			tree->nodes[i] = tree->nodes[--tree->nodes_count];
			found = true;
		} else {
			i++;
		}
	}
	return found;
}

static void tree_copy(struct tree *to, const struct tree *from)
{
	to->nodes_count = 0;
	for (size_t i = 0; i < from->nodes_count; i++)
		node_set(to, from->nodes[i].path, from->nodes[i].value, from->nodes[i].value_bytes);
}

static void tree_clear(struct tree *tree)
{
	for (size_t i = 0; i < tree->nodes_count; i++)
		free(tree->nodes[i].value);
	tree->nodes_count = 0;
}

static void absolute(char *out, const char *path)
{
	if (path[0] == '/')
		snprintf(out, PATH_BYTES, "%s", path);
	else
		snprintf(out, PATH_BYTES, "%s/%s", MOCK_HOME, path);
}

/* --- messages to the guest --- */

static void send_message(const struct xsd_sockmsg *header, const char *payload)
{
	struct message *message = malloc(sizeof(*message) + sizeof(*header) + header->len);
	struct message **at = &outgoing;
	size_t messages = 0, place;

	message->bytes = sizeof(*header) + header->len;
	message->sent = 0;
	memcpy(message->data, header, sizeof(*header));
	memcpy(message->data + sizeof(*header), payload, header->len);
	for (struct message *other = outgoing; other; other = other->next)
		messages++;
	place = messages;
	if (mock_store_reorder && messages)
		place = mock_random_below(messages + 1);
	/* never in front of one that is half sent */
	if (!place && outgoing && outgoing->sent)
		place = 1;
	while (place--)
		at = &(*at)->next;
	message->next = *at;
	*at = message;
}

void mock_store_inject(const void *bytes, size_t bytes_count)
{
	struct message *message = malloc(sizeof(*message) + bytes_count);
	struct message **at = &outgoing;

	if (!bytes_count) {
		free(message);
		return;
	}
	message->bytes = bytes_count;
	message->sent = 0;
	message->next = NULL;
	memcpy(message->data, bytes, bytes_count);
	while (*at)
		at = &(*at)->next;
	*at = message;
}

static void fire_one(size_t index, const char *path)
{
	struct xsd_sockmsg header = {.type = XS_WATCH_EVENT};
	char payload[2 * PATH_BYTES];
	int length;

	if (watches[index].relative && is_below(path, MOCK_HOME))
		path += strlen(MOCK_HOME) + 1;
	length = snprintf(payload, sizeof(payload), "%s%c%s", path, 0, watches[index].token);
	header.len = length + 1;
	send_message(&header, payload);
}

static void fire(const char *path)
{
	for (size_t i = 0; i < watches_count; i++)
		if (is_below(path, watches[i].path) || is_below(watches[i].path, path))
			fire_one(i, path);
}

static void reply(const struct xsd_sockmsg *asked, const char *payload, size_t payload_bytes)
{
	struct xsd_sockmsg header = *asked;

	if (mock_store_mute)
		return;
	header.len = payload_bytes;
	send_message(&header, payload);
}

static void reply_error(const struct xsd_sockmsg *asked, const char *name)
{
	struct xsd_sockmsg header = *asked;

	header.type = XS_ERROR;
	reply(&header, name, strlen(name) + 1);
}

static void reply_ok(const struct xsd_sockmsg *asked)
{
	reply(asked, "OK", 3);
}

/* --- requests --- */

static size_t transaction_find(uint32_t id)
{
	for (size_t i = 0; i < TRANSACTIONS_MAX; i++)
		if (transactions[i].id == id)
			return i;
	return TRANSACTIONS_MAX;
}

static bool may_write(const char *path)
{
	for (size_t i = 0; i < readonly_count; i++)
		if (is_below(path, readonly[i]))
			return false;
	return is_below(path, MOCK_HOME);
}

static void note_change(size_t transaction, const char *path)
{
	if (transaction == TRANSACTIONS_MAX) {
		generation++;
		fire(path);
	} else if (transactions[transaction].changed_count < 32) {
		snprintf(transactions[transaction]
				 .changed[transactions[transaction].changed_count++],
			 PATH_BYTES, "%s", path);
	}
}

static void do_directory(const struct xsd_sockmsg *asked, struct tree *tree, const char *path)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	size_t bytes = 0, length = strlen(path);

	if (!node_find(tree, path)) {
		reply_error(asked, "ENOENT");
		return;
	}
	for (size_t i = 0; i < tree->nodes_count; i++) {
		const char *name = tree->nodes[i].path + length + 1;

		if (is_below(tree->nodes[i].path, path) && tree->nodes[i].path[length] &&
		    !strchr(name, '/')) {
			memcpy(payload + bytes, name, strlen(name) + 1);
			bytes += strlen(name) + 1;
		}
	}
	reply(asked, payload, bytes);
}

static void do_transaction_start(const struct xsd_sockmsg *asked)
{
	size_t slot = transaction_find(0);
	char text[16];

	if (slot == TRANSACTIONS_MAX) {
		reply_error(asked, "ENOSPC");
		return;
	}
	transactions[slot].id = ++last_transaction;
	transactions[slot].generation = generation;
	transactions[slot].changed_count = 0;
	tree_copy(&transactions[slot].tree, live);
	reply(asked, text, (size_t)snprintf(text, sizeof(text), "%u", last_transaction) + 1);
}

static void do_transaction_end(const struct xsd_sockmsg *asked, size_t slot, bool commit)
{
	if (slot == TRANSACTIONS_MAX) {
		reply_error(asked, "ENOENT");
		return;
	}
	transactions[slot].id = 0;
	if (commit && transactions[slot].generation != generation) {
		tree_clear(&transactions[slot].tree);
		reply_error(asked, "EAGAIN");
		return;
	}
	if (commit) {
		tree_clear(live);
		tree_copy(live, &transactions[slot].tree);
		for (size_t i = 0; i < transactions[slot].changed_count; i++) {
			generation++;
			fire(transactions[slot].changed[i]);
		}
	}
	tree_clear(&transactions[slot].tree);
	reply_ok(asked);
}

static void do_watch(const struct xsd_sockmsg *asked, const char *given, const char *path,
		     const char *token)
{
	if (watches_count == WATCHES_MAX) {
		reply_error(asked, "ENOSPC");
		return;
	}
	snprintf(watches[watches_count].path, PATH_BYTES, "%s", path);
	snprintf(watches[watches_count].token, PATH_BYTES, "%s", token);
	watches[watches_count++].relative = given[0] != '/';
	reply_ok(asked);
	fire_one(watches_count - 1, path);
}

static void do_unwatch(const struct xsd_sockmsg *asked, const char *path, const char *token)
{
	for (size_t i = 0; i < watches_count; i++) {
		if (strcmp(watches[i].path, path) == 0 && strcmp(watches[i].token, token) == 0) {
			watches[i] = watches[--watches_count];
			reply_ok(asked);
			return;
		}
	}
	reply_error(asked, "ENOENT");
}

static void do_change(const struct xsd_sockmsg *asked, struct tree *tree, size_t slot,
		      const char *path, const char *value, size_t value_bytes)
{
	if (!may_write(path)) {
		reply_error(asked, "EACCES");
		return;
	}
	if (asked->type == XS_RM && !node_find(tree, path)) {
		reply_error(asked, "ENOENT");
		return;
	}
	if (asked->type == XS_RM)
		node_remove(tree, path);
	else if (asked->type == XS_WRITE || !node_find(tree, path))
		node_set(tree, path, value, value_bytes);
	note_change(slot, path);
	reply_ok(asked);
}

static void do_request(const struct xsd_sockmsg *asked, char *payload)
{
	size_t slot = asked->tx_id ? transaction_find(asked->tx_id) : TRANSACTIONS_MAX;
	struct tree *tree = slot == TRANSACTIONS_MAX ? live : &transactions[slot].tree;
	char path[PATH_BYTES];
	size_t given_bytes = strnlen(payload, asked->len) + 1;
	const char *rest = payload + (given_bytes < asked->len ? given_bytes : asked->len);
	size_t rest_bytes = given_bytes < asked->len ? asked->len - given_bytes : 0;
	struct node *node;

	if (asked->tx_id && slot == TRANSACTIONS_MAX) {
		reply_error(asked, "ENOENT");
		return;
	}
	absolute(path, payload);
	switch (asked->type) {
	case XS_READ:
		node = node_find(tree, path);
		if (node)
			reply(asked, node->value, node->value_bytes);
		else
			reply_error(asked, "ENOENT");
		break;
	case XS_DIRECTORY:
		do_directory(asked, tree, path);
		break;
	case XS_WRITE:
	case XS_MKDIR:
	case XS_RM:
		do_change(asked, tree, slot, path, rest, rest_bytes);
		break;
	case XS_WATCH:
		do_watch(asked, payload, path, rest);
		break;
	case XS_UNWATCH:
		do_unwatch(asked, path, rest);
		break;
	case XS_TRANSACTION_START:
		do_transaction_start(asked);
		break;
	case XS_TRANSACTION_END:
		do_transaction_end(asked, slot, payload[0] == 'T');
		break;
	default:
		reply_error(asked, "ENOSYS");
		break;
	}
}

/* --- the ring --- */

static bool take_requests(struct xenstore_domain_interface *ring)
{
	struct xsd_sockmsg *header = (void *)request;
	size_t moved = 0;

	while (moved < mock_store_chunk_max && ring->req_prod != ring->req_cons &&
	       ring->req_prod - ring->req_cons <= XENSTORE_RING_SIZE) {
		request[request_bytes++] = ring->req[MASK_XENSTORE_IDX(ring->req_cons)];
		ring->req_cons++;
		moved++;
		if (request_bytes >= sizeof(*header) && header->len > XENSTORE_PAYLOAD_MAX) {
			request_bytes = 0;
			break;
		}
		if (request_bytes >= sizeof(*header) &&
		    request_bytes == sizeof(*header) + header->len) {
			request[request_bytes] = '\0';
			request_bytes = 0;
			do_request(header, request + sizeof(*header));
		}
	}
	return moved;
}

static bool give_replies(struct xenstore_domain_interface *ring)
{
	size_t moved = 0;

	while (outgoing && moved < mock_store_chunk_max &&
	       ring->rsp_prod - ring->rsp_cons < XENSTORE_RING_SIZE) {
		struct message *message = outgoing;

		ring->rsp[MASK_XENSTORE_IDX(ring->rsp_prod)] = message->data[message->sent++];
		ring->rsp_prod++;
		moved++;
		if (message->sent == message->bytes) {
			outgoing = message->next;
			free(message);
		}
	}
	return moved;
}

static void backend(void *arg)
{
	struct xenstore_domain_interface *ring = mock_store_page();
	bool moved = take_requests(ring);

	(void)arg;
	if (give_replies(ring) || moved)
		mock_evtchn_set_pending(MOCK_STORE_PORT);
}

/* --- for tests --- */

void mock_store_write(const char *path, const char *value)
{
	char full[PATH_BYTES];

	absolute(full, path);
	if (value)
		node_set(live, full, value, strlen(value));
	else
		node_remove(live, full);
	note_change(TRANSACTIONS_MAX, full);
}

const char *mock_store_read(const char *path)
{
	char full[PATH_BYTES];
	struct node *node;

	absolute(full, path);
	node = node_find(live, full);
	return node ? node->value : NULL;
}

void mock_store_readonly(const char *path)
{
	absolute(readonly[readonly_count++], path);
}

void mock_store_run(void)
{
	backend(NULL);
}

void mock_store_start(void)
{
	if (!live)
		live = calloc(1, sizeof(*live));
	if (!transactions)
		transactions = calloc(TRANSACTIONS_MAX, sizeof(*transactions));
	tree_clear(live);
	watches_count = readonly_count = request_bytes = 0;
	outgoing = NULL;
	mock_store_chunk_max = SIZE_MAX;
	mock_store_reorder = mock_store_mute = false;
	if (mock_config.initial_domain)
		return;
	memset(mock_store_page(), 0, 4096);
	node_set(live, MOCK_HOME "/control/shutdown", "", 0);
	node_set(live, MOCK_HOME "/data", "", 0);
	boot_info.store_port = mock_evtchn_create(backend, NULL);
	mock_backend_add(backend, NULL);
}
