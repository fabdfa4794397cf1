/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/heap.h"

#include <errno.h>
#include <string.h>

#define SLAB_BYTES_MAX (1u << 20)
#define SLOTS_MAX      1024u
#define CANARY_BYTES   8u
#define TAIL_BYTES     16u
#define TREE_DEPTH_MAX 256u

/* ---- Areas ---- */

struct tree {
	struct session *session;
	heap_area_fn *fn;
	void *context;
	uint64_t nodes;
	bool ended;
};

static int walk_tree(struct tree *tree, struct value *link, unsigned int depth)
{
	struct session *session = tree->session;
	struct value *node = look_deref(session, link), *area, *private;
	struct heap_area found;
	int error;

	if (!node || tree->ended)
		return 0;
	if (depth > TREE_DEPTH_MAX || tree->nodes++ > LOOK_ELEMENTS_MAX)
		return -ELOOP;
	error = walk_tree(tree, look_member(session, node, "left"), depth + 1);
	area = look_member(session, node, "area");
	if (error || !area || tree->ended)
		return error;
	private = look_member(session, area, "private");
	found = (struct heap_area){
		.start = look_word(session, area, "start"),
		.bytes = look_word(session, area, "bytes"),
		.name = look_text(session, look_word(session, area, "name"), 32)};
	for (unsigned int i = 0; i < 2 && private; i++)
		found.private[i] = look_word(session, look_index(session, private, i), "");
	if (!tree->fn(tree->context, &found))
		tree->ended = true;
	return walk_tree(tree, look_member(session, node, "right"), depth + 1);
}

int heap_areas(struct session *session, heap_area_fn *fn, void *context)
{
	struct value *root = look(session, "'core/vm.c'::root");
	struct tree tree = {session, fn, context, 0, false};

	return root ? walk_tree(&tree, root, 0) : -ENOENT;
}

/* ---- Slabs ---- */

struct scan {
	struct session *session;
	bool check;
	heap_fn *fn;
	void *context;
	uint64_t key;
	uint64_t addr; /* of one slab alone: the one that holds it; 0: all */
	bool ended;
	int error;
};

struct slab {
	uint64_t base, slot_bytes, slots, bytes;
	uint64_t freed[SLOTS_MAX / 64], remote[SLOTS_MAX / 64];
	uint16_t requested[SLOTS_MAX];
	uint64_t window, window_first; /* bits of slots from window_first on; 0: none */
	uint64_t poison_negated;
	const uint8_t *memory; /* NULL: not read */
};

static bool bit(const uint64_t *words, uint64_t number)
{
	return words[number / 64] >> number % 64 & 1;
}

static bool read_bits(struct session *session, struct value *slab, const char *name,
		      uint64_t *words_out)
{
	struct value *words = look_member(session, slab, name);
	uint64_t bytes = words ? type_bytes(words->type) : 0;

	return words && bytes <= SLOTS_MAX / 8 &&
	       session_read(session, words->addr, words_out, bytes) == 0;
}

/* Slots that are about to be handed out: bits of the class's window, when this slab has it. */
static void read_window(struct session *session, struct value *slab, uint64_t requested,
			struct slab *out)
{
	struct value *heap = look_deref(session, look_member(session, slab, "heap"));
	struct value *class = heap ? look_index(session, look_member(session, heap, "classes"),
						look_word(session, slab, "class_index"))
				   : NULL;

	if (!class)
		return;
	out->poison_negated = look_word(session, class, "poison_negated");
	if (look_word(session, class, "current") != slab->addr)
		return;
	out->window = look_word(session, class, "window");
	out->window_first = (look_word(session, class, "window_requested") - requested) / 2;
}

static int read_slab(struct scan *scan, struct value *value, struct slab *out)
{
	struct session *session = scan->session;
	struct value *requested = look_member(session, value, "requested");

	memset(out, 0, sizeof(*out));
	out->base = look_word(session, value, "base");
	out->slot_bytes = look_word(session, value, "slot_bytes");
	out->slots = look_word(session, value, "slots_count");
	out->bytes = (uint64_t)PAGE_BYTES << (look_word(session, value, "order") & 15);
	if (!requested || !out->slot_bytes || !out->slots || out->slots > SLOTS_MAX ||
	    out->slots * out->slot_bytes > out->bytes || out->bytes > SLAB_BYTES_MAX)
		return -EINVAL;
	if (scan->addr && scan->addr - out->base >= out->bytes)
		return -ENOENT;
	if (!read_bits(session, value, "freed", out->freed) ||
	    session_read(session, requested->addr, out->requested, out->slots * 2))
		return -EFAULT;
	(void)read_bits(session, value, "remote", out->remote);
	read_window(session, value, requested->addr, out);
	if (scan->check) {
		uint8_t *memory = arena_alloc(&session->arena, out->bytes);

		if (session_read(session, out->base, memory, out->bytes))
			return -EFAULT;
		out->memory = memory;
	}
	return 0;
}

static uint64_t word_at(const uint8_t *memory, uint64_t offset)
{
	uint64_t word;

	memcpy(&word, memory + offset, sizeof(word));
	return word;
}

