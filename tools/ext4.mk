# SPDX-License-Identifier: BSD-2-Clause
# ext2, ext3, ext4: our own modules, and what they need of libext2fs, from Debian's e2fsprogs, built out of
# tree: for the guest here, for tests by test/host/host.mk. No other io_managers, no table of encodings,
# no table of checksums (lib/fs/ext4_crc.c), nothing that looks for mounts (lib/fs/ext4_refused.c).

K_C += $(patsubst %,lib/fs/%.c,bcache bcache_io ext4 ext4_io ext4_txn ext4_log ext4_replay ext4_alloc \
	ext4_inode ext4_map ext4_file ext4_dir ext4_htree ext4_node ext4_crc ext4_refused)

E2FS := $(B)/src/e2fsprogs
E2FS_INCLUDE := $(B)/e2fsprogs/include
E2FS_C := $(patsubst %,lib/ext2fs/%.c,alloc alloc_sb alloc_stats alloc_tables badblocks bb_inode bitmaps \
	bitops blkmap64_ba blkmap64_rb blknum block bmap closefs crc16 csum dblist dir_iterate dirblock \
	dirhash expanddir ext_attr extent fallocate fileio freefs gen_bitmap gen_bitmap64 get_num_dirs \
	hashmap i_block ind_block inline inline_data inode io_manager link lookup mkdir namei native newdir \
	openfs punch rbtree read_bb res_gdt rw_bitmaps sha512 swapfs symlink unlink valid_blk)
E2FS_OBJ := $(patsubst lib/ext2fs/%.c,$(B)/kernel/e2fsprogs/%.o,$(E2FS_C))
E2FS_CFLAGS := -w -DOMIT_COM_ERR -DHAVE_CONFIG_H -I$(E2FS_INCLUDE)/config -I$(E2FS_INCLUDE)/ext2fs \
	-I$(E2FS_INCLUDE) -I$(E2FS)/lib

E2FS_PATCHES := $(sort $(wildcard tools/e2fsprogs/*.patch))
$(E2FS).stamp: tools/sources.lock tools/fetch $(E2FS_PATCHES)
	@B=$(B) tools/fetch --unpack e2fsprogs $(E2FS)
	@for p in $(abspath $(E2FS_PATCHES)); do patch -s -d $(E2FS) -p1 <$$p || exit 1; done
	@touch $@
# As of lwIP.
$(E2FS)/%: | $(E2FS).stamp ;

$(E2FS_INCLUDE).stamp: $(E2FS).stamp $(wildcard tools/e2fsprogs/*)
	@tools/e2fsprogs/headers $(E2FS) $(E2FS_INCLUDE)
	@touch $@

$(B)/kernel/e2fsprogs/%.o: tools/ext4.mk tools/kernel.mk $(E2FS_INCLUDE).stamp $(SYSROOT_STAMP) | \
		$(SYSROOT)/.headers
	$(call say,CC,libext2fs/$*.c)
	@mkdir -p $(@D)
	$(Q)$(KCC) -Os $(P_CFLAGS) $(E2FS_CFLAGS) -c $(E2FS)/lib/ext2fs/$*.c -o $@

# They see the C library's headers, since libext2fs's want them.
EXT4_OBJ := $(patsubst %.c,$(B)/kernel/%.o,$(wildcard lib/fs/ext4*.c))
$(EXT4_OBJ): K_CFLAGS = $(P_CFLAGS) -isystem $(E2FS_INCLUDE)
$(EXT4_OBJ): tools/ext4.mk $(E2FS_INCLUDE).stamp $(SYSROOT_STAMP) | $(SYSROOT)/.headers
$(B)/kernel/lib/fs/bcache.o $(B)/kernel/lib/fs/ext4_crc.o: K_OPT := -O2

# -lext4: disks and these file systems, by naming what brings them. A linker script for a library.
$(SYSROOT)/lib/libext4.a: tools/ext4.mk $(SYSROOT_STAMP)
	@echo '/* disks, and ext2, ext3, ext4 on them */ EXTERN(posix_blk_start posix_ext4)' >$@
sysroot: $(SYSROOT)/lib/libext4.a
