/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ext2, ext3, ext4: mounting, unmounting, what is refused, what happens on errors.
 *
 * What is mounted for writing says so on the disk: needs_recovery with a journal, not clean
 * without. After an error that forbids writing nothing is written any more, so the disk stays as
 * the last commit left it.
 */
#include "core/heap.h"
#include "core/log.h"
#include "core/page.h"
#include "core/panic.h"
#include "lib/fs/ext4.h"
#include "lib/fs/ext4_parts.h"

#define CACHE_SHARE     4u /* of memory */
#define CACHE_BYTES_MIN (256u * 1024)
#define ERRORS_LOGGED   16u
#define PROBE_BYTES     4096u

#define INCOMPAT_KNOWN                                                                             \
	(EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER |                          \
	 EXT2_FEATURE_INCOMPAT_META_BG | EXT3_FEATURE_INCOMPAT_EXTENTS |                           \
	 EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG |                             \
	 EXT4_FEATURE_INCOMPAT_CSUM_SEED | EXT4_FEATURE_INCOMPAT_LARGEDIR)
/* To be read whatever they are, to be written only when known. */
#define RO_COMPAT_KNOWN                                                                            \
	(EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |                 \
	 EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM |                      \
	 EXT4_FEATURE_RO_COMPAT_DIR_NLINK | EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE |                   \
	 EXT4_FEATURE_RO_COMPAT_METADATA_CSUM)

int ext4_error_of(errcode_t error)
{
	if (error == 0)
		return 0;
	if (error > 0 && error < 256)
		return -(int)error;
	switch (error) {
	case EXT2_ET_NO_MEMORY:
		return -ENOMEM;
	case EXT2_ET_BLOCK_ALLOC_FAIL:
	case EXT2_ET_DIR_NO_SPACE:
		return -ENOSPC;
	case EXT2_ET_FILE_TOO_BIG:
	case EXT2_ET_EXTENT_INVALID_LENGTH:
		return -EFBIG;
	case EXT2_ET_RO_FILSYS:
		return -EROFS;
	default:
		return -EIO;
	}
}

void ext4_abort(struct ext4 *e4, int error, const char *what)
{
	if (e4->aborted)
		return;
	e4->aborted = error;
	e4->fs.read_only = true;
	log_error("ext4: %s: %s (error %d): read-only from now on", e4->device->name, what, -error);
}

int ext4_corrupt(struct ext4 *e4, const char *what, uint64_t where)
{
	static uint32_t logged;

	if (__atomic_fetch_add(&logged, 1, __ATOMIC_RELAXED) < ERRORS_LOGGED)
		log_error("ext4: %s: %s %llu", e4->device->name, what, (unsigned long long)where);
	if (!e4->lib || !e4->lib->super || e4->fs.read_only)
		return -EIO;
	e4->lib->super->s_state |= EXT2_ERROR_FS;
	e4->txn.super = true;
	switch (e4->errors) {
	case EXT2_ERRORS_PANIC:
		panic("ext4: %s: %s %llu", e4->device->name, what, (unsigned long long)where);
	case EXT2_ERRORS_RO:
		ext4_abort(e4, -EIO, "errors=remount-ro");
		break;
	default:
		break;
	}
	return -EIO;
}

/* --- what the superblock says --- */

static int refuse(const char **why_out, int error, const char *why)
{
	*why_out = why;
	return error;
}

