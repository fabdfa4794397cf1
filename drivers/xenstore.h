/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The xenstore client: asynchronous, many requests in flight, watches, transactions.
 * Everything read is hostile: payloads <= 4096 bytes, NUL-terminated here, unknown req_id and watch
 * floods are tolerated, a protocol violation fails all requests with -EIO.
 * Source: Xen public/io/xs_wire.h, docs/misc/xenstore.txt.
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

int xenstore_init(void);
bool xenstore_available(void);

/* One request; the struct and reply buffer belong to the caller until done was called. done runs in
 * event context exactly once: result 0 or -errno; reply_bytes of the reply are in reply (cut to
 * reply_max - 1 and always NUL-terminated). */
struct xenstore_request {
	struct list_node node;
	uint32_t id;
	uint32_t transaction;
	char *reply;
	size_t reply_max, reply_bytes;
	int result;
	bool completed;
	void (*done)(struct xenstore_request *request);
	void *arg;
};

/* type: XS_* of xs_wire.h; the payload is copied. 0, or -errno and done is never called. -EAGAIN: the
 * ring is full, retry from a done or wait. Any context. */
int xenstore_submit(struct xenstore_request *request, unsigned int type, const void *payload,
		    size_t payload_bytes);

/* The same, waiting. Thread context. Paths are absolute or relative to the domain's home.
 * 0 or -ENOENT, -EACCES, -EIO, -E2BIG … */
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

/* fn runs in event context for each change at or below path (and once at registration). */
struct xenstore_watch {
	struct list_node node;
	const char *path; /* borrowed while watching */
	void (*fn)(struct xenstore_watch *watch, const char *changed_path);
	void *arg;
	struct xenstore_request request;
};
/* Does not wait. */
int xenstore_watch_add(struct xenstore_watch *watch);
void xenstore_watch_remove(struct xenstore_watch *watch);

void xenstore_suspend(void);
void xenstore_resume(void);

#endif
