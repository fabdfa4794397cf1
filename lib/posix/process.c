/* SPDX-License-Identifier: BSD-2-Clause */
/* The one process: number 1, user 0, its own group and session. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/posix/fd.h"
#include "lib/posix/posix.h"

#define THIS_PROCESS 1

pid_t getpid(void)
{
	return THIS_PROCESS;
}

pid_t getppid(void)
{
	return 0;
}

pid_t getpgrp(void)
{
	return THIS_PROCESS;
}

pid_t getpgid(pid_t pid)
{
	return (pid_t)posix_result(pid == 0 || pid == THIS_PROCESS ? THIS_PROCESS : -ESRCH);
}

pid_t getsid(pid_t pid)
{
	return getpgid(pid);
}

/* It leads its group and session already. */
int setpgid(pid_t pid, pid_t group)
{
	(void)group;
	return (int)posix_result(pid == 0 || pid == THIS_PROCESS ? 0 : -ESRCH);
}

pid_t setsid(void)
{
	return (pid_t)posix_result(-EPERM);
}

uid_t getuid(void)
{
	return 0;
}

uid_t geteuid(void)
{
	return 0;
}

gid_t getgid(void)
{
	return 0;
}

gid_t getegid(void)
{
	return 0;
}

int getgroups(int count_max, gid_t *groups)
{
	(void)count_max;
	(void)groups;
	return 0;
}

int issetugid(void)
{
	return 0;
}

/* Giving up rights nobody checks succeeds only as a no-op. */
int setuid(uid_t user)
{
	return (int)posix_result(user == 0 ? 0 : -EINVAL);
}

int seteuid(uid_t user)
{
	return setuid(user);
}

int setgid(gid_t group)
{
	return (int)posix_result(group == 0 ? 0 : -EINVAL);
}

int setegid(gid_t group)
{
	return setgid(group);
}

static char root_name[] = "root", root_home[] = "/", root_shell[] = "", root_gecos[] = "";
static char *no_members[] = {NULL};
static struct passwd root_user = {
	.pw_name = root_name,
	.pw_passwd = root_gecos,
	.pw_gecos = root_gecos,
	.pw_dir = root_home,
	.pw_shell = root_shell,
};
static struct group root_group = {
	.gr_name = root_name, .gr_passwd = root_gecos, .gr_mem = no_members};

char *getlogin(void)
{
	return root_name;
}

int getlogin_r(char *name, size_t name_bytes)
{
	if (name_bytes < sizeof(root_name))
		return ERANGE;
	memcpy(name, root_name, sizeof(root_name));
	return 0;
}

struct passwd *getpwuid(uid_t user)
{
	return user == 0 ? &root_user : NULL;
}

struct passwd *getpwnam(const char *name)
{
	return strcmp(name, root_name) == 0 ? &root_user : NULL;
}

struct group *getgrgid(gid_t group)
{
	return group == 0 ? &root_group : NULL;
}

struct group *getgrnam(const char *name)
{
	return strcmp(name, root_name) == 0 ? &root_group : NULL;
}

/* Strings of the entry are ours, so the caller's buffer stays empty. */
int getpwuid_r(uid_t user, struct passwd *entry, char *buffer, size_t buffer_bytes,
	       struct passwd **found_out)
{
	(void)buffer;
	(void)buffer_bytes;
	*found_out = user == 0 ? entry : NULL;
	if (*found_out)
		*entry = root_user;
	return 0;
}

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t buffer_bytes,
	       struct passwd **found_out)
{
	return getpwuid_r(strcmp(name, root_name) == 0 ? 0 : 1, entry, buffer, buffer_bytes,
			  found_out);
}

int getgrgid_r(gid_t group, struct group *entry, char *buffer, size_t buffer_bytes,
	       struct group **found_out)
{
	(void)buffer;
	(void)buffer_bytes;
	*found_out = group == 0 ? entry : NULL;
	if (*found_out)
		*entry = root_group;
	return 0;
}

int getgrnam_r(const char *name, struct group *entry, char *buffer, size_t buffer_bytes,
	       struct group **found_out)
{
	return getgrgid_r(strcmp(name, root_name) == 0 ? 0 : 1, entry, buffer, buffer_bytes,
			  found_out);
}

static bool user_was_given, group_was_given; /* by getpwent(), getgrent() */

struct passwd *getpwent(void)
{
	bool first = !user_was_given;

	user_was_given = true;
	return first ? &root_user : NULL;
}

void setpwent(void)
{
	user_was_given = false;
}

void endpwent(void)
{
	user_was_given = false;
}

struct group *getgrent(void)
{
	bool first = !group_was_given;

	group_was_given = true;
	return first ? &root_group : NULL;
}

void setgrent(void)
{
	group_was_given = false;
}

void endgrent(void)
{
	group_was_given = false;
}

char *secure_getenv(const char *name)
{
	return getenv(name);
}

int nice(int increment)
{
	(void)increment;
	return 0;
}

int getpriority(int which, id_t who)
{
	(void)which;
	(void)who;
	return 0;
}

int setpriority(int which, id_t who, int priority)
{
	(void)which;
	(void)who;
	(void)priority;
	return 0;
}

static rlim_t descriptors_most = FD_COUNT_MAX;

static int limit_of(int resource, rlim_t *limit_out)
{
	if (resource < 0 || resource >= RLIM_NLIMITS)
		return -EINVAL;
	switch (resource) {
	case RLIMIT_NOFILE:
		*limit_out = FD_COUNT_MAX;
		return 0;
	case RLIMIT_CORE:
		*limit_out = 0;
		return 0;
	case RLIMIT_NPROC:
		*limit_out = 1;
		return 0;
	default:
		*limit_out = RLIM_INFINITY;
		return 0;
	}
}

int getrlimit(int resource, struct rlimit *limit_out)
{
	rlim_t limit;
	int result = limit_of(resource, &limit);

	if (result == 0)
		*limit_out = (struct rlimit){limit, limit};
	if (result == 0 && resource == RLIMIT_NOFILE)
		*limit_out = (struct rlimit){__atomic_load_n(&fd_limit, __ATOMIC_RELAXED),
					     __atomic_load_n(&descriptors_most, __ATOMIC_RELAXED)};
	return (int)posix_result(result);
}

/* Only the number of descriptors can be made less; others are granted as they are. The program is
 * user 0: what it lowered it may raise again. */
int setrlimit(int resource, const struct rlimit *limit)
{
	rlim_t most;
	int result = limit_of(resource, &most);

	if (result == 0 && (limit->rlim_cur > limit->rlim_max || limit->rlim_max > most))
		result = limit->rlim_cur > limit->rlim_max ? -EINVAL : -EPERM;
	if (result == 0 && resource == RLIMIT_NOFILE) {
		__atomic_store_n(&fd_limit, (unsigned int)limit->rlim_cur, __ATOMIC_RELAXED);
		__atomic_store_n(&descriptors_most, limit->rlim_max, __ATOMIC_RELAXED);
	}
	return (int)posix_result(result);
}