/* The first feature of a set that is not known, by name. */
static const char *name_unknown(uint32_t features, bool incompatible)
{
	static const struct {
		uint32_t feature;
		bool incompatible;
		const char *why;
	} names[] = {
		{EXT2_FEATURE_INCOMPAT_COMPRESSION, true,
		 "its feature `compression' is not known here"},
		{EXT3_FEATURE_INCOMPAT_JOURNAL_DEV, true, "it is a journal, not a file system"},
		{EXT4_FEATURE_INCOMPAT_MMP, true, "its feature `mmp' is not known here"},
		{EXT4_FEATURE_INCOMPAT_EA_INODE, true, "its feature `ea_inode' is not known here"},
		{EXT4_FEATURE_INCOMPAT_DIRDATA, true, "its feature `dirdata' is not known here"},
		{EXT4_FEATURE_INCOMPAT_INLINE_DATA, true,
		 "its feature `inline_data' is not known here"},
		{EXT4_FEATURE_INCOMPAT_ENCRYPT, true, "its feature `encrypt' is not known here"},
		{EXT4_FEATURE_INCOMPAT_CASEFOLD, true, "its feature `casefold' is not known here"},
		{EXT4_FEATURE_RO_COMPAT_QUOTA, false,
		 "with its feature `quota' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_BIGALLOC, false,
		 "with its feature `bigalloc' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_READONLY, false,
		 "with its feature `read-only' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_PROJECT, false,
		 "with its feature `project' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_VERITY, false,
		 "with its feature `verity' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_SHARED_BLOCKS, false,
		 "with its feature `shared_blocks' it can only be read (ro)"},
		{EXT4_FEATURE_RO_COMPAT_ORPHAN_PRESENT, false,
		 "files wait in its orphan_file: run e2fsck, or mount it ro"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].incompatible == incompatible && features & names[i].feature)
			return names[i].why;
	return incompatible ? "it has features not known here"
			    : "it has features not known here: it can only be read (ro)";
}

/* The superblock's place for a first look, before there is a cache. */
static int probe(struct blkdev *device, bool read_only, uint32_t *block_bytes_out,
		 const char **why_out)
{
	uint8_t *bytes = heap_alloc_aligned(PROBE_BYTES, PROBE_BYTES);
	const struct ext2_super_block *super;
	uint32_t unknown;
	int error;

	if (!bytes)
		return -ENOMEM;
	super = (const struct ext2_super_block *)(bytes + SUPERBLOCK_OFFSET);
	*why_out = "";
	if (blkdev_sectors(device) < PROBE_BYTES / BLKDEV_SECTOR)
		error = refuse(why_out, -EINVAL, "it is too small for a file system");
	else
		error = blkdev_read(device, 0, bytes, PROBE_BYTES);
	if (!error && super->s_magic != EXT2_SUPER_MAGIC)
		error = refuse(why_out, -EINVAL, "there is no ext2, ext3 or ext4 on it");
	if (!error && super->s_rev_level > EXT2_DYNAMIC_REV)
		error = refuse(why_out, -EOPNOTSUPP, "its revision is not known here");
	if (!error && super->s_rev_level == EXT2_DYNAMIC_REV) {
		unknown = super->s_feature_incompat & ~INCOMPAT_KNOWN;
		if (unknown)
			error = refuse(why_out, -EOPNOTSUPP, name_unknown(unknown, true));
		unknown = super->s_feature_ro_compat & ~RO_COMPAT_KNOWN;
		if (!error && !read_only && unknown)
			error = refuse(why_out, -EOPNOTSUPP, name_unknown(unknown, false));
		/* Clusters of blocks cannot even be counted. */
		if (!error && super->s_feature_ro_compat & EXT4_FEATURE_RO_COMPAT_BIGALLOC &&
		    super->s_log_cluster_size != super->s_log_block_size)
			error = refuse(why_out, -EOPNOTSUPP,
				       "its feature `bigalloc' is not known here");
	}
	if (!error && super->s_log_block_size > EXT2_MAX_BLOCK_LOG_SIZE - EXT2_MIN_BLOCK_LOG_SIZE)
		error = refuse(why_out, -EINVAL, "its superblock is damaged; run e2fsck");
	*block_bytes_out = error ? 0 : 1024u << super->s_log_block_size;
	heap_free(bytes);
	return error;
}

