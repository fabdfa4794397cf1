/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xenstore client: asynchronous, many requests in flight, watches, transactions.
 * Everything read is hostile: payloads <= 4096 bytes, NUL-terminated here, unknown req_id and watch
 * floods are tolerated, a protocol violation fails all requests with -EIO. Any vCPU; done and fn
 * are called by one at a time, never by a function below, so they may take any lock that is held
 * when one of those is called. Source: Xen public/io/xs_wire.h, docs/misc/xenstore.txt.
 */
#ifndef DRIVERS_XENSTORE_H
#define DRIVERS_XENSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wait.h"
#include "lib/base/list.h"

#define XENSTORE_PAYLOAD_MAX 4096
#define XENSTORE_PATH_MAX    1024

/* Attaches to the ring of boot_info; exchanges nothing yet. 0, or -ENODEV: there is none.
 * Suspend waits up to a second for what is in flight; resume attaches to the new ring, fails what
 * is left with -EIO and sets every watch again. */
int xenstore_init(void);
/* There is one, and it kept to the protocol so far. */
bool xenstore_available(void);

/* One request; the struct and reply buffer belong to the caller until done was called. done runs in
 * event context exactly once: result 0 or -errno; reply_bytes of the reply are in reply (cut to
 * reply_max - 1 and always NUL-terminated), of reply_total_bytes that came. */
struct xenstore_request {
	struct list_node node;
	uint32_t id;
	uint32_t type; /* XS_* */
	uint32_t transaction;
	char *reply; /* NULL: only the result is wanted */
	size_t reply_max, reply_bytes, reply_total_bytes;
	int result;
	bool completed;
	void (*done)(struct xenstore_request *request); /* NULL: completed says it */
	void *arg;
};

/* A piece of a payload. */
struct xenstore_part {
	const void *bytes;
	size_t bytes_count;
};

/* type: XS_* of xs_wire.h; the payload is copied. 0, or -errno and done is never called. -EAGAIN:
 * ring and queue are full, retry from a done or wait; -E2BIG, -EIO (broken), -ENODEV. Any context.
 */
int xenstore_submit(struct xenstore_request *request, unsigned int type, const void *payload,
		    size_t payload_bytes);
int xenstore_submit_parts(struct xenstore_request *request, unsigned int type,
			  const struct xenstore_part *parts, size_t parts_count);
/* Forgets a request; a reply that comes is dropped. True: done will not be called. False: it was
 * not in flight, and on another vCPU done may just be about to be called. Any context. */
bool xenstore_cancel(struct xenstore_request *request);
/* Submits and waits, at most until deadline_ns (monotonic): -ETIMEDOUT. Thread context. */
int xenstore_call(struct xenstore_request *request, unsigned int type,
		  const struct xenstore_part *parts, size_t parts_count, uint64_t deadline_ns);

/* The same, waiting up to ten seconds. Thread context. Paths are absolute or relative to the
 * domain's home. 0 or -ENOENT, -EACCES, -EIO, -E2BIG (does not fit), -ETIMEDOUT … */
int xenstore_read(uint32_t transaction, const char *path, char *value_out, size_t value_bytes);
int xenstore_write(uint32_t transaction, const char *path, const char *value);
int xenstore_printf(uint32_t transaction, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int xenstore_remove(uint32_t transaction, const char *path);
/* NUL-separated names in names_out, their count in count_out. */
int xenstore_directory(uint32_t transaction, const char *path, char *names_out, size_t names_bytes,
		       size_t *count_out);
/* Strict decimal; -EINVAL for anything else. */
int xenstore_read_u64(uint32_t transaction, const char *path, uint64_t *value_out);
int xenstore_transaction_start(uint32_t *transaction_out);
/* -EAGAIN: somebody else changed what we read: start again. */
int xenstore_transaction_end(uint32_t transaction, bool commit);

/* fn runs in event context for each change at or below path (and once at registration). It may
 * add and remove watches. changed_path is borrowed until it returns. */
struct xenstore_watch {
	struct list_node node;
	const char *path; /* borrowed while watching */
	void (*fn)(struct xenstore_watch *watch, const char *changed_path);
	void *arg;
	uint32_t token;
	struct xenstore_request request;
};
/* Does not wait. 0 or -errno as xenstore_submit. A refusal that comes later is logged. Any context.
 */
int xenstore_watch_add(struct xenstore_watch *watch);
/* fn is not called any more, and is over unless it is what removes the watch: so the caller holds
 * no lock that fn takes. Any context. */
void xenstore_watch_remove(struct xenstore_watch *watch);

/* The last word of a crashing guest: one write, if no message is half sent. It takes no lock and
 * waits for no reply, and about 50 ms for xenstored to take it. 0 or -errno. */
int xenstore_emergency_write(const char *path, const char *value);

struct xenstore_stats {
	uint32_t replies_unknown; /* nobody asked, or nobody asks any more */
	uint32_t watches_unknown; /* events of watches we do not have */
	uint32_t messages_received;
	uint32_t violations;
};
void xenstore_get_stats(struct xenstore_stats *stats_out);

#endif
