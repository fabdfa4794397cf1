/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * root=, fstype=, rootflags= and mount= of the command line: what is mounted with which options, or
 * why the program does not start.
 *
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/posix/mount.c"
#include "lib/posix/mount_default.c"
#include "test/host/check_main.h"

static jmp_buf refused;
static char why_refused[512], mounted[1024];
static long blocks;

/* --- file systems that only say that they were mounted --- */

static struct node directories[MOUNTS_MAX], found_node;
static struct fs systems[MOUNTS_MAX];
static size_t systems_count;
static struct blkdev disk;

static int unmount(struct fs *fs)
{
	(void)fs;
	return 0;
}

static int mount_any(const char *type, struct blkdev *device, const char *options, bool read_only,
		     struct fs **fs_out, const char **why_out)
{
	static const struct fs_ops ops = {.unmount = unmount};
	struct fs *fs = &systems[systems_count];

	if (strstr(options, "bad")) {
		*why_out = "a bad option";
		return -EINVAL;
	}
	directories[systems_count] = (struct node){.fs = fs, .mode = NODE_DIRECTORY, .refs = 1};
	*fs = (struct fs){.ops = &ops,
			  .root = &directories[systems_count++],
			  .read_only = read_only,
			  .type = type};
	snprintf(mounted + strlen(mounted), sizeof(mounted) - strlen(mounted), "%s%s%s%s%s%s;",
		 type, device ? " on disk" : "", read_only ? " ro" : "", *options ? " " : "",
		 options, systems_count == 1 ? " at /" : "");
	*fs_out = fs;
	return 0;
}