/* libext2fs found something wrong with the superblock or the group descriptors. */
static const char *open_error(errcode_t error)
{
	switch (error) {
	case EXT2_ET_SB_CSUM_INVALID:
	case EXT2_ET_UNKNOWN_CSUM:
		return "its superblock has a wrong checksum; run e2fsck";
	case EXT2_ET_CORRUPT_SUPERBLOCK:
	case EXT2_ET_BAD_DESC_SIZE:
		return "its superblock is damaged; run e2fsck";
	default:
		return error < 256 ? "" : "it is damaged; run e2fsck";
	}
}

/* Group descriptors with places beyond the end would lead everything else astray. */
static int check_groups(struct ext4 *e4)
{
	ext2_filsys lib = e4->lib;
	uint64_t blocks = ext2fs_blocks_count(lib->super);

	for (uint32_t group = 0; group < lib->group_desc_count; group++) {
		uint64_t table = ext2fs_inode_table_loc(lib, group);

		if (ext2fs_block_bitmap_loc(lib, group) >= blocks ||
		    ext2fs_inode_bitmap_loc(lib, group) >= blocks || table >= blocks ||
		    table + lib->inode_blocks_per_group > blocks || table == 0)
			return -EINVAL;
		if (ext2fs_has_group_desc_csum(lib) && !ext2fs_group_desc_csum_verify(lib, group))
			return -EINVAL;
	}
	return 0;
}

/* torn: the superblock's checksum may be wrong. */
static int open_lib(struct ext4 *e4, bool torn, const char **why_out)
{
	char name[2 * sizeof(uintptr_t) + 1];
	uintptr_t pointer = (uintptr_t)e4;
	errcode_t error;

	for (int i = (int)sizeof(name) - 2; i >= 0; i--, pointer >>= 4)
		name[i] = (char)('a' + (pointer & 15));
	name[sizeof(name) - 1] = '\0';
	error = ext2fs_open2(name, NULL,
			     EXT2_FLAG_RW | EXT2_FLAG_FORCE | EXT2_FLAG_64BITS |
				     EXT2_FLAG_SKIP_MMP | (torn ? EXT2_FLAG_IGNORE_CSUM_ERRORS : 0),
			     0, 0, &e4->io_manager, &e4->lib);
	if (error) {
		e4->lib = NULL;
		return refuse(why_out, error < 256 ? -(int)error : -EINVAL, open_error(error));
	}
	if (ext2fs_blocks_count(e4->lib->super) > e4->cache->blocks)
		return refuse(why_out, -EINVAL, "it is larger than its disk");
	if (e4->lib->super->s_inodes_count < EXT2_FIRST_INODE(e4->lib->super) ||
	    EXT2_INODE_SIZE(e4->lib->super) > e4->block_bytes ||
	    EXT2_CLUSTERS_PER_GROUP(e4->lib->super) > e4->block_bytes * 8 ||
	    EXT2_INODES_PER_GROUP(e4->lib->super) > e4->block_bytes * 8 ||
	    EXT2_INODES_PER_GROUP(e4->lib->super) % 8 || check_groups(e4))
		return refuse(why_out, -EINVAL, "its superblock or groups are damaged; run e2fsck");
	e4->lib->flags &= ~EXT2_FLAG_IGNORE_CSUM_ERRORS;
	e4->inode_bytes = (uint32_t)EXT2_INODE_SIZE(e4->lib->super);
	e4->lib->read_inode = ext4_lib_read_inode;
	e4->lib->write_inode = ext4_lib_write_inode;
	ext4_alloc_hooks(e4);
	return 0;
}

static void close_lib(struct ext4 *e4)
{
	if (e4->lib) {
		e4->lib->flags &= ~EXT2_FLAG_DIRTY;
		ext2fs_free(e4->lib);
	}
	e4->lib = NULL;
}

/* --- mount --- */

static bool option_is(const char *option, size_t bytes, const char *name)
{
	return strlen(name) == bytes && memcmp(option, name, bytes) == 0;
}

