/* SPDX-License-Identifier: BSD-2-Clause */
/* What users of gdb type out of habit and duster calls otherwise or cannot do; and apropos. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "duster/frontends/cli/cli.h"

static const struct habit {
	const char *names; /* blank-separated */
	const char *words;
} habits[] = {
	{"run r start starti",
	 "The guest runs already: `continue` lets it go on. `duster run CFG` creates one and stops "
	 "it at main."},
	{"kill k", "duster ends no guest: `quit` leaves it running, `xl destroy NAME` ends it."},
	{"attach", "One guest a session: `quit`, then `duster attach NAME`."},
	{"file exec-file symbol-file add-symbol-file load core-file core",
	 "The image is named at the start: `duster attach NAME IMAGE`, `duster core FILE IMAGE`, "
	 "`-s FILE` for its debug information."},
	{"target", "The target is chosen at the start; `info target` shows it."},
	{"shell make pipe cd",
	 "duster starts no programs: it has given up its privileges. Ctrl-Z or another terminal."},
	{"pwd", "`info target` shows the files in use; `directory PATH` finds more sources."},
	{"python py python-interactive pi guile gu",
	 "Scripts talk to duster from outside: `duster --batch --json -x FILE`."},
	{"define document alias user", "Put the commands into a file: `source FILE`."},
	{"if while",
	 "Put conditions on breakpoints: `break PLACE if COND`; loops go into scripts."},
	{"layout tui refresh focus fs winheight",
	 "There are no windows: `list`, `disassemble /s`, `info registers`, `display`."},
	{"record reverse-step reverse-next reverse-continue reverse-finish rs rn rc rsi rni",
	 "A guest runs forwards only. `export FILE` keeps a moment of it."},
	{"checkpoint restart", "`xl save -c NAME FILE` in dom0 keeps the guest as it is."},
	{"handle signal queue-signal",
	 "A guest has traps and upcalls, no signals from outside: `break` at their functions."},
	{"catch tcatch", "There are no catchpoints: `break FUNCTION` at what throws or traps."},
	{"jump j", "`set var $rip = FUNCTION`, then `continue`."},
	{"return", "`finish` runs until the frame returns; `set var $rax = N` changes the value."},
	{"rwatch", "x86 has no watchpoint for reading alone: `awatch EXPR`."},
	{"rbreak", "`info functions REGEX` names them; `break` at those you want."},
	{"save", "`info breakpoints` lists them; a script of `break` lines brings them back."},
	{"generate-core-file gcore",
	 "`export FILE` writes an ELF core of the guest, which gdb reads."},
	{"inferior add-inferior clone-inferior", "One guest a session: start another duster."},
	{"monitor mon", "That is for gdb at `duster --gdb PORT`; here the command stands alone."},
	{"sharedlibrary nosharedlibrary", "A guest is one image without shared libraries."},
	{"trace tstart tstop actions collect",
	 "`dprintf PLACE,\"FORMAT\",EXPR` prints in passing."},
	{"compile macro skip explore with tty",
	 "duster does not have that. `apropos WORD` looks for "
	 "what it has."},
	{"info signals", "A guest has traps and upcalls, no signals from outside."},
	{"info proc", "`info target`, `threads`, `areas`."},
	{"info sharedlibrary", "A guest is one image without shared libraries: `info target`."},
	{"info address", "`print &NAME`; `info scope PLACE` shows where locals live."},
	{"info float", "`print $st0`, or `info registers`."},
	{"info vector", "`print $xmm0` to `$xmm15`."},
	{"info auxv", "A guest has no auxiliary vector: `log` shows how it began."},
	{"info macro", "Macros are not in the debug information duster reads."},
	{"info checkpoints", "`xl save -c NAME FILE` in dom0 keeps the guest as it is."},
};

const char *cli_habit(const char *line)
{
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++) {
		const char *at = habits[i].names;
		bool is_info = strncmp(at, "info ", 5) == 0;

		while (*at) {
			/* `info WHAT` is one name. */
			size_t bytes = is_info ? strlen(at) : strcspn(at, " ");

			if (strncmp(line, at, bytes) == 0 &&
			    (!line[bytes] || line[bytes] == ' ' || line[bytes] == '/'))
				return habits[i].words;
			at += bytes;
			at += *at == ' ';
		}
	}
	return NULL;
}

static void look_in(struct cli *cli, const struct command *table, const char *prefix,
		    const char *word, unsigned int *found)
{
	for (; table->name; table++) {
		if (!strcasestr(table->name, word) && !strcasestr(table->usage, word) &&
		    !strcasestr(table->help, word))
			continue;
		say(cli, "%s%-*s %s\n", prefix, 34 - (int)strlen(prefix), table->usage,
		    table->help);
		*found += 1;
	}
}

COMMAND(apropos)
{
	unsigned int found = 0;

	if (!*words)
		return problem_set(problem, -EINVAL, "apropos WORD");
	look_in(cli, cli_commands, "", words, &found);
	look_in(cli, cli_info_commands, "info ", words, &found);
	return found ? 0 : problem_set(problem, -ENOENT, "No command speaks of %s.", words);
}
