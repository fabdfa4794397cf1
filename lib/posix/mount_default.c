/* SPDX-License-Identifier: BSD-2-Clause */
/* What is mounted without anybody calling for it: root= and mount= of the command line, /dev and
 * /tmp. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "lib/fs/devfs.h"
#include "lib/fs/ramdisk.h"
#include "lib/fs/tmpfs.h"
#include "lib/posix/exit.h"
#include "lib/posix/file_devices.h"
#include "lib/posix/mman_shared.h"
#include "lib/posix/mount.h"
#include "lib/posix/mount_parts.h"
#include "lib/posix/net_capture.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

#define WORDS_MAX 12

static const char *words[WORDS_MAX + 1]; /* NULL last; one more than we take: too many */
static size_t words_count;

static const char *value_of(const char *word, const char *name)
{
	size_t bytes = strlen(name);

	return strncmp(word, name, bytes) == 0 && word[bytes] == '=' ? word + bytes + 1 : NULL;
}

int mounts_take_option(const char *word)
{
	if (!value_of(word, "root") && !value_of(word, "fstype") && !value_of(word, "rootflags") &&
	    !value_of(word, "mount"))
		return 0;
	if (words_count < WORDS_MAX)
		words[words_count++] = word;
	return 1;
}

/* The last one said. */
static const char *option(const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < words_count; i++)
		if (value_of(words[i], name))
			value = value_of(words[i], name);
	return value;
}

static _Noreturn void refuse(const char *what, const char *why, int error)
{
	exit_before_main(EXIT_BAD_RAMDISK, "stardust: %s: %s", what, *why ? why : strerror(-error));
}

static void mount_root(void)
{
	const char *source = option("root"), *type = option("fstype"),
		   *options = option("rootflags"), *why;
	int result;

	if (!source) {
		if (type || options)
			refuse(type ? "fstype=" : "rootflags=", "without root=", -EINVAL);
		source = boot_info.module_bytes > 0 ? ramdisk_type.name : tmpfs_type.name;
	}
	/* Not everything is a disk: for those that are not, source and type are the same. */
	if (!type && strncmp(source, "/dev/", 5) != 0)
		type = source;
	result = mounts_add(source, "/", type, options ? options : "", &why);
	if (result)
		refuse(option("root") ? "root=" : source, why, result);
}

/* SOURCE:DIRECTORY:TYPE[:OPTION,…] */
static void mount_word(const char *word)
{
	char text[256], *parts[4] = {text, NULL, NULL, (char *)""};
	const char *why;
	size_t bytes = strlen(word);
	int result;

	if (bytes >= sizeof(text))
		refuse(word, "too long", -EINVAL);
	memcpy(text, word, bytes + 1);
	for (int i = 1; i < 4; i++) {
		char *colon = strchr(parts[i - 1], ':');

		if (!colon)
			break;
		*colon = '\0';
		parts[i] = colon + 1;
	}
	/* root=ext4 names no disk, so a disk's name may stand without /dev/ here only. */
	if (!*parts[0] || !parts[2] || !*parts[2] || parts[1][0] != '/')
		refuse(word, "wanted mount=SOURCE:/DIRECTORY:TYPE[:OPTION,…]", -EINVAL);
	result = mounts_add(parts[0], parts[1], parts[2], parts[3], &why);
	if (result)
		refuse(word, why, result);
}

/* tmpfs where programs expect to write, but where one can be written already. */
static int mount_tmp(void)
{
	static const struct node_new directory = {.mode = NODE_DIRECTORY | 01777};
	struct vfs_path found;
	const char *why;
	int result = vfs_walk(AT_FDCWD, "/tmp", VFS_CREATE, NULL, &found);

	if (result)
		return result == -ENOMEM ? result : 0;
	if (found.node->fs->read_only) {
		result = mounts_add(tmpfs_type.name, "/tmp", tmpfs_type.name, "", &why);
	} else if (found.is_missing) {
		/* A disk gets no directory it did not have. */
		if (strcmp(found.node->fs->type, tmpfs_type.name) == 0)
			result = vfs_create(&found, &directory, NULL);
		else
			result = mounts_add(tmpfs_type.name, "/tmp", tmpfs_type.name, "", &why);
	}
	vfs_path_put(&found);
	return result;
}

int mounts_default(void)
{
	const char *why;
	int result;

	mount_root();
	file_devices_add();
	result = mounts_add(devfs_type.name, "/dev", devfs_type.name, "", &why);
	if (result == 0)
		result = mounts_add(tmpfs_type.name, "/dev/shm", tmpfs_type.name, "", &why);
	for (size_t i = 0; i < words_count && result == 0; i++)
		if (value_of(words[i], "mount"))
			mount_word(value_of(words[i], "mount"));
	if (result == 0)
		result = mount_tmp();
	return result;
}

/* Before the program's own constructors. */
__attribute__((constructor(MOUNTS_PRIORITY))) static void mounts_start(void)
{
	int result = 0;

	if (words_count == 0)
		return;
	if (words_count == WORDS_MAX)
		refuse(words[WORDS_MAX - 1], "too many options of this kind", -E2BIG);
	sig_hold();
	if (!mounts_root(&result))
		refuse("file systems", "", result);
	sig_release();
}

void mounts_end(void)
{
	struct fs *fs;

	if (net_capture_end)
		net_capture_end();
	if (shared_end)
		shared_end();
	for (size_t i = 0; (fs = mounts_fs(i)) != NULL; i++)
		if (fs->ops->sync && fs->ops->unmount)
			(void)fs->ops->unmount(fs);
}
