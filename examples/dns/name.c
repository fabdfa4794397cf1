/* SPDX-License-Identifier: BSD-2-Clause */
#include "name.h"

#include <string.h>

#define LABELS_MAX 128

size_t name_bytes(const uint8_t *name)
{
	const uint8_t *at = name;

	while (*at)
		at += 1 + *at;
	return (size_t)(at - name) + 1;
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c;
}

/* Lengths are no letters, so both are compared alike. */
bool name_equal(const uint8_t *a, const uint8_t *b)
{
	size_t bytes = name_bytes(a);

	if (bytes != name_bytes(b))
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static size_t labels_of(const uint8_t *name, const uint8_t *labels_out[LABELS_MAX])
{
	size_t count = 0;

	for (; *name; name = name_parent(name))
		labels_out[count++] = name;
	return count;
}

static int label_compare(const uint8_t *a, const uint8_t *b)
{
	for (size_t i = 1; i <= a[0] && i <= b[0]; i++)
		if (lower(a[i]) != lower(b[i]))
			return lower(a[i]) - lower(b[i]);
	return (int)a[0] - (int)b[0];
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *of_a[LABELS_MAX], *of_b[LABELS_MAX];
	size_t in_a = labels_of(a, of_a), in_b = labels_of(b, of_b);

	while (in_a && in_b) {
		int result = label_compare(of_a[--in_a], of_b[--in_b]);

		if (result)
			return result;
	}
	return (in_a > in_b) - (in_a < in_b);
}

bool name_is_under(const uint8_t *name, const uint8_t *above)
{
	size_t bytes = name_bytes(above), own = name_bytes(name);

	while (own > bytes) {
		name = name_parent(name);
		own = name_bytes(name);
	}
	return own == bytes && name_equal(name, above);
}

int name_unescape(const char **at)
{
	int c = (unsigned char)*(*at)++;

	if (c != '\\' || !**at)
		return c;
	c = (unsigned char)*(*at)++;
	if (c < '0' || c > '9')
		return c;
	for (int i = 0; i < 2; i++) {
		int digit = (unsigned char)**at;

		if (digit < '0' || digit > '9')
			return -1;
		c = (i == 0 ? c - '0' : c) * 10 + digit - '0';
		++*at;
	}
	return c <= 255 ? c : -1;
}

size_t name_from_text(const char *text, const uint8_t *origin, uint8_t name_out[NAME_BYTES_MAX])
{
	size_t used = 1, label = 0; /* where the length of the label being read is */
	size_t origin_bytes = origin ? name_bytes(origin) : 0;

	if (strcmp(text, "@") == 0) {
		if (origin)
			memcpy(name_out, origin, origin_bytes);
		return origin_bytes;
	}
	if (strcmp(text, ".") == 0) {
		name_out[0] = 0;
		return 1;
	}
	while (*text) {
		bool is_dot = *text == '.';
		int c = name_unescape(&text);

		if (c < 0 || used == NAME_BYTES_MAX)
			return 0;
		if (!is_dot) {
			name_out[used++] = (uint8_t)c;
			continue;
		}
		if (used - label - 1 == 0 || used - label - 1 > LABEL_BYTES_MAX)
			return 0;
		name_out[label] = (uint8_t)(used - label - 1);
		label = used++;
		if (!*text) {
			name_out[label] = 0;
			return used;
		}
	}
	if (used - label - 1 == 0 || used - label - 1 > LABEL_BYTES_MAX || !origin ||
	    used + origin_bytes > NAME_BYTES_MAX)
		return 0;
	name_out[label] = (uint8_t)(used - label - 1);
	memcpy(name_out + used, origin, origin_bytes);
	return used + origin_bytes;
}
