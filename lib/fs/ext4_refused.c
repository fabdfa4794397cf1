/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libext2fs calls for features that ext4.c refuses to mount: names of other encodings, the
 * check against several mounts. Never reached; without these, tables and system calls would be
 * linked.
 */
#include "lib/fs/ext4_parts.h"

const struct ext2fs_nls_table *ext2fs_load_nls_table(int encoding)
{
	(void)encoding;
	return NULL;
}

errcode_t ext2fs_mmp_start(ext2_filsys lib)
{
	(void)lib;
	return EXT2_ET_UNSUPP_FEATURE;
}

errcode_t ext2fs_mmp_stop(ext2_filsys lib)
{
	(void)lib;
	return 0;
}

/* Of mkjournal.c, which would bring in what looks for mounts: zeros, as part of the transaction. */
errcode_t ext2fs_zero_blocks2(ext2_filsys lib, blk64_t first, int count, blk64_t *block_out,
			      int *count_out)
{
	struct ext4 *e4;

	if (!lib)
		return 0; /* it would give back its memory of zeros */
	e4 = lib->priv_data;
	for (int i = 0; i < count; i++) {
		struct bblock *block;
		int error = bcache_get_new(e4->cache, first + (blk64_t)i, &block);

		if (error) {
			if (block_out)
				*block_out = first + (blk64_t)i;
			if (count_out)
				*count_out = count - i;
			return -error;
		}
		ext4_block_change(e4, block);
		memset(block->bytes, 0, e4->block_bytes);
		bcache_put(e4->cache, block);
	}
	return 0;
}
