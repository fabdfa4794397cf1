/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/util/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY            65534u
#define ADDRESS_BYTES_MAX ((rlim_t)16 << 30) /* hostile debug information may ask for any */

static bool from_sudo(uid_t *uid_out, gid_t *gid_out)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");

	if (!uid || !gid || !*uid || !*gid)
		return false;
	*uid_out = (uid_t)strtoul(uid, NULL, 10);
	*gid_out = (gid_t)strtoul(gid, NULL, 10);
	return true;
}

static int find_user(const char *user, uid_t *uid_out, gid_t *gid_out, struct problem *problem)
{
	const struct passwd *entry;

	if (!user && from_sudo(uid_out, gid_out))
		return 0;
	entry = getpwnam(user ? user : "nobody");
	if (!entry && user)
		return problem_set(problem, -ENOENT, "there is no user %s", user);
	*uid_out = entry ? entry->pw_uid : NOBODY;
	*gid_out = entry ? entry->pw_gid : NOBODY;
	return 0;
}

/* All but reading, if that is to stay and was there. */
static int drop_capabilities(bool reads)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct kept[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (reads) {
		kept[0].effective = kept[0].permitted = 1U << CAP_DAC_READ_SEARCH;
		if (syscall(SYS_capset, &header, kept) == 0)
			return 0;
		memset(kept, 0, sizeof(kept));
	}
	return syscall(SYS_capset, &header, kept) ? -errno : 0;
}

int privileges_drop(const char *user, bool reads, struct problem *problem)
{
	struct rlimit no_core = {0, 0}, memory = {ADDRESS_BYTES_MAX, ADDRESS_BYTES_MAX};
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;
	int error;

	if (geteuid() != 0)
		return 0;
	error = find_user(user, &uid, &gid, problem);
	if (error)
		return error;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)setrlimit(RLIMIT_AS, &memory);
	/* What is kept beyond the change of users: drop_capabilities() says which of it stays. */
	(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		error = -errno;
	if (!error)
		error = drop_capabilities(reads);
	if (!error && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		error = -errno;
	return error ? problem_set(problem, error, "privileges cannot be dropped: %s",
				   strerror(-error))
		     : 0;
}
