/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The agent of the box at a port that does what virtio-serial's does: bytes of a client may be
 * there before the news that it came; without a client reading says "end", writing "not now".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "test/host/check_main.h"

static struct {
	bool connected;
	size_t room; /* what it takes of what is written */
	size_t in_bytes, in_done, out_bytes;
	unsigned char in[1 << 18], out[1 << 20];
} line;

static ssize_t port_read(int fd, void *bytes, size_t count)
{
	(void)fd;
	if (line.in_done == line.in_bytes) {
		errno = EAGAIN;
		return line.connected ? -1 : 0;
	}
	if (count > line.in_bytes - line.in_done)
		count = line.in_bytes - line.in_done;
	memcpy(bytes, line.in + line.in_done, count);
	line.in_done += count;
	return (ssize_t)count;
}

static ssize_t port_write(int fd, const void *bytes, size_t count)
{
	(void)fd;
	if (count > line.room)
		count = line.room;
	if (!line.connected || count == 0) {
		errno = EAGAIN;
		return -1;
	}
	ck_assert_uint_le(line.out_bytes + count, sizeof(line.out));
	memcpy(line.out + line.out_bytes, bytes, count);
	line.out_bytes += count;
	line.room -= count;
	return (ssize_t)count;
}

/* Each of them says what it needs of the system's headers. */
#undef _GNU_SOURCE
#include "tools/box/job.c"
#undef _GNU_SOURCE

int agent_main(void);

/* The port's, not the job's. */
#define read  port_read
#define write port_write
#define main  agent_main
#include "tools/box/agent.c"
#include "tools/box/port.c"
#undef read
#undef write
#undef main

static void setup(void)
{
	memset(&line, 0, sizeof(line));
	line.room = sizeof(line.out);
	memset(&worker, 0, sizeof(worker));
	job_init(&worker.job);
}

static void say(uint8_t type, const void *payload, size_t bytes)
{
	struct wire_frame frame = {WIRE_MAGIC, type, (uint16_t)bytes};

	memcpy(line.in + line.in_bytes, &frame, sizeof(frame));
	memcpy(line.in + line.in_bytes + sizeof(frame), payload, bytes);
	line.in_bytes += sizeof(frame) + bytes;
}

static void say_hello(char letter)
{
	uint8_t payload[WIRE_NONCE_BYTES + sizeof(uint64_t)] = {0};

	memset(payload, letter, WIRE_NONCE_BYTES);
	memset(line.in + line.in_bytes, 0, WIRE_RESYNC_BYTES);
	line.in_bytes += WIRE_RESYNC_BYTES;
	say(WIRE_HELLO, payload, sizeof(payload));
}

/* Whether the answer to say_hello(letter) came out. */
static bool answered(char letter)
{
	struct wire_frame frame = {WIRE_MAGIC, WIRE_HELLO_BACK, WIRE_NONCE_BYTES};
	uint8_t wanted[sizeof(frame) + WIRE_NONCE_BYTES];

	memcpy(wanted, &frame, sizeof(frame));
	memset(wanted + sizeof(frame), letter, WIRE_NONCE_BYTES);
	return memmem(line.out, line.out_bytes, wanted, sizeof(wanted));
}

static void settle(void)
{
	while (worker_move(&worker))
		;
}

START_TEST(answers)
{
	line.connected = true;
	say_hello('a');
	settle();
	ck_assert(answered('a') && !answered('b'));
}
END_TEST

START_TEST(bytes_before_the_news)
{
	settle();
	say_hello('a');
	settle();
	settle();
	ck_assert_uint_eq(line.out_bytes, 0);
	line.connected = true;
	settle();
	ck_assert(answered('a'));
}
END_TEST

/* In pieces of any size, with the news after any of them. */
START_TEST(pieces_before_the_news)
{
	size_t whole, first;

	say_hello('a');
	whole = line.in_bytes;
	for (first = 1; first < whole; first += first < WIRE_RESYNC_BYTES - 8 ? 997 : 1) {
		setup();
		say_hello('a');
		line.in_bytes = first;
		settle();
		line.in_bytes = whole;
		settle();
		line.connected = true;
		settle();
		ck_assert_msg(answered('a'), "after %zu bytes", first);
	}
}
END_TEST

START_TEST(what_a_client_left)
{
	static const uint8_t output[WIRE_PAYLOAD_MAX];

	line.connected = true;
	say_hello('a');
	settle();
	port_send(&worker.port, WIRE_STDOUT, output, sizeof(output));
	line.connected = false;
	settle();
	ck_assert_uint_eq(worker.port.tx_bytes, 0);
}
END_TEST

/* Output that nobody fetched fills the port; fetched at last, what was said meanwhile is heard. */
START_TEST(room_at_last)
{
	static const uint8_t output[WIRE_PAYLOAD_MAX];

	line.connected = true;
	line.room = 0;
	while (port_has_room(&worker.port))
		port_send(&worker.port, WIRE_STDOUT, output, sizeof(output));
	say_hello('a');
	settle();
	ck_assert(!answered('a'));
	line.room = sizeof(line.out);
	settle();
	ck_assert(answered('a'));
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("agent");
	TCase *tcase = tcase_create("agent");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, answers);
	tcase_add_test(tcase, bytes_before_the_news);
	tcase_add_test(tcase, pieces_before_the_news);
	tcase_add_test(tcase, what_a_client_left);
	tcase_add_test(tcase, room_at_last);
	suite_add_tcase(suite, tcase);
	return suite;
}
