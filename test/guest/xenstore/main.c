/* SPDX-License-Identifier: BSD-2-Clause */
/* The xenstore client against the real xenstored. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/time.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "test/guest/check.h"
#include "xen/abi.h"

#define MANY 200

static struct waitq queue;
static volatile int watched, done_count;
static char watched_path[64];
static struct xenstore_request requests[MANY];
static char replies[MANY][32];

static void fire(struct xenstore_watch *watch, const char *changed_path)
{
	(void)watch;
	snprintf(watched_path, sizeof(watched_path), "%s", changed_path);
	watched++;
	waitq_wake_all(&queue);
}

static void values(void)
{
	char value[256];
	uint64_t number;
	size_t count;

	CHECK(xenstore_read_u64(0, "domid", &number) == 0 && number > 0);
	CHECK(xenstore_read(0, "name", value, sizeof(value)) == 0 && value[0]);
	CHECK(xenstore_directory(0, "control", value, sizeof(value), &count) == 0 && count > 0);
	CHECK(xenstore_write(0, "data/test/a", "hello") == 0);
	CHECK(xenstore_read(0, "data/test/a", value, sizeof(value)) == 0);
	CHECK(strcmp(value, "hello") == 0);
	CHECK(xenstore_read(0, "data/test/a", value, 5) == -E2BIG);
	CHECK(xenstore_read(0, "data/test/b", value, sizeof(value)) == -ENOENT);
	CHECK(xenstore_write(0, "name", "mine") == -EACCES);
	CHECK(xenstore_directory(0, "data/test", value, sizeof(value), &count) == 0 && count == 1);
	CHECK(xenstore_remove(0, "data/test/a") == 0);
	CHECK(xenstore_read(0, "data/test/a", value, sizeof(value)) == -ENOENT);
}

static void transactions(void)
{
	uint32_t transaction;
	char value[32];

	CHECK(xenstore_transaction_start(&transaction) == 0);
	CHECK(xenstore_write(transaction, "data/test/t", "1") == 0);
	CHECK(xenstore_read(0, "data/test/t", value, sizeof(value)) == -ENOENT);
	CHECK(xenstore_transaction_end(transaction, true) == 0);
	CHECK(xenstore_read(0, "data/test/t", value, sizeof(value)) == 0);
	CHECK(xenstore_transaction_start(&transaction) == 0);
	CHECK(xenstore_read(transaction, "data/test/t", value, sizeof(value)) == 0);
	CHECK(xenstore_write(transaction, "data/test/t", "2") == 0);
	CHECK(xenstore_write(0, "data/test/t", "3") == 0);
	CHECK(xenstore_transaction_end(transaction, true) == -EAGAIN);
	CHECK(xenstore_read(0, "data/test/t", value, sizeof(value)) == 0 && value[0] == '3');
}

static void watches(void)
{
	static struct xenstore_watch watch = {.path = "data/test/w", .fn = fire};
	uint64_t deadline_ns = time_monotonic_ns() + 20 * NS_PER_S;

	CHECK(xenstore_watch_add(&watch) == 0);
	CHECK(waitq_wait(&queue, watched == 1, deadline_ns, false) == 0);
	CHECK(xenstore_write(0, "data/test/w/deep", "1") == 0);
	CHECK(waitq_wait(&queue, watched == 2, deadline_ns, false) == 0);
	CHECK(strcmp(watched_path, "data/test/w/deep") == 0);
	xenstore_watch_remove(&watch);
	CHECK(xenstore_write(0, "data/test/w/deep", "2") == 0);
	CHECK(xenstore_write(0, "data/test/other", "2") == 0);
	CHECK(watched == 2);
}

static void done(struct xenstore_request *request)
{
	(void)request;
	done_count++;
	waitq_wake_all(&queue);
}

/* More than the ring holds, all in flight. */
static void many_at_once(void)
{
	uint64_t deadline_ns = time_monotonic_ns() + 30 * NS_PER_S;
	int good = 1;

	CHECK(xenstore_write(0, "data/test/many", "value") == 0);
	for (int i = 0; i < MANY; i++) {
		requests[i] = (struct xenstore_request){
			.reply = replies[i], .reply_max = sizeof(replies[i]), .done = done};
		good &= xenstore_submit(&requests[i], XS_READ, "data/test/many",
					sizeof("data/test/many")) == 0;
	}
	CHECK(good);
	CHECK(waitq_wait(&queue, done_count == MANY, deadline_ns, false) == 0);
	for (int i = 0; i < MANY; i++)
		good &= requests[i].result == 0 && strcmp(replies[i], "value") == 0;
	CHECK(good);
}

int main(void)
{
	struct xenstore_stats stats;

	CHECK(xenstore_available());
	values();
	transactions();
	watches();
	many_at_once();
	xenstore_get_stats(&stats);
	CHECK(stats.violations == 0 && stats.replies_unknown == 0 && stats.watches_unknown == 0);
	return check_done();
}
