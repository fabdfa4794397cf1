/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/cmdline.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/log.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/posix/mount.h"

#define STACK_BYTES_MIN (16ULL << 10)
#define STACK_BYTES_MAX (1ULL << 40)
#define GRACE_S_DEFAULT 30
#define GRACE_S_MAX     86400

static int set_log(struct cmdline *cmdline, const char *value)
{
	static const char names[][6] = {"error", "warn", "info", "debug"};

	for (int level = LOG_ERROR; level <= LOG_DEBUG; level++) {
		if (strcmp(value, names[level]) == 0) {
			cmdline->log_level = level;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_stack(struct cmdline *cmdline, const char *value)
{
	uint64_t bytes;

	if (parse_bytes(value, &bytes) || bytes < STACK_BYTES_MIN || bytes > STACK_BYTES_MAX)
		return -EINVAL;
	cmdline->stack_bytes = bytes;
	return 0;
}

static int set_grace(struct cmdline *cmdline, const char *value)
{
	uint64_t seconds;

	if (parse_u64(value, &seconds) || seconds > GRACE_S_MAX)
		return -EINVAL;
	cmdline->shutdown_grace_s = seconds;
	return 0;
}

/* Read elsewhere, by a lower room, before us. */
static int set_nothing(struct cmdline *cmdline, const char *value)
{
	(void)cmdline;
	(void)value;
	return 0;
}

static const struct option {
	const char *name;
	int (*set)(struct cmdline *cmdline, const char *value);
	const char *wanted;
} options[] = {
	{"log", set_log, "error, warn, info or debug"},
	{"stack", set_stack, "a size from 16K, e.g. 1M"},
	{"shutdown_grace", set_grace, "seconds up to 86400"},
	{"evtchn", set_nothing, ""},
	{"blkfront", set_nothing, ""},
};

static bool is_assignment(const char *word)
{
	size_t i = 0;

	if (*word >= '0' && *word <= '9')
		return false;
	while (word[i] == '_' || (word[i] >= '0' && word[i] <= '9') ||
	       (word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z'))
		i++;
	return i > 0 && word[i] == '=';
}

/* 1 when the word is an option, 0 when not, -EINVAL when its value is wrong. */
static int take_option(struct cmdline *cmdline, const char *word)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		size_t name_bytes = strlen(options[i].name);

		if (strncmp(word, options[i].name, name_bytes) != 0 || word[name_bytes] != '=')
			continue;
		if (options[i].set(cmdline, word + name_bytes + 1) == 0)
			return 1;
		format_text(cmdline->error, sizeof(cmdline->error), "%.32s: wanted %s", word,
			    options[i].wanted);
		return -EINVAL;
	}
	return mounts_take_option ? mounts_take_option(word) : 0;
}

int cmdline_parse(struct cmdline *cmdline, const char *line, const char *program_name)
{
	/* Sorted in place: words become arguments, which never overtake the word being read. */
	char **words = cmdline->arguments + 1;
	size_t count, environment_count = 0, arguments_count = 0;
	bool only_arguments = false;
	int result;

	cmdline->log_level = -1;
	cmdline->shutdown_grace_s = GRACE_S_DEFAULT;
	cmdline->arguments[0] = (char *)program_name;
	cmdline->arguments_count = 1;
	result = parse_words(line, cmdline->storage, sizeof(cmdline->storage), words,
			     CMDLINE_WORDS_MAX + 1, &count);
	if (result) {
		words[0] = NULL;
		format_text(cmdline->error, sizeof(cmdline->error), "%s",
			    result == -E2BIG ? "too long" : "a quote is not closed (check extra=)");
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		char *word = words[i];

		if (!only_arguments && strcmp(word, "--") == 0) {
			only_arguments = true;
		} else if (only_arguments || !is_assignment(word)) {
			words[arguments_count++] = word;
		} else {
			int taken = take_option(cmdline, word);

			if (taken < 0)
				result = taken;
			else if (!taken)
				cmdline->environment[environment_count++] = word;
		}
	}
	words[arguments_count] = NULL;
	cmdline->environment[environment_count] = NULL;
	cmdline->arguments_count = (int)arguments_count + 1;
	return result;
}
