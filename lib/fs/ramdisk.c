/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of an archive never changes: nodes live for ever, and nothing is locked. */
#include "lib/fs/ramdisk.h"

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/heap.h"
#include "core/vm.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "lib/fs/archive.h"
#include "lib/fs/gzip.h"

static struct {
	struct fs fs;
	struct archive archive;
	struct node *nodes; /* one for each of the archive's */
	const void *module; /* mapped, perhaps expanded; NULL: not yet */
	size_t bytes;       /* of it */
	char why[96];
} ramdisk;

static const struct archive_node *entry_of(const struct node *node)
{
	return node->data;
}

static uint32_t index_of(const struct node *node)
{
	return (uint32_t)(node - ramdisk.nodes);
}

static uint32_t mode_of(const struct archive_node *entry)
{
	static const uint32_t types[] = {[ARCHIVE_DIRECTORY] = NODE_DIRECTORY,
					 [ARCHIVE_FILE] = NODE_FILE,
					 [ARCHIVE_LINK] = NODE_LINK};

	return types[entry->type] | entry->permissions;
}

static int ramdisk_lookup(struct node *directory, const char *name, size_t name_bytes,
			  struct node **node_out)
{
	uint32_t index = archive_lookup(&ramdisk.archive, index_of(directory), name, name_bytes);

	if (index == ARCHIVE_NONE)
		return -ENOENT;
	*node_out = &ramdisk.nodes[index];
	node_get(*node_out);
	return 0;
}

static int ramdisk_parent(struct node *directory, struct node **node_out)
{
	*node_out = &ramdisk.nodes[entry_of(directory)->parent];
	node_get(*node_out);
	return 0;
}

/* A cursor is a child's index; 0 is the first child, since the root is nobody's. */
static int ramdisk_list(struct node *directory, uint64_t *cursor, node_list_fn *fn, void *context)
{
	uint32_t index = *cursor ? (uint32_t)*cursor : entry_of(directory)->first_child;

	while (index < ramdisk.archive.nodes_count) {
		const struct node *node = &ramdisk.nodes[index];
		const struct archive_node *entry = entry_of(node);
		uint32_t next = entry->next_sibling;

		if (fn(context, entry->name, entry->name_bytes, index + 1, node->mode, next))
			break;
		*cursor = index = next;
	}
	return 0;
}

static int64_t ramdisk_readlink(struct node *node, char *target_out, size_t bytes_max)
{
	const struct archive_node *entry = entry_of(node);
	size_t bytes = entry->bytes < bytes_max ? entry->bytes : bytes_max;

	memcpy(target_out, entry->data, bytes);
	return (int64_t)bytes;
}

static int ramdisk_stat(struct node *node, struct node_info *info_out)
{
	const struct archive_node *entry = entry_of(node);
	struct node_time time = {(int64_t)entry->mtime_s, 0};

	*info_out = (struct node_info){
		.number = index_of(node) + 1,
		.bytes = entry->bytes,
		.sectors = (entry->bytes + 511) / 512,
		.accessed = time,
		.modified = time,
		.changed = time,
		.mode = node->mode,
		.links = entry->type == ARCHIVE_DIRECTORY ? 2 : 1,
		.owner = entry->uid,
		.group = entry->gid,
		.block_bytes = PAGE_BYTES,
	};
	return 0;
}

static int64_t ramdisk_read(struct node *node, void *bytes_out, size_t bytes_max, uint64_t offset,
			    unsigned int flags)
{
	const struct archive_node *entry = entry_of(node);

	(void)flags;
	if (offset >= entry->bytes)
		return 0;
	if (bytes_max > entry->bytes - offset)
		bytes_max = entry->bytes - offset;
	memcpy(bytes_out, (const char *)entry->data + offset, bytes_max);
	return (int64_t)bytes_max;
}

static const struct node_ops ramdisk_ops = {
	.lookup = ramdisk_lookup,
	.parent = ramdisk_parent,
	.list = ramdisk_list,
	.readlink = ramdisk_readlink,
	.stat = ramdisk_stat,
	.read = ramdisk_read,
};

