/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap over the fake guest's memory: what it promises, what it catches, and a model it is
 * compared with.
 * Links: core/heap.c core/heap_slab.c core/heap_large.c core/heap_vcpu.c
 * Links: core/vm.c core/pool.c core/page.c
 * Links: core/log.c lib/base/format.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c
 * Links: test/host/fake_random.c
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/console.h"
#include "core/heap.h"
#include "core/heap_parts.h"
#include "core/vm.h"
#include "lib/base/error.h"
#include "test/host/check_main.h"
#include "test/host/fake_core.h"
#include "test/host/fake_memory.h"
#include "test/host/fake_pt.h"

struct console *console_get(void)
{
	return NULL;
}

static int failures;

void core_heap_failed(void)
{
	failures++;
}

/* The compiler knows malloc and would warn of, or do away with, what the tests do on purpose. */
static void *(*volatile alloc)(size_t) = heap_alloc;
static void (*volatile release)(void *) = heap_free;
static void *(*volatile resize)(void *, size_t) = heap_realloc;
static void *(*volatile alloc_aligned)(size_t, size_t) = heap_alloc_aligned;

static void check_report(const char *what, int signal_number)
{
	ck_assert_msg(strstr(fake_panic_text, what) != NULL, "\"%s\" is not in \"%s\"", what,
		      fake_panic_text);
	ck_assert_int_eq(fake_panic_signal, signal_number);
}

static const size_t sizes[] = {0,    1,     7,     8,     9,     15,    16,    17,   24,   25,
			       40,   63,    64,    65,    100,   127,   128,   200,  255,  256,
			       500,  1000,  1024,  1500,  2048,  3000,  4000,  4096, 5000, 8192,
			       9000, 16383, 16384, 16385, 20000, 65536, 100001};
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* ---- What it promises ---- */

START_TEST(test_sizes)
{
	fake_memory_setup(16);
	for (size_t i = 0; i < SIZES; i++) {
		char *block = alloc(sizes[i]), *other = alloc(sizes[i]);

		ck_assert_ptr_nonnull(block);
		test_require(block != (other));
		test_require((uintptr_t)block % 16 == (0));
		test_require(heap_usable_bytes(block) == (sizes[i]));
		memset(block, 0xff, sizes[i]);
		memset(other, 0, sizes[i]);
		test_require(heap_check() == (0));
		release(block);
		release(other);
	}
	ck_assert_int_eq(heap_check(), 0);
	ck_assert_uint_eq(heap_usable_bytes(NULL), 0);
	release(NULL);
}
END_TEST

START_TEST(test_every_small_size)
{
	fake_memory_setup(32);
	for (size_t bytes = 0; bytes <= HEAP_SMALL_MAX + 100; bytes += bytes < 2500 ? 1 : 13) {
		char *block = alloc(bytes);

		memset(block, 0xa5, bytes);
		test_require((uintptr_t)block % 16 == (0));
		release(block);
	}
	ck_assert_int_eq(heap_check(), 0);
}
END_TEST

START_TEST(test_too_much_is_null)
{
	fake_memory_setup(8);
	ck_assert_ptr_null(alloc(SIZE_MAX));
	ck_assert_ptr_null(alloc(SIZE_MAX - 7));
	ck_assert_ptr_null(alloc(PTRDIFF_MAX));
	ck_assert_ptr_null(alloc(1ULL << 45));
	ck_assert_ptr_null(alloc(9 << 20));
	ck_assert_ptr_null(alloc_aligned(1ULL << 62, 1));
	ck_assert_ptr_null(alloc_aligned(64, SIZE_MAX - 10));
	ck_assert_ptr_null(heap_alloc_zeroed(SIZE_MAX / 2));
	ck_assert_ptr_null(resize(NULL, 9 << 20));
	ck_assert_int_eq(failures, 9);
	release(alloc(1 << 20));
}
END_TEST