/* All words of a free slot are one and the same, of which the class keeps the negated sum. */
static bool is_poison(const struct slab *slab, uint64_t offset)
{
	uint64_t first = word_at(slab->memory, offset);

	for (uint64_t at = 8; at < slab->slot_bytes; at += 8)
		if (word_at(slab->memory, offset + at) != first)
			return false;
	return 0 - first * (slab->slot_bytes / 8) == slab->poison_negated;
}

static const char *slot_wrong(const struct scan *scan, const struct slab *slab,
			      const struct heap_block *block)
{
	uint64_t offset = block->slot - slab->base;

	if (!block->is_live)
		return is_poison(slab, offset) ? NULL : "write after free";
	if (block->bytes + CANARY_BYTES > slab->slot_bytes)
		return "its size is damaged";
	if (word_at(slab->memory, offset + block->bytes) != (scan->key ^ block->addr << 8))
		return "overflow";
	return NULL;
}

static void tell(struct scan *scan, const struct heap_block *block)
{
	if (!scan->ended && !scan->fn(scan->context, block))
		scan->ended = true;
}

static bool scan_slab(void *context, struct value *value)
{
	struct scan *scan = context;
	struct slab slab;
	int error = read_slab(scan, value, &slab);

	if (error && error != -ENOENT)
		scan->error = error;
	for (uint64_t i = 0; i < slab.slots && !error && !scan->ended; i++) {
		uint64_t start = slab.base + i * slab.slot_bytes, in_window = i - slab.window_first;
		bool is_free = bit(slab.freed, i) || bit(slab.remote, i) ||
			       (in_window < 64 && slab.window >> in_window & 1);
		struct heap_block block = {.addr = start,
					   .bytes = is_free ? 0 : slab.requested[i],
					   .slot = start,
					   .slot_bytes = slab.slot_bytes,
					   .is_live = !is_free};

		if (scan->check)
			block.wrong = slot_wrong(scan, &slab, &block);
		tell(scan, &block);
	}
	return !scan->ended && !scan->error;
}

/* ---- Large blocks ---- */

/* The bytes behind the block, up to the end of its area, are those of its canary. */
static const char *area_wrong(const struct scan *scan, const struct heap_area *area)
{
	uint64_t addr = area->private[1], end = addr + area->private[0];
	uint64_t canary = scan->key ^ addr << 8, tail = area->start + area->bytes - end;
	uint8_t bytes[TAIL_BYTES];

	if (end < addr || end > area->start + area->bytes || addr < area->start)
		return "its size is damaged";
	if (tail > sizeof(bytes))
		tail = sizeof(bytes);
	if (session_read(scan->session, end, bytes, tail))
		return "not readable";
	for (unsigned int i = 0; i < tail; i++)
		if (bytes[i] != (uint8_t)(canary >> 8 * (i % 8)))
			return "overflow";
	if (addr - area->start >= CANARY_BYTES &&
	    (session_read(scan->session, addr - CANARY_BYTES, bytes, CANARY_BYTES) ||
	     word_at(bytes, 0) != canary))
		return "underflow";
	return NULL;
}

static bool scan_area(void *context, const struct heap_area *area)
{
	struct scan *scan = context;
	struct heap_block block = {.addr = area->private[1],
				   .bytes = area->private[0],
				   .slot = area->start,
				   .slot_bytes = area->bytes,
				   .is_live = true,
				   .is_area = true};

	if (strcmp(area->name, "heap") != 0 || !block.addr ||
	    (scan->addr && scan->addr - area->start >= area->bytes))
		return true;
	if (scan->check)
		block.wrong = area_wrong(scan, area);
	tell(scan, &block);
	return !scan->ended;
}

static int scan_all(struct scan *scan)
{
	struct value *head = look(scan->session, "&heap_slabs");
	struct value *key = look(scan->session, "heap_key");
	uint64_t addr;
	int error;

	if (!head || !key || value_number(scan->session, head, &addr, NULL) ||
	    value_number(scan->session, key, &scan->key, NULL))
		return -ENOENT;
	error = look_list(scan->session, addr, "slab", "all", scan_slab, scan);
	if (!error)
		error = scan->error;
	if (!error && !scan->ended)
		error = heap_areas(scan->session, scan_area, scan);
	return error;
}

int heap_each(struct session *session, bool check, heap_fn *fn, void *context)
{
	struct scan scan = {.session = session, .check = check, .fn = fn, .context = context};

	return scan_all(&scan);
}

struct finding {
	uint64_t addr;
	struct heap_block *block;
	bool found;
};

static bool match(void *context, const struct heap_block *block)
{
	struct finding *finding = context;

	if (finding->addr - block->slot >= block->slot_bytes)
		return true;
	*finding->block = *block;
	finding->found = true;
	return false;
}

int heap_find(struct session *session, uint64_t addr, struct heap_block *block_out)
{
	struct finding finding = {.addr = addr, .block = block_out};
	struct scan scan = {.session = session, .fn = match, .context = &finding, .addr = addr};
	int error = scan_all(&scan);

	return finding.found ? 0 : error ? error : -ENOENT;
}
