/* SPDX-License-Identifier: BSD-2-Clause */
/* duster: what the command line asks for is opened, then commands are read. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duster/arch/x86_64.h"
#include "duster/frontends/cli/cli.h"
#include "duster/frontends/rsp/rsp.h"
#include "duster/target/core.h"
#include "duster/target/live.h"
#include "duster/util/privileges.h"

#define COMMANDS_MAX    64u
#define HEAP_KEPT_BYTES (16 << 20)

static const char usage[] =
	"usage: duster attach NAME|ID [IMAGE]  stop a running guest and look at it\n"
	"       duster run CFG [IMAGE]     create a guest with xl and stop it at main\n"
	"       duster recover NAME|ID [IMAGE]  undo what a killed debugger left\n"
	"       duster core FILE [IMAGE]    look at a core file\n"
	"       duster image IMAGE          look at a program without a guest\n"
	"options:\n"
	"  -s, --symbols FILE   the program's debug information (IMAGE.debug is found)\n"
	"  -e, --exec COMMAND   run COMMAND first; may be repeated\n"
	"  -x, --script FILE    run the commands of FILE (-: standard input)\n"
	"      --running        attach without stopping the guest: look at it as it runs\n"
	"      --user NAME      become NAME when all is open, instead of sudo's user or nobody\n"
	"      --wait           wait for another debugger to leave\n"
	"      --batch          leave after them; status 1 when one failed\n"
	"      --json           one JSON object for each command\n"
	"  -d, --directory DIR  look for source files below DIR\n"
	"      --no-verify      do not compare the program with the guest's memory\n"
	"      --gdb [ADDRESS:]PORT  serve one gdb by its remote protocol, then leave\n"
	"      --help, --version\n";

struct options {
	const char *symbols, *directory;
	struct {
		bool is_file;
		const char *text;
	} commands[COMMANDS_MAX];
	unsigned int commands_count;
	bool batch, json, no_verify, running, wait;
	const char *user; /* to become; NULL: as it comes */
	const char *gdb;  /* [ADDRESS:]PORT; NULL: no server */
};

enum {
	OPTION_BATCH = 256,
	OPTION_JSON,
	OPTION_NO_VERIFY,
	OPTION_RUNNING,
	OPTION_WAIT,
	OPTION_USER,
	OPTION_GDB,
	OPTION_HELP,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"symbols", required_argument, NULL, 's'},
	{"exec", required_argument, NULL, 'e'},
	{"script", required_argument, NULL, 'x'},
	{"directory", required_argument, NULL, 'd'},
	{"batch", no_argument, NULL, OPTION_BATCH},
	{"json", no_argument, NULL, OPTION_JSON},
	{"no-verify", no_argument, NULL, OPTION_NO_VERIFY},
	{"running", no_argument, NULL, OPTION_RUNNING},
	{"wait", no_argument, NULL, OPTION_WAIT},
	{"user", required_argument, NULL, OPTION_USER},
	{"gdb", required_argument, NULL, OPTION_GDB},
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
		case OPTION_RUNNING:
			options->running = true;
			break;
		case OPTION_WAIT:
			options->wait = true;
			break;
		case OPTION_USER:
			options->user = optarg;
			break;
		case OPTION_GDB:
			options->gdb = optarg;
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

static void monitor(void *context, const char *line, struct text *text)
{
	cli_run_into(context, line, text);
}

static void say_ready(void *context, const char *address, unsigned int port)
{
	(void)context;
	printf("gdb: target remote %s:%u\n", address, port);
	fflush(stdout);
}

static int serve_gdb(struct cli *cli, const char *where)
{
	struct problem problem = {.column = -1};
	char address[64] = "127.0.0.1";
	const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
	unsigned long number = strtoul(port, NULL, 10);

	if (colon)
		snprintf(address, sizeof(address), "%.*s", (int)(colon - where), where);
	if (!number || number > 65535) {
		fprintf(stderr, "duster: --gdb [ADDRESS:]PORT\n");
		return CLI_USAGE;
	}
	if (!cli->session.target) {
		fprintf(stderr, "duster: gdb needs a target\n");
		return CLI_USAGE;
	}
	if (rsp_serve(&cli->session, address, (unsigned int)number, monitor, say_ready, cli,
		      &problem))
		return say_problem(&problem);
	return CLI_OK;
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
	if (options->gdb && !cli->quit)
		return serve_gdb(cli, options->gdb);
	if (!options->batch && !cli->quit)
		cli_interact(cli);
	return cli->failed && options->batch ? CLI_FAILED : CLI_OK;
}

