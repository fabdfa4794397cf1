// SPDX-License-Identifier: BSD-2-Clause
/*
 * -lnoprocess: what a guest of one process cannot do, for programs that name it and can live
 * without. Each function fails as its page of POSIX.1-2017 says a system without the resource
 * fails: ENOSYS, ECHILD where children are asked for, EPERM where another user is. Nothing of the
 * library itself uses these; without -lnoprocess the link names them. Weak: a program's own
 * function of the name comes first.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

pid_t wait3(int *status, int options, struct rusage *usage);
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);

static int fail(int error)
{
	errno = error;
	return -1;
}

WEAK pid_t fork(void)
{
	return fail(ENOSYS);
}

WEAK pid_t vfork(void)
{
	return fail(ENOSYS);
}

WEAK int daemon(int nochdir, int noclose)
{
	(void)nochdir;
	(void)noclose;
	return fail(ENOSYS);
}

WEAK int execl(const char *path, const char *arg, ...)
{
	(void)path;
	(void)arg;
	return fail(ENOSYS);
}

WEAK int execle(const char *path, const char *arg, ...)
{
	(void)path;
	(void)arg;
	return fail(ENOSYS);
}

WEAK int execlp(const char *file, const char *arg, ...)
{
	(void)file;
	(void)arg;
	return fail(ENOSYS);
}

WEAK int execv(const char *path, char *const argv[])
{
	(void)path;
	(void)argv;
	return fail(ENOSYS);
}

WEAK int execve(const char *path, char *const argv[], char *const env[])
{
	(void)path;
	(void)argv;
	(void)env;
	return fail(ENOSYS);
}

WEAK int execvp(const char *file, char *const argv[])
{
	(void)file;
	(void)argv;
	return fail(ENOSYS);
}

WEAK int execvpe(const char *file, char *const argv[], char *const env[])
{
	(void)file;
	(void)argv;
	(void)env;
	return fail(ENOSYS);
}

WEAK int fexecve(int fd, char *const argv[], char *const env[])
{
	(void)fd;
	(void)argv;
	(void)env;
	return fail(ENOSYS);
}

WEAK pid_t wait(int *status)
{
	(void)status;
	return fail(ECHILD);
}

WEAK pid_t waitpid(pid_t pid, int *status, int options)
{
	(void)pid;
	(void)status;
	(void)options;
	return fail(ECHILD);
}

WEAK pid_t wait3(int *status, int options, struct rusage *usage)
{
	(void)status;
	(void)options;
	(void)usage;
	return fail(ECHILD);
}

WEAK pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	(void)pid;
	(void)status;
	(void)options;
	(void)usage;
	return fail(ECHILD);
}

WEAK FILE *popen(const char *command, const char *mode)
{
	(void)command;
	(void)mode;
	errno = ENOSYS;
	return NULL;
}

WEAK int pclose(FILE *stream)
{
	(void)stream;
	return fail(ECHILD);
}

WEAK int setreuid(uid_t real, uid_t effective)
{
	bool same = (real == (uid_t)-1 || real == getuid()) &&
		    (effective == (uid_t)-1 || effective == geteuid());

	return same ? 0 : fail(EPERM);
}

WEAK int setregid(gid_t real, gid_t effective)
{
	bool same = (real == (gid_t)-1 || real == getgid()) &&
		    (effective == (gid_t)-1 || effective == getegid());

	return same ? 0 : fail(EPERM);
}

WEAK int setgroups(int count, const gid_t *groups)
{
	for (int i = 0; i < count; i++)
		if (groups[i] != getgid())
			return fail(EPERM);
	return 0;
}

WEAK int initgroups(const char *user, gid_t group)
{
	(void)user;
	return setgroups(1, &group);
}

static const char *dl_problem;

static void *dl_fail(void)
{
	dl_problem = "no dynamic linking: everything is in the image";
	return NULL;
}

WEAK void *dlopen(const char *file, int mode)
{
	(void)file;
	(void)mode;
	return dl_fail();
}

WEAK void *dlsym(void *restrict handle, const char *restrict name)
{
	(void)handle;
	(void)name;
	return dl_fail();
}

WEAK int dlclose(void *handle)
{
	(void)handle;
	dl_fail();
	return -1;
}

// What went wrong since the last call, once; NULL when nothing did.
WEAK char *dlerror(void)
{
	const char *said = dl_problem;

	dl_problem = NULL;
	return (char *)said;
}

WEAK int dladdr(const void *restrict address, Dl_info *restrict info)
{
	(void)address;
	(void)info;
	return 0;
}
