/* SPDX-License-Identifier: BSD-2-Clause */
/* -lnoprocess: a program that names fork and its relatives links, and each of them fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/guest/check.h"

/* The program's own comes first. */
FILE *popen(const char *command, const char *mode)
{
	return strcmp(command, "mine") == 0 && *mode == 'r' ? stdin : NULL;
}

#define FAILS(call, error) CHECK((errno = 0, (call) == -1) && errno == (error))

static void processes(void)
{
	char *argv[] = {"sh", NULL};
	int status = 0;

	FAILS(fork(), ENOSYS);
	FAILS(vfork(), ENOSYS);
	FAILS(daemon(0, 0), ENOSYS);
	FAILS(execl("/bin/sh", "sh", (char *)NULL), ENOSYS);
	FAILS(execle("/bin/sh", "sh", (char *)NULL, environ), ENOSYS);
	FAILS(execlp("sh", "sh", (char *)NULL), ENOSYS);
	FAILS(execv("/bin/sh", argv), ENOSYS);
	FAILS(execve("/bin/sh", argv, environ), ENOSYS);
	FAILS(execvp("sh", argv), ENOSYS);
	FAILS(execvpe("sh", argv, environ), ENOSYS);
	FAILS(fexecve(0, argv, environ), ENOSYS);
	FAILS(wait(&status), ECHILD);
	FAILS(waitpid(-1, &status, WNOHANG), ECHILD);
	CHECK(popen("mine", "r") == stdin);
	FAILS(pclose(stdin), ECHILD);
}

static void users(void)
{
	gid_t own = getgid(), other = getgid() + 1;

	CHECK(setuid(getuid()) == 0 && setgid(getgid()) == 0);
	CHECK(setreuid((uid_t)-1, getuid()) == 0 && setregid(getgid(), (gid_t)-1) == 0);
	CHECK(setuid(1000) == -1 && setgid(1000) == -1);
	FAILS(setreuid(1000, (uid_t)-1), EPERM);
	FAILS(setregid((gid_t)-1, 1000), EPERM);
	CHECK(setgroups(0, NULL) == 0 && setgroups(1, &own) == 0 && initgroups("root", own) == 0);
	FAILS(setgroups(1, &other), EPERM);
	FAILS(initgroups("root", other), EPERM);
}

static void libraries(void)
{
	Dl_info info;

	CHECK(dlerror() == NULL);
	CHECK(dlopen("libm.so", RTLD_NOW | RTLD_LOCAL) == NULL);
	CHECK(strstr(dlerror(), "no dynamic linking") != NULL && dlerror() == NULL);
	CHECK(dlsym(RTLD_DEFAULT, "main") == NULL && dlerror() != NULL);
	CHECK(dlclose(stdin) == -1 && dlerror() != NULL);
	CHECK(dladdr(stdin, &info) == 0);
}

int main(void)
{
	processes();
	users();
	libraries();
	return check_done();
}
