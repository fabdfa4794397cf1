/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev: null, zero, full, random, urandom, console, tty, stdin, stdout, stderr. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/random.h"
#include "lib/posix/fd.h"
#include "lib/posix/vfs.h"

#define DEVICES_DEV       2
#define DEVICES_INO_FIRST 2

static off_t device_size(struct file *file)
{
	(void)file;
	return 0;
}

static int device_stat(struct file *file, struct stat *stat_out)
{
	return file->node->ops->stat(file->node, stat_out);
}

static ssize_t null_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	(void)file;
	(void)bytes_out;
	(void)bytes_max;
	(void)offset;
	return 0;
}

static ssize_t zero_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	(void)file;
	(void)offset;
	memset(bytes_out, 0, bytes_max);
	return (ssize_t)bytes_max;
}

static ssize_t random_read(struct file *file, void *bytes_out, size_t bytes_max, off_t *offset)
{
	int result = random_get(bytes_out, bytes_max);

	(void)file;
	(void)offset;
	return result ? result : (ssize_t)bytes_max;
}

static ssize_t null_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	(void)file;
	(void)bytes;
	(void)offset;
	return (ssize_t)bytes_count;
}

static ssize_t full_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	(void)file;
	(void)bytes;
	(void)bytes_count;
	(void)offset;
	return -ENOSPC;
}

static ssize_t random_write(struct file *file, const void *bytes, size_t bytes_count, off_t *offset)
{
	const unsigned char *from = bytes;
	uint64_t word = 0;

	(void)file;
	(void)offset;
	for (size_t i = 0; i < bytes_count; i++) {
		word = word << 8 | from[i];
		if (i % sizeof(word) == sizeof(word) - 1 || i == bytes_count - 1)
			random_mix(word);
	}
	return (ssize_t)bytes_count;
}

static int node_open(struct node *node, struct file *file);
static int node_stat(struct node *node, struct stat *stat_out);

static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .stat = device_stat, .size = device_size};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .stat = device_stat, .size = device_size};
static const struct file_ops full_ops = {
	.read = zero_read, .write = full_write, .stat = device_stat, .size = device_size};
static const struct file_ops random_ops = {
	.read = random_read, .write = random_write, .stat = device_stat, .size = device_size};

static const struct device {
	const char *name;
	const struct file_ops *ops;
	dev_t number; /* Linux's */
} devices[] = {
	{"null", &null_ops, 0x103},           {"zero", &zero_ops, 0x105},
	{"full", &full_ops, 0x107},           {"random", &random_ops, 0x108},
	{"urandom", &random_ops, 0x109},      {"console", &file_console_ops, 0x501},
	{"tty", &file_console_ops, 0x500},    {"stdin", &file_console_ops, 0x501},
	{"stdout", &file_console_ops, 0x501}, {"stderr", &file_console_ops, 0x501},
};

#define DEVICES_COUNT (sizeof(devices) / sizeof(devices[0]))

static const struct node_ops device_node_ops = {.stat = node_stat, .open = node_open};
static struct node nodes[DEVICES_COUNT];

static int directory_lookup(struct node *directory, const char *name, size_t name_bytes,
			    struct node **node_out)
{
	(void)directory;
	for (size_t i = 0; i < DEVICES_COUNT; i++) {
		if (strlen(devices[i].name) != name_bytes ||
		    memcmp(devices[i].name, name, name_bytes) != 0)
			continue;
		*node_out = &nodes[i];
		return 0;
	}
	return -ENOENT;
}

static ssize_t directory_getdents(struct file *file, void *dirents_out, size_t bytes_max,
				  off_t *offset)
{
	struct dirents dirents = {dirents_out, bytes_max, 0};

	(void)file;
	while (*offset >= 0 && (size_t)*offset < DEVICES_COUNT) {
		const char *name = devices[*offset].name;

		if (dirents_add(&dirents, name, strlen(name), (ino_t)(DEVICES_INO_FIRST + *offset),
				S_IFCHR, *offset + 1))
			return dirents.used ? (ssize_t)dirents.used : -EINVAL;
		++*offset;
	}
	return (ssize_t)dirents.used;
}

static const struct file_ops directory_ops = {
	.stat = device_stat, .size = device_size, .getdents = directory_getdents};

static int node_stat(struct node *node, struct stat *stat_out)
{
	const struct device *device = node->data;

	memset(stat_out, 0, sizeof(*stat_out));
	stat_out->st_dev = DEVICES_DEV;
	stat_out->st_mode = node->mode;
	stat_out->st_nlink = 1;
	stat_out->st_blksize = 4096;
	stat_out->st_ino = device ? (ino_t)(DEVICES_INO_FIRST + (device - devices)) : 1;
	stat_out->st_rdev = device ? device->number : 0;
	return 0;
}

static int node_open(struct node *node, struct file *file)
{
	const struct device *device = node->data;

	file->ops = device ? device->ops : &directory_ops;
	return 0;
}

static const struct node_ops directory_node_ops = {
	.lookup = directory_lookup, .stat = node_stat, .open = node_open};

struct node *devices_root(void)
{
	static struct node directory = {&directory_node_ops, S_IFDIR | 0755, NULL};

	for (size_t i = 0; i < DEVICES_COUNT; i++)
		nodes[i] = (struct node){&device_node_ops, S_IFCHR | 0666, (void *)&devices[i]};
	return &directory;
}
