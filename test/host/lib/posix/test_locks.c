/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Locks on files against a model that knows of each byte who has it: the process, two open files,
 * and of the whole file by flock(). At random, from a seed; allocations fail now and then.
 *
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/locks.c"
#include "test/host/check_main.h"

#define BYTES  40 /* the model's; the last stands for all behind it */
#define OWNERS 3
#define STEPS  20000

static long blocks, allocations_left = -1;
static unsigned int wakes_count;
static struct node node = {.mode = NODE_FILE};
static struct file files[2] = {{.node = &node, .flags = O_RDWR}, {.node = &node, .flags = O_RDWR}};

/* --- what locks.c calls --- */

void *heap_alloc(size_t bytes)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left -= allocations_left > 0;
	blocks++;
	return malloc(bytes);
}

void heap_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

void waitq_wake_all(struct waitq *queue)
{
	queue->wakes++;
	wakes_count++;
}

int waitq_sleep(struct waitq *queue, uint32_t wakes, uint64_t deadline_ns, bool interruptible)
{
	(void)queue;
	(void)wakes;
	(void)deadline_ns;
	ck_assert(interruptible);
	return -EINTR;
}

void sig_hold(void)
{
}

enum sig_result sig_release(void)
{
	return SIG_EINTR;
}

void cancel_test(void)
{
}

struct file *fd_get(int fd)
{
	return fd >= 0 && fd < 2 ? &files[fd] : NULL;
}

void file_put(struct file *file)
{
	(void)file;
}

/* --- the model --- */

static short held[OWNERS][BYTES];
static short whole[2];

/* Somebody else's lock on one of these bytes is in the way. */
static bool in_the_way(int owner, short type, int first, int last)
{
	for (int other = 0; other < OWNERS; other++)
		for (int i = first; other != owner && i <= last; i++)
			if (held[other][i] == F_WRLCK ||
			    (held[other][i] == F_RDLCK && type == F_WRLCK))
				return true;
	return false;
}

static void set(int owner, short type, int first, int last)
{
	for (int i = first; i <= last; i++)
		held[owner][i] = type;
}

static int below(int bound)
{
	return rand() % bound;
}

static int control(int owner, int command, struct flock *lock)
{
	static const int own[] = {
		[F_GETLK] = F_OFD_GETLK, [F_SETLK] = F_OFD_SETLK, [F_SETLKW] = F_OFD_SETLKW};

	return locks_control(&files[owner != 2], owner ? own[command] : command, lock);
}

/* What F_GETLK says is in the way, and the model has it. */
static void check_found(int owner, const struct flock *lock, short type, int first, int last)
{
	int begin = (int)lock->l_start, end;

	if (!in_the_way(owner, type, first, last)) {
		ck_assert_int_eq(lock->l_type, F_UNLCK);
		return;
	}
	end = lock->l_len ? begin + (int)lock->l_len - 1 : BYTES - 1;
	ck_assert(lock->l_whence == SEEK_SET && begin <= last && end >= first);
	ck_assert(lock->l_type == F_WRLCK || (lock->l_type == F_RDLCK && type == F_WRLCK));
	for (int other = 0; other < OWNERS; other++) {
		bool all = other != owner && (other == 0) == (lock->l_pid == 1);

		for (int i = begin; i <= end; i++)
			all &= held[other][i] == lock->l_type;
		if (all)
			return;
	}
	ck_abort_msg("nobody has such a lock");
}

static void step(void)
{
	static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
	int owner = below(OWNERS), first = below(BYTES), last = first + below(BYTES - first);
	short type = types[below(3)];
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = first};
	bool backwards = below(4) == 0, fails = below(10) == 0;
	int result;

	lock.l_len = last == BYTES - 1 ? 0 : last - first + 1;
	if (backwards && lock.l_len) {
		lock.l_start = last + 1;
		lock.l_len = -lock.l_len;
	}
	if (below(4) == 0 && type != F_UNLCK) {
		ck_assert_int_eq(control(owner, F_GETLK, &lock), 0);
		check_found(owner, &lock, type, first, last);
		return;
	}
	allocations_left = fails ? below(3) : -1;
	result = control(owner, below(2) ? F_SETLK : F_SETLKW, &lock);
	allocations_left = -1;
	if (fails) {
		ck_assert_int_eq(result, -ENOLCK);
	} else if (type != F_UNLCK && in_the_way(owner, type, first, last)) {
		ck_assert(result == -EAGAIN || result == -EINTR);
	} else {
		ck_assert_int_eq(result, 0);
		set(owner, type, first, last);
	}
}