/* Full by nature. */
static int ramdisk_info(struct fs *fs, struct fs_info *info_out)
{
	(void)fs;
	*info_out = (struct fs_info){.block_bytes = 512,
				     .blocks = (ramdisk.archive.bytes_count + 511) / 512,
				     .nodes = ramdisk.archive.nodes_count};
	return 0;
}

static const struct fs_ops ramdisk_fs_ops = {.info = ramdisk_info};

/* The module's pages, read-only, at an address of their own. */
static int map_module(void)
{
	size_t pages_count = (boot_info.module_bytes + PAGE_BYTES - 1) / PAGE_BYTES;
	void *area;
	int result = vm_reserve(pages_count * PAGE_BYTES, "ramdisk", &area);

	if (result)
		return result;
	result =
		pt_map_contiguous((uintptr_t)area, boot_info.module_pfn, pages_count, PT_PROT_READ);
	if (result)
		vm_free(area);
	if (result)
		return result;
	ramdisk.module = area;
	ramdisk.bytes = boot_info.module_bytes;
	return 0;
}

/* A compressed archive is expanded into memory of its own, and the module's pages are no longer
 * mapped. */
static int expand(const char **why_out)
{
	void *area;
	int result = gzip_expanded_bytes(ramdisk.module, ramdisk.bytes, &ramdisk.bytes);

	if (result == 0)
		result = vm_alloc(ramdisk.bytes, 0, PT_PROT_READ | PT_PROT_WRITE, "ramdisk", &area);
	if (result) {
		*why_out =
			result == -ENOMEM ? "too little memory to expand it" : "it ends too early";
		return result;
	}
	result = gzip_expand(ramdisk.module, boot_info.module_bytes, area, ramdisk.bytes, why_out);
	if (result == 0)
		result = vm_protect(area, ramdisk.bytes, PT_PROT_READ);
	if (result) {
		vm_free(area);
		return result;
	}
	vm_free((void *)ramdisk.module);
	ramdisk.module = area;
	return 0;
}

static int open_archive(const char **why_out)
{
	struct archive *archive = &ramdisk.archive;
	int result = archive_open(archive, ramdisk.module, ramdisk.bytes);

	if (result) {
		format_text(ramdisk.why, sizeof(ramdisk.why), "%s, at byte %zu", archive->error,
			    archive->error_at);
		*why_out = ramdisk.why;
		return result;
	}
	ramdisk.nodes = heap_alloc_zeroed(archive->nodes_count * sizeof(*ramdisk.nodes));
	if (!ramdisk.nodes) {
		archive_close(archive);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < archive->nodes_count; i++)
		ramdisk.nodes[i] = (struct node){.ops = &ramdisk_ops,
						 .fs = &ramdisk.fs,
						 .data = &archive->nodes[i],
						 .mode = mode_of(&archive->nodes[i]),
						 .refs = 1};
	return 0;
}

static int ramdisk_mount(struct blkdev *device, const char *options, bool read_only,
			 struct fs **fs_out, const char **why_out)
{
	int result = 0;

	(void)device;
	(void)read_only;
	*why_out = "";
	if (*options) {
		*why_out = "it takes no options";
		return -EINVAL;
	}
	if (boot_info.module_bytes == 0) {
		*why_out = "the domain has none (ramdisk=)";
		return -ENOENT;
	}
	if (ramdisk.nodes) {
		*why_out = "mounted already";
		return -EBUSY;
	}
	if (!ramdisk.module)
		result = map_module();
	if (result == 0 && gzip_recognise(ramdisk.module, ramdisk.bytes))
		result = expand(why_out);
	if (result == 0)
		result = open_archive(why_out);
	if (result)
		return result;
	ramdisk.fs = (struct fs){.ops = &ramdisk_fs_ops,
				 .root = &ramdisk.nodes[ARCHIVE_ROOT],
				 .read_only = true,
				 .type = ramdisk_type.name};
	*fs_out = &ramdisk.fs;
	return 0;
}

const struct fs_type ramdisk_type = {.name = "ramdisk", .mount = ramdisk_mount};
FS_TYPE(ramdisk_type);