static int parse_options(struct ext4 *e4, const char *options, const char **why_out)
{
	while (*options) {
		const char *end = strchr(options, ',');
		size_t bytes = end ? (size_t)(end - options) : strlen(options);

		if (option_is(options, bytes, "noatime"))
			e4->no_atime = true;
		else if (option_is(options, bytes, "strictatime"))
			e4->strict_atime = true;
		else if (option_is(options, bytes, "errors=continue"))
			e4->errors = EXT2_ERRORS_CONTINUE;
		else if (option_is(options, bytes, "errors=remount-ro"))
			e4->errors = EXT2_ERRORS_RO;
		else if (option_is(options, bytes, "errors=panic"))
			e4->errors = EXT2_ERRORS_PANIC;
		else if (bytes && !option_is(options, bytes, "relatime"))
			return refuse(why_out, -EINVAL,
				      "ext4 has no such option (noatime, relatime, strictatime, "
				      "errors=continue, remount-ro, panic)");
		options += bytes + (end != NULL);
	}
	return 0;
}

/* The superblock goes to its place at once, past the log. */
static int write_super(struct ext4 *e4)
{
	struct bblock *block;
	int error = bcache_get(e4->cache, SUPERBLOCK_OFFSET >> e4->block_shift, &block);

	if (error)
		return error;
	ext4_super_store(e4, block->bytes);
	bcache_dirty(e4->cache, block, BCACHE_META);
	bcache_put(e4->cache, block);
	error = bcache_write_dirty(e4->cache, BCACHE_META);
	return error ? error : bcache_flush(e4->cache);
}

/* Says in the superblock that the journal is in use, or not; what both writes of it outside the
 * journal change. */
static void toggle_recovery(struct ext2_super_block *super)
{
	super->s_feature_incompat ^= EXT3_FEATURE_INCOMPAT_RECOVER;
}

/* The superblock has two sectors, its checksum is in the second: a power cut may have left one of
 * each. Either the journal has it whole, or it is one that differs in one flag. */
static int mend_super(struct ext4 *e4, bool read_only)
{
	struct bblock *block;
	struct ext2_super_block *super;
	int error = bcache_get(e4->cache, SUPERBLOCK_OFFSET >> e4->block_shift, &block);

	if (error)
		return error;
	super = (struct ext2_super_block *)(block->bytes +
					    (SUPERBLOCK_OFFSET & (e4->block_bytes - 1)));
	if (!ext2fs_superblock_csum_verify(e4->lib, super)) {
		toggle_recovery(super);
		if (!ext2fs_superblock_csum_verify(e4->lib, super)) {
			toggle_recovery(super);
		} else {
			ext2fs_set_feature_journal_needs_recovery(super);
			(void)ext2fs_superblock_csum_set(e4->lib, super);
		}
	}
	if (read_only)
		(void)bcache_hold(e4->cache, block);
	else
		bcache_dirty(e4->cache, block, BCACHE_META);
	bcache_put(e4->cache, block);
	return 0;
}

/* The log is looked at, and replayed when there is something in it. */
static int recover(struct ext4 *e4, bool read_only, bool torn, const char **why_out)
{
	bool needed = torn || ext2fs_has_feature_journal_needs_recovery(e4->lib->super);
	struct ext2_super_block *super = e4->lib->super;
	uint32_t sequence = 0;
	int error;

	if (!ext2fs_has_feature_journal(super)) {
		if (torn)
			return refuse(why_out, -EINVAL, open_error(EXT2_ET_SB_CSUM_INVALID));
		if (needed)
			return refuse(why_out, -EINVAL, "its journal is gone; run e2fsck");
		return 0;
	}
	e4->why = "";
	error = ext4_log_open(e4);
	if (!error && needed) {
		error = ext4_replay(e4, read_only, &sequence);
		if (!error && torn)
			error = mend_super(e4, read_only);
	} else if (!error) {
		/* Nothing of what the log holds counts; nor may it later. */
		sequence = ext4_log_next_sequence(e4);
	}
	if (error)
		return refuse(why_out, error, e4->why);
	e4->log.sequence = sequence;
	if (!needed)
		return 0;
	/* What was read before may be different now. */
	ext4_inodes_drop(e4);
	close_lib(e4);
	return open_lib(e4, false, why_out);
}

