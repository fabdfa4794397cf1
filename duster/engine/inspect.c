/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/inspect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/symbols/names.h"

/* ---- Variables ---- */

struct walk_variables {
	struct session *session;
	struct frame *frame;
	bool parameters, go_on;
	inspect_variable_fn *fn;
	void *context;
};

static bool take_variable(void *context, const struct variable *variable)
{
	struct walk_variables *walk = context;
	struct problem problem = {.column = -1};
	Dwarf_Die die = variable->die;
	struct value *value = NULL;

	if (variable->is_parameter != walk->parameters)
		return true;
	if (value_variable(walk->session, walk->frame, &die, &value, &problem))
		value = NULL;
	walk->go_on = walk->fn(walk->context, variable->name, value, &problem);
	return walk->go_on;
}

void inspect_variables(struct session *session, struct frame *frame, bool parameters,
		       inspect_variable_fn *fn, void *context)
{
	struct walk_variables walk = {session, frame, parameters, true, fn, context};
	unsigned int innermost = frame->scope;

	if (!frame->chain.count)
		return;
	/* The blocks of this function, up to where another one was inlined. */
	while (innermost + 1 < frame->chain.count) {
		struct function function;

		if (scope_function(&frame->chain, innermost + 1, &function))
			break;
		innermost++;
	}
	for (unsigned int i = innermost + 1; i-- > frame->scope && walk.go_on;)
		if (!parameters || i == frame->scope)
			scope_variables(&frame->chain.dies[i], take_variable, &walk);
}

/* ---- Places ---- */

static void add_addr(struct place *place, uint64_t addr)
{
	for (size_t i = 0; i < place->addrs_count; i++)
		if (place->addrs[i] == addr)
			return;
	if (place->addrs_count < sizeof(place->addrs) / sizeof(place->addrs[0]))
		place->addrs[place->addrs_count++] = addr;
}

static void add_copy(void *context, uint64_t addr)
{
	add_addr(context, addr);
}

static int place_of_function(struct session *session, const char *name, bool behind,
			     struct place *place, struct problem *problem)
{
	struct image *image = session->image;
	size_t count;
	const struct name_entry *entries = names_find(image, name, &count);
	const struct symbol *symbol;
	struct line line;

	for (size_t i = 0; i < count; i++) {
		Dwarf_Die die = entries[i].die;
		struct function function;

		if (entries[i].kind != NAME_FUNCTION)
			continue;
		if (scope_function_of(&die, &function))
			add_addr(place,
				 behind ? line_behind_prologue(image, function.low, function.high)
					: function.low);
		if (behind)
			scope_inlined_copies(image, &die, add_copy, place);
		place->function = entries[i].name;
	}
	symbol = place->addrs_count ? NULL : image_symbol_named(image, name, NULL);
	if (symbol && !symbol->is_object) {
		add_addr(place, symbol->addr);
		place->function = symbol->name;
	}
	if (!place->addrs_count)
		return problem_set(problem, -ENOENT, "Function \"%s\" not defined.", name);
	if (line_at(image, place->addrs[0], &line)) {
		place->file = line.file;
		place->line = line.number;
	}
	return 0;
}

/* Of the addresses of one line, the first in each function or inlined copy. */
static void one_per_function(struct session *session, const uint64_t *addrs, size_t count,
			     struct place *place)
{
	for (size_t i = 0; i < count; i++) {
		struct scope_chain chain, other;
		bool repeated = false;

		scope_chain_at(session->image, addrs[i], &chain);
		for (size_t j = 0; j < i && !repeated; j++) {
			scope_chain_at(session->image, addrs[j], &other);
			repeated = chain.count && other.count &&
				   chain.dies[0].addr == other.dies[0].addr && addrs[j] <= addrs[i];
			if (repeated && chain.count > 1 && other.count > 1) {
				struct function a, b;

				/* Two inlined copies in one function are two places. */
				if (scope_function(&chain, chain.count - 1, &a) &&
				    scope_function(&other, other.count - 1, &b) &&
				    a.die.addr != b.die.addr)
					repeated = false;
			}
		}
		if (!repeated)
			add_addr(place, addrs[i]);
	}
}

static int place_of_line(struct session *session, const char *file, unsigned int number,
			 struct place *place, struct problem *problem)
{
	uint64_t addrs[256];
	unsigned int found = 0;
	size_t count = line_find(session->image, file, number, addrs,
				 sizeof(addrs) / sizeof(addrs[0]), &found);
	struct line line;

	if (!count)
		return problem_set(problem, -ENOENT, "No line %u in file \"%s\".", number, file);
	count = count < 256 ? count : 256;
	one_per_function(session, addrs, count, place);
	place->line = found;
	place->file = line_at(session->image, place->addrs[0], &line) ? line.file : file;
	return 0;
}

int inspect_place(struct session *session, const char *text, bool behind, struct place *place_out,
		  struct problem *problem)
{
	struct frame *frame = session_selected_frame(session);
	const char *colon;
	char *end;
	unsigned long number;
	struct line line;

	*place_out = (struct place){0};
	while (*text == ' ')
		text++;
	if (*text == '*' || !session->image) {
		uint64_t addr;
		int error = eval_address(session, *text == '*' ? text + 1 : text, &addr, problem);

		if (error)
			return error;
		add_addr(place_out, addr);
		if (session->image && line_at(session->image, addr, &line)) {
			place_out->file = line.file;
			place_out->line = line.number;
		}
		return 0;
	}
	number = strtoul(text, &end, 10);
	if (end != text && *end == '\0') {
		if (!frame || !frame->has_line)
			return problem_set(problem, -EINVAL, "no current file: write FILE:%lu",
					   number);
		return place_of_line(session, frame->line.file, (unsigned int)number, place_out,
				     problem);
	}
	colon = strrchr(text, ':');
	if (colon && colon[1] >= '0' && colon[1] <= '9') {
		char *file = arena_text_bytes(&session->arena, text, (size_t)(colon - text));

		number = strtoul(colon + 1, &end, 10);
		if (*end)
			return problem_set(problem, -EINVAL, "junk after the line number: %s", end);
		return place_of_line(session, file, (unsigned int)number, place_out, problem);
	}
	return place_of_function(session, colon ? colon + 1 : text, behind, place_out, problem);
}

/* ---- Finding bytes ---- */

#define FIND_CHUNK 65536u

int inspect_find(struct session *session, uint64_t addr, uint64_t bytes, const uint8_t *pattern,
		 size_t pattern_bytes, bool (*fn)(void *context, uint64_t addr), void *context,
		 struct problem *problem)
{
	uint8_t *chunk = arena_alloc(&session->arena, FIND_CHUNK + pattern_bytes);
	uint64_t at = 0;

	while (at < bytes && bytes - at >= pattern_bytes) {
		size_t want = FIND_CHUNK + pattern_bytes - 1, done, i = 0;
		const uint8_t *found;

		if (want > bytes - at)
			want = (size_t)(bytes - at);
		(void)session_read_some(session, addr + at, chunk, want, &done);
		while (i + pattern_bytes <= done &&
		       (found = memmem(chunk + i, done - i, pattern, pattern_bytes)) != NULL) {
			i = (size_t)(found - chunk) + 1;
			if (!fn(context, addr + at + i - 1))
				return 0;
		}
		if (done < want)
			return problem_set(problem, -EFAULT,
					   "Cannot access memory at address 0x%llx, the search "
					   "ends there",
					   (unsigned long long)(addr + at + done));
		at += done < FIND_CHUNK ? done : FIND_CHUNK;
	}
	return 0;
}
