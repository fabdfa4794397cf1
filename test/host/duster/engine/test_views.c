/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What duster's views say of threads, locks, the heap, areas, the log, files and sockets, and of
 * any address: the heap, its areas and the log are the kernel's own, over fake memory; the rest is
 * laid out as the kernel does it. Then damaged: rings that go in a circle, links to nowhere, counts
 * that cannot be.
 * Links: core/heap.c core/heap_slab.c core/heap_large.c core/heap_vcpu.c
 * Links: core/vm.c core/pool.c core/page.c
 * Links: core/log.c lib/base/format.c
 * Links: test/host/fake_memory.c test/host/fake_pt.c test/host/fake_core.c
 * Links: test/host/fake_spinlock.c
 * Links: test/host/fake_random.c
 * Links: test/host/duster/engine/self.c test/host/duster/engine/guest/core/thread.c
 * Links: test/host/duster/engine/guest/lib/posix/fd.c test/host/duster/engine/guest/net.c
 * Links: duster/engine/convenience.c duster/engine/eval.c duster/engine/format.c
 * Links: duster/engine/format_type.c duster/engine/lexer.c duster/engine/parse_type.c
 * Links: duster/engine/print.c duster/engine/session.c duster/engine/unwind.c duster/engine/value.c
 * Links: duster/engine/value_ops.c duster/engine/walkers.c duster/engine/trace.c
 * Links: duster/engine/view.c duster/engine/view_io.c duster/engine/view_locks.c
 * Links: duster/engine/view_memory.c duster/engine/heap.c duster/engine/look.c
 * Links: duster/engine/threads.c duster/engine/explain.c duster/engine/kernel.c
 * Links: duster/symbols/cfi.c duster/arch/compile.c
 * Links: duster/symbols/image.c duster/symbols/lines.c duster/symbols/location.c
 * Links: duster/symbols/names.c duster/symbols/scope.c duster/symbols/symtab.c
 * Links: duster/symbols/type.c duster/symbols/type_name.c duster/arch/x86_64.c
 * Links: duster/target/target.c duster/util/arena.c duster/util/map.c
 * Links: duster/util/problem.c duster/util/text.c
 */
#include <stdlib.h>
#include <string.h>

#include "core/console.h"
#include "core/heap.h"
#include "core/heap_parts.h"
#include "core/log.h"
#include "core/vm.h"
#include "lib/base/error.h"
/* The kernel's and the debugger's number are the same; so are their types' widths. */
#undef PAGE_BYTES
#include "duster/engine/inspect.h"
#include "duster/engine/look.h"
#include "duster/engine/threads.h"
#include "test/host/check_main.h"
#include "test/host/duster/engine/guest/guest.h"
#include "test/host/duster/engine/self.h"
#include "test/host/fake_core.h"
#include "test/host/fake_memory.h"

#define WAITERS 0x80000000u
#define LOOKING 0x08000000u

struct console *console_get(void)
{
	return NULL;
}

void core_heap_failed(void)
{
}

/* As lib/posix has it; the numbers of its flags are in lib/posix/mutex.h. */
struct __pthread_mutex {
	uint32_t __word, __kind;
};
struct sleeplock {
	uint32_t word;
};

struct account {
	struct __pthread_mutex locks[2];
	struct sleeplock slow;
};

static struct account account;
static struct __pthread_mutex left, right;
__attribute__((used)) static struct __pthread_mutex idle;
static struct thread one, two, three;

static const struct lies {
	char what[8];
	uint64_t where;
} nowhere = {"nowhere", 0x10};

static void setup(void)
{
	fake_memory_setup(16);
	self_start(2);
}

static const char *explain(const void *addr)
{
	static struct text text;

	text.bytes = 0;
	inspect_explain(&self_session, (uintptr_t)addr, &text);
	return text_get(&text);
}

static void explains(const void *addr, const char *words)
{
	const char *said = explain(addr);

	ck_assert_msg(strstr(said, words) != NULL, "\"%s\" is not in \"%s\"", words, said);
}

/* ---- Threads and locks ---- */

static void wait_for_mutex(struct thread *thread, struct __pthread_mutex *mutex)
{
	thread->wait = (struct thread_wait){.what = "mutex", .where = thread};
	thread->wait_word = &mutex->__word;
}

