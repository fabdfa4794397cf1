/* SPDX-License-Identifier: BSD-2-Clause */
/* bench [PLACE [if CONDITION]]: how long the debugger's own work takes here. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "duster/engine/eval.h"
#include "duster/engine/run.h"
#include "duster/frontends/cli/cli.h"

#define WORDS       100000u
#define BLOCK_BYTES 65536u
#define READ_NS     300000000ULL
#define STOPS       50u
#define CONDITIONS  500u

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t opening_ns, ready_ns;

void cli_note_time(bool ready)
{
	*(ready ? &ready_ns : &opening_ns) = clock_ns();
}

static void tell(struct cli *cli, const char *name, const char *words, double value,
		 const char *unit)
{
	say(cli, "%-34s %12.3f %s\n", words, value, unit);
	text_add(&cli->fields, ",\"%s\":%.6f", name, value);
}

static int bench_memory(struct cli *cli, struct problem *problem)
{
	struct session *session = &cli->session;
	const struct segment *segment = &session->image->segments[0];
	uint8_t *block = arena_alloc(&session->arena, BLOCK_BYTES);
	uint64_t start, bytes = 0, word, span = segment->file_bytes;

	if (span > BLOCK_BYTES)
		span = BLOCK_BYTES;
	if (session_read(session, segment->addr, block, span))
		return problem_set(problem, -EFAULT, "the program's code cannot be read");
	for (start = clock_ns(); clock_ns() - start < READ_NS; bytes += span)
		(void)session_read(session, segment->addr, block, span);
	tell(cli, "read_mb_s", "memory, over mapped pages",
	     (double)bytes * 1e3 / (double)(clock_ns() - start), "MB/s");
	start = clock_ns();
	for (unsigned int i = 0; i < WORDS; i++)
		(void)session_read(session, segment->addr + i % 512 * 8, &word, 8);
	tell(cli, "word_us", "a word, cached", (double)(clock_ns() - start) / 1e3 / WORDS, "us");
	return 0;
}

/* A condition that is false but for the last time. */
static bool count_down(void *context, struct session *session)
{
	unsigned int *left = context;

	(void)session;
	*left -= *left > 0; /* what is true is asked twice */
	return *left == 0;
}

struct stops {
	uint64_t start_ns, away_before_ns;
	uint64_t shown_ns; /* from hearing of a stop until it was shown */
};

static void tell_stops(struct cli *cli, const struct stops *stops)
{
	double whole = (double)(clock_ns() - stops->start_ns) / 1e6 / STOPS;
	double away = (double)(cli->session.target->away_ns - stops->away_before_ns) / 1e6 / STOPS;
	double prompt = (double)stops->shown_ns / 1e6 / STOPS;
	uint64_t event_ns;

	tell(cli, "stop_ms", "going on and stopping again", whole, "ms");
	tell(cli, "away_ms", "  of it: until an event tells of it", away, "ms");
	tell(cli, "prompt_ms", "  of it: from the event to the prompt", prompt, "ms");
	/* Half of it is the way of the stop's event to us. */
	if (target_event_ns(cli->session.target, &event_ns) == 0) {
		tell(cli, "event_ms", "an event to dom0 and back", (double)event_ns / 1e6, "ms");
		tell(cli, "prompt_ratio", "from the hit to the prompt, of that",
		     (prompt * 1e6 + (double)event_ns / 2) / (double)event_ns, "times");
	}
}

/* condition: empty: none. */
static int bench_stops(struct cli *cli, const char *place, const char *condition,
		       struct problem *problem)
{
	struct session *session = &cli->session;
	struct breakpoint *breakpoint;
	struct stop stop;
	unsigned int left = CONDITIONS;
	struct stops stops = {0};
	uint64_t start;
	size_t out_bytes = cli->out.bytes, fields_bytes;
	int error = run_break(session, place, false, false, &breakpoint, problem);

	if (error)
		return error;
	stops.start_ns = clock_ns();
	stops.away_before_ns = session->target->away_ns;
	for (unsigned int i = 0; i < STOPS && !error; i++) {
		fields_bytes = cli->fields.bytes;
		error = run_continue(session, &stop, problem);
		/* To the prompt belongs what it is shown with. */
		if (!error)
			error = cli_show_place(cli, problem);
		stops.shown_ns += clock_ns() - session->target->heard_ns;
		text_cut(&cli->out, out_bytes);
		text_cut(&cli->fields, fields_bytes);
	}
	if (!error && stop.reason == STOP_BREAKPOINT)
		tell_stops(cli, &stops);
	if (!error && *condition) {
		breakpoint->condition = arena_text(&session->kept, condition);
		start = clock_ns();
		error = run_continue(session, &stop, problem);
		if (!error && stop.reason == STOP_BREAKPOINT)
			tell(cli, "until_ms", "until the condition was true",
			     (double)(clock_ns() - start) / 1e6, "ms");
	}
	breakpoint->filter = count_down;
	breakpoint->filter_context = &left;
	start = clock_ns();
	if (!error)
		error = run_continue(session, &stop, problem);
	if (!error && left == 0)
		tell(cli, "condition_ms", "a condition that is looked at from here",
		     (double)(clock_ns() - start) / 1e6 / CONDITIONS, "ms");
	(void)run_delete(session, breakpoint->number, NULL);
	return error;
}

COMMAND(bench)
{
	struct session *session = &cli->session;
	const char *condition = strstr(words, " if ");
	const char *place = arena_text_bytes(
		&session->kept, words, condition ? (size_t)(condition - words) : strlen(words));
	int error;

	if (!session->target || !session->image || !session->image->segments_count)
		return problem_set(problem, -ENODEV, "a target and an image are wanted");
	tell(cli, "attach_ms", "from the command to the first prompt",
	     (double)(ready_ns - opening_ns) / 1e6, "ms");
	error = bench_memory(cli, problem);
	return error || !*place ? error
				: bench_stops(cli, place, condition ? condition + 4 : "", problem);
}