#define TYPE(identifier, text, disks)                                                              \
	static int identifier##_mount(struct blkdev *device, const char *options, bool read_only,  \
				      struct fs **fs_out, const char **why_out)                    \
	{                                                                                          \
		return mount_any(text, device, options, read_only, fs_out, why_out);               \
	}                                                                                          \
	const struct fs_type identifier = {                                                        \
		.name = text, .on_device = disks, .mount = identifier##_mount};                    \
	FS_TYPE(identifier)

TYPE(ext_type, "ext4", true);
TYPE(tmpfs_type, "tmpfs", false);
TYPE(devfs_type, "devfs", false);
TYPE(ramdisk_type, "ramdisk", false);

/* --- what mounting calls --- */

void *heap_alloc(size_t bytes)
{
	blocks++;
	return malloc(bytes);
}

void heap_free(void *block)
{
	blocks -= block != NULL;
	free(block);
}

void exit_before_main(int status, const char *format, ...)
{
	va_list arguments;

	ck_assert_int_eq(status, EXIT_BAD_RAMDISK);
	va_start(arguments, format);
	vsnprintf(why_refused, sizeof(why_refused), format, arguments);
	va_end(arguments);
	longjmp(refused, 1);
}

void sig_hold(void)
{
}

enum sig_result sig_release(void)
{
	return SIG_NONE;
}

void file_devices_add(void)
{
}

void sleeplock_lock(struct sleeplock *lock)
{
	ck_assert_uint_eq(lock->word, 0);
	lock->word = 1;
}

void sleeplock_unlock(struct sleeplock *lock)
{
	lock->word = 0;
}

uint64_t time_monotonic_ns(void)
{
	return 1;
}

int blkdev_wait(const char *name, uint64_t deadline_ns, struct blkdev **dev_out)
{
	(void)deadline_ns;
	*dev_out = &disk;
	return strcmp(name, "/dev/xvda") == 0 || strcmp(name, "xvdb") == 0 ? 0
	       : strcmp(name, "/dev/slow") == 0                            ? -ETIMEDOUT
									   : -ENODEV;
}

void blkdev_put(struct blkdev *dev)
{
	ck_assert_ptr_eq(dev, &disk);
}

/* Any directory is there; /tmp is missing. */
int vfs_walk(int at, const char *path, unsigned int flags, char *path_out,
	     struct vfs_path *found_out)
{
	ck_assert(at == AT_FDCWD && !path_out);
	if (strncmp(path, "/none", 5) == 0)
		return -ENOENT;
	found_node = (struct node){.fs = &systems[0], .mode = NODE_DIRECTORY, .refs = 1};
	*found_out = (struct vfs_path){.node = &found_node,
				       .name = strrchr(path, '/') + 1,
				       .name_bytes = strlen(strrchr(path, '/') + 1),
				       .is_missing = flags == VFS_CREATE,
				       .last = VFS_LAST_NAME};
	return 0;
}

void vfs_path_put(struct vfs_path *found)
{
	(void)found;
}

int vfs_create(const struct vfs_path *found, const struct node_new *what, struct node **node_out)
{
	ck_assert(!node_out && what->mode == (NODE_DIRECTORY | 01777));
	snprintf(mounted + strlen(mounted), sizeof(mounted) - strlen(mounted), "made %s;",
		 found->name);
	return 0;
}

int names_mount(struct node *directory, const char *name, size_t name_bytes, struct node *root)
{
	(void)directory;
	(void)root;
	ck_assert_uint_eq(name[name_bytes], 0);
	snprintf(mounted + strlen(mounted), sizeof(mounted) - strlen(mounted), "at %s;", name);
	return 0;
}

/* --- */

static void start(const char *line)
{
	static struct thread self;
	static char text[1024];

	vcpu_this()->current = &self;
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		ck_assert_int_eq(mounts_take_option(word), 1);
	if (setjmp(refused) == 0)
		mounts_start();
}

#define REST "devfs;at dev;tmpfs;at shm;"

START_TEST(what_is_mounted)
{
	static const struct {
		const char *line, *mounted;
	} rows[] = {
		{"root=tmpfs", "tmpfs at /;" REST "made tmp;"},
		{"root=tmpfs rootflags=size=64M", "tmpfs size=64M at /;" REST "made tmp;"},
		{"root=/dev/xvda fstype=ext4", "ext4 on disk at /;" REST "tmpfs;at tmp;"},
		{"root=/dev/xvda", "ext4 on disk at /;" REST "tmpfs;at tmp;"},
		{"root=/dev/xvda rootflags=ro,noatime",
		 "ext4 on disk ro noatime at /;" REST "tmpfs;at tmp;"},
		{"root=/dev/xvda rootflags=ro,,noatime,rw,x",
		 "ext4 on disk noatime,x at /;" REST "tmpfs;at tmp;"},
		{"root=tmpfs root=/dev/xvda", "ext4 on disk at /;" REST "tmpfs;at tmp;"},
		{"mount=xvdb:/data:ext4", "tmpfs at /;" REST "ext4 on disk;at data;made tmp;"},
		{"mount=xvdb:/data:ext4:ro,errors=panic",
		 "tmpfs at /;" REST "ext4 on disk ro errors=panic;at data;made tmp;"},
		{"mount=none:/a/b:tmpfs mount=none:/a/b/c:tmpfs:size=1M:2",
		 "tmpfs at /;" REST "tmpfs;at b;tmpfs size=1M:2;at c;made tmp;"},
	};

	start(rows[_i].line);
	ck_assert_str_eq(why_refused, "");
	ck_assert_str_eq(mounted, rows[_i].mounted);
	ck_assert_int_eq(mounts_sync(), 0);
	mounts_end();
}
END_TEST

START_TEST(what_is_refused)
{
	static const struct {
		const char *line, *why;
	} rows[] = {
		{"fstype=ext4", "fstype=: without root="},
		{"rootflags=ro", "rootflags=: without root="},
		{"root=/dev/xvdz fstype=ext4", "root=: the domain has no such disk"},
		{"root=/dev/slow fstype=ext4", "root=: the disk's back end does not answer"},
		{"root=/dev/xvda fstype=btrfs", "root=: the image has no file system of that type"},
		{"root=nonsense", "root=: the image has no file system of that type"},
		{"root=ext2", "root=: the image has no file system for disks: link it with -lext4"},
		{"root=/dev/xvda rootflags=bad", "root=: a bad option"},
		{"mount=", ": wanted mount="},
		{"mount=a:b:tmpfs", "a:b:tmpfs: wanted mount="},
		{"mount=a:/b", "a:/b: wanted mount="},
		{"mount=a:/b:", "a:/b:: wanted mount="},
		{"mount=:/b:tmpfs", ":/b:tmpfs: wanted mount="},
		{"mount=a:/:tmpfs", "a:/:tmpfs: that is what root= says"},
		{"mount=a:/none/x:tmpfs", "a:/none/x:tmpfs: the directory it would be in is not"},
		{"mount=a:/x:tmpfs:bad", "a:/x:tmpfs:bad: a bad option"},
		{"mount=1 mount=2 mount=3 mount=4 mount=5 mount=6 mount=7 mount=8 mount=9 mount=10 "
		 "mount=11 mount=12",
		 "mount=12: too many options"},
	};
	char expected[256];

	start(rows[_i].line);
	snprintf(expected, sizeof(expected), "stardust: %s", rows[_i].why);
	ck_assert_msg(strncmp(why_refused, expected, strlen(expected)) == 0, "%s", why_refused);
}
END_TEST

START_TEST(too_long)
{
	char line[700] = "mount=a:/b:tmpfs:";

	memset(line + strlen(line), 'o', 300);
	start(line);
	ck_assert_ptr_nonnull(strstr(why_refused, "too long"));
}
END_TEST

START_TEST(root_options_too_long)
{
	char line[700] = "root=tmpfs rootflags=";

	memset(line + strlen(line), 'o', 300);
	start(line);
	ck_assert_str_eq(why_refused, "stardust: root=: File name too long");
}
END_TEST

START_TEST(other_words)
{
	static const char *const words_not_ours[] = {"roots=x", "root", "mounts",
						     "Root=/",  "",     "mount"};

	for (size_t i = 0; i < sizeof(words_not_ours) / sizeof(words_not_ours[0]); i++)
		ck_assert_int_eq(mounts_take_option(words_not_ours[i]), 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("mount");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, what_is_mounted, 0, 10);
	tcase_add_loop_test(all, what_is_refused, 0, 17);
	tcase_add_test(all, too_long);
	tcase_add_test(all, root_options_too_long);
	tcase_add_test(all, other_words);
	suite_add_tcase(suite, all);
	return suite;
}