static void three_threads(void)
{
	guest_thread_add(&one, 1, "main", THREAD_RUNNING);
	guest_thread_add(&two, 2, "plato", THREAD_WAITING);
	guest_thread_add(&three, 3, "socrates", THREAD_WAITING);
	one.vcpu = 1;
	left.__word = 2 | WAITERS;
	right.__word = 3 | WAITERS | LOOKING;
	wait_for_mutex(&two, &right);
	wait_for_mutex(&three, &left);
}

static uint64_t seen;

static bool count_thread(void *context, const struct guest_thread *thread)
{
	(void)context;
	(void)thread;
	return ++seen < 100;
}

START_TEST(threads_as_they_are)
{
	static struct switch_frame frame = {.rip = 0x1234, .rbp = 0x5678};
	struct guest_thread thread;

	three_threads();
	/* Of who runs, these are of another time. */
	one.stack_pointer = two.stack_pointer = (uintptr_t)&frame;
	two.fs_base = 0x99;
	three.priority = 7;
	ck_assert_int_eq(threads_find(&self_session, 1, &thread, &self_problem), 0);
	ck_assert(thread.is_running && thread.vcpu == 1 && !thread.wait[0]);
	ck_assert_str_eq(thread.state, "running");
	ck_assert_uint_eq(thread.addr, (uintptr_t)&one);
	ck_assert(!regs_known(&thread.regs, CPU_RIP));
	ck_assert_int_eq(threads_find(&self_session, 2, &thread, &self_problem), 0);
	ck_assert_str_eq(thread.name, "plato");
	ck_assert_str_eq(thread.state, "waiting");
	ck_assert_str_eq(thread.wait, "mutex");
	ck_assert_uint_eq(thread.wait_where, (uintptr_t)&right.__word);
	ck_assert_uint_eq(thread.wait_owner, 3);
	ck_assert(regs_known(&thread.regs, CPU_RIP));
	ck_assert_uint_eq(thread.regs.value[CPU_RIP], 0x1234);
	ck_assert_uint_eq(thread.regs.value[CPU_RBP], 0x5678);
	ck_assert_uint_eq(thread.regs.value[CPU_RSP], (uintptr_t)&frame + 16);
	ck_assert_uint_eq(thread.regs.value[CPU_FS_BASE], 0x99);
	ck_assert_int_eq(threads_find(&self_session, 3, &thread, &self_problem), 0);
	ck_assert(thread.priority == 7 && thread.wait_owner == 2);
	ck_assert_int_eq(threads_find(&self_session, 4, &thread, &self_problem), -ENOENT);
	ck_assert_int_eq(threads_select(&self_session, 2, &self_problem), 0);
	ck_assert_uint_eq(self_session.start_regs.value[CPU_RIP], 0x1234);
	ck_assert_int_eq(threads_select(&self_session, 1, &self_problem), 0);
	ck_assert_uint_eq(self_session.vcpu, 1);
	/* Without a frame there is nothing to begin with. */
	ck_assert_int_eq(threads_select(&self_session, 3, &self_problem), -ENODATA);
	/* Numbers and names that cannot be are shown as what they are. */
	two.state = 77;
	memcpy(two.name, "\x1b[31mred", 9);
	ck_assert_int_eq(threads_find(&self_session, 2, &thread, &self_problem), 0);
	ck_assert_str_eq(thread.state, "state 77");
	ck_assert_str_eq(thread.name, "?[31mred");
}
END_TEST

START_TEST(threads_in_a_damaged_list)
{
	three_threads();
	two.all_node.next = &one.all_node;
	ck_assert_int_lt(threads_each(&self_session, count_thread, NULL, &self_problem), 0);
	two.all_node.next = (struct list_node *)nowhere.where;
	ck_assert_int_lt(threads_each(&self_session, count_thread, NULL, &self_problem), 0);
	ck_assert_uint_eq(seen, 0);
	guest_threads()->next = guest_threads();
	ck_assert_int_eq(threads_each(&self_session, count_thread, NULL, &self_problem), 0);
	ck_assert_uint_eq(seen, 0);
}
END_TEST

