/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base/ksyms.h"

#include <stdbool.h>

#include "lib/base/error.h"

/* A position in the table and its end: no read passes the end. */
struct cursor {
	const uint8_t *at;
	const uint8_t *end;
};

static uint32_t get_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

struct entry {
	uint32_t distance;
	unsigned int code_count;
	const uint8_t *codes;
};

static bool take(struct cursor *c, size_t bytes, const uint8_t **at_out)
{
	if (bytes > (size_t)(c->end - c->at))
		return false;
	*at_out = c->at;
	c->at += bytes;
	return true;
}

/* The next function. false: the table ends before it does. */
static bool get_entry(struct cursor *c, struct entry *entry_out)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return false;
	entry_out->code_count = p[0] & 0xf;
	entry_out->distance = p[0] >> 4 | (uint32_t)p[1] << 4;
	if (entry_out->code_count == KSYMS_CODES_LONG) {
		if (!take(c, 1, &p))
			return false;
		entry_out->code_count = *p;
	}
	if (entry_out->distance == KSYMS_DISTANCE_FAR) {
		if (!take(c, 4, &p))
			return false;
		entry_out->distance = get_u32(p);
	}
	return take(c, entry_out->code_count, &entry_out->codes);
}

/*
 * Expand one code into name from position used on; the new position. Codes below 128 are
 * characters. A token's parts have lesser codes, so the stack holds at most one code per token
 * on the way down; a table that says otherwise yields '?'.
 */
static size_t expand(const uint8_t *tokens, unsigned int token_count, uint8_t code, char *name,
		     size_t name_bytes, size_t used)
{
	uint8_t stack[KSYMS_TOKENS_MAX + 1];
	unsigned int depth = 0;

	stack[depth++] = code;
	while (depth > 0 && used + 1 < name_bytes) {
		code = stack[--depth];
		unsigned int token = code - 128u;

		if (code < 128) {
			name[used++] = (char)(code >= ' ' && code < 127 ? code : '?');
		} else if (token >= token_count || tokens[2 * token] >= code ||
			   tokens[2 * token + 1] >= code || depth + 2 > sizeof(stack)) {
			name[used++] = '?';
		} else {
			stack[depth++] = tokens[2 * token + 1];
			stack[depth++] = tokens[2 * token];
		}
	}
	return used;
}

int ksyms_lookup(const void *table, uintptr_t addr, char *name, size_t name_bytes,
		 uintptr_t *start_out)
{
	const uint8_t *head = table;

	if (!head || name_bytes == 0 || get_u32(head) != KSYMS_MAGIC)
		return -ENOENT;

	uint32_t bytes = get_u32(head + 4);
	uint64_t base = get_u32(head + 8) | (uint64_t)get_u32(head + 12) << 32;
	uint32_t text_bytes = get_u32(head + 16);
	uint32_t count = get_u32(head + 20);
	unsigned int token_count = head[24];
	const uint8_t *tokens = head + KSYMS_HEADER_BYTES;

	if (bytes > KSYMS_BYTES_MAX || token_count > KSYMS_TOKENS_MAX ||
	    bytes < KSYMS_HEADER_BYTES + 2 * token_count || addr < base ||
	    addr - base >= text_bytes)
		return -ENOENT;

	struct cursor c = {tokens + 2 * token_count, head + bytes};
	struct entry next, found = {.codes = NULL};
	uint64_t at = base, start = base;

	for (uint32_t i = 0; i < count; i++) {
		if (!get_entry(&c, &next))
			return -ENOENT;
		at += next.distance;
		if (at > addr)
			break;
		found = next;
		start = at;
	}
	if (!found.codes)
		return -ENOENT;

	size_t used = 0;

	for (unsigned int i = 0; i < found.code_count; i++)
		used = expand(tokens, token_count, found.codes[i], name, name_bytes, used);
	name[used] = '\0';
	*start_out = start;
	return 0;
}