START_TEST(test_zeroed)
{
	fake_memory_setup(16);
	for (size_t i = 0; i < SIZES; i++) {
		unsigned char *block = alloc(sizes[i]);

		memset(block, 0xff, sizes[i]);
		release(block);
		block = heap_alloc_zeroed(sizes[i]);
		for (size_t at = 0; at < sizes[i]; at++)
			test_require(block[at] == (0));
		release(block);
	}
}
END_TEST

START_TEST(test_aligned)
{
	fake_memory_setup(64);
	for (size_t align = 1; align <= 4 << 20; align *= 2) {
		for (size_t i = 0; i < SIZES; i++) {
			char *block = alloc_aligned(align, sizes[i]);

			ck_assert_ptr_nonnull(block);
			test_require((uintptr_t)block % align == (0));
			test_require(heap_usable_bytes(block) == (sizes[i]));
			memset(block, 0x11, sizes[i]);
			test_require(heap_check() == (0));
			block = resize(block, sizes[i] + 10);
			memset(block, 0x11, sizes[i] + 10);
			release(block);
		}
	}
	ck_assert_int_eq(heap_check(), 0);
}
END_TEST

START_TEST(test_realloc_keeps_contents)
{
	fake_memory_setup(32);
	for (size_t i = 0; i < SIZES; i++) {
		for (size_t j = 0; j < SIZES; j++) {
			size_t kept = sizes[i] < sizes[j] ? sizes[i] : sizes[j];
			unsigned char *block = alloc(sizes[i]);

			for (size_t at = 0; at < sizes[i]; at++)
				block[at] = (unsigned char)(at * 7 + i);
			block = resize(block, sizes[j]);
			test_require(heap_usable_bytes(block) == (sizes[j]));
			for (size_t at = 0; at < kept; at++)
				test_require(block[at] == ((unsigned char)(at * 7 + i)));
			memset(block, 1, sizes[j]);
			release(block);
		}
	}
	ck_assert_int_eq(heap_check(), 0);
}
END_TEST

START_TEST(test_realloc_failure_keeps_block)
{
	char *block;

	fake_memory_setup(8);
	block = resize(NULL, 100);
	memset(block, 3, 100);
	ck_assert_ptr_null(resize(block, 100 << 20));
	ck_assert_ptr_null(resize(block, SIZE_MAX));
	ck_assert_uint_eq(heap_usable_bytes(block), 100);
	for (int i = 0; i < 100; i++)
		test_require(block[i] == (3));
	release(block);
}
END_TEST

START_TEST(test_large_blocks_grow_in_place)
{
	char *block;
	int moves = 0;

	fake_memory_setup(64);
	block = alloc(20000);
	for (size_t bytes = 20000; bytes < 20 << 20; bytes += 4096) {
		char *grown = resize(block, bytes);

		ck_assert_ptr_nonnull(grown);
		moves += grown != block;
		block = grown;
		block[bytes - 1] = 1;
	}
	/* The room doubles with each move. */
	ck_assert_int_le(moves, 12);
	ck_assert_int_eq(heap_check(), 0);
	release(block);
}
END_TEST

START_TEST(test_more_than_two_gib)
{
	size_t bytes = (5ULL << 30) + 17;
	char *block;

	fake_memory_setup(8192);
	block = alloc(bytes);
	ck_assert_ptr_nonnull(block);
	for (size_t at = 0; at < bytes; at += 256 << 20)
		block[at] = (char)(at >> 28);
	block[bytes - 1] = 9;
	ck_assert_int_eq(heap_check(), 0);
	ck_assert_ptr_eq(resize(block, bytes - 5), block);
	release(block);
}
END_TEST