START_TEST(locks_and_the_deadlock)
{
	three_threads();
	account.locks[1].__word = 1;
	account.slow.word = 2;
	ck_assert_int_eq(self_view("locks", ""), 0);
	self_shows("kind=mutex|at=");
	self_shows("|name=left|state=held, wanted|owner=2|waiters=3|");
	self_shows("|name=right|state=held, wanted|owner=3|waiters=2|");
	self_shows("|name=account.locks[1]|state=held|owner=1|waiters=|");
	self_shows("kind=sleeplock|at=");
	self_shows("|name=account.slow|state=held, wanted|owner=|");
	self_hides("account.locks[0]");
	self_hides("name=idle");
	self_shows("note: deadlock: thread 2 waits for a mutex of thread 3, thread 3 waits for a "
		   "mutex of thread 2\n");
	self_hides("deadlock: thread 3"); /* once is enough */
	ck_assert_int_eq(self_view("locks", "all"), 0);
	self_shows("|name=account.locks[0]|state=free|owner=|waiters=|");
	self_shows("|name=idle|state=free|");
	/* A chain is no circle; nor is who waits for somebody that does not. */
	right.__word = 1 | WAITERS;
	ck_assert_int_eq(self_view("locks", ""), 0);
	self_hides("deadlock");
	/* Waits for a mutex in the heap. */
	wait_for_mutex(&three, heap_alloc_zeroed(sizeof(struct __pthread_mutex)));
	ck_assert_int_eq(self_view("locks", ""), 0);
	self_shows("|name=in heap block 0x");
}
END_TEST

START_TEST(no_lock_at_all)
{
	ck_assert_int_eq(self_view("locks", ""), 0);
	self_shows("note: no lock is held\n");
	guest_threads()->next = (struct list_node *)nowhere.where;
	ck_assert_int_lt(self_view("locks", ""), 0);
	self_session.image->dwarf = NULL;
	ck_assert_int_eq(self_view("locks", ""), -ENOENT);
}
END_TEST

/* ---- Heap, areas ---- */

static void *(*volatile alloc)(size_t) = heap_alloc;
static void (*volatile release)(void *) = heap_free;

START_TEST(heap_by_classes)
{
	void *blocks[100], *large = alloc(1000000);

	for (int i = 0; i < 100; i++)
		blocks[i] = alloc(100);
	ck_assert_int_eq(self_view("heap", ""), 0);
	self_shows("slot=112|live=100|");
	self_shows("|bytes=10000|");
	self_shows("slot=areas|live=1|free=0|bytes=1000000|");
	self_shows("note: 101 blocks of 1010000 bytes in use, ");
	for (int i = 0; i < 50; i++)
		release(blocks[i]);
	ck_assert_int_eq(self_view("heap", ""), 0);
	self_shows("slot=112|live=50|");
	ck_assert_int_eq(self_view("heap", "largest 2"), 0);
	self_shows("|bytes=1000000|slot=area|\nblock=0x");
	self_shows("|bytes=100|slot=112|\n");
	ck_assert_int_eq(self_view("heap", "largest 0"), 0);
	ck_assert_str_eq(self_text, "");
	ck_assert_int_eq(self_view("heap", "blocks"), 0);
	self_shows("|bytes=100|slot=112|\n");
	ck_assert_int_eq(self_view("heap", "nonsense"), -EINVAL);
	ck_assert_int_eq(self_view("heap", "check"), 0);
	self_shows("note: 0 blocks and slots are damaged\n");
	ck_assert_int_eq(self_view("areas", ""), 0);
	self_shows("|KiB=980|name=heap|");
	ck_assert_str_eq(look_text(&self_session, (uintptr_t) "red\x1b[31m", 5), "red?[");
	release(large);
	ck_assert_int_eq(self_view("areas", ""), 0);
	self_hides("name=heap|");
}
END_TEST

START_TEST(heap_damage)
{
	char *small = alloc(50), *freed = alloc(50), *large = alloc(100001), *kept = alloc(50);

	small[50] ^= 1;
	release(freed);
	freed[8] ^= 1;
	ck_assert_int_eq(self_view("heap", "check"), 0);
	self_shows("|bytes=50|slot=64|wrong=overflow|");
	self_shows("|wrong=write after free|");
	self_shows("note: 2 blocks and slots are damaged\n");
	small[50] ^= 1;
	freed[8] ^= 1;
	large[100001] ^= 1;
	ck_assert_int_eq(self_view("heap", "check"), 0);
	self_shows("|bytes=100001|");
	self_shows("wrong=overflow|");
	self_shows("note: 1 blocks and slots are damaged\n");
	large[100001] ^= 1;
	large[-1] ^= 1;
	ck_assert_int_eq(self_view("heap", "check"), 0);
	self_shows("wrong=underflow|");
	large[-1] ^= 1;
	ck_assert_int_eq(self_view("heap", "check"), 0);
	self_shows("note: 0 blocks and slots are damaged\n");
	(void)kept;
}
END_TEST

