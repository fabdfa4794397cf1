/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base/parse.h"

#include "lib/base/error.h"
#include "lib/base/string.h"

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 255;
}

int parse_u64_bytes(const char *text, size_t bytes, unsigned int base, uint64_t *value_out)
{
	uint64_t value = 0;

	if (bytes == 0)
		return -EINVAL;
	for (size_t i = 0; i < bytes; i++) {
		unsigned int digit = digit_value(text[i]);

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*value_out = value;
	return 0;
}

int parse_u64(const char *text, uint64_t *value_out)
{
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return parse_u64_bytes(text + 2, strlen(text + 2), 16, value_out);
	return parse_u64_bytes(text, strlen(text), 10, value_out);
}

int parse_bytes(const char *text, uint64_t *bytes_out)
{
	static const char units[] = "KMGT";
	size_t length = strlen(text);
	unsigned int shift = 0;
	uint64_t value;
	int ret;

	if (length > 0) {
		char unit = text[length - 1];

		for (unsigned int i = 0; units[i]; i++) {
			if (unit == units[i] || unit == units[i] + ('a' - 'A'))
				shift = 10 * (i + 1);
		}
	}
	ret = parse_u64_bytes(text, shift ? length - 1 : length, 10, &value);
	if (ret)
		return ret;
	if (shift && value >> (64 - shift))
		return -ERANGE;
	*bytes_out = value << shift;
	return 0;
}

int parse_bool(const char *text, bool *value_out)
{
	static const char *const names[] = {"0", "no", "off", "false", "1", "yes", "on", "true"};

	for (unsigned int i = 0; i < 8; i++) {
		if (strcmp(text, names[i]) == 0) {
			*value_out = i >= 4;
			return 0;
		}
	}
	return -EINVAL;
}

struct words {
	const char *in;
	char *out, *out_end;
};

static int word_put(struct words *state, char c)
{
	if (state->out == state->out_end)
		return -E2BIG;
	*state->out++ = c;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The text up to the closing single quote. */
static int word_single_quoted(struct words *state)
{
	int ret = 0;

	for (state->in++; *state->in != '\'' && !ret; state->in++) {
		if (!*state->in)
			return -EINVAL;
		ret = word_put(state, *state->in);
	}
	state->in++;
	return ret;
}

static int word_double_quoted(struct words *state)
{
	int ret = 0;

	for (state->in++; *state->in != '"' && !ret; state->in++) {
		if (!*state->in)
			return -EINVAL;
		if (*state->in == '\\' && state->in[1] && strchr("$`\"\\\n", state->in[1])) {
			state->in++;
			if (*state->in == '\n')
				continue;
		}
		ret = word_put(state, *state->in);
	}
	state->in++;
	return ret;
}

static int word_escaped(struct words *state)
{
	char c = state->in[1];

	if (!c)
		return -EINVAL;
	state->in += 2;
	return c == '\n' ? 0 : word_put(state, c);
}

static int word_read(struct words *state)
{
	int ret = 0;

	while (*state->in && !is_blank(*state->in) && !ret) {
		if (*state->in == '\'')
			ret = word_single_quoted(state);
		else if (*state->in == '"')
			ret = word_double_quoted(state);
		else if (*state->in == '\\')
			ret = word_escaped(state);
		else
			ret = word_put(state, *state->in++);
	}
	return ret ? ret : word_put(state, '\0');
}

static const char *skip_blanks(const char *at)
{
	while (is_blank(*at) || (at[0] == '\\' && at[1] == '\n'))
		at += *at == '\\' ? 2 : 1;
	return at;
}

int parse_words(const char *line, char *storage, size_t storage_bytes, char **words,
		size_t words_max, size_t *words_count_out)
{
	struct words state = {line, storage, storage + storage_bytes};
	size_t count = 0;

	for (;;) {
		int ret;

		state.in = skip_blanks(state.in);
		if (count >= words_max)
			return -E2BIG;
		if (!*state.in)
			break;
		words[count++] = state.out;
		ret = word_read(&state);
		if (ret)
			return ret;
	}
	words[count] = NULL;
	*words_count_out = count;
	return 0;
}
