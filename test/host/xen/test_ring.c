/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte rings against a hostile other side (HARDENING: rings 1, 2, 7, 8).
 * Links: xen/ring.c
 */
#include <stdlib.h>
#include <string.h>

#include "test/host/check_main.h"
#include "xen/ring.h"

#define RING 1024

/* Canaries on both sides: nothing outside the ring is written. */
static struct {
	char before[64];
	char bytes[RING];
	char after[64];
	uint32_t cons, prod;
} shared;

static struct ring_in in;
static struct ring_out out;

/* Indices begin at at, so that every test also runs across the wrap at 2^32. */
static const uint32_t starts[] = {0, 1, RING - 1, RING, 0x7ffffff0, 0xfffffff0, 0xffffffff - RING};
#define STARTS (int)(sizeof(starts) / sizeof(starts[0]))

static void start_in(uint32_t at)
{
	memset(&shared, 0x5a, sizeof(shared));
	shared.cons = shared.prod = at;
	ring_in_init(&in, shared.bytes, RING, &shared.cons, &shared.prod);
}

static void start_out(uint32_t at)
{
	memset(&shared, 0x5a, sizeof(shared));
	shared.cons = shared.prod = at;
	ring_out_init(&out, shared.bytes, RING, &shared.prod, &shared.cons);
}

static void check_canaries(void)
{
	for (size_t i = 0; i < sizeof(shared.before); i++)
		if (shared.before[i] != 0x5a || shared.after[i] != 0x5a)
			ck_abort_msg("written outside the ring");
}

START_TEST(what_goes_in_comes_out)
{
	unsigned char sent = 0, expected = 0;
	char buffer[2 * RING];

	start_in(starts[_i]);
	for (unsigned int round = 0; round < 2000; round++) {
		uint32_t give = test_random() % (RING + 1 - (shared.prod - shared.cons));
		size_t take = test_random() % sizeof(buffer), taken;

		for (uint32_t i = 0; i < give; i++)
			shared.bytes[shared.prod++ % RING] = (char)sent++;
		taken = ring_in_read(&in, buffer, take);
		if (taken > take)
			ck_abort();
		for (size_t i = 0; i < taken; i++)
			if (buffer[i] != (char)expected++)
				ck_abort_msg("wrong byte in round %u", round);
	}
	ck_assert(!in.broken);
	check_canaries();
}
END_TEST

START_TEST(what_is_written_can_be_read)
{
	unsigned char next = 0, expected = 0;
	char buffer[2 * RING];

	start_out(starts[_i]);
	for (unsigned int round = 0; round < 2000; round++) {
		size_t bytes = test_random() % sizeof(buffer), written;
		uint32_t take;

		for (size_t i = 0; i < bytes; i++)
			buffer[i] = (char)(next + i);
		written = ring_out_write(&out, buffer, bytes);
		next += written;
		if (written < bytes && ring_out_room(&out))
			ck_abort_msg("short though there was room");
		take = test_random() % (shared.prod - shared.cons + 1);
		while (take--)
			if (shared.bytes[shared.cons++ % RING] != (char)expected++)
				ck_abort_msg("wrong byte in round %u", round);
		ck_assert_int_eq(ring_out_empty(&out), shared.cons == shared.prod);
	}
	ck_assert(!out.broken);
	check_canaries();
}
END_TEST

START_TEST(a_producer_too_far_ahead_breaks_the_ring)
{
	static const uint32_t bad[] = {RING + 1, 2 * RING, 0x7fffffff, 0x80000000, 0xffffffff};
	char buffer[RING];

	for (size_t i = 0; i < 5; i++) {
		start_in(starts[_i]);
		shared.prod = starts[_i] + RING;
		ck_assert_uint_eq(ring_in_available(&in), RING);
		ck_assert(!in.broken);
		shared.prod = starts[_i] + bad[i];
		ck_assert_uint_eq(ring_in_read(&in, buffer, sizeof(buffer)), 0);
		ck_assert(in.broken);
		/* for good */
		shared.prod = starts[_i];
		ck_assert_uint_eq(ring_in_available(&in), 0);
		ck_assert(in.broken);
	}
}
END_TEST