START_TEST(heap_of_damaged_slabs)
{
	struct slab *slab;
	uint32_t slot_bytes;

	ck_assert_ptr_nonnull(alloc(50));
	slab = (struct slab *)((uintptr_t)heap_slabs.next - offsetof(struct slab, all));
	slot_bytes = slab->slot_bytes;
	slab->slot_bytes = 60000;
	ck_assert_int_eq(self_view("heap", ""), -EINVAL);
	ck_assert_ptr_nonnull(strstr(self_problem.text, "the heap's list of slabs is damaged"));
	slab->slot_bytes = slot_bytes;
	slab->all.next = &slab->all;
	ck_assert_int_eq(self_view("heap", ""), -ELOOP);
	ck_assert_ptr_nonnull(strstr(self_problem.text, "it goes in a circle"));
	slab->all.next = (struct list_node *)nowhere.where;
	ck_assert_int_eq(self_view("heap", "check"), -EFAULT);
	ck_assert_ptr_nonnull(strstr(self_problem.text, "leads to memory that is not there"));
	/* Of a guest that runs it may be no damage. */
	self.target.running = true;
	ck_assert_int_eq(self_view("heap", ""), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(self_problem.text, "changed while it was looked at"));
}
END_TEST

/* ---- Addresses ---- */

START_TEST(what_an_address_is)
{
	char *block = alloc(100), *large = alloc(100000), *freed = alloc(200);
	static char stack[4096];

	three_threads();
	two.stack_start = (uintptr_t)large; /* no part of the image */
	two.stack_bytes = 4096;
	explains(&account.slow, "data of the image, account+");
	explains(&nowhere, "constants of the image");
	explains((void *)(uintptr_t)setup, "code of the image, setup");
	explains(block, "heap block 0x");
	explains(block, " of 100 bytes");
	explains(block + 9, " of 100 bytes, offset 9");
	explains(block + 101, " of 100 bytes, behind its end");
	explains(large + 100, "stack of thread 2 plato, 3996 bytes below its beginning");
	explains(large + 5000, "of 100000 bytes, offset 5000");
	release(freed);
	explains(freed, "free slot of ");
	explains((void *)8, "nothing known");
	regs_set(&self.regs[1], CPU_RSP, 0x7000);
	explains((void *)0x7010, "stack of vCPU 1, 16 bytes above its stack pointer");
	self.walk_error = 0;
	self.walk = (struct walk){.depth = 4, .present = true, .writable = true, .maddr = 0x5123};
	explains(stack, "mapped rw-, mfn 0x5");
	self.walk.present = false;
	explains((void *)8, "not mapped");
}
END_TEST

START_TEST(page_tables)
{
	struct text text = {0};

	ck_assert_int_eq(inspect_walk(&self_session, 0x1000, &text, &self_problem), -EOPNOTSUPP);
	self.walk_error = -EFAULT;
	ck_assert_int_eq(inspect_walk(&self_session, 0x1000, &text, &self_problem), -EFAULT);
	self.walk_error = 0;
	self.walk = (struct walk){.depth = 4,
				  .table_mfn = {1, 2, 3, 4},
				  .entry = {0x27, 0x27, 0x27, 0x8000000000005063},
				  .present = true,
				  .writable = true,
				  .maddr = 0x6123};
	ck_assert_int_eq(inspect_walk(&self_session, 0x1123, &text, &self_problem), 0);
	ck_assert_ptr_nonnull(strstr(
		text_get(&text), "L4 mfn 0x1 [  0] = 0x0000000000000027 present writable user\n"));
	ck_assert_ptr_nonnull(
		strstr(text_get(&text),
		       "L1 mfn 0x4 [  1] = 0x8000000000005063 present writable nx dirty\n"));
	ck_assert_ptr_nonnull(
		strstr(text_get(&text), "0x1123 -> mfn 0x6 offset 0x123, pfn 0x3, rw-\n"));
	text.bytes = 0;
	self.walk = (struct walk){.depth = 2, .entry = {0x27, 0}};
	ck_assert_int_eq(inspect_walk(&self_session, 0x1123, &text, &self_problem), 0);
	ck_assert_ptr_nonnull(strstr(text_get(&text),
				     "= 0x0000000000000000 not present\n0x1123 is not mapped\n"));
	text_free(&text);
}
END_TEST

/* ---- The log ---- */

static char log_lines[65536];

static void take_line(void *context, const struct log_line *line)
{
	(void)context;
	strcat(strcat(strcat(log_lines, line->level), ": "), line->text);
	strcat(log_lines, "\n");
}

