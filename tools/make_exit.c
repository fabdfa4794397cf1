/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_exit: $(exit-with N) ends GNU make with status N, so that `make run` reports the program's
 * own status (GNU make manual, "Loading Dynamic Objects").
 */
#include <gnumake.h>
#include <stdlib.h>

int plugin_is_GPL_compatible;
int make_exit_gmk_setup(void);

static char *exit_with(const char *name, unsigned int argc, char **argv)
{
	(void)name;
	exit(argc ? atoi(argv[0]) : 0);
}

int make_exit_gmk_setup(void)
{
	gmk_add_function("exit-with", exit_with, 1, 1, GMK_FUNC_DEFAULT);
	return 1;
}