START_TEST(a_producer_that_goes_back_breaks_the_ring)
{
	start_in(starts[_i]);
	shared.prod = starts[_i] + 10;
	ck_assert_uint_eq(ring_in_available(&in), 10);
	shared.prod = starts[_i] + 9;
	ck_assert_uint_eq(ring_in_available(&in), 0);
	ck_assert(in.broken);
}
END_TEST

START_TEST(a_consumer_out_of_bounds_breaks_the_ring)
{
	static const uint32_t bad[] = {1, 2, RING, 0x7fffffff, 0x80000000, 0xffffffff - RING};
	char byte = 'x';

	for (size_t i = 0; i < 6; i++) {
		start_out(starts[_i]);
		ck_assert_uint_eq(ring_out_write(&out, &byte, 1), 1);
		/* read more than was written, or moved back */
		shared.cons = shared.prod + bad[i];
		ck_assert_uint_eq(ring_out_write(&out, &byte, 1), 0);
		ck_assert(out.broken);
		ck_assert(ring_out_empty(&out));
	}
	start_out(starts[_i]);
	for (unsigned int i = 0; i < 10; i++)
		ck_assert_uint_eq(ring_out_write(&out, &byte, 1), 1);
	shared.cons += 5;
	ck_assert_uint_eq(ring_out_room(&out), RING - 5);
	shared.cons -= 1;
	ck_assert_uint_eq(ring_out_room(&out), 0);
	ck_assert(out.broken);
}
END_TEST

START_TEST(impossible_from_the_start)
{
	start_in(0);
	shared.prod = RING + 1;
	ring_in_init(&in, shared.bytes, RING, &shared.cons, &shared.prod);
	ck_assert(in.broken);
	start_out(0);
	shared.cons = 1;
	ring_out_init(&out, shared.bytes, RING, &shared.prod, &shared.cons);
	ck_assert(out.broken);
}
END_TEST

START_TEST(our_own_index_is_not_read_back)
{
	char buffer[8];

	start_in(starts[_i]);
	for (uint32_t i = 0; i < 8; i++)
		shared.bytes[shared.prod++ % RING] = (char)i;
	ck_assert_uint_eq(ring_in_read(&in, buffer, 4), 4);
	shared.cons = starts[_i] + 7;
	ck_assert_uint_eq(ring_in_read(&in, buffer, 1), 1);
	ck_assert_int_eq(buffer[0], 4);
	start_out(starts[_i]);
	ck_assert_uint_eq(ring_out_write(&out, "abcd", 4), 4);
	shared.prod = starts[_i] + 500;
	ck_assert_uint_eq(ring_out_write(&out, "e", 1), 1);
	ck_assert_uint_eq(shared.prod, starts[_i] + 5);
}
END_TEST

/* Whatever both indices say, memory outside the ring is never touched (ASan and canaries watch). */
START_TEST(random_indices)
{
	char *buffer = malloc(RING);

	for (unsigned int i = 0; i < 200000; i++) {
		if (i % 16 == 0) {
			start_in((uint32_t)test_random());
			shared.cons = in.cons;
		}
		shared.prod = test_random() % 2 ? (uint32_t)test_random()
						: in.cons + test_random() % (2 * RING);
		if (ring_in_read(&in, buffer, test_random() % (RING + 1)) > RING)
			ck_abort();
	}
	for (unsigned int i = 0; i < 200000; i++) {
		if (i % 16 == 0)
			start_out((uint32_t)test_random());
		shared.cons = test_random() % 2 ? (uint32_t)test_random()
						: out.prod - test_random() % (2 * RING);
		if (ring_out_write(&out, buffer, test_random() % (RING + 1)) > RING)
			ck_abort();
		check_canaries();
	}
	free(buffer);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("ring");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, what_goes_in_comes_out, 0, STARTS);
	tcase_add_loop_test(all, what_is_written_can_be_read, 0, STARTS);
	tcase_add_loop_test(all, a_producer_too_far_ahead_breaks_the_ring, 0, STARTS);
	tcase_add_loop_test(all, a_producer_that_goes_back_breaks_the_ring, 0, STARTS);
	tcase_add_loop_test(all, a_consumer_out_of_bounds_breaks_the_ring, 0, STARTS);
	tcase_add_test(all, impossible_from_the_start);
	tcase_add_loop_test(all, our_own_index_is_not_read_back, 0, STARTS);
	tcase_add_test(all, random_indices);
	tcase_set_timeout(all, 60);
	suite_add_tcase(suite, all);
	return suite;
}