static int start_session(struct cli *cli, struct target *target, struct image *image,
			 const struct options *options)
{
	struct problem problem = {.column = -1};
	int status;

	cli_open_history();
	cli_note_time(true);
	if (privileges_drop(options->user, true, &problem)) {
		session_close(&cli->session);
		return say_problem(&problem);
	}
	if (image && !image->dwarf && !options->json)
		fprintf(stderr, "duster: %s has no debug information: symbols only\n", image->path);
	status = run_commands(cli, options);
	session_close(&cli->session);
	text_free(&cli->out);
	text_free(&cli->fields);
	(void)target;
	return status;
}

static void init_cli(struct cli *cli, struct target *target, struct image *image,
		     const struct options *options)
{
	session_init(&cli->session, target, image);
	cli->json = options->json;
	cli->batch = options->batch;
	cli->list_lines = 10;
}

static int open_and_run(const char *core, const char *image_path, const struct options *options)
{
	struct problem problem = {.column = -1};
	struct target *target = NULL;
	struct image *image = NULL;
	static struct cli cli;

	if (core && core_open(core, &target, &problem))
		return say_problem(&problem);
	if (image_path && image_open(image_path, options->symbols, &image, &problem)) {
		target_close(target);
		return say_problem(&problem);
	}
	init_cli(&cli, target, image, options);
	if (target && image && !options->no_verify) {
		int error = session_verify_image(&cli.session, &problem);

		if (error == -EINVAL) {
			session_close(&cli.session);
			return say_problem(&problem);
		}
		/* Dumps leave out what the program's file has. */
		if (error == -ENXIO && !options->json)
			fprintf(stderr, "duster: %s, or the dump is without it\n", problem.text);
	}
	return start_session(&cli, target, image, options);
}

/* ---- Live guests ---- */

static void interrupt(int signal_number)
{
	(void)signal_number;
	live_interrupt(true);
}

static int displace(const uint8_t *code, uint64_t from, uint64_t to, struct displaced *out)
{
	struct arch_displaced displaced;
	int error = arch_displace(code, from, to, &displaced);

	if (error)
		return error;
	_Static_assert(sizeof(out->code) == sizeof(displaced.code), "the same bytes");
	memcpy(out->code, displaced.code, sizeof(out->code));
	out->done = displaced.done;
	out->next = displaced.next;
	return 0;
}

static bool stub_of(const struct image *image, struct live_stub *stub)
{
	const struct symbol *block = image_symbol_named(image, "__duster_block", NULL);
	const struct symbol *start = image_symbol_named(image, "__duster_stub", NULL);
	const struct symbol *end = image_symbol_named(image, "__duster_stub_end", NULL);
	const struct symbol *page = image_symbol_named(image, "hypercall_page", NULL);

	if (!block || !start || !end)
		return false;
	*stub = (struct live_stub){block->addr, start->addr, end->addr, page ? page->addr : 0,
				   displace};
	return true;
}

/* The image of a domain: the one given, else the file it was created from, if it is here. */
static int image_of_domain(unsigned int domid, const char *path, const char *symbols,
			   struct image **image_out, struct problem *problem)
{
	char kernel[4096];

	*image_out = NULL;
	if (path)
		return image_open(path, symbols, image_out, problem);
	if (live_kernel_path(domid, kernel, sizeof(kernel)))
		return 0;
	if (image_open(kernel, symbols, image_out, problem))
		fprintf(stderr, "duster: %s: without symbols\n", problem->text);
	problem->text[0] = '\0';
	return 0;
}

static int recover(const char *name, const char *path, const struct options *options)
{
	struct problem problem = {.column = -1};
	struct image *image;
	struct live_stub stub;
	unsigned int domid, undone = 0;
	int error = live_find_domain(name, &domid, &problem);

	if (!error)
		error = image_of_domain(domid, path, options->symbols, &image, &problem);
	if (error)
		return say_problem(&problem);
	if (!image || !stub_of(image, &stub)) {
		image_close(image);
		fprintf(stderr, "duster: name the guest's image, with its symbols\n");
		return CLI_TARGET;
	}
	error = live_recover(domid, &stub, options->wait, &undone, &problem);
	image_close(image);
	if (error)
		return say_problem(&problem);
	printf("%u thing%s undone in domain %u\n", undone, undone == 1 ? "" : "s", domid);
	return CLI_OK;
}