static int start_writing(struct ext4 *e4, const char **why_out)
{
	struct ext2_super_block *super = e4->lib->super;
	int error = 0;

	e4->mounted_clean = super->s_state & EXT2_VALID_FS;
	if (super->s_state & EXT2_ERROR_FS || !e4->mounted_clean)
		log_warn("ext4: %s: was not unmounted cleanly, or has errors: e2fsck is due",
			 e4->device->name);
	if (e4->log.present) {
		error = ext4_log_start(e4);
		ext2fs_set_feature_journal_needs_recovery(super);
	} else {
		super->s_state &= (uint16_t)~EXT2_VALID_FS;
	}
	if (!error)
		error = write_super(e4);
	super->s_mnt_count++;
	super->s_mtime = (uint32_t)ext4_now().s;
	e4->txn.super = true;
	if (!error && ext4_orphans_recover(e4)) {
		/* The space is lost until e2fsck finds it, nothing else is. */
		log_warn("ext4: %s: the list of unlinked files is damaged: e2fsck is due",
			 e4->device->name);
		super->s_state |= EXT2_ERROR_FS;
		ext4_orphans_forget(e4);
	}
	return error ? refuse(why_out, error, "it cannot be written") : 0;
}

static size_t cache_bytes(void)
{
	struct page_stats stats;
	size_t bytes;

	page_get_stats(&stats);
	bytes = (size_t)stats.total * PAGE_BYTES / CACHE_SHARE;
	return bytes < CACHE_BYTES_MIN ? CACHE_BYTES_MIN : bytes;
}

static void destroy(struct ext4 *e4)
{
	ext4_txn_destroy(e4);
	ext4_inodes_drop(e4);
	close_lib(e4);
	ext4_log_close(e4);
	if (e4->cache)
		bcache_destroy(e4->cache);
	heap_free(e4);
}

static int open_all(struct ext4 *e4, bool read_only, const char **why_out)
{
	struct ext4_inode *root;
	bool torn = false;
	int error = bcache_create(e4->device, e4->block_bytes, cache_bytes(), &e4->cache);

	if (error)
		return refuse(why_out, error, "its blocks are smaller than the disk's");
	error = open_lib(e4, false, why_out);
	torn = error && !e4->lib && *why_out == open_error(EXT2_ET_SB_CSUM_INVALID);
	if (torn) {
		*why_out = "";
		error = open_lib(e4, true, why_out);
	}
	if (!error)
		error = recover(e4, read_only, torn, why_out);
	if (!error)
		error = ext4_txn_create(e4);
	if (!error && e4->errors == 0)
		e4->errors = e4->lib->super->s_errors;
	if (!error && !read_only)
		error = start_writing(e4, why_out);
	if (!error)
		error = ext4_inode_get(e4, EXT2_ROOT_INO, &root);
	if (error)
		return error;
	if (!node_is(&root->node, NODE_DIRECTORY) || root->raw.small.i_links_count == 0) {
		node_put(&root->node);
		return refuse(why_out, -EINVAL, "its root is no directory; run e2fsck");
	}
	e4->fs.root = &root->node;
	return 0;
}

static int ext4_info(struct fs *fs, struct fs_info *info_out)
{
	struct ext4 *e4 = (struct ext4 *)fs;
	struct ext2_super_block *super = e4->lib->super;
	uint64_t overhead;

	sleeplock_lock(&e4->lock);
	overhead = super->s_overhead_clusters;
	info_out->block_bytes = e4->block_bytes;
	info_out->blocks = ext2fs_blocks_count(super) - overhead;
	info_out->blocks_free = ext2fs_free_blocks_count(super);
	info_out->blocks_usable = info_out->blocks_free;
	info_out->nodes = super->s_inodes_count;
	info_out->nodes_free = super->s_free_inodes_count;
	sleeplock_unlock(&e4->lock);
	return 0;
}

