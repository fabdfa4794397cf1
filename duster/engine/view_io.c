/* SPDX-License-Identifier: BSD-2-Clause */
/* events, fds, sockets, grants, xenbus */
#include <errno.h>
#include <string.h>

#include "duster/engine/view.h"
#include "duster/util/map.h"

#define CHUNKS_MAX 4096u
#define FDS_MAX    65536u

/* ---- Events ---- */

/* Words of the FIFO ABI (Xen: public/event_channel.h), bits of the 2-level one. */
#define FIFO_PENDING (1u << 31)
#define FIFO_MASKED  (1u << 30)

struct ports {
	struct session *session;
	struct value *pages; /* of the FIFO ABI; NULL: another one */
	uint64_t words_per_page;
	struct value *shared;
};

static bool bit_of_words(struct ports *ports, const char *name, uint64_t port)
{
	struct value *words = look_member(ports->session, ports->shared, name);

	words = look_index(ports->session, words, port / 64);
	return look_word(ports->session, words, "") >> port % 64 & 1;
}

static const char *port_state(struct ports *ports, uint64_t port)
{
	bool pending, masked;

	if (ports->pages) {
		struct value *page =
			look_index(ports->session, ports->pages, port / ports->words_per_page);
		uint64_t addr = look_word(ports->session, page, ""), word = 0;

		if (!addr ||
		    session_read(ports->session, addr + port % ports->words_per_page * 4, &word, 4))
			return "";
		pending = word & FIFO_PENDING;
		masked = word & FIFO_MASKED;
	} else if (ports->shared) {
		pending = bit_of_words(ports, "evtchn_pending", port);
		masked = bit_of_words(ports, "evtchn_mask", port);
	} else {
		return "";
	}
	return pending ? masked ? "pending masked" : "pending" : masked ? "masked" : "";
}

static void find_state(struct session *session, struct ports *ports)
{
	struct value *name = look(session, "'xen/evtchn.c'::abi->name");
	uint64_t addr;

	*ports = (struct ports){.session = session, .words_per_page = PAGE_BYTES / 4};
	if (name && value_number(session, name, &addr, NULL) == 0 &&
	    strncmp(look_text(session, addr, 16), "2", 1) == 0)
		ports->shared = look_deref(session, look(session, "'xen/evtchn.c'::shared_info"));
	else
		ports->pages = look(session, "'xen/evtchn_fifo.c'::array_pages");
}

static void say_port(struct view_row *row, struct ports *ports, uint64_t port, struct value *entry)
{
	struct session *session = row->session;
	uint64_t handler = look_word(session, entry, "handler"),
		 arg = look_word(session, entry, "arg"), runner;

	view_number(row, "port", port);
	view_text(row, "handler", "%s", handler ? look_symbol(session, handler) : "-");
	view_text(row, "arg", "%s", arg ? look_symbol(session, arg) : "");
	view_number(row, "vcpu", look_word(session, entry, "vcpu"));
	view_text(row, "state", "%s", port_state(ports, port));
	runner = look_word(session, entry, "runner");
	view_text(row, "notes", "%s%s%.*s",
		  look_word(session, entry, "flags") & 1 ? "late-eoi " : "",
		  look_word(session, entry, "delayed") ? "delayed " : "", runner ? 8 : 0,
		  runner ? "running" : "");
	view_end(row);
}

VIEW(events)
{
	struct view_row row = {.session = session, .sink = sink};
	struct value *chunks = look(session, "'xen/evtchn.c'::chunks");
	struct value *first = look(session, "'xen/evtchn.c'::first_chunk");
	struct ports ports;
	uint64_t per_chunk;

	if (!chunks || !first)
		return problem_set(problem, -ENOENT, "the program has no table of event channels");
	per_chunk = type_strip(first->type)->count;
	find_state(session, &ports);
	for (uint64_t i = 0; i < CHUNKS_MAX; i++) {
		struct value *chunk = look_index(session, chunks, i);
		uint64_t addr = look_word(session, chunk, "");

		if (!chunk)
			break;
		if (!addr)
			continue;
		for (uint64_t j = 0; j < per_chunk; j++) {
			struct value *entry = look_index(session, chunk, j);

			if (entry &&
			    (look_word(session, entry, "handler") || strcmp(words, "all") == 0))
				say_port(&row, &ports, i * per_chunk + j, entry);
		}
	}
	return 0;
}

/* ---- Files ---- */

