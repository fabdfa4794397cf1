# SPDX-License-Identifier: BSD-2-Clause
# The SDK: newlib as the sysroot, our headers over it, the compiler driver and its tools.
#
#   $(B)/bin                    stardust-cc, x86_64-stardust-elf-*
#   $(B)/sysroot/{include,lib}  headers, libc.a libm.a libgccsafe.a libstardust.a crt0.o stardust.ld
#   $(B)/libexec/stardust       mkksyms, redzone
#   $(B)/share/stardust         config.site, toolchain.cmake

SYSROOT := $(B)/sysroot
SYSROOT_STAMP := $(SYSROOT)/.newlib
SDK_TARGET := x86_64-stardust-elf
NEWLIB_GLUE := tools/newlib/build tools/newlib/long-double tools/newlib/small-sources \
	tools/newlib/long-double.list $(wildcard tools/newlib/host-* tools/newlib/headers-removed \
	tools/newlib/include/*.h tools/newlib/include/*/*.h)

SYSROOT_JOBS := $(shell nproc)

# Sources are unpacked once per pin.
$(B)/src/newlib.stamp: tools/sources.lock tools/fetch
	@B=$(B) tools/fetch --unpack newlib $(B)/src/newlib
	@touch $@
$(B)/src/musl.stamp: tools/sources.lock tools/fetch
	@B=$(B) tools/fetch --unpack musl $(B)/src/musl
	@touch $@

$(SYSROOT_STAMP): $(B)/src/newlib.stamp $(B)/src/musl.stamp $(NEWLIB_GLUE)
	@exec 9>$(B)/.sysroot.lock; flock 9; old=; \
	for p in $^; do [ $@ -nt $$p ] || old=$$p; done; [ -n "$$old" ] || exit 0; \
	tools/newlib/build $(B)/src/newlib/usr/src/newlib/newlib-*.tar.xz $(B)/newlib $(SYSROOT) \
		$(SYSROOT_JOBS) && \
	tools/newlib/long-double $(B)/src/musl $(B)/libml $(SYSROOT) $(SYSROOT_JOBS) && \
	rm -rf $(B)/libml/obj $(B)/newlib/src $(B)/newlib/obj $(B)/newlib/inst && \
	ar rcs $(SYSROOT)/lib/libpthread.a && ar rcs $(SYSROOT)/lib/librt.a && touch $@