START_TEST(test_four_mib_guest)
{
	static char *blocks[100000];
	size_t count = 0;
	uint64_t used;

	fake_memory_setup(4);
	blocks[0] = alloc(1024);
	blocks[1] = alloc(64);
	used = fake_memory_in_use();
	ck_assert_uint_le(used, 4); /* two slabs and their descriptors */
	release(blocks[0]);
	release(blocks[1]);
	while ((blocks[count] = alloc(100)))
		count++;
	/* 3.4 MiB are free after the image */
	ck_assert_uint_ge(count, 25000);
	while (count)
		release(blocks[--count]);
	heap_trim();
	ck_assert_uint_eq(fake_memory_in_use(), 0);
	blocks[0] = alloc(2500000);
	ck_assert_ptr_nonnull(blocks[0]);
	release(blocks[0]);
}
END_TEST

START_TEST(test_memory_goes_back)
{
	static char *blocks[20000];

	fake_memory_setup(64);
	for (int round = 0; round < 3; round++) {
		struct heap_stats stats;

		for (size_t i = 0; i < 20000; i++)
			blocks[i] = alloc(test_random() % 2000);
		for (size_t i = 0; i < 20000; i++)
			release(blocks[i]);
		heap_get_stats(&stats);
		test_require(stats.used_blocks == (0));
		test_require(stats.used_bytes == (0));
		/* Without being asked, all but a slab or two of each class. */
		test_require(stats.held_bytes <= (800 << 10));
	}
	heap_trim();
	ck_assert_uint_eq(fake_memory_in_use(), 0);
}
END_TEST

/* Pages of empty slabs serve whoever else runs out. */
START_TEST(test_reclaim)
{
	static void *blocks[3000];
	struct heap_stats stats;

	fake_memory_setup(8);
	for (size_t i = 0; i < 3000; i++)
		blocks[i] = alloc(i % 300);
	for (size_t i = 0; i < 3000; i++)
		release(blocks[i]);
	heap_get_stats(&stats);
	ck_assert_uint_gt(stats.held_bytes, 0);
	while (page_alloc(0, 0))
		;
	heap_get_stats(&stats);
	ck_assert_uint_eq(stats.held_bytes, 0);
	ck_assert_ptr_null(alloc(64));
	page_check();
}
END_TEST

START_TEST(test_stats)
{
	struct heap_stats stats;
	void *small, *large;

	fake_memory_setup(16);
	small = alloc(77);
	large = alloc(77777);
	heap_get_stats(&stats);
	ck_assert_uint_eq(stats.used_blocks, 2);
	ck_assert_uint_eq(stats.used_bytes, 77 + 77777);
	ck_assert_uint_ge(stats.held_bytes, 77777);
	release(small);
	release(large);
	heap_trim();
	heap_get_stats(&stats);
	ck_assert_uint_eq(stats.held_bytes, 0);
}
END_TEST

/* ---- What it catches ---- */

static const size_t broken_sizes[] = {0,    1,    24,    40,    64,    100,
				      1024, 4096, 16384, 20000, 65537, 100001};
#define BROKEN_SIZES ((int)(sizeof(broken_sizes) / sizeof(broken_sizes[0])))

START_TEST(test_double_free)
{
	size_t bytes = broken_sizes[_i];
	void *block, *other;

	fake_memory_setup(16);
	block = alloc(bytes);
	release(block);
	ck_assert(fake_panics(release(block)));
	check_report("double free", 6);
	/* Not the last one either. */
	block = alloc(bytes);
	other = alloc(bytes);
	release(block);
	release(other);
	ck_assert(fake_panics(release(block)));
	check_report("double free", 6);
}
END_TEST

START_TEST(test_double_free_after_trim)
{
	void *block;

	fake_memory_setup(16);
	block = alloc(100);
	release(block);
	heap_trim();
	ck_assert(fake_panics(release(block)));
	check_report("free", 6);
}
END_TEST

