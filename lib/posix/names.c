/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/names.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/heap.h"
#include "lib/posix/names_path.h"
#include "xen/spinlock.h"
#include "xen/vcpu.h"

/* Absent while there is one vCPU. */
#pragma weak spin_lock_wait
#pragma weak spin_unlock_kick

#define BUCKET_BITS 10
#define BUCKETS     (1u << BUCKET_BITS)
#define LOCKS       32u
/* At least and at most so many names, and no more than a quarter of the pages there are. */
#define NAMES_LEAST 256u
#define NAMES_MOST  16384u

struct entry {
	struct entry *next;
	struct node *directory;
	struct node *node; /* NULL: the name is not there */
	uint32_t hash;
	uint8_t bytes;
	bool is_mount;
	bool was_used; /* since the hand passed */
	char text[];
};

static struct entry *buckets[BUCKETS];
static struct spinlock locks[LOCKS]; /* lock i: buckets i, i + LOCKS, … */
static uint32_t count, hand;         /* atomic */

uint32_t names_hash(const char *name, size_t name_bytes)
{
	uint32_t hash = NAMES_HASH_SEED;

	for (size_t i = 0; i < name_bytes; i++)
		hash = names_hash_step(hash, name[i]);
	return hash;
}

static uint32_t bucket_of(const struct node *directory, uint32_t hash)
{
	/* Nodes are heap blocks: their lowest bits say nothing. */
	return ((hash ^ (uint32_t)((uintptr_t)directory >> 4)) * 0x9e3779b1u) >> (32 - BUCKET_BITS);
}

static inline bool is_entry(const struct entry *entry, const struct node *directory,
			    const char *name, size_t name_bytes, uint32_t hash)
{
	if (entry->hash != hash || entry->directory != directory || entry->bytes != name_bytes)
		return false;
	/* Names are short: a call would take longer. */
	for (size_t i = 0; i < name_bytes; i++)
		if (entry->text[i] != name[i])
			return false;
	return true;
}

/* Where the pointer to the entry is, or the end. The bucket's lock is held. */
static struct entry **find(struct entry **at, const struct node *directory, const char *name,
			   size_t name_bytes, uint32_t hash)
{
	while (*at && !is_entry(*at, directory, name, name_bytes, hash))
		at = &(*at)->next;
	return at;
}

/* 1: not remembered. */
static int recall(struct node *directory, const char *name, size_t name_bytes, uint32_t hash,
		  struct node **node_out)
{
	uint32_t bucket = bucket_of(directory, hash);
	struct spinlock *lock = &locks[bucket % LOCKS];
	bool enabled = events_disable();
	struct entry *entry;
	int result = 1;

	spin_lock_inline(lock);
	entry = buckets[bucket];
	while (entry && !is_entry(entry, directory, name, name_bytes, hash))
		entry = entry->next;
	if (__builtin_expect(entry != NULL, 1)) {
		if (!entry->was_used)
			entry->was_used = true;
		*node_out = entry->node;
		if (entry->node)
			node_get(entry->node);
		result = entry->node ? 0 : -ENOENT;
	}
	spin_unlock_inline(lock);
	events_restore(enabled);
	return result;
}

/* Takes *at out of its bucket, whose lock is held. */
static struct entry *take(struct entry **at)
{
	struct entry *entry = *at;

	*at = entry->next;
	__atomic_sub_fetch(&count, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&entry->directory->flags, NODE_NAME_ONE, __ATOMIC_RELAXED);
	return entry;
}

/* Lets go of entries that are in no bucket any more. No lock of ours held. */
static void drop(struct entry *entry)
{
	while (entry) {
		struct entry *next = entry->next;

		if (entry->node) {
			names_path_forget();
			node_put(entry->node);
		}
		node_put(entry->directory);
		heap_free(entry);
		entry = next;
	}
}

/* Takes out of one bucket what fits and is no mount. */
static void sweep(uint32_t bucket, bool (*fits)(struct entry *entry, const void *arg),
		  const void *arg)
{
	struct spinlock *lock = &locks[bucket % LOCKS];
	bool enabled = spin_lock_events(lock);
	struct entry **at = &buckets[bucket], *gone = NULL;

	while (*at) {
		if (!(*at)->is_mount && fits(*at, arg)) {
			struct entry *entry = take(at);

			entry->next = gone;
			gone = entry;
		} else {
			at = &(*at)->next;
		}
	}
	spin_unlock_events(lock, enabled);
	drop(gone);
}

static bool is_idle(struct entry *entry, const void *arg)
{
	bool was_used = entry->was_used;

	(void)arg;
	entry->was_used = false;
	return !was_used;
}

static bool is_in_directory(struct entry *entry, const void *arg)
{
	return entry->directory == arg;
}

static bool is_in_fs(struct entry *entry, const void *arg)
{
	return entry->directory->fs == arg;
}