VIEW(fds)
{
	struct view_row row = {.session = session, .sink = sink};
	struct value *table = look(session, "'lib/posix/fd.c'::table");
	struct value *slots = look_member(session, table, "slots");
	uint64_t count;

	(void)words;
	if (!slots || !look_number(session, table, "count", &count))
		return problem_set(problem, -ENOENT, "the program opens no files");
	for (uint64_t fd = 0; fd < count && fd < FDS_MAX; fd++) {
		struct value *slot = look_index(session, slots, fd);
		struct value *file = look_deref(session, look_member(session, slot, "file"));

		if (!file)
			continue;
		view_number(&row, "fd", fd);
		view_address(&row, "file", file->addr);
		view_text(&row, "operations", "%s",
			  look_symbol(session, look_word(session, file, "ops")));
		view_text(&row, "flags", "%#llo",
			  (unsigned long long)look_word(session, file, "flags"));
		view_number(&row, "offset", look_word(session, file, "offset"));
		view_number(&row, "references", look_word(session, file, "refs"));
		view_address(&row, "node", look_word(session, file, "node"));
		view_end(&row);
	}
	return 0;
}

/* ---- xenstore and devices ---- */

struct watching {
	struct view_row *row;
	const char *what;
};

static bool say_watch(void *context, struct value *watch)
{
	struct watching *watching = context;
	struct session *session = watching->row->session;
	struct value *path = look_member(session, watch, "path");
	uint64_t addr = 0, fn = look_word(session, watch, "fn");

	if (path)
		(void)value_number(session, path, &addr, NULL);
	if (!fn)
		fn = look_word(session, watch, "done");
	view_text(watching->row, "kind", "%s", watching->what);
	view_address(watching->row, "at", watch->addr);
	view_text(watching->row, "path", "%s", look_text(session, addr, 255));
	view_text(watching->row, "function", "%s", fn ? look_symbol(session, fn) : "");
	view_end(watching->row);
	return true;
}

static int say_ring(struct session *session, struct value *store, const char *member,
		    const char *tag, struct view_row *row, struct problem *problem)
{
	struct value *head = look_member(session, store, member);
	struct watching watching = {row, strcmp(tag, "xenstore_watch") ? "request" : "watch"};
	int error = head ? look_list(session, head->addr, tag, "node", say_watch, &watching) : 0;

	return error && error != -ENOENT
		       ? view_damaged(session, error, "the list of watches", problem)
		       : 0;
}

static bool say_device(void *context, struct value *inner)
{
	struct view_row *row = context;
	struct session *session = row->session;
	struct value *device = look_deref(session, look_member(session, inner, "device"));
	struct value *driver = look_deref(session, look_member(session, device, "driver"));
	struct value *id = look_member(session, device, "id");
	uint64_t trouble = look_word(session, device, "trouble");

	view_text(row, "kind", "device");
	view_address(row, "at", device ? device->addr : inner->addr);
	view_text(row, "path", "%s/%s of domain %llu",
		  look_text(session, look_word(session, driver, "type"), 32),
		  look_text(session, id ? id->addr : 0, 15),
		  (unsigned long long)look_word(session, device, "backend_id"));
	view_text(row, "function", "%s%s%s",
		  look_enumerator(session, "xenbus_phase", look_word(session, inner, "phase")),
		  trouble ? ": " : "", look_text(session, trouble, 80));
	view_end(row);
	return true;
}

static void say_devices(struct view_row *row)
{
	struct value *head = look(row->session, "&'drivers/xenbus.c'::xenbus.devices");
	uint64_t addr;

	if (head && value_number(row->session, head, &addr, NULL) == 0)
		(void)look_list(row->session, addr, "xenbus_inner", "node", say_device, row);
}

VIEW(xenbus)
{
	struct view_row row = {.session = session, .sink = sink};
	struct value *store = look(session, "'drivers/xenstore.c'::store");
	uint64_t state;
	int error;

	(void)words;
	if (!store || !look_number(session, store, "state", &state))
		return problem_set(problem, -ENOENT, "the program has no connection to xenstore");
	view_note(&row, "xenstore: %s, port %llu, last request %llu",
		  look_enumerator(session, "store_state", state),
		  (unsigned long long)look_word(session, store, "port"),
		  (unsigned long long)look_word(session, store, "last_id"));
	say_devices(&row);
	error = say_ring(session, store, "in_flight", "xenstore_request", &row, problem);
	if (!error)
		error = say_ring(session, store, "watches", "xenstore_watch", &row, problem);
	return error;
}

/* ---- Grants ---- */

/* Xen: public/grant_table.h. */
#define GRANT_TYPE     0x3u
#define GRANT_READONLY 0x4u
#define GRANT_READING  0x8u
#define GRANT_WRITING  0x10u
#define GRANTS_MAX     262144u

static void say_grant(struct view_row *row, uint64_t reference, struct value *entry, uint64_t flags)
{
	struct session *session = row->session;

	view_number(row, "reference", reference);
	view_number(row, "domain", look_word(session, entry, "domid"));
	view_address(row, "mfn", look_word(session, entry, "frame"));
	view_text(row, "access", "%s", flags & GRANT_READONLY ? "read" : "read, write");
	view_text(row, "in use", "%s",
		  flags & GRANT_WRITING   ? "writing"
		  : flags & GRANT_READING ? "reading"
					  : "");
	view_end(row);
}