START_TEST(test_invalid_free)
{
	static char in_the_image[64];
	char *small, *large, *middle, on_stack[64];
	void *area;

	fake_memory_setup(16);
	small = alloc(64);
	middle = alloc(5000);
	large = alloc(100000);
	ck_assert_int_eq(vm_alloc(5000, 0, PT_PROT_READ | PT_PROT_WRITE, "heap", &area), 0);
	for (int at = 1; at < 64; at++) {
		ck_assert(fake_panics(release(small + at)));
		check_report("invalid free", 6);
		ck_assert(fake_panics(release(middle + at)));
		ck_assert(fake_panics(release(large + at)));
		ck_assert(fake_panics(release(large - at)));
	}
	ck_assert(fake_panics(release(on_stack)));
	check_report("invalid", 6);
	ck_assert(fake_panics(release(in_the_image)));
	ck_assert(fake_panics(release((void *)1)));
	ck_assert(fake_panics(release((void *)UINTPTR_MAX)));
	ck_assert(fake_panics(release((void *)0x8000000000000000)));
	ck_assert(fake_panics(release(area)));
	ck_assert(fake_panics(release(pt_dmap_vaddr(3))));
	ck_assert(fake_panics(release(page_alloc(0, 0))));
	ck_assert(fake_panics(resize(small + 1, 10)));
	ck_assert(fake_panics(heap_usable_bytes(small + 16)));
	release(small);
	release(middle);
	release(large);
}
END_TEST

/* Overflows by 1 to 16 bytes of NUL, a letter, 0xff: found when freed, resized and checked. */
START_TEST(test_overflow)
{
	static const unsigned char fillers[] = {0, 'A', 0xff};
	size_t bytes = broken_sizes[_i];

	fake_memory_setup(64);
	for (size_t filler = 0; filler < sizeof(fillers); filler++) {
		for (size_t over = 1; over <= 16; over++) {
			unsigned char *block = alloc(bytes), before[16];

			/* A block that ends at its guard page: the write itself faults. */
			if (bytes > HEAP_SMALL_MAX && over > (-bytes & 15))
				continue;
			memcpy(before, block + bytes, over);
			memset(block + bytes, fillers[filler], over);
			test_require(heap_check() == (-EFAULT));
			ck_assert(fake_panics(heap_usable_bytes(block)));
			ck_assert(fake_panics(resize(block, bytes + 1)));
			check_report("overflow", 6);
			ck_assert(fake_panics(release(block)));
			check_report("overflow", 6);
			/* Put right again, or the next heap_check would find it once more. */
			memcpy(block + bytes, before, over);
			test_require(heap_check() == (0));
		}
	}
}
END_TEST

static sigjmp_buf fault_jump;

static void on_fault(int number)
{
	(void)number;
	siglongjmp(fault_jump, 1);
}

static bool write_faults(volatile char *at)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	if (sigsetjmp(fault_jump, 1))
		return true;
	*at = 1;
	return false;
}

START_TEST(test_large_block_ends_at_guard_page)
{
	char *block;

	fake_memory_setup(16);
	block = alloc(100000 / 16 * 16);
	ck_assert(!write_faults(block + 100000 / 16 * 16 - 1));
	ck_assert(write_faults(block + 100000 / 16 * 16));
	block = alloc_aligned(4096, 8192);
	ck_assert(write_faults(block + 8192));
	ck_assert(write_faults(block - 1));
	release(block);
	/* Use after free of a large block. */
	ck_assert(write_faults(block));
}
END_TEST

START_TEST(test_underflow_of_large_block)
{
	char *block;

	fake_memory_setup(16);
	block = alloc(20001);
	block[-1] ^= 1;
	ck_assert_int_eq(heap_check(), -EFAULT);
	ck_assert(fake_panics(release(block)));
	check_report("underflow", 6);
}
END_TEST

static bool alloc_panics(size_t bytes)
{
	return fake_panics(alloc(bytes));
}

/* Each byte of a freed block, written later: found by heap_check and when the slot is used again.
 */
