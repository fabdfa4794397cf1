# SPDX-License-Identifier: BSD-2-Clause
# The kernel: every room into one archive the linker picks from. A module is one line here.

K_C := \
	lib/base/chacha20.c lib/base/format.c lib/base/ksyms.c lib/base/parse.c \
	$(patsubst %,arch/x86_64/pv/%.c,start pt pt_later pt_boot p2m traps emergency vcpu_boot) \
	$(patsubst %,xen/%.c,hypercall vcpu spinlock spinlock_slow evtchn evtchn_fifo evtchn_2l grant ring xswire) \
	$(patsubst %,core/%.c,start grants blkdev blkdev_sync page pool vm vm_later heap heap_slab heap_large heap_vcpu random events smp time timer wait sleeplock thread sched sched_smp sched_wait futex futex_pi log panic fault backtrace console suspend report threads_report) \
	$(patsubst %,drivers/%.c,xencons xenstore xenstore_sync xenbus xenbus_io xenbus_state xenbus_ring blkfront blkfront_setup blkfront_io blkfront_pages control cpu sysrq) \
	$(patsubst %,lib/fs/%.c,archive archive_cpio archive_tar devfs devfs_disk gzip ramdisk tmpfs tmpfs_data)
include tools/lwip.mk
include tools/ext4.mk
K_S := arch/x86_64/hypercall.S arch/x86_64/switch.S arch/x86_64/string.S arch/x86_64/pv/entry.S arch/x86_64/pv/debug.S arch/x86_64/pv/head.S
# POSIX layer: sees newlib's headers; one object per function group so that programs link what they use.
P_C := $(sort $(wildcard lib/posix/*.c))

# Modules arrive one by one; a name in the list without a file is skipped by wildcard.
K_C := $(sort $(wildcard $(K_C)))
K_S := $(sort $(wildcard $(K_S)))

KCC := gcc
GCC_INCLUDE := $(shell $(KCC) -print-file-name=include 2>/dev/null)
K_CODEGEN := -g -mno-red-zone -fno-pic -fno-pie -mcmodel=small -fno-omit-frame-pointer \
	-ffunction-sections -fdata-sections -fstack-protector-strong -mstack-protector-guard=global \
	-fstack-clash-protection -fno-strict-aliasing -fno-common -fcf-protection=none \
	-fno-asynchronous-unwind-tables
K_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(if $(CI)$(WERROR),-Werror)
K_CFLAGS := -std=gnu11 $(K_CODEGEN) $(K_WARN) -ffreestanding -mgeneral-regs-only -nostdinc \
	-isystem $(GCC_INCLUDE) -isystem $(B)/xen-include -iquote . -D__stardust__ -MMD -MP
# General registers only here too: signals and the terminal's input run in event context.
P_CFLAGS := -std=gnu11 $(K_CODEGEN) $(K_WARN) -mgeneral-regs-only -nostdinc -isystem $(GCC_INCLUDE) \
	-isystem $(B)/sysroot/include -isystem $(B)/xen-include -iquote . -D__stardust__ \
	-U__linux__ -U__gnu_linux__ -Ulinux -MD -MP -D_GNU_SOURCE \
	-DSTARDUST_VERSION='"$(VERSION)"'

# Small by default; what runs for each event, allocation or clock read is compiled for speed, without
# the padding that aligns functions and loops: it costs hello 2 KB.
K_OPT := -Os
HOT += lib/fs/tmpfs_data lib/posix/vfs lib/posix/names lib/posix/names_path lib/posix/open core/heap core/time core/sched core/sched_wait core/futex xen/evtchn_fifo \
	lib/posix/malloc lib/posix/clock core/blkdev core/blkdev_sync drivers/blkfront_io drivers/blkfront_pages \
	lib/fs/devfs_disk lib/fs/ext4_file lib/fs/ext4_map \
	$(patsubst %,lib/posix/%,mutex mutex_word pthread_mutex pthread_cond pthread_rwlock pthread_key \
	pthread_once sem sync)

K_OBJ := $(K_C:%.c=$(B)/kernel/%.o) $(K_S:%.S=$(B)/kernel/%.o) $(LWIP_OBJ) $(E2FS_OBJ)
P_OBJ := $(P_C:%.c=$(B)/kernel/%.o)
$(HOT:%=$(B)/kernel/%.o): K_OPT := -O2 -fno-align-functions -fno-align-loops -fno-align-jumps -fno-align-labels \
	-fno-reorder-blocks-and-partition
# Optimising for size, gcc copies with `rep movsb`, byte by byte where the processor has no fast one.
# Whoever moves a program's data calls memcpy, which has vectors. (Not for early boot, traps or signals.)
MOVERS := $(patsubst %.c,%,$(wildcard core/blkdev*.c drivers/blkfront*.c drivers/netfront*.c lib/fs/*.c lib/net/*.c) \
	$(wildcard $(patsubst %,lib/posix/%*.c,pipe socket mq_ mman iovec sendfile shm)))
$(MOVERS:%=$(B)/kernel/%.o): K_MOVE := -mstringop-strategy=libcall
CRT0 := $(B)/kernel/lib/posix/crt0.o
LIBSTARDUST := $(B)/sysroot/lib/libstardust.a
# The same with the kernel's own names, for tests that look inside: stardust-cc --kernel-names.
LIBKERNEL := $(B)/sysroot/lib/libstardust-kernel.a

$(B)/kernel/lib/posix/%.o: lib/posix/%.c tools/kernel.mk $(SYSROOT_STAMP) | $(SYSROOT)/.headers $(XEN_HEADERS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(K_OPT) $(K_MOVE) $(P_CFLAGS) -c $< -o $@

$(B)/kernel/%.o: %.c tools/kernel.mk | $(XEN_HEADERS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(K_OPT) $(K_MOVE) $(K_CFLAGS) -c $< -o $@

$(B)/kernel/%.o: %.S tools/kernel.mk | $(XEN_HEADERS)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(KCC) $(K_CFLAGS) -D__ASSEMBLY__ -c $< -o $@

$(LIBKERNEL): $(K_OBJ) $(filter-out $(CRT0),$(P_OBJ))
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $(filter %.o,$^)

# The archive is made anew when its list of objects changes, not only when one of them does.
K_LIST := $(B)/kernel/objects
ifneq ($(filter-out $(quiet_goals),$(goals)),)
ifneq ($(file <$(K_LIST)),$(K_OBJ) $(P_OBJ))
$(shell mkdir -p $(B)/kernel && echo '$(K_OBJ) $(P_OBJ)' >$(K_LIST))
endif
endif
$(LIBKERNEL): $(K_LIST)
$(K_LIST): ;

$(LIBSTARDUST): $(LIBKERNEL) tools/hide-names
	$(call say,HIDE,$@)
	$(Q)tools/hide-names $< $@ $(K_OBJ) -- $(filter-out $(CRT0),$(P_OBJ))

$(B)/sysroot/lib/crt0.o: $(CRT0)
	@mkdir -p $(@D)
	$(Q)cp $< $@

kernel: $(LIBSTARDUST) $(if $(wildcard lib/posix/crt0.c),$(B)/sysroot/lib/crt0.o)
.PHONY: kernel

-include $(K_OBJ:.o=.d) $(P_OBJ:.o=.d)
