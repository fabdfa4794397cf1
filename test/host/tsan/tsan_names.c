/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Remembered names and paths on several vCPUs at once: files are looked up, made, removed and
 * forgotten; a node that is used after its last reference, or one that is not the name's, ends it.
 *
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/names.c"
#include "lib/posix/names_path.c"
#include "test/host/tsan/tsan.h"
#include "xen/vcpu.h"

#define VCPUS         4u
#define NAMES         40u
#define OPS_PER_ROUND 60000u
#define MARK          0x0de5u

static struct fs fs;
static struct node root;
static struct node *nodes[NAMES]; /* fs.names */
static unsigned long rounds = 1;
static unsigned int live;

void *heap_alloc(size_t bytes)
{
	return malloc(bytes);
}

void heap_free(void *block)
{
	free(block);
}

void sleeplock_lock(struct sleeplock *lock)
{
	while (!sleeplock_trylock(lock))
		cpu_relax();
}

void sleeplock_unlock(struct sleeplock *lock)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

static void put_last(struct node *node)
{
	if (__atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (node->upper != (void *)(uintptr_t)MARK)
		fail("a node went twice");
	node->upper = NULL;
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
	free(node);
}

static const struct node_ops file_ops = {.put_last = put_last};

static int lookup(struct node *directory, const char *name, size_t name_bytes,
		  struct node **node_out)
{
	unsigned int index = (unsigned int)atoi(name);

	(void)directory;
	(void)name_bytes;
	if (!nodes[index])
		return -ENOENT;
	*node_out = nodes[index];
	node_get(*node_out);
	return 0;
}

static void check(struct node *node, unsigned int index)
{
	if (node->upper != (void *)(uintptr_t)MARK || node->data != (void *)(uintptr_t)index)
		fail("another node");
	node_put(node);
}

static void look(const char *path, unsigned int index)
{
	uint32_t before = names_path_generation();
	struct node *node = names_path_recall(path);

	if (!node) {
		if (names_lookup(&root, path + 1, strlen(path) - 1,
				 names_hash(path + 1, strlen(path) - 1), &node))
			return;
		names_path_remember(path, node, before);
	}
	check(node, index);
}

static void change(const char *name, unsigned int index)
{
	struct node *node;

	sleeplock_lock(&fs.names);
	node = nodes[index];
	if (node) {
		nodes[index] = NULL;
		names_set(&root, name, strlen(name), NULL);
		node_put(node);
	} else {
		node = calloc(1, sizeof(*node));
		*node = (struct node){.ops = &file_ops,
				      .fs = &fs,
				      .data = (void *)(uintptr_t)index,
				      .upper = (void *)(uintptr_t)MARK,
				      .refs = 1};
		__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
		nodes[index] = node;
		names_set(&root, name, strlen(name), node);
	}
	sleeplock_unlock(&fs.names);
}

static void work(unsigned int seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
	char path[16];

	for (unsigned long op = 0; op < rounds * OPS_PER_ROUND; op++) {
		unsigned int index = (unsigned int)(next(&state) % NAMES);

		snprintf(path, sizeof(path), "/%u", index);
		switch (next(&state) % 64) {
		case 0:
		case 1:
		case 2:
			change(path + 1, index);
			break;
		case 3:
			if (next(&state) % 16 == 0)
				names_forget_fs(&fs);
			break;
		default:
			look(path, index);
		}
	}
}

int main(int arguments_count, char **arguments)
{
	static const struct node_ops root_ops = {.lookup = lookup};
	static struct tsan_vcpu vcpus[VCPUS];

	if (arguments_count > 1)
		rounds = strtoul(arguments[1], NULL, 10);
	root = (struct node){.ops = &root_ops, .fs = &fs, .mode = NODE_DIRECTORY, .refs = 1};
	fs.root = &root;
	boot_info.pages_count = 64;
	for (unsigned int i = 0; i < VCPUS; i++)
		tsan_vcpu_start(&vcpus[i], i, work);
	for (unsigned int i = 0; i < VCPUS; i++)
		tsan_vcpu_join(&vcpus[i]);
	names_forget_fs(&fs);
	for (unsigned int i = 0; i < NAMES; i++)
		live -= nodes[i] != NULL;
	if (live != 0 || names_count() != 0 || root.refs != 1)
		fail("references are left");
	puts("names and paths: nothing used after its end, nothing left");
	return 0;
}