START_TEST(test_write_after_free)
{
	size_t bytes = broken_sizes[_i];
	size_t step = bytes > 200 ? 97 : 1;

	fake_memory_setup(128);
	for (size_t at = 0; at < bytes; at += step) {
		unsigned char *block = alloc(bytes);
		bool found = false;

		release(block);
		block[at] ^= 0x10;
		test_require(heap_check() == (-EFAULT));
		/* The slot comes round again. */
		for (int i = 0; i < 300 && !found; i++)
			found = alloc_panics(bytes);
		test_require(found);
		check_report("write after free", 6);
		block[at] ^= 0x10;
	}
}
END_TEST

START_TEST(test_freed_block_reads_as_poison)
{
	uint64_t *block;

	fake_memory_setup(16);
	block = alloc(64);
	block[0] = (uintptr_t)block;
	release(block);
	/* Followed as a pointer it faults: it is not canonical. */
	ck_assert_uint_eq(block[0], HEAP_POISON);
	ck_assert_uint_ne(HEAP_POISON >> 47, 0);
	ck_assert_uint_ne(HEAP_POISON >> 47, 0x1ffff);
}
END_TEST

START_TEST(test_slot_is_not_used_again_at_once)
{
	void *block;

	fake_memory_setup(16);
	block = alloc(64);
	release(block);
	for (int i = 0; i < 20; i++) {
		void *other = alloc(64);

		test_require(other != (block));
		release(other);
	}
}
END_TEST

START_TEST(test_corrupt_links)
{
	static void *blocks[200];
	struct slab *slab;

	fake_memory_setup(16);
	for (int i = 0; i < 200; i++)
		blocks[i] = alloc(500);
	for (int i = 0; i < 200; i += 3)
		release(blocks[i]);
	slab = page_of(blocks[1])->object;
	slab->all.next = (struct list_node *)blocks[1];
	ck_assert_int_eq(heap_check(), -EFAULT);
	slab = page_of(blocks[4])->object;
	slab->base += 16;
	ck_assert(fake_panics(release(blocks[4])));
}
END_TEST

START_TEST(test_canaries_differ)
{
	void *a, *b;

	fake_memory_setup(16);
	a = alloc(64);
	b = alloc(64);
	ck_assert_uint_ne(heap_canary(a), heap_canary(b));
	ck_assert_uint_ge(heap_canary(a) & 0xff, 0x80);
	ck_assert_uint_ne(heap_canary(a) & 0xff, 0xff);
}
END_TEST

/* ---- Out of memory ---- */

/* With every amount of memory left, down to nothing: NULL or a good block, and no leak. */
START_TEST(test_out_of_memory_everywhere)
{
	static const size_t asked[] = {10, 100, 2000, 5000, 15000, 50000};
	static void *pages[1024];
	size_t pages_count = 0;

	fake_memory_setup(4);
	while ((pages[pages_count] = page_alloc(0, 0)))
		pages_count++;
	for (size_t left = 0; left < 60; left++) {
		for (size_t i = 0; i < 6; i++) {
			uint64_t used = fake_memory_in_use();
			char *block = alloc(asked[i]);

			if (block) {
				char *grown;

				memset(block, 1, asked[i]);
				grown = resize(block, asked[i] * 2);
				if (grown)
					memset(grown, 2, asked[i] * 2);
				release(grown ? grown : block);
			}
			heap_trim();
			test_require(fake_memory_in_use() == (used));
			test_require(fake_pt_mapped == (0));
		}
		page_free(pages[--pages_count], 0);
	}
	page_check();
}
END_TEST

/* ---- The model ---- */

#define LIVE_MAX 3000

struct live {
	unsigned char *block;
	size_t bytes;
	unsigned char mark;
};

static size_t random_bytes(void)
{
	uint64_t kind = test_random() % 1000;

	if (kind < 700)
		return test_random() % 300;
	if (kind < 950)
		return test_random() % 5000;
	if (kind < 997)
		return test_random() % 17000;
	return test_random() % 200000;
}

static void mark(struct live *live)
{
	live->mark = (unsigned char)test_random();
	/* Both ends and some of the middle; all of a short block. */
	memset(live->block, live->mark, live->bytes < 64 ? live->bytes : 32);
	if (live->bytes >= 64) {
		memset(live->block + live->bytes - 32, live->mark, 32);
		live->block[live->bytes / 2] = live->mark;
	}
}

