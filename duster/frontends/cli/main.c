/* SPDX-License-Identifier: BSD-2-Clause */
/* duster: what the command line asks for is opened, then commands are read. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/frontends/cli/cli.h"
#include "duster/target/core.h"

#define COMMANDS_MAX 64u

static const char usage[] =
	"usage: duster core FILE [IMAGE]    look at a core file\n"
	"       duster image IMAGE          look at a program without a guest\n"
	"options:\n"
	"  -s, --symbols FILE   the program's debug information (IMAGE.debug is found)\n"
	"  -e, --exec COMMAND   run COMMAND first; may be repeated\n"
	"  -x, --script FILE    run the commands of FILE (-: standard input)\n"
	"      --batch          leave after them; status 1 when one failed\n"
	"      --json           one JSON object for each command\n"
	"  -d, --directory DIR  look for source files below DIR\n"
	"      --no-verify      do not compare the program with the guest's memory\n"
	"      --help, --version\n";

struct options {
	const char *symbols, *directory;
	struct {
		bool is_file;
		const char *text;
	} commands[COMMANDS_MAX];
	unsigned int commands_count;
	bool batch, json, no_verify;
};

enum { OPTION_BATCH = 256, OPTION_JSON, OPTION_NO_VERIFY, OPTION_HELP, OPTION_VERSION };

static const struct option long_options[] = {
	{"symbols", required_argument, NULL, 's'},
	{"exec", required_argument, NULL, 'e'},
	{"script", required_argument, NULL, 'x'},
	{"directory", required_argument, NULL, 'd'},
	{"batch", no_argument, NULL, OPTION_BATCH},
	{"json", no_argument, NULL, OPTION_JSON},
	{"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static int add_command(struct options *options, bool is_file, const char *text)
{
	if (options->commands_count == COMMANDS_MAX) {
		fprintf(stderr, "duster: more than %u commands and scripts\n", COMMANDS_MAX);
		return CLI_USAGE;
	}
	options->commands[options->commands_count].is_file = is_file;
	options->commands[options->commands_count++].text = text;
	return CLI_OK;
}

/* -1: go on; else the status to end with. */
static int parse_options(int argc, char **argv, struct options *options)
{
	int c, status = CLI_OK;

	while (status == CLI_OK &&
	       (c = getopt_long(argc, argv, "s:e:x:d:", long_options, NULL)) != -1) {
		switch (c) {
		case 's':
			options->symbols = optarg;
			break;
		case 'e':
			status = add_command(options, false, optarg);
			break;
		case 'x':
			status = add_command(options, true, optarg);
			break;
		case 'd':
			options->directory = optarg;
			break;
		case OPTION_BATCH:
			options->batch = true;
			break;
		case OPTION_JSON:
			options->json = true;
			break;
		case OPTION_NO_VERIFY:
			options->no_verify = true;
			break;
		case OPTION_HELP:
			fputs(usage, stdout);
			return CLI_OK;
		case OPTION_VERSION:
			puts("duster " DUSTER_VERSION);
			return CLI_OK;
		default:
			fputs(usage, stderr);
			return CLI_USAGE;
		}
	}
	return status == CLI_OK ? -1 : status;
}

static int say_problem(const struct problem *problem)
{
	fprintf(stderr, "duster: %s\n", problem->text);
	return CLI_TARGET;
}

static int run_commands(struct cli *cli, const struct options *options)
{
	struct problem problem = {.column = -1};

	if (options->directory) {
		struct text line = {0};

		text_add(&line, "directory %s", options->directory);
		(void)cli_run_line(cli, text_get(&line));
		text_free(&line);
	}
	for (unsigned int i = 0; i < options->commands_count && !cli->quit; i++) {
		int error = options->commands[i].is_file
				    ? cli_run_file(cli, options->commands[i].text, &problem)
				    : cli_run_line(cli, options->commands[i].text);

		if (error && options->commands[i].is_file && problem.text[0])
			fprintf(stderr, "duster: %s\n", problem.text);
		if (error && options->batch)
			return CLI_FAILED;
	}
	if (!options->batch && !cli->quit)
		cli_interact(cli);
	return cli->failed && options->batch ? CLI_FAILED : CLI_OK;
}

static int open_and_run(const char *core, const char *image_path, const struct options *options)
{
	struct problem problem = {.column = -1};
	struct target *target = NULL;
	struct image *image = NULL;
	static struct cli cli;
	int status;

	if (core && core_open(core, &target, &problem))
		return say_problem(&problem);
	if (image_path && image_open(image_path, options->symbols, &image, &problem)) {
		target_close(target);
		return say_problem(&problem);
	}
	session_init(&cli.session, target, image);
	cli.json = options->json;
	cli.batch = options->batch;
	if (target && image && !options->no_verify &&
	    session_verify_image(&cli.session, &problem) == -EINVAL) {
		session_close(&cli.session);
		return say_problem(&problem);
	}
	if (image && !image->dwarf && !options->json)
		fprintf(stderr, "duster: %s has no debug information: symbols only\n", image_path);
	status = run_commands(&cli, options);
	session_close(&cli.session);
	text_free(&cli.out);
	text_free(&cli.fields);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int status = parse_options(argc, argv, &options);
	int words = argc - optind;

	if (status >= 0)
		return status;
	if (words >= 2 && words <= 3 && strcmp(argv[optind], "core") == 0)
		return open_and_run(argv[optind + 1],
				    words == 3 ? argv[optind + 2] : options.symbols, &options);
	if (words == 2 && strcmp(argv[optind], "image") == 0)
		return open_and_run(NULL, argv[optind + 1], &options);
	fputs(usage, stderr);
	return CLI_USAGE;
}