static int ext4_sync_all(struct fs *fs)
{
	struct ext4 *e4 = (struct ext4 *)fs;
	int error, late;

	if (fs->read_only && !e4->aborted)
		return 0;
	error = ext4_write_data(e4);
	if (!error)
		error = ext4_commit(e4, UINT64_MAX);
	if (!error)
		error = bcache_flush(e4->cache);
	late = __atomic_exchange_n(&e4->write_error, 0, __ATOMIC_RELAXED);
	return error ? error : late;
}

static int ext4_unmount(struct fs *fs)
{
	struct ext4 *e4 = (struct ext4 *)fs;
	bool writing = !fs->read_only;
	int error = 0, data_error = 0;

	if (fs->root)
		node_put(fs->root);
	if (writing) {
		data_error = ext4_write_data(e4);
		/* Files without a name whose users never let go. */
		(void)ext4_orphans_recover_open(e4);
		if (e4->mounted_clean && !(e4->lib->super->s_state & EXT2_ERROR_FS) &&
		    e4->log.present)
			e4->lib->super->s_state |= EXT2_VALID_FS;
		error = ext4_checkpoint(e4);
		if (!error && e4->log.present)
			error = ext4_log_stop(e4);
		if (!error) {
			ext2fs_clear_feature_journal_needs_recovery(e4->lib->super);
			if (e4->mounted_clean && !(e4->lib->super->s_state & EXT2_ERROR_FS))
				e4->lib->super->s_state |= EXT2_VALID_FS;
			error = write_super(e4);
		}
	}
	destroy(e4);
	return error ? error : data_error;
}

static const struct fs_ops ext4_ops = {
	.info = ext4_info,
	.sync = ext4_sync_all,
	.unmount = ext4_unmount,
};

static int mount_as(struct blkdev *device, const char *options, bool read_only, const char *type,
		    struct fs **fs_out, const char **why_out)
{
	struct ext4 *e4;
	uint32_t block_bytes;
	int error;

	*why_out = "";
	read_only = read_only || device->info.read_only;
	error = probe(device, read_only, &block_bytes, why_out);
	if (error)
		return error;
	e4 = heap_alloc_zeroed(sizeof(*e4));
	if (!e4)
		return -ENOMEM;
	e4->device = device;
	e4->block_bytes = block_bytes;
	e4->block_shift = (uint32_t)__builtin_ctz(block_bytes);
	e4->io_manager = ext4_io_manager;
	e4->fs.ops = &ext4_ops;
	e4->fs.type = type;
	e4->fs.read_only = read_only;
	list_init(&e4->inodes_lru);
	list_init(&e4->orphans);
	error = parse_options(e4, options, why_out);
	if (!error)
		error = open_all(e4, read_only, why_out);
	if (error) {
		destroy(e4);
		return error;
	}
	*fs_out = &e4->fs;
	return 0;
}

static int mount_ext4(struct blkdev *device, const char *options, bool read_only,
		      struct fs **fs_out, const char **why_out)
{
	return mount_as(device, options, read_only, "ext4", fs_out, why_out);
}

static int mount_ext3(struct blkdev *device, const char *options, bool read_only,
		      struct fs **fs_out, const char **why_out)
{
	return mount_as(device, options, read_only, "ext3", fs_out, why_out);
}

static int mount_ext2(struct blkdev *device, const char *options, bool read_only,
		      struct fs **fs_out, const char **why_out)
{
	return mount_as(device, options, read_only, "ext2", fs_out, why_out);
}

const struct fs_type ext4_fs_type = {"ext4", true, mount_ext4};
static const struct fs_type ext3_fs_type = {"ext3", true, mount_ext3};
static const struct fs_type ext2_fs_type = {"ext2", true, mount_ext2};

FS_TYPE(ext4_fs_type);
FS_TYPE(ext3_fs_type);
FS_TYPE(ext2_fs_type);