# Members of ours join libc.a after newlib is built, so that they change without building it again.
LIBC_OWN := $(patsubst tools/newlib/%,$(B)/newlib/own/%.o,$(wildcard tools/newlib/*.[cS]))
$(B)/newlib/own/%.o: tools/newlib/% tools/sysroot.mk $(SYSROOT_STAMP)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)gcc $$(cat $(B)/newlib/private/cflags) -std=gnu11 $(K_WARN) -isystem $(SYSROOT)/include \
		-I$(B)/newlib/private -c $< -o $@
# What the kernel's library supplies, and what one process can never do, leaves libc.a.
$(SYSROOT)/.libc: $(LIBC_OWN) tools/newlib/members-removed
	@ar d $(SYSROOT)/lib/libc.a $$(sed '/^#/d; /^$$/d; s/.*/lib_a-&.o/' tools/newlib/members-removed)
	@ar rcs $(SYSROOT)/lib/libc.a $(LIBC_OWN)
	@touch $@

# Our own headers lie over newlib's. One rule for each, so that make knows what a change will rebuild.
POSIX_HEADERS := $(shell find lib/posix/include -name '*.h' 2>/dev/null)
POSIX_HEADERS_LAID := $(POSIX_HEADERS:lib/posix/include/%=$(SYSROOT)/include/%)
$(POSIX_HEADERS_LAID): $(SYSROOT)/include/%: lib/posix/include/% $(SYSROOT_STAMP)
	@install -D -m 644 $< $@
$(SYSROOT)/.headers: $(POSIX_HEADERS_LAID)
	@touch $@

# Replacements for the functions of libgcc that use the red zone.
GCCSAFE_CFLAGS = -std=gnu11 -O2 $(filter-out -g -fstack-protector%,$(K_CODEGEN)) $(K_WARN) -ffreestanding -iquote .
GCCSAFE_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard lib/gccsafe/*.c))
$(B)/lib/gccsafe/%.o: lib/gccsafe/%.c lib/gccsafe/gccsafe.h tools/kernel.mk tools/sysroot.mk
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)gcc $(GCCSAFE_CFLAGS) -c $< -o $@
$(SYSROOT)/lib/libgccsafe.a: $(GCCSAFE_OBJ)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcs $@ $^

# -lblk: a program asks for disks by naming what brings the drivers. A linker script for a library.
$(SYSROOT)/lib/libblk.a: tools/sysroot.mk $(SYSROOT_STAMP)
	@echo '/* disks: the block front end and /dev/xvd* */ EXTERN(posix_blk_start)' >$@

# -lnoprocess: what one process cannot do, for programs that name it: each function of it fails. A linker script
# brings it in wherever it stands among the words of a link.
$(SYSROOT)/lib/noprocess.o: $(B)/kernel/lib/posix/noprocess/noprocess.o
	@install -m 644 $< $@
$(SYSROOT)/lib/libnoprocess.a: tools/sysroot.mk $(SYSROOT)/lib/noprocess.o
	@echo '/* functions that fail: one process */ INPUT(noprocess.o)' >$@

# Libraries that makefiles written for Linux name without asking: what they would hold is in libc or left out.
$(SYSROOT)/lib/libdl.a $(SYSROOT)/lib/libutil.a $(SYSROOT)/lib/libresolv.a: tools/sysroot.mk $(SYSROOT_STAMP)
	@rm -f $@ && ar rcs $@

# -latomic: what programs name for atomic operations that no instruction serves; they are always there.
$(SYSROOT)/lib/libatomic.a: tools/sysroot.mk $(SYSROOT_STAMP)
	@echo '/* in the library of the kernel */' >$@

# Tools of the driver.
LIBEXEC := $(B)/libexec/stardust
$(LIBEXEC)/mkksyms: tools/mkksyms.c
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 -g -Wall -Wextra -o $@ $<

SDK_WRAPPERS := ar ranlib nm strip objcopy objdump readelf ld as size strings addr2line c++filt
SDK_FILES := $(B)/bin/stardust-cc $(B)/bin/$(SDK_TARGET)-gcc $(B)/bin/$(SDK_TARGET)-cc \
	$(SDK_WRAPPERS:%=$(B)/bin/$(SDK_TARGET)-%) $(B)/bin/$(SDK_TARGET)-pkg-config \
	$(LIBEXEC)/mkksyms $(LIBEXEC)/redzone $(LIBEXEC)/left-out $(SYSROOT)/lib/stardust.ld \
	$(B)/share/stardust/config.site $(B)/share/stardust/toolchain.cmake

$(B)/bin/stardust-cc: tools/stardust-cc
	@mkdir -p $(@D)
	@install -m 755 $< $@
$(B)/bin/$(SDK_TARGET)-gcc $(B)/bin/$(SDK_TARGET)-cc: $(B)/bin/stardust-cc
	@ln -sfn stardust-cc $@
$(B)/bin/$(SDK_TARGET)-%: tools/$(SDK_TARGET)-tool
	@mkdir -p $(@D)
	@install -m 755 $< $@
$(LIBEXEC)/left-out: tools/left-out
	@mkdir -p $(@D)
	@install -m 644 $< $@
$(LIBEXEC)/redzone: tools/redzone
	@mkdir -p $(@D)
	@install -m 755 $< $@
$(SYSROOT)/lib/stardust.ld: tools/stardust.ld
	@mkdir -p $(@D)
	@install -m 644 $< $@
$(B)/share/stardust/%: tools/share/%
	@mkdir -p $(@D)
	@install -m 644 $< $@

sysroot: $(SYSROOT_STAMP) $(SYSROOT)/.libc $(SYSROOT)/.headers $(SYSROOT)/lib/libgccsafe.a $(SYSROOT)/lib/libblk.a \
	$(SYSROOT)/lib/libatomic.a $(SYSROOT)/lib/libnoprocess.a \
	$(addprefix $(SYSROOT)/lib/,libdl.a libutil.a libresolv.a)
sdk-files: $(SDK_FILES)
sdk: sysroot kernel sdk-files

# make install PREFIX=/opt/stardust DESTDIR=...: the SDK finds its parts relative to itself.
PREFIX ?= /usr/local
DEST = $(DESTDIR)$(PREFIX)
install-sdk: sdk
	@mkdir -p $(DEST)/bin $(DEST)/libexec/stardust $(DEST)/share/stardust \
		$(DEST)/share/man/man1 $(DEST)/$(SDK_TARGET)/lib
	@cp -P $(filter $(B)/bin/%,$(SDK_FILES)) $(DEST)/bin/
	@cp $(filter $(LIBEXEC)/%,$(SDK_FILES)) $(DEST)/libexec/stardust/
	@cp $(filter $(B)/share/stardust/%,$(SDK_FILES)) $(DEST)/share/stardust/
	@rm -rf $(DEST)/$(SDK_TARGET)/include
	@cp -R $(SYSROOT)/include $(DEST)/$(SDK_TARGET)/
	@cp -R $(SYSROOT)/lib/. $(DEST)/$(SDK_TARGET)/lib/
	@install -m 644 docs/man/stardust-cc.1 $(DEST)/share/man/man1/
	@echo "installed the SDK under $(DEST)"
install: install-sdk

.PHONY: sysroot sdk sdk-files install install-sdk

# Tests of all this; they need no Xen.
test-toolchain: sysroot sdk-files
	@test/toolchain/run $(B)
.PHONY: test-toolchain
