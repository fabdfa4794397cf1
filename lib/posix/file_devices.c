/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/file_devices.h"

#include "core/time.h"
#include "lib/fs/devfs.h"
#include "lib/posix/fd.h"

static int console_open(struct node *node, struct file *file)
{
	(void)node;
	file->ops = &file_console_ops;
	return 0;
}

static int device_stat(struct node *node, struct node_info *info_out)
{
	const struct devfs_device *device = node->data;
	uint64_t now = time_wall_ns();
	struct node_time time = {(int64_t)(now / NS_PER_S), (uint32_t)(now % NS_PER_S)};

	*info_out = (struct node_info){.number = device->number,
				       .accessed = time,
				       .modified = time,
				       .changed = time,
				       .mode = node->mode,
				       .links = 1,
				       .device = device->device,
				       .block_bytes = 1024};
	return 0;
}

static const struct node_ops console_node_ops = {.open = console_open, .stat = device_stat};
static const struct node_ops xenstore_node_ops = {.open = file_xenstore_open, .stat = device_stat};

#define TERMINAL(called, number)                                                                   \
	{                                                                                          \
		.name = called, .device = number, .mode = NODE_CHARACTER | 0666,                   \
		.ops = &console_node_ops                                                           \
	}

void file_devices_add(void)
{
	/* Linux's numbers. */
	static struct devfs_device terminals[] = {
		TERMINAL("console", 0x501), TERMINAL("tty", 0x500), TERMINAL("stdin", 0x501),
		TERMINAL("stdout", 0x501), TERMINAL("stderr", 0x501)};

	/* As many other devices under Linux, too, one of its "miscellaneous" ones. */
	static struct devfs_device xenstore = {.name = "xenstore",
					       .device = 0xaff,
					       .mode = NODE_CHARACTER | 0600,
					       .ops = &xenstore_node_ops};

	for (size_t i = 0; i < sizeof(terminals) / sizeof(terminals[0]); i++)
		devfs_add(&terminals[i]);
	devfs_add(&xenstore);
}