VIEW(grants)
{
	struct view_row row = {.session = session, .sink = sink};
	struct value *table = look(session, "'xen/grant.c'::grant");
	struct value *entries = look_member(session, table, "entries"), *first;
	uint64_t frames = look_word(session, table, "frames"), count;

	(void)words;
	first = look_deref(session, entries);
	if (!first || !type_bytes(first->type))
		return problem_set(problem, -ENOENT, "the program has no grant table");
	count = frames * (PAGE_BYTES / type_bytes(first->type));
	for (uint64_t i = 0; i < count && i < GRANTS_MAX; i++) {
		struct value *entry = look_index(session, entries, i);
		uint64_t flags = look_word(session, entry, "flags");

		if (flags & GRANT_TYPE)
			say_grant(&row, i, entry, flags);
	}
	if (count && !look_number(session, look_index(session, entries, 0), "flags", &count))
		view_note(&row, "the table itself is Xen's memory, and not here");
	view_note(&row, "%llu frames, %llu references free, %llu in quarantine",
		  (unsigned long long)frames,
		  (unsigned long long)look_word(session, table, "free_count"),
		  (unsigned long long)look_word(session, table, "stuck_count"));
	return 0;
}

/* ---- Sockets ---- */

#define SOCKETS_MAX 100000u

static const char *inet_address(struct session *session, struct value *pcb, const char *ip,
				const char *port)
{
	struct value *address = look_member(session, pcb, ip);
	uint64_t number = look_word(session, pcb, port), v4, type = 0, bytes[2] = {0};

	(void)look_number(session, address, "type", &type);
	if (type == 6 && session_read(session, address->addr, bytes, sizeof(bytes)) == 0)
		return arena_format(&session->arena, "[%016llx%016llx]:%llu",
				    (unsigned long long)__builtin_bswap64(bytes[0]),
				    (unsigned long long)__builtin_bswap64(bytes[1]),
				    (unsigned long long)number);
	if (!look_number(session, address, "u_addr.ip4.addr", &v4) &&
	    !look_number(session, address, "addr", &v4))
		v4 = 0;
	return arena_format(&session->arena, "%llu.%llu.%llu.%llu:%llu",
			    (unsigned long long)(v4 & 255), (unsigned long long)(v4 >> 8 & 255),
			    (unsigned long long)(v4 >> 16 & 255),
			    (unsigned long long)(v4 >> 24 & 255), (unsigned long long)number);
}

static int say_pcbs(struct view_row *row, const char *list, const char *protocol,
		    struct problem *problem)
{
	struct session *session = row->session;
	struct value *pcb = look_deref(session, look(session, list));
	struct map seen = {0};
	uint64_t state, count = 0;
	int error = 0;

	for (; pcb; pcb = look_deref(session, look_member(session, pcb, "next"))) {
		bool connected = look_word(session, pcb, "remote_port");
		uint64_t before;

		if (map_get(&seen, pcb->addr, &before) || count++ > SOCKETS_MAX)
			error = -ELOOP;
		else
			error = map_put(&seen, pcb->addr, 1);
		if (error)
			break;
		view_text(row, "protocol", "%s", protocol);
		view_text(row, "local", "%s", inet_address(session, pcb, "local_ip", "local_port"));
		view_text(row, "remote", "%s",
			  connected ? inet_address(session, pcb, "remote_ip", "remote_port") : "");
		view_text(row, "state", "%s",
			  look_number(session, pcb, "state", &state)
				  ? look_enumerator(session, "tcp_state", state)
				  : "");
		view_number(row, "unsent", look_word(session, pcb, "snd_queuelen"));
		view_address(row, "at", pcb->addr);
		view_end(row);
	}
	map_free(&seen);
	return error ? view_damaged(session, error, "the list of sockets", problem) : 0;
}

VIEW(sockets)
{
	static const struct {
		const char *list, *protocol;
	} lists[] = {{"tcp_listen_pcbs.listen_pcbs", "tcp"},
		     {"tcp_bound_pcbs", "tcp"},
		     {"tcp_active_pcbs", "tcp"},
		     {"tcp_tw_pcbs", "tcp"},
		     {"udp_pcbs", "udp"}};
	struct view_row row = {.session = session, .sink = sink};
	int error = 0;
	bool any = false;

	(void)words;
	for (unsigned int i = 0; i < sizeof(lists) / sizeof(lists[0]) && !error; i++) {
		any |= look(session, lists[i].list) != NULL;
		error = say_pcbs(&row, lists[i].list, lists[i].protocol, problem);
	}
	return !any ? problem_set(problem, -ENOENT, "the program has no network") : error;
}
