/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/names_path.h"

#include "arch/x86_64/cpu.h"
#include "lib/posix/names.h"
#include "xen/spinlock.h"
#include "xen/vcpu.h"

/* Absent while there is one vCPU. */
#pragma weak spin_lock_wait
#pragma weak spin_unlock_kick

#define ENTRIES    256u
#define WORDS      6u /* of a path: 47 characters and the NUL */
#define WORD_BYTES sizeof(uint64_t)
#define ONES       0x0101010101010101u

/* A path in words, zeros behind its end. */
struct words {
	uint64_t word[WORDS];
	uint32_t count, hash;
};

static struct spinlock path_lock;
static uint32_t generation = 1; /* written under the lock */
static struct {
	struct node *node;
	uint32_t generation;
	struct words path;
} entries[ENTRIES];

typedef uint64_t word_anywhere __attribute__((may_alias, aligned(1)));

/* The next eight characters; what is behind the end of the text is read only where it lies on the
 * same page. */
__attribute__((no_sanitize("address"))) static inline uint64_t load(const char *text)
{
	uint64_t word = 0;

	if (__builtin_expect(((uintptr_t)text & ~PAGE_MASK) <= PAGE_BYTES - WORD_BYTES, 1))
		return *(const word_anywhere *)text;
	for (unsigned int i = 0; i < WORD_BYTES; i++) {
		word |= (uint64_t)(uint8_t)text[i] << (i * 8);
		if (!text[i])
			break;
	}
	return word;
}

/* False when it is too long. */
static inline bool read_path(const char *path, struct words *words_out)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t word = load(path + i * WORD_BYTES);
		/* The lowest bit that is set belongs to the first byte that is zero. */
		uint64_t ends = (word - ONES) & ~word & (ONES << 7);

		if (ends)
			word &= (ends & -ends) - 1;
		words_out->word[i] = word;
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		if (ends) {
			words_out->count = i + 1;
			words_out->hash = (uint32_t)(hash >> 32);
			return true;
		}
	}
	return false;
}

static inline bool is_same(const struct words *one, const struct words *two)
{
	if (one->hash != two->hash || one->count != two->count)
		return false;
	for (uint32_t i = 0; i < two->count; i++)
		if (one->word[i] != two->word[i])
			return false;
	return true;
}

uint32_t names_path_generation(void)
{
	return __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
}

struct node *names_path_recall(const char *path)
{
	struct node *node = NULL;
	struct words words;
	uint32_t place;
	bool enabled;

	if (!read_path(path, &words))
		return NULL;
	place = words.hash % ENTRIES;
	enabled = events_disable();
	spin_lock_inline(&path_lock);
	if (entries[place].generation == generation && is_same(&entries[place].path, &words)) {
		node = entries[place].node;
		node_get(node);
	}
	spin_unlock_inline(&path_lock);
	events_restore(enabled);
	return node;
}

void names_path_remember(const char *path, struct node *node, uint32_t walked)
{
	struct words words = {0};
	uint32_t place;
	bool enabled;

	if (node->fs->is_live || !read_path(path, &words))
		return;
	place = words.hash % ENTRIES;
	enabled = spin_lock_events(&path_lock);
	if (walked == generation) {
		entries[place].node = node;
		entries[place].generation = walked;
		entries[place].path = words;
	}
	spin_unlock_events(&path_lock, enabled);
}

void names_path_forget(void)
{
	bool enabled = spin_lock_events(&path_lock);

	/* No entry is of the generation 0, nor of one that is to come. */
	if (__atomic_add_fetch(&generation, 1, __ATOMIC_RELEASE) == 0) {
		for (uint32_t i = 0; i < ENTRIES; i++)
			entries[i].generation = 0;
		__atomic_store_n(&generation, 1, __ATOMIC_RELEASE);
	}
	spin_unlock_events(&path_lock, enabled);
}