START_TEST(the_log)
{
	struct log_ring *ring = (struct log_ring *)self_number("(unsigned long)&log_ring");

	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), 0);
	ck_assert_str_eq(log_lines, "");
	log_info("first");
	log_warn("second %d", 2);
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), 0);
	ck_assert_str_eq(log_lines, "info: first\nwarn: second 2\n");
	/* As if once more as much stood in it, of the same records and empty ones. */
	ring->tail += sizeof(ring->data);
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), -EINVAL);
	ring->tail -= sizeof(ring->data);
	/* Round the ring several times: the last ones are there. */
	for (int i = 0; i < 2000; i++)
		log_info("line %d of many", i);
	log_lines[0] = '\0';
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), 0);
	ck_assert_ptr_nonnull(strstr(log_lines, "line 1999 of many\n"));
	ck_assert_ptr_null(strstr(log_lines, "first"));
	/* Damaged: longer than the ring, a record that leads out of it. */
	ring->tail += 1 << 20;
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), -EINVAL);
	ring->tail -= 1 << 20;
	memset(ring->data, 0xff, sizeof(ring->data));
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), -EINVAL);
}
END_TEST

/* ---- Files and sockets ---- */

START_TEST(open_files)
{
	static struct file file = {.ops = &guest_file_ops, .offset = 4711, .flags = 02, .refs = 3};

	ck_assert_int_eq(self_view("fds", ""), 0);
	ck_assert_str_eq(self_text, "");
	guest_fd_set(2, &file);
	guest_fd_set(5, &file);
	ck_assert_int_eq(self_view("fds", ""), 0);
	self_shows("fd=2|file=0x");
	self_shows("|operations=guest_file_ops|flags=02|offset=4711|references=3|node=0x0|\nfd=5|");
	self_hides("fd=0|");
	/* A table that is not there, and one that says it has four thousand million. */
	guest_fd_table(0xffffffff, (void *)nowhere.where);
	ck_assert_int_eq(self_view("fds", ""), 0);
	ck_assert_str_eq(self_text, "");
}
END_TEST

START_TEST(connections)
{
	ck_assert_int_eq(self_view("sockets", ""), 0);
	ck_assert_str_eq(self_text, "");
	(void)guest_tcp(0);
	ck_assert_int_eq(self_view("sockets", ""), 0);
	self_shows("protocol=tcp|local=0.0.0.0:80|remote=|state=listen|unsent=0|");
	self_shows("protocol=tcp|local=127.0.0.1:80|remote=192.168.1.2:40000|state=established|"
		   "unsent=3|");
	self_shows("|local=[fe80000000000000"
		   "0000000000000001]:5000|remote=[fe80000000000000"
		   "0000000000000002]:443|state=sent|");
	self_shows("protocol=udp|local=0.0.0.0:53|remote=|state=|");
	guest_tcp_circle();
	ck_assert_int_eq(self_view("sockets", ""), -ELOOP);
	ck_assert_ptr_nonnull(
		strstr(self_problem.text, "the list of sockets is damaged: it goes in a circle"));
}
END_TEST

/* What a program does not have is said, not guessed. */
START_TEST(what_is_not_there)
{
	static const char *const names[] = {"events", "grants", "xenbus"};

	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(self_view(names[i], ""), -ENOENT);
		ck_assert_ptr_nonnull(strstr(self_problem.text, "the program has no "));
	}
	self_session.image = NULL;
	for (const struct view *view = views; view->name; view++)
		ck_assert_int_eq(self_view(view->name, ""), -ENOENT);
	ck_assert_int_eq(threads_each(&self_session, count_thread, NULL, &self_problem), -ENOENT);
	ck_assert_int_eq(inspect_log(&self_session, take_line, NULL, &self_problem), -ENOENT);
	explains((void *)8, "nothing known");
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("views");
	TCase *tests = tcase_create("views");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, threads_as_they_are);
	tcase_add_test(tests, threads_in_a_damaged_list);
	tcase_add_test(tests, locks_and_the_deadlock);
	tcase_add_test(tests, no_lock_at_all);
	tcase_add_test(tests, heap_by_classes);
	tcase_add_test(tests, heap_damage);
	tcase_add_test(tests, heap_of_damaged_slabs);
	tcase_add_test(tests, what_an_address_is);
	tcase_add_test(tests, page_tables);
	tcase_add_test(tests, the_log);
	tcase_add_test(tests, open_files);
	tcase_add_test(tests, connections);
	tcase_add_test(tests, what_is_not_there);
	suite_add_tcase(suite, tests);
	return suite;
}
