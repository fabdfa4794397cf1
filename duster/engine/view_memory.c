/* SPDX-License-Identifier: BSD-2-Clause */
/* heap, areas */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/heap.h"
#include "duster/engine/view.h"

#define LARGEST_DEFAULT 10u
#define LARGEST_MAX     1000u
#define CLASSES_MAX     128u
#define BLOCKS_SHOWN    100000u

/* ---- By classes ---- */

struct usage {
	uint64_t slot_bytes, live, free, bytes;
};

struct totals {
	struct usage classes[CLASSES_MAX], areas;
	size_t count;
	uint64_t wrong;
	struct view_row *row; /* of check */
};

static bool count_block(void *context, const struct heap_block *block)
{
	struct totals *totals = context;
	struct usage *usage = &totals->areas;

	if (!block->is_area) {
		size_t i = 0;

		while (i < totals->count && totals->classes[i].slot_bytes != block->slot_bytes)
			i++;
		if (i == CLASSES_MAX)
			return false;
		usage = &totals->classes[i];
		usage->slot_bytes = block->slot_bytes;
		if (i == totals->count)
			totals->count++;
	}
	usage->live += block->is_live;
	usage->free += !block->is_live;
	usage->bytes += block->bytes;
	if (block->wrong) {
		totals->wrong++;
		view_address(totals->row, "block", block->addr);
		view_number(totals->row, "bytes", block->bytes);
		view_number(totals->row, "slot", block->slot_bytes);
		view_text(totals->row, "wrong", "%s", block->wrong);
		view_end(totals->row);
	}
	return true;
}

static int by_slot(const void *a, const void *b)
{
	const struct usage *left = a, *right = b;

	return left->slot_bytes < right->slot_bytes ? -1 : left->slot_bytes > right->slot_bytes;
}

static void say_totals(struct view_row *row, struct totals *totals)
{
	uint64_t live = totals->areas.live, bytes = totals->areas.bytes, held = 0;
	struct value *value = look(row->session, "heap_held_bytes");

	for (size_t i = 0; i < totals->count; i++) {
		live += totals->classes[i].live;
		bytes += totals->classes[i].bytes;
	}
	if (value)
		(void)value_number(row->session, value, &held, NULL);
	view_note(row, "%llu blocks of %llu bytes in use, %llu bytes held",
		  (unsigned long long)live, (unsigned long long)bytes, (unsigned long long)held);
}

static void say_classes(struct view_row *row, struct totals *totals)
{
	qsort(totals->classes, totals->count, sizeof(totals->classes[0]), by_slot);
	for (size_t i = 0; i < totals->count; i++) {
		const struct usage *usage = &totals->classes[i];

		view_number(row, "slot", usage->slot_bytes);
		view_number(row, "live", usage->live);
		view_number(row, "free", usage->free);
		view_number(row, "bytes", usage->bytes);
		view_end(row);
	}
	if (totals->areas.live) {
		view_text(row, "slot", "areas");
		view_number(row, "live", totals->areas.live);
		view_number(row, "free", 0);
		view_number(row, "bytes", totals->areas.bytes);
		view_end(row);
	}
}

static int heap_problem(struct session *session, int error, struct problem *problem)
{
	if (error == -ENOENT)
		return problem_set(problem, error, "the program has no heap that duster knows");
	return view_damaged(session, error, "the heap's list of slabs", problem);
}

static int heap_classes(struct session *session, bool check, struct view_row *row,
			struct problem *problem)
{
	struct totals *totals = arena_alloc(&session->arena, sizeof(*totals));
	int error;

	totals->row = row;
	error = heap_each(session, check, count_block, totals);
	if (error)
		return heap_problem(session, error, problem);
	if (!check)
		say_classes(row, totals);
	say_totals(row, totals);
	if (check)
		view_note(row, "%llu blocks and slots are damaged",
			  (unsigned long long)totals->wrong);
	return 0;
}

/* ---- Blocks ---- */

struct largest {
	struct heap_block *blocks; /* the largest first */
	size_t count, room;
};

static bool keep_largest(void *context, const struct heap_block *block)
{
	struct largest *largest = context;
	size_t at = largest->count;

	if (!block->is_live)
		return true;
	while (at && largest->blocks[at - 1].bytes < block->bytes)
		at--;
	if (at >= largest->room)
		return true;
	if (largest->count < largest->room)
		largest->count++;
	memmove(&largest->blocks[at + 1], &largest->blocks[at],
		(largest->count - at - 1) * sizeof(*block));
	largest->blocks[at] = *block;
	return true;
}

static void say_block(struct view_row *row, const struct heap_block *block)
{
	view_address(row, "block", block->addr);
	view_number(row, "bytes", block->bytes);
	if (block->is_area)
		view_text(row, "slot", "area");
	else
		view_number(row, "slot", block->slot_bytes);
	view_end(row);
}

static int heap_largest(struct session *session, const char *words, struct view_row *row,
			struct problem *problem)
{
	unsigned long wanted = *words ? strtoul(words, NULL, 0) : LARGEST_DEFAULT;
	struct largest largest = {.room = wanted < LARGEST_MAX ? wanted : LARGEST_MAX};
	int error;

	largest.blocks = arena_array(&session->arena, largest.room + 1, sizeof(*largest.blocks));
	error = heap_each(session, false, keep_largest, &largest);
	if (error)
		return heap_problem(session, error, problem);
	for (size_t i = 0; i < largest.count; i++)
		say_block(row, &largest.blocks[i]);
	return 0;
}

struct showing {
	struct view_row *row;
	uint64_t count;
};

static bool show_block(void *context, const struct heap_block *block)
{
	struct showing *showing = context;

	if (!block->is_live)
		return true;
	say_block(showing->row, block);
	return ++showing->count < BLOCKS_SHOWN;
}

VIEW(heap)
{
	struct view_row row = {.session = session, .sink = sink};
	struct showing showing = {.row = &row};
	int error;

	if (!*words || strcmp(words, "check") == 0)
		return heap_classes(session, *words, &row, problem);
	if (strncmp(words, "largest", 7) == 0)
		return heap_largest(session, words + 7, &row, problem);
	if (strcmp(words, "blocks") != 0)
		return problem_set(problem, -EINVAL, "heap [largest [N] | check | blocks]");
	error = heap_each(session, false, show_block, &showing);
	return error ? heap_problem(session, error, problem) : 0;
}

/* ---- Areas ---- */

static bool show_area(void *context, const struct heap_area *area)
{
	struct view_row *row = context;

	view_address(row, "start", area->start);
	view_address(row, "end", area->start + area->bytes);
	view_number(row, "KiB", area->bytes / 1024);
	view_text(row, "name", "%s", area->name);
	view_end(row);
	return true;
}

VIEW(areas)
{
	struct view_row row = {.session = session, .sink = sink};
	int error = heap_areas(session, show_area, &row);

	(void)words;
	if (error == -ENOENT)
		return problem_set(problem, error, "the program has no areas that duster knows");
	return error ? view_damaged(session, error, "the tree of areas", problem) : 0;
}