static void limit(void)
{
	uint64_t most = boot_info.pages_count / 4;

	if (most > NAMES_MOST)
		most = NAMES_MOST;
	if (most < NAMES_LEAST)
		most = NAMES_LEAST;
	/* Two rounds of the hand: by then all that is idle is gone. */
	for (unsigned int i = 0; i < 2 * BUCKETS; i++) {
		if (__atomic_load_n(&count, __ATOMIC_RELAXED) <= most)
			return;
		sweep(__atomic_fetch_add(&hand, 1, __ATOMIC_RELAXED) % BUCKETS, is_idle, NULL);
	}
}

static struct entry *new_entry(struct node *directory, const char *name, size_t name_bytes,
			       struct node *node)
{
	struct entry *entry = heap_alloc(sizeof(*entry) + name_bytes);

	if (!entry)
		return NULL;
	node_get(directory);
	if (node)
		node_get(node);
	*entry = (struct entry){.directory = directory,
				.node = node,
				.hash = names_hash(name, name_bytes),
				.bytes = (uint8_t)name_bytes,
				.was_used = true};
	memcpy(entry->text, name, name_bytes);
	return entry;
}

/* Puts entry (NULL: nothing) in the place of what the name meant. A mount stays, and is -EBUSY. */
static int replace(struct node *directory, const char *name, size_t name_bytes, struct entry *entry)
{
	uint32_t hash = names_hash(name, name_bytes), bucket = bucket_of(directory, hash);
	struct spinlock *lock = &locks[bucket % LOCKS];
	bool enabled = spin_lock_events(lock);
	struct entry **at = find(&buckets[bucket], directory, name, name_bytes, hash), *old = NULL;
	int result = 0;

	if (*at && (*at)->is_mount) {
		result = -EBUSY;
	} else {
		if (*at) {
			old = take(at);
			old->next = NULL;
		}
		if (entry) {
			entry->next = buckets[bucket];
			buckets[bucket] = entry;
			__atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
			__atomic_add_fetch(&directory->flags, NODE_NAME_ONE, __ATOMIC_RELAXED);
		}
	}
	spin_unlock_events(lock, enabled);
	drop(old);
	return result;
}

static void remember(struct node *directory, const char *name, size_t name_bytes, struct node *node)
{
	struct entry *entry;

	if (directory->fs->is_live)
		return;
	/* Without memory at least nothing that is not true is remembered. */
	entry = new_entry(directory, name, name_bytes, node);
	if (!entry)
		names_path_forget();
	if (replace(directory, name, name_bytes, entry) && entry) {
		entry->next = NULL;
		drop(entry);
	}
	limit();
}

int names_lookup_locked(struct node *directory, const char *name, size_t name_bytes,
			struct node **node_out)
{
	int result = recall(directory, name, name_bytes, names_hash(name, name_bytes), node_out);

	if (result <= 0)
		return result;
	if (!directory->ops->lookup)
		return -ENOTDIR;
	result = directory->ops->lookup(directory, name, name_bytes, node_out);
	if (result == 0 || result == -ENOENT)
		remember(directory, name, name_bytes, result ? NULL : *node_out);
	return result;
}

int names_lookup(struct node *directory, const char *name, size_t name_bytes, uint32_t hash,
		 struct node **node_out)
{
	int result = recall(directory, name, name_bytes, hash, node_out);

	if (__builtin_expect(result <= 0, 1))
		return result;
	sleeplock_lock(&directory->fs->names);
	result = names_lookup_locked(directory, name, name_bytes, node_out);
	sleeplock_unlock(&directory->fs->names);
	return result;
}

void names_set(struct node *directory, const char *name, size_t name_bytes, struct node *node)
{
	if (node)
		remember(directory, name, name_bytes, node);
	else
		(void)replace(directory, name, name_bytes, NULL);
}

void names_forget_directory(struct node *directory)
{
	for (uint32_t i = 0; i < BUCKETS; i++) {
		if (__atomic_load_n(&directory->flags, __ATOMIC_RELAXED) < NODE_NAME_ONE)
			return;
		sweep(i, is_in_directory, directory);
	}
}

void names_forget_fs(struct fs *fs)
{
	for (uint32_t i = 0; i < BUCKETS; i++)
		sweep(i, is_in_fs, fs);
}

int names_mount(struct node *directory, const char *name, size_t name_bytes, struct node *root)
{
	struct entry *entry = new_entry(directory, name, name_bytes, root);
	int result;

	if (!entry)
		return -ENOMEM;
	entry->is_mount = true;
	result = replace(directory, name, name_bytes, entry);
	if (result) {
		entry->next = NULL;
		drop(entry);
	}
	return result;
}

void names_unmount(struct node *directory, const char *name, size_t name_bytes)
{
	uint32_t hash = names_hash(name, name_bytes), bucket = bucket_of(directory, hash);
	struct spinlock *lock = &locks[bucket % LOCKS];
	bool enabled = spin_lock_events(lock);
	struct entry **at = find(&buckets[bucket], directory, name, name_bytes, hash), *old = NULL;

	if (*at) {
		old = take(at);
		old->next = NULL;
	}
	spin_unlock_events(lock, enabled);
	drop(old);
}

uint32_t names_count(void)
{
	return __atomic_load_n(&count, __ATOMIC_RELAXED);
}
