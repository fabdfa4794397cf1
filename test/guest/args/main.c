/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments and environment as the toolstack's command line says. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
	for (int i = 0; i < argc; i++)
		printf("%d [%s]\n", i, argv[i]);
	for (char **word = envp; *word; word++)
		puts(*word);
	return argv[argc] == NULL && environ == envp && getenv("WHO") ? argc : 1;
}
