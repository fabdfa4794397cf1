/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sixteen bytes, and objects of odd sizes: values, and nothing lost or torn when four threads do it
 * at once.
 */
/* <stdatomic.h> wants it with clang. */
#include <stdint.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "test/guest/check.h"

#define THREADS 4
#define ROUNDS  20000

typedef unsigned __int128 u128;

struct odd {
	uint64_t a, b, c;
};

/* The library's, for which compilers have functions of their own with less arguments. */
void any_load(size_t bytes, const void *at, void *value_out, int order) __asm__("__atomic_load");
void any_store(size_t bytes, void *at, void *value, int order) __asm__("__atomic_store");
void any_exchange(size_t bytes, void *at, void *value, void *old_out,
		  int order) __asm__("__atomic_exchange");
bool any_compare(size_t bytes, void *at, void *expected, void *wanted, int success,
		 int failure) __asm__("__atomic_compare_exchange");

static _Atomic u128 counter;
static u128 plain, pair;
static struct odd shared;
static unsigned int torn;

static u128 both(uint64_t value)
{
	return (u128)value << 64 | value;
}

static void check_values(void)
{
	u128 expected = 5, big = (u128)7 << 100;

	atomic_store(&counter, 1);
	CHECK(atomic_load(&counter) == 1);
	CHECK(!atomic_compare_exchange_strong(&counter, &expected, 9) && expected == 1);
	CHECK(atomic_compare_exchange_strong(&counter, &expected, big));
	CHECK(atomic_fetch_add(&counter, 3) == big && atomic_load(&counter) == big + 3);
	CHECK(atomic_exchange(&counter, 0) == big + 3);
	CHECK(__atomic_sub_fetch(&plain, 1, __ATOMIC_SEQ_CST) == ~(u128)0);
	CHECK(__atomic_fetch_and(&plain, big, __ATOMIC_SEQ_CST) == ~(u128)0 && plain == big);
	CHECK(__atomic_or_fetch(&plain, 1, __ATOMIC_SEQ_CST) == (big | 1));
	CHECK(__atomic_fetch_xor(&plain, big, __ATOMIC_SEQ_CST) == (big | 1) && plain == 1);
	CHECK(__atomic_nand_fetch(&plain, 3, __ATOMIC_SEQ_CST) == ~(u128)1);
	CHECK(__sync_val_compare_and_swap(&plain, ~(u128)1, big) == ~(u128)1 && plain == big);
	CHECK(!__sync_bool_compare_and_swap(&plain, 0, 1));
	CHECK(__sync_fetch_and_add(&plain, 1) == big && __sync_add_and_fetch(&plain, 1) == big + 2);
	CHECK(__sync_lock_test_and_set(&plain, 4) == big + 2);
	/* gcc 12 drops __sync_lock_release() of sixteen bytes. */
	CHECK(atomic_is_lock_free(&counter));
}

static void check_sizes(void)
{
	_Alignas(16) unsigned char at[32] = {0}, value[32], seen[32], old[32];

	for (size_t bytes = 1; bytes <= sizeof(at); bytes++)
		for (size_t offset = 0; offset < 4 && offset + bytes <= sizeof(at); offset++) {
			memset(at, 0x11, sizeof(at));
			memset(value, 0x22, sizeof(value));
			memset(old, 0, sizeof(old));
			any_load(bytes, at + offset, seen, __ATOMIC_SEQ_CST);
			CHECK(memcmp(seen, at, bytes) == 0);
			CHECK(!any_compare(bytes, at + offset, old, value, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST));
			CHECK(memcmp(old, at, bytes) == 0);
			CHECK(any_compare(bytes, at + offset, old, value, __ATOMIC_SEQ_CST,
					  __ATOMIC_SEQ_CST));
			CHECK(memcmp(at + offset, value, bytes) == 0);
			any_exchange(bytes, at + offset, old, seen, __ATOMIC_SEQ_CST);
			CHECK(memcmp(seen, value, bytes) == 0 &&
			      memcmp(at + offset, old, bytes) == 0);
			any_store(bytes, at + offset, value, __ATOMIC_SEQ_CST);
			CHECK(memcmp(at + offset, value, bytes) == 0);
			/* And not a byte more. */
			CHECK(offset == 0 || at[offset - 1] == 0x11);
			CHECK(offset + bytes == sizeof(at) || at[offset + bytes] == 0x11);
		}
}

static void *work(void *arg)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		struct odd mine = {i, i, i}, seen;
		u128 value;

		atomic_fetch_add(&counter, both(1));
		__atomic_store_n(&pair, both(i), __ATOMIC_SEQ_CST);
		value = __atomic_load_n(&pair, __ATOMIC_SEQ_CST);
		if ((uint64_t)value != (uint64_t)(value >> 64))
			__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
		__atomic_store(&shared, &mine, __ATOMIC_SEQ_CST);
		__atomic_load(&shared, &seen, __ATOMIC_SEQ_CST);
		if (seen.a != seen.b || seen.b != seen.c)
			__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
	}
	return arg;
}

int main(void)
{
	pthread_t threads[THREADS];

	check_values();
	check_sizes();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(atomic_load(&counter) == both((uint64_t)THREADS * ROUNDS));
	CHECK(torn == 0);
	return check_done();
}