/* stopped_by_xl: the domain was created paused, and is to stop at main. */
static int attach(const char *name, const char *path, bool stopped_by_xl,
		  const struct options *options)
{
	struct sigaction action = {.sa_handler = interrupt};
	struct problem problem = {.column = -1};
	struct target *target = NULL;
	struct image *image = NULL;
	static struct live_stub stub;
	static struct cli cli;
	unsigned int domid;
	int error = live_find_domain(name, &domid, &problem);

	if (!error)
		error = image_of_domain(domid, path, options->symbols, &image, &problem);
	if (!error)
		error = live_open(domid,
				  (options->running ? LIVE_RUNNING : 0) |
					  (options->wait ? LIVE_WAIT : 0),
				  &target, &problem);
	if (error) {
		image_close(image);
		return say_problem(&problem);
	}
	init_cli(&cli, target, image, options);
	if (image && stub_of(image, &stub)) {
		cli.stub = &stub;
		error = live_mend(target, &stub, &problem);
	}
	if (!error && image && !options->no_verify)
		error = session_verify_image(&cli.session, &problem);
	if (!error && cli.stub && !options->running)
		error = live_arm(target, &stub, &problem);
	if (error) {
		session_close(&cli.session);
		return say_problem(&problem);
	}
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (stopped_by_xl) {
		(void)cli_run_line(&cli, "tbreak main");
		(void)live_release_creator(target);
		(void)cli_run_line(&cli, "continue");
	} else if (options->running && !options->batch) {
		puts("The guest runs on; `interrupt` stops it.");
	} else if (!options->batch) {
		(void)cli_run_line(&cli, "frame 0");
	}
	return start_session(&cli, target, image, options);
}

/* `name = "…"` of an xl configuration. */
static bool name_in_cfg(const char *path, char *name_out, size_t name_bytes)
{
	FILE *file = fopen(path, "re");
	char line[1024];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *at = cli_skip_blanks(line), *end;

		if (strncmp(at, "name", 4) != 0)
			continue;
		at = cli_skip_blanks(at + 4);
		if (*at != '=')
			continue;
		at = cli_skip_blanks(at + 1);
		if (*at != '"' && *at != '\'')
			continue;
		end = strchr(at + 1, *at);
		if (end && (size_t)(end - at) <= name_bytes) {
			snprintf(name_out, name_bytes, "%.*s", (int)(end - at - 1), at + 1);
			found = true;
		}
	}
	if (file)
		fclose(file);
	return found;
}

static int create_and_attach(const char *cfg, const char *path, const struct options *options)
{
	char name[256];
	int status = 0;
	pid_t child;

	if (!name_in_cfg(cfg, name, sizeof(name))) {
		fprintf(stderr, "duster: %s: no xl configuration with a name in it\n", cfg);
		return CLI_TARGET;
	}
	child = fork();
	if (child == 0) {
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		execlp("xl", "xl", "create", "-p", cfg, (char *)NULL);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status) {
		fprintf(stderr, "duster: xl create -p %s failed\n", cfg);
		return CLI_TARGET;
	}
	return attach(name, path, true, options);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	int status = parse_options(argc, argv, &options), words = argc - optind;
	const char *verb = words > 0 ? argv[optind] : "", *first, *second;

	cli_note_time(false);
	/* What a command gives back the next one takes again. */
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
	if (status >= 0)
		return status;
	first = words > 1 ? argv[optind + 1] : NULL;
	second = words > 2 ? argv[optind + 2] : NULL;
	if (first && words <= 3) {
		if (strcmp(verb, "core") == 0)
			return open_and_run(first, second, &options);
		if (strcmp(verb, "attach") == 0)
			return attach(first, second, false, &options);
		if (strcmp(verb, "run") == 0)
			return create_and_attach(first, second, &options);
		if (strcmp(verb, "recover") == 0)
			return recover(first, second, &options);
		if (strcmp(verb, "image") == 0 && !second)
			return open_and_run(NULL, first, &options);
	}
	fputs(usage, stderr);
	return CLI_USAGE;
}
