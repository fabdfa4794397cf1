# SPDX-License-Identifier: BSD-2-Clause
# make check-style: how the code reads, and two compilers that must find nothing in any C file of ours.
#
# A stamp below $(B)/style remembers each clean file: a second run looks only at what has changed.

check-style: check-format check-layers check-tidy check-gcc check-clang check-cppcheck check-shell check-python
	@echo 'check-style: clean'
.PHONY: check-style check-format check-layers check-tidy check-gcc check-clang check-cppcheck check-shell check-python

ifneq ($(filter check-%,$(MAKECMDGOALS)),)

STYLE := $(B)/style
# All there is, committed or not, but for what test/guest/files puts on its disk.
STYLE_FILES := $(filter-out test/guest/files/tree/%,$(wildcard $(shell git ls-files -co --exclude-standard)))
STYLE_C := $(filter %.c %.h,$(STYLE_FILES))
# Scripts say what they are in their first line; what they source is checked with them.
style_scripts = $(shell awk 'FNR == 1 { if (/$(1)/) print FILENAME; nextfile }' $(filter-out %.c %.h %.S,$(STYLE_FILES)))
STYLE_SH = $(call style_scripts,^\#!.*[/ ](ba)?sh$$)
STYLE_PY = $(filter %.py,$(STYLE_FILES)) $(call style_scripts,^\#!.*python3$$)

check-format:
	@clang-format --dry-run -Werror $(STYLE_C)
	@echo 'format: $(words $(STYLE_C)) files, clean'
check-layers:
	@tools/layers
check-tidy:
	@tools/tidy

CLANG ?= clang
STYLE_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror
# Of the code generation, what both compilers know.
CLANG_CODEGEN := -O2 -mno-red-zone -fno-pic -mcmodel=small -fno-omit-frame-pointer -fno-strict-aliasing -fno-common
CLANG_INCLUDE := $(shell $(CLANG) -print-resource-dir)/include

# style_group FILES, flags of gcc, flags of clang: both compile each file alone, headers too, and every
# warning is an error.
define style_group
STYLE_COMPILED += $(sort $(1))
$(patsubst %,$(STYLE)/gcc/%.ok,$(sort $(1))): STYLE_FLAGS := $(2)
$(patsubst %,$(STYLE)/clang/%.ok,$(sort $(1))): STYLE_FLAGS := $(3)
endef

# The kernel and the C library's part of it, as tools/kernel.mk compiles them.
gcc_style = $(filter-out -MMD -MD -MP $(K_WARN),$(1)) -O2 $(STYLE_WARN)
clang_style = -std=gnu11 $(CLANG_CODEGEN) $(STYLE_WARN) -mgeneral-regs-only -nostdinc \
	-isystem $(CLANG_INCLUDE) $(1) -isystem $(B)/xen-include -iquote . -D__stardust__
rooms := arch/x86_64 arch/x86_64/pv core drivers lib/base lib/fs xen
# These see the C library's headers, and libext2fs's.
ext4_files := $(wildcard lib/fs/ext4*.[ch])
$(eval $(call style_group,$(filter-out lib/net/% $(ext4_files),$(K_C) $(wildcard $(rooms:%=%/*.h))), \
	$(call gcc_style,$(K_CFLAGS)),$(call clang_style,-ffreestanding)))
$(eval $(call style_group,$(ext4_files),$(call gcc_style,$(P_CFLAGS) -isystem $(E2FS_INCLUDE)), \
	$(call clang_style,-isystem $(SYSROOT)/include -isystem $(E2FS_INCLUDE) -U__linux__ -D_GNU_SOURCE)))
$(eval $(call style_group,$(wildcard lib/net/*.[ch] lib/net/lwip/*.h lib/net/lwip/*/*.h), \
	$(call gcc_style,$(K_CFLAGS) $(LWIP_INCLUDE)),$(call clang_style,-ffreestanding $(LWIP_INCLUDE))))
$(eval $(call style_group,$(P_C) $(wildcard lib/posix/*.h lib/posix/noprocess/*.c),$(call gcc_style,$(P_CFLAGS)), \
	$(call clang_style,-isystem $(SYSROOT)/include -U__linux__ -D_GNU_SOURCE -DSTARDUST_VERSION='"$(VERSION)"')))
GCCSAFE_STYLE := -std=gnu11 -O2 -ffreestanding $(STYLE_WARN) -iquote .
$(eval $(call style_group,$(wildcard lib/gccsafe/*.[ch]),$(GCCSAFE_STYLE),$(GCCSAFE_STYLE)))

# Programs for Stardust: the example, the guests, the C library's tests, our members of newlib; and the
# box's own guest.
program_style = -std=gnu11 -O2 $(STYLE_WARN) -nostdinc -isystem $(1) -isystem $(SYSROOT)/include \
	-isystem $(B)/xen-include -iquote . -D__stardust__ -U__linux__ -U__linux -Ulinux -U__gnu_linux__
program_group = $(eval $(call style_group,$(1),$(call program_style,$(GCC_INCLUDE)) $(2),$(call program_style,$(CLANG_INCLUDE)) $(2)))
# Of the programs that measure, what the machine's compiler makes: for Linux, and for dom0.
BENCH_HOST_C := $(wildcard test/bench/*_linux.c) test/bench/net_peer.c
$(call program_group,$(filter-out $(BENCH_HOST_C) test/guest/sqlite/%,$(wildcard $(addprefix examples/,hello/*.c echo/*.c httpd/*.[ch] \
	dns/*.[ch] fetch/*.[ch]) \
	test/guest/*.h test/guest/*/*.[ch] test/bench/*.[ch] test/posix/*.[ch])))
$(call program_group,$(wildcard test/guest/sqlite/*.c),-isystem $(B)/src/sqlite-made)
$(call program_group,$(addprefix test/toolchain/,test_libc.c print_floats.c linux-stub.c),-fno-builtin -D_GNU_SOURCE)
$(call program_group,$(wildcard examples/https/*.c))
$(call program_group,$(wildcard tools/mbedtls/*.[ch] tools/mbedtls/include/stardust/*.h),$(BORINGSSL_INCLUDE))
$(call program_group,$(wildcard tools/newlib/*.c),-isystem $(B)/newlib/private)
TINY_STYLE := -std=gnu11 -O2 $(STYLE_WARN) -ffreestanding -fno-pic -mno-red-zone -mgeneral-regs-only
$(eval $(call style_group,test/box/tiny.c,$(TINY_STYLE),$(TINY_STYLE)))

# Programs of the build machine and of dom0; the rooms' unit tests.
HOST_STYLE := -std=gnu11 -O2 $(STYLE_WARN) -iquote .
$(eval $(call style_group,$(wildcard tools/*.c tools/box/*.[ch] tools/bench/*.c test/guest/*/preload/*.c) $(BENCH_HOST_C) \
	$(addprefix test/toolchain/,test_gccsafe.c ksyms_check.c),$(HOST_STYLE),$(HOST_STYLE)))
UNIT_STYLE := $(HOST_STYLE) -isystem $(B)/xen-include -D_GNU_SOURCE
$(eval $(call style_group,$(filter-out test/host/mbedtls/%,$(wildcard test/mock/*.[ch] $(addsuffix /*.[ch],test/host test/host/* \
	test/host/*/* test/host/*/*/* test/host/*/*/*/* test/host/*/*/*/*/*))),$(UNIT_STYLE),$(UNIT_STYLE)))
MBEDTLS_STYLE := $(UNIT_STYLE) -isystem $(B)/test-host/mbedtls/include -DVECTORS='""'
$(eval $(call style_group,$(wildcard test/host/mbedtls/*.c),$(MBEDTLS_STYLE),$(MBEDTLS_STYLE)))

DUSTER_STYLE := $(HOST_STYLE) -D_GNU_SOURCE -DDUSTER_VERSION='"$(VERSION)"'
$(eval $(call style_group,$(wildcard duster/*/*.[ch] duster/*/*/*.[ch]),$(DUSTER_STYLE),$(DUSTER_STYLE)))
$(eval $(call style_group,$(wildcard test/duster/programs/*.c),-std=gnu11 -O1 $(STYLE_WARN),-std=gnu11 -O1 $(STYLE_WARN)))

STYLE_READY := $(LWIP).stamp $(E2FS_INCLUDE).stamp $(SYSROOT_STAMP) $(SYSROOT)/.headers $(MBEDTLS_STAMP) $(BORINGSSL).stamp $(B)/test-host/mbedtls/include \
	$(XEN_HEADERS) $(B)/src/sqlite-made/stamp
style_compile = $(Q)mkdir -p $(@D) && $(1) $(STYLE_FLAGS) -MMD -MP -MF $@.d -MT $@ -o /dev/null -c \
	$(if $(filter %.h,$<),-include $< -x c /dev/null,$<) && touch $@
$(STYLE)/gcc/%.ok: % tools/style.mk tools/kernel.mk | $(STYLE_READY)
	$(call style_compile,gcc)
$(STYLE)/clang/%.ok: % tools/style.mk tools/kernel.mk | $(STYLE_READY)
	$(call style_compile,$(CLANG))
check-gcc: $(STYLE_COMPILED:%=$(STYLE)/gcc/%.ok)
	@echo 'gcc: $(words $(STYLE_COMPILED)) files, no warning'
# It warns that atomic operations on sixteen bytes are calls: that is what atomics16 tests.
STYLE_CLANG := $(filter-out test/guest/atomics16/main.c,$(STYLE_COMPILED))
check-clang: $(STYLE_CLANG:%=$(STYLE)/clang/%.ok)
	@echo 'clang: $(words $(STYLE_CLANG)) files, no warning'
-include $(wildcard $(STYLE_COMPILED:%=$(STYLE)/gcc/%.ok.d) $(STYLE_COMPILED:%=$(STYLE)/clang/%.ok.d))

# Tests do on purpose what it looks for. No exception so far; one would stand beside its line, with a reason.
STYLE_CPPCHECK := $(filter-out test/%.c,$(filter %.c,$(STYLE_COMPILED))) $(wildcard test/bench/*.c)
check-cppcheck:
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		-I. -D__stardust__ -D__x86_64__ $(STYLE_CPPCHECK)
	@echo 'cppcheck: $(words $(STYLE_CPPCHECK)) files, clean'
check-shell:
	@shellcheck -x -a -P SCRIPTDIR -S warning $(STYLE_SH)
	@echo 'shellcheck: $(words $(STYLE_SH)) scripts, clean'
check-python:
	@pyflakes3 $(STYLE_PY)
	@echo 'pyflakes: $(words $(STYLE_PY)) files, clean'

endif