/* Neighbours are joined, so there are never more records than runs. */
static void check_records(void)
{
	struct locks *locks = node.upper;
	struct list_node *at;
	int runs = 0, records = 0;

	for (int owner = 0; owner < OWNERS; owner++)
		for (int i = 0; i < BYTES; i++)
			runs += held[owner][i] != F_UNLCK &&
				(i == 0 || held[owner][i] != held[owner][i - 1]);
	if (locks) {
		list_for_each (at, &locks->records)
			records += !container_of(at, struct record, node)->is_flock;
	}
	ck_assert_int_eq(records, runs);
}

static void drop_all(void)
{
	locks_drop(&files[0]);
	locks_close(&files[0]);
	locks_close(&files[1]);
	for (int owner = 0; owner < OWNERS; owner++)
		set(owner, F_UNLCK, 0, BYTES - 1);
	ck_assert_ptr_null(node.upper);
	ck_assert_int_eq(blocks, 0);
}

START_TEST(records)
{
	srand((unsigned int)_i);
	for (int owner = 0; owner < OWNERS; owner++)
		set(owner, F_UNLCK, 0, BYTES - 1);
	for (int i = 0; i < STEPS; i++) {
		step();
		check_records();
		if (below(500) == 0)
			drop_all();
	}
	drop_all();
}
END_TEST

START_TEST(wrong)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = -1};

	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EINVAL);
	lock.l_start = LONG_MAX;
	lock.l_len = 2;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EOVERFLOW);
	lock.l_len = 1;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), 0);
	lock.l_whence = 7;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EINVAL);
	lock.l_whence = SEEK_SET;
	lock.l_type = 77;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EINVAL);
	lock.l_type = F_UNLCK;
	ck_assert_int_eq(locks_control(&files[0], F_GETLK, &lock), -EINVAL);
	files[0].flags = O_RDONLY;
	lock.l_type = F_WRLCK;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EBADF);
	files[0].flags = O_WRONLY;
	lock.l_type = F_RDLCK;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), -EBADF);
	files[0].flags = O_RDWR;
	drop_all();
}
END_TEST

/* From where the file is, and from its end. */
START_TEST(whences)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -2, .l_len = 4};
	struct flock other = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	files[0].offset = 10;
	ck_assert_int_eq(locks_control(&files[0], F_SETLK, &lock), 0);
	ck_assert_int_eq(locks_control(&files[1], F_OFD_GETLK, &other), 0);
	ck_assert(other.l_type == F_WRLCK && other.l_start == 8 && other.l_len == 4);
	drop_all();
}
END_TEST

START_TEST(whole_files)
{
	for (int i = 0; i < 2000; i++) {
		int fd = below(2), kind = below(3), result;
		short type = kind == 0 ? F_RDLCK : kind == 1 ? F_WRLCK : F_UNLCK;
		bool blocked = whole[!fd] == F_WRLCK || (whole[!fd] == F_RDLCK && kind == 1);

		whole[0] = i ? whole[0] : F_UNLCK;
		whole[1] = i ? whole[1] : F_UNLCK;
		blocked = i && kind < 2 && blocked;
		result = flock(fd, (kind == 0 ? LOCK_SH : kind == 1 ? LOCK_EX : LOCK_UN) | LOCK_NB);
		ck_assert_int_eq(result, blocked ? -1 : 0);
		if (blocked)
			ck_assert_int_eq(errno, EAGAIN);
		else
			whole[fd] = type;
	}
	ck_assert_int_eq(flock(0, 99), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(flock(5, LOCK_SH), -1);
	ck_assert_int_eq(errno, EBADF);
	drop_all();
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("locks");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, records, 0, 8);
	tcase_add_test(all, wrong);
	tcase_add_test(all, whences);
	tcase_add_test(all, whole_files);
	tcase_set_timeout(all, 120);
	suite_add_tcase(suite, all);
	return suite;
}