static void check_prefix(const struct live *live, size_t bytes)
{
	for (size_t at = 0; at < bytes && at < 32; at++)
		test_require(live->block[at] == (live->mark));
}

static void check_mark(const struct live *live)
{
	check_prefix(live, live->bytes);
	for (size_t at = live->bytes < 64 ? live->bytes : 0; at < 32 && live->bytes >= 64; at++)
		test_require(live->block[live->bytes - 32 + at] == (live->mark));
}

START_TEST(test_model)
{
	static struct live live[LIVE_MAX];
	size_t count = 0;

	fake_memory_setup(64);
	for (int step = 0; step < 1000000; step++) {
		uint64_t kind = test_random() % 100;

		if (count < LIVE_MAX && (kind < 48 || !count)) {
			struct live *new = &live[count];

			new->bytes = random_bytes();
			if (kind < 40)
				new->block = alloc(new->bytes);
			else if (kind < 44)
				new->block = heap_alloc_zeroed(new->bytes);
			else
				new->block = alloc_aligned(16u << (test_random() % 9), new->bytes);
			if (!new->block)
				continue;
			mark(new);
			count++;
		} else if (kind < 60) {
			struct live *old = &live[test_random() % count];
			size_t bytes = random_bytes(), old_bytes = old->bytes;
			unsigned char *moved = resize(old->block, bytes);

			if (!moved)
				continue;
			old->block = moved;
			old->bytes = bytes;
			check_prefix(old, bytes < old_bytes ? bytes : old_bytes);
			mark(old);
		} else {
			size_t at = test_random() % count;

			check_mark(&live[at]);
			release(live[at].block);
			live[at] = live[--count];
		}
		if (step % 50000 == 0)
			test_require(heap_check() == (0));
	}
	while (count) {
		check_mark(&live[--count]);
		release(live[count].block);
	}
	ck_assert_int_eq(heap_check(), 0);
	heap_trim();
	page_check();
	ck_assert_uint_eq(fake_memory_in_use(), 0);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_every_small_size);
	tcase_add_test(tcase, test_too_much_is_null);
	tcase_add_test(tcase, test_zeroed);
	tcase_add_test(tcase, test_aligned);
	tcase_add_test(tcase, test_realloc_keeps_contents);
	tcase_add_test(tcase, test_realloc_failure_keeps_block);
	tcase_add_test(tcase, test_large_blocks_grow_in_place);
	tcase_add_test(tcase, test_more_than_two_gib);
	tcase_add_test(tcase, test_four_mib_guest);
	tcase_add_test(tcase, test_memory_goes_back);
	tcase_add_test(tcase, test_reclaim);
	tcase_add_test(tcase, test_stats);
	tcase_add_loop_test(tcase, test_double_free, 0, BROKEN_SIZES);
	tcase_add_test(tcase, test_double_free_after_trim);
	tcase_add_test(tcase, test_invalid_free);
	tcase_add_loop_test(tcase, test_overflow, 0, BROKEN_SIZES);
	tcase_add_test(tcase, test_large_block_ends_at_guard_page);
	tcase_add_test(tcase, test_underflow_of_large_block);
	tcase_add_loop_test(tcase, test_write_after_free, 1, BROKEN_SIZES - 3);
	tcase_add_test(tcase, test_freed_block_reads_as_poison);
	tcase_add_test(tcase, test_slot_is_not_used_again_at_once);
	tcase_add_test(tcase, test_corrupt_links);
	tcase_add_test(tcase, test_canaries_differ);
	tcase_add_test(tcase, test_out_of_memory_everywhere);
	tcase_add_test(tcase, test_model);
}

Suite *test_suite(void)
{
	Suite *suite = suite_create("heap");
	TCase *tcase = tcase_create("heap");

	tcase_set_timeout(tcase, 120);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return suite;
}
