# SPDX-License-Identifier: BSD-2-Clause
# make test-unit: the rooms' unit tests, with Check, on the host, under ASan and UBSan.
#
# Each test/host/ROOM/test_MODULE.c is one program. Lines ` * Links: FILE.c …` in its head comment name
# what it is linked with, from the kernel and from the fakes; everything else it calls it defines.
# UNIT=core/test_heap runs one.

T_CC := gcc
T_SRC := $(sort $(wildcard test/host/*/test_*.c test/host/*/*/test_*.c test/host/*/*/*/test_*.c))
T_OUT := $(B)/test-host
T_BIN := $(T_SRC:test/host/%.c=$(T_OUT)/bin/%)
T_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
T_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer $(T_SANITIZE) \
	-fno-strict-aliasing -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror -iquote . -isystem $(B)/xen-include -D_GNU_SOURCE
T_LIBS := $(T_SANITIZE) -lcheck -lsubunit -lrt -lm -lpthread

$(T_OUT)/links.mk: $(T_SRC) test/host/host.mk
	@mkdir -p $(@D)
	@awk -v out=$(T_OUT) 'function name() { f = FILENAME; sub(/^test\/host\//, "", f); \
		sub(/\.c$$/, "", f); return f } \
		/^ \* Links:/ { for (i = 3; i <= NF; i++) { o = $$i; sub(/\.[cS]$$/, ".o", o); \
		print out "/bin/" name() ": " out "/obj/" o } }' $(T_SRC) > $@
ifneq ($(filter test test-unit test-fuzz test-mutants $(T_OUT)/%,$(MAKECMDGOALS)),)
-include $(T_OUT)/links.mk
endif

$(T_OUT)/obj/%.o: %.c test/host/host.mk | $(XEN_HEADERS)
	$(call say,CC,$< (test))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(T_CFLAGS) -MMD -MP -c $< -o $@ $(T_AFTER)
	$(Q)if command -v clang >/dev/null; then clang $(T_CFLAGS) -fsyntax-only $<; fi

# libext2fs, with the same sanitizers. What sees it, and what is linked with it, is named here.
T_E2FS := $(T_OUT)/libext2fs.a
T_E2FS_OBJ := $(E2FS_C:lib/ext2fs/%.c=$(T_OUT)/e2fsprogs/%.o)
$(T_E2FS_OBJ): $(T_OUT)/e2fsprogs/%.o: tools/ext4.mk test/host/host.mk $(E2FS_INCLUDE).stamp
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(filter-out -W%,$(T_CFLAGS)) $(E2FS_CFLAGS) -c $(E2FS)/lib/ext2fs/$*.c -o $@
$(T_E2FS): $(T_E2FS_OBJ)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)ar rcs $@ $^
T_EXT4 := $(patsubst %.c,$(T_OUT)/obj/%.o,$(wildcard lib/fs/ext4*.c))
# What libext2fs allocates is counted, and fails, as what the kernel's heap gives.
T_COUNT := objcopy $(addprefix --redefine-sym ,malloc=heap_alloc calloc=disk_calloc realloc=heap_realloc \
	free=heap_free posix_memalign=disk_memalign)
T_E2FS_COUNTED := $(T_OUT)/libext2fs-counted.a
$(T_E2FS_COUNTED): $(T_E2FS)
	$(Q)$(T_COUNT) $< $@
$(T_EXT4): T_CFLAGS += -isystem $(E2FS_INCLUDE)
$(T_EXT4): T_AFTER = && $(T_COUNT) $@
$(T_EXT4): $(E2FS_INCLUDE).stamp
T_EXT4_BIN := $(filter %/test_ext4 %/test_ext4_cut %/test_ext4_replay %/test_bcache,$(T_BIN))
$(T_EXT4_BIN): $(T_E2FS_COUNTED) $(T_EXT4) $(T_OUT)/obj/lib/fs/bcache.o $(T_OUT)/obj/lib/fs/bcache_io.o \
	$(T_OUT)/obj/test/host/lib/fs/disk.o $(T_OUT)/obj/test/host/lib/fs/files.o

# Nothing of the sanitizers where stacks are switched by hand.
$(T_OUT)/obj/test/mock/sim.o $(T_OUT)/obj/test/mock/sim_access.o \
	$(T_OUT)/obj/test/host/core/test_sched.o $(T_OUT)/obj/test/host/core/test_futex.o \
	$(T_OUT)/obj/test/host/lib/posix/test_mutex_word.o $(T_OUT)/obj/test/host/lib/posix/test_rwlock.o: \
	T_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(T_CFLAGS))
# For test/mock/sim.h: each access to memory calls the simulator, which provides what the compiler
# calls for ThreadSanitizer. Named interleaved/FILE.c in `Links:`.
T_INTERLEAVED := $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(T_CFLAGS)) -fsanitize=thread \
	-DERROR_NUMBERS_OF_KERNEL
$(T_OUT)/obj/interleaved/%.o: %.c test/host/host.mk | $(XEN_HEADERS)
	$(call say,CC,$< (interleaved))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(T_INTERLEAVED) -MMD -MP -c $< -o $@

# lib/posix sees the guest's C library, and its functions get names the host's does not have.
T_POSIX = -std=gnu11 -g -O1 -fno-strict-aliasing -fsanitize=thread -fno-pie -D_GNU_SOURCE -DTCB_HOST \
	-D_POSIX_MONOTONIC_CLOCK=200809L -D_POSIX_TIMERS=200809L -D_POSIX_CPUTIME=200809L \
	-D_POSIX_THREAD_CPUTIME=200809L -D_POSIX_CLOCK_SELECTION=200809L \
	-include test/host/tsan/sync_names.h -nostdinc -isystem $(shell $(T_CC) -print-file-name=include) \
	-isystem $(SYSROOT)/include -iquote . -isystem $(B)/xen-include -U__linux__ -MMD -MP
$(T_OUT)/obj/interleaved/lib/posix/%.o: lib/posix/%.c test/host/host.mk test/host/tsan/sync_names.h $(SYSROOT)/.headers
	$(call say,CC,$< (interleaved))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(filter-out -fno-pie,$(T_POSIX)) -c $< -o $@

$(T_OUT)/obj/%.o: %.S test/host/host.mk
	$(call say,AS,$< (test))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(T_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(T_BIN): $(T_OUT)/bin/%: $(T_OUT)/obj/test/host/%.o $(T_OUT)/obj/test/host/check_main.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(filter %.o,$^) $(filter %.a,$^) $(T_LIBS) $(if $(findstring /duster/,$@),-ldw -lelf -lopcodes -lbfd) -o $@

# These are guests of their own debugger (test/host/duster/engine/self.h).
$(T_OUT)/bin/duster/engine/test_views $(T_OUT)/bin/duster/engine/test_views_io: T_LIBS += -no-pie

# mbedTLS's curves and sums with the sanitizers, and what is in their place.
T_MBEDTLS_OBJ := $(patsubst %,$(T_OUT)/mbedtls/%.o,asn1parse asn1write bignum constant_time ecdh ecdsa ecp ecp_curves \
	hmac_drbg md md5 platform platform_util ripemd160 sha1 sha256 sha512 threading asm_features \
	$(MBEDTLS_FAST) $(MBEDTLS_FAST:%=%-asm))
T_MBEDTLS_FLAGS = $(filter-out -W%,$(T_CFLAGS)) -w -isystem $(T_OUT)/mbedtls/include -I$(MBEDTLS)/library -Itools/mbedtls
$(T_OUT)/mbedtls/include: $(MBEDTLS_STAMP)
	@rm -rf $@
	@mkdir -p $@
	@cp -R $(SYSROOT)/include/mbedtls $(SYSROOT)/include/psa $@
$(patsubst %,$(T_OUT)/mbedtls/%.o,asm_features $(MBEDTLS_FAST)): $(T_OUT)/mbedtls/%.o: tools/mbedtls/%.c $(wildcard tools/mbedtls/*.h) \
		$(MBEDTLS_STAMP) $(BORINGSSL).stamp test/host/host.mk | $(T_OUT)/mbedtls/include
	$(call say,CC,$< (test))
	$(Q)$(T_CC) $(T_CFLAGS) -isystem $(T_OUT)/mbedtls/include $(BORINGSSL_INCLUDE) -c $< -o $@
$(T_OUT)/mbedtls/%-asm.o: $(BORINGSSL).stamp | $(T_OUT)/mbedtls/include
	$(Q)$(T_CC) -c $(BORINGSSL_ASM)/$(asm_of_$*).S -o $@
# What would be there without: with the library's own configuration, under another name.
$(T_OUT)/mbedtls/generic-%.o: $(MBEDTLS).stamp test/host/host.mk | $(T_OUT)/mbedtls/include
	$(Q)$(T_CC) $(filter-out -W%,$(T_CFLAGS)) -w -I$(MBEDTLS)/include -c $(MBEDTLS)/library/$*.c -o $@
	$(Q)objcopy --redefine-sym mbedtls_internal_$*_process=generic_$*_process --keep-global-symbol=generic_$*_process $@
$(T_OUT)/mbedtls/%.o: $(MBEDTLS_STAMP) test/host/host.mk | $(T_OUT)/mbedtls/include
	$(Q)$(T_CC) $(T_MBEDTLS_FLAGS) -c $(MBEDTLS)/library/$*.c -o $@
$(T_OUT)/obj/test/host/mbedtls/%.o: T_CFLAGS += -isystem $(T_OUT)/mbedtls/include \
	-DVECTORS='"$(BORINGSSL)/src/third_party/wycheproof_testvectors"'
$(patsubst %,$(T_OUT)/obj/test/host/mbedtls/%.o,test_p256 test_hash): | $(T_OUT)/mbedtls/include
$(T_OUT)/bin/mbedtls/test_p256: $(T_MBEDTLS_OBJ)
$(T_OUT)/bin/mbedtls/test_hash: $(T_MBEDTLS_OBJ) $(T_OUT)/mbedtls/generic-sha256.o $(T_OUT)/mbedtls/generic-sha512.o

T_RUN := $(if $(UNIT),$(T_OUT)/bin/$(UNIT),$(T_BIN))

# A test program that dies without its closing line is a failure of its own.
test-unit: $(T_RUN)
	@passed=0; failed=0; for t in $(T_RUN); do \
		name=$${t#$(T_OUT)/bin/}; log=$(T_OUT)/$$(echo $$name | tr / -).log; \
		ASAN_OPTIONS=detect_leaks=0:handle_abort=0 $$t >$$log 2>&1; status=$$?; \
		last=$$(tail -n 1 $$log); \
		if [[ $$last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then \
			passed=$$((passed + BASH_REMATCH[1])); bad=$${BASH_REMATCH[2]}; \
			[ $$status = 0 ] || [ $$bad != 0 ] || bad=1; \
		else bad=1; last="ended with status $$status"; fi; \
		failed=$$((failed + bad)); printf '%-28s %s\n' "$$name" "$$last"; \
		[ $$bad = 0 ] || { sed 's/^/    /' $$log; echo "    (kept in $$log)"; }; \
	done; echo "$$passed passed, $$failed failed"; [ $$failed = 0 ] && [ $$passed != 0 ]

# make test-cuts: a million states after power cuts, without the sanitizers, in half an hour; test_ext4_cut
# of test-unit looks at some thousand with them.
CUT_STATES ?= 1000000
test-cuts:
	$(Q)$(MAKE) --no-print-directory T_OUT=$(B)/test-cuts T_SANITIZE=-O2 $(B)/test-cuts/bin/lib/fs/test_ext4_cut
	$(Q)CUT_STATES=$(CUT_STATES) $(B)/test-cuts/bin/lib/fs/test_ext4_cut
.PHONY: test-cuts

# make test-tsan: parts of the kernel that several vCPUs share, under ThreadSanitizer, with host threads
# for vCPUs. Each test/host/tsan/tsan_NAME.c is one program, with `Links:` as above. TSAN_ROUNDS: how long
# (1 takes seconds).
TSAN_ROUNDS ?= 1
TSAN_SRC := $(wildcard test/host/tsan/tsan_*.c)
TSAN_BIN := $(TSAN_SRC:test/host/tsan/%.c=$(T_OUT)/tsan/%)
# Where the sanitizer leaves addresses to us.
TSAN_CFLAGS := $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(T_CFLAGS)) -fsanitize=thread -fno-pie \
	-DVM_REGION_START=0x550000000000ULL -DVM_REGION_BYTES=0x10000000000ULL
$(T_OUT)/tsan/obj/%.o: %.c test/host/host.mk | $(XEN_HEADERS)
	$(call say,CC,$< (tsan))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(TSAN_CFLAGS) -MMD -MP -c $< -o $@
$(T_OUT)/tsan/obj/lib/posix/%.o: lib/posix/%.c test/host/host.mk test/host/tsan/sync_names.h $(SYSROOT)/.headers
	$(call say,CC,$< (tsan))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(T_POSIX) -c $< -o $@
$(T_OUT)/tsan/obj/%.o: %.S test/host/host.mk
	@mkdir -p $(@D)
	$(Q)$(T_CC) -D__ASSEMBLY__ -iquote . -c $< -o $@
tsan_links = $(shell sed -n 's/^ \* Links: //p' test/host/tsan/$(1).c)
define tsan_program
$(T_OUT)/tsan/$(1): $(T_OUT)/tsan/obj/test/host/tsan/$(1).o $(patsubst %,$(T_OUT)/tsan/obj/%.o,$(basename $(call tsan_links,$(1))))
	$$(call say,LD,$$@)
	$$(Q)$$(T_CC) $$^ -no-pie -fsanitize=thread -lpthread -o $$@
endef
$(foreach t,$(TSAN_SRC:test/host/tsan/%.c=%),$(eval $(call tsan_program,$(t))))
test-tsan: $(TSAN_BIN)
	@passed=0; failed=0; for t in $(TSAN_BIN); do \
		if TSAN_OPTIONS=halt_on_error=1:exitcode=66:history_size=4 $$t $(TSAN_ROUNDS) >$$t.log 2>&1; \
		then passed=$$((passed + 1)); echo "$${t##*/}: $$(tail -n 1 $$t.log)"; \
		else failed=$$((failed + 1)); sed 's/^/    /' $$t.log | tail -n 60; echo "$${t##*/}: failed ($$t.log)"; fi; \
	done; echo "$$passed passed, $$failed failed"; [ $$failed = 0 ] && [ $$passed != 0 ]
.PHONY: test-tsan

# libFuzzer over what outsiders write: FUZZ_SECONDS for each test/host/fuzz/fuzz_NAME.c, whose line
# ` * Sources:` names what it is built from. What it finds lands in build/test-host/fuzz/NAME/.
FUZZ_SECONDS ?= 30
F_SRC := $(wildcard test/host/fuzz/fuzz_*.c)
F_BIN := $(F_SRC:test/host/fuzz/fuzz_%.c=$(T_OUT)/fuzz/%/fuzz)
$(T_OUT)/fuzz/%/fuzz: test/host/fuzz/fuzz_%.c test/host/host.mk | $(XEN_HEADERS)
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)/corpus
	$(Q)clang $(T_CFLAGS) -fsanitize=fuzzer -MMD -MF $(@D)/fuzz.d -MT $@ $< \
		$$(sed -n 's/^ \* Sources: //p' $<) $(F_MORE) -o $@ $$(sed -n 's/^ \* Libraries: //p' $<)
# As host.mk's links: clang writes down what one of several sources includes.
$(foreach f,$(F_SRC),$(eval $(f:test/host/fuzz/fuzz_%.c=$(T_OUT)/fuzz/%/fuzz): $(shell sed -n 's/^ \* Sources: //p' $(f))))
$(T_OUT)/fuzz/ext4/fuzz: $(T_E2FS) $(wildcard lib/fs/ext4*.c)
$(T_OUT)/fuzz/ext4/fuzz: F_MORE = -isystem $(E2FS_INCLUDE) $(wildcard lib/fs/ext4*.c) $(T_E2FS) \
	-lcheck -lsubunit -lrt -lm -lpthread
# Something to begin with.
$(T_OUT)/fuzz/gzip/seeds: $(F_SRC)
	@mkdir -p $(@D)/corpus
	$(Q)gzip -c test/host/host.mk >$(@D)/corpus/text
	$(Q)head -c 3000 /dev/urandom | gzip -1 >$(@D)/corpus/noise
	@touch $@
$(T_OUT)/fuzz/blkfront/seeds: test/host/fuzz/blkfront.corpus
	@mkdir -p $(@D)/corpus
	$(Q)/usr/bin/python3 -c 'import sys; [open("%s/seed-%d" % (sys.argv[2], i), "wb").write(bytes.fromhex(line)) \
		for i, line in enumerate(open(sys.argv[1])) if line[0] != "#"]' $< $(@D)/corpus
	@touch $@
$(T_OUT)/fuzz/archive/seeds: $(F_SRC)
	@mkdir -p $(@D)/corpus
	$(Q)tar -C test/host/fuzz --format=ustar -cf $(@D)/corpus/ustar .
	$(Q)cd test/host/fuzz && find . | cpio --quiet -o -H newc >$(CURDIR)/$(@D)/corpus/newc
	@touch $@
$(T_OUT)/fuzz/duster/seeds: $(F_SRC) test/host/fuzz/cores.py
	@mkdir -p $(@D)/corpus
	$(Q)for o in O0 O2; do printf 'struct n { struct n *next; int a:3; double d; } n; int t[4]; int f(int x) \
		{ int y = x * 2; return y + n.a; } int _start(void) { return f(t[1]); }' | gcc -$$o -g \
		-nostdlib -static -Wl,-n -xc - -o $(@D)/corpus/$$o 2>/dev/null || gcc -$$o -g -nostdlib -static -Wl,-n -xc - \
		-o $(@D)/corpus/$$o <<<'int t[4]; int f(int x) { return x + t[1]; } int _start(void) { return f(2); }'; done
	$(Q)/usr/bin/python3 test/host/fuzz/cores.py $(@D)/corpus
	@touch $@
test-fuzz: $(F_BIN) $(T_OUT)/fuzz/blkfront/seeds $(T_OUT)/fuzz/archive/seeds $(T_OUT)/fuzz/gzip/seeds $(T_OUT)/fuzz/duster/seeds $(T_OUT)/fuzz/frames/seeds
	@passed=0; failed=0; for f in $(F_BIN); do \
		echo "$$f: $(FUZZ_SECONDS) s"; \
		if $$f -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -print_final_stats=1 \
			-artifact_prefix=$${f%fuzz} $${f%fuzz}corpus >$${f}.log 2>&1; \
		then passed=$$((passed + 1)); grep -E 'executed_units|slowest' $${f}.log; \
		else failed=$$((failed + 1)); tail -30 $${f}.log; fi; \
	done; echo "$$passed passed, $$failed failed"; [ $$failed = 0 ] && [ $$passed != 0 ]
# Ten minutes, shared by all of them.
fuzz:
	$(Q)$(MAKE) --no-print-directory test-fuzz FUZZ_SECONDS=$$((600 / $(words $(F_SRC))))
.PHONY: test-fuzz fuzz
-include $(F_BIN:=.d)

# lwIP for the host: with the sanitizers, and for the fuzzer.
T_LWIP_INCLUDE := -isystem $(LWIP)/src/include -isystem lib/net/lwip
T_LWIP_OBJ := $(LWIP_C:src/%.c=$(T_OUT)/lwip/%.o)
F_LWIP_OBJ := $(LWIP_C:src/%.c=$(T_OUT)/fuzz/lwip/%.o)
$(T_LWIP_OBJ): $(T_OUT)/lwip/%.o: test/host/host.mk $(LWIP_HEADERS) $(LWIP).stamp
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(filter-out -W%,$(T_CFLAGS)) -w $(T_LWIP_INCLUDE) -c $(LWIP)/src/$*.c -o $@
$(F_LWIP_OBJ): $(T_OUT)/fuzz/lwip/%.o: test/host/host.mk $(LWIP_HEADERS) $(LWIP).stamp
	@mkdir -p $(@D)
	$(Q)clang $(filter-out -W%,$(T_CFLAGS)) -fsanitize=fuzzer-no-link -w $(T_LWIP_INCLUDE) -c $(LWIP)/src/$*.c -o $@
$(T_OUT)/fuzz/frames/fuzz: $(F_LWIP_OBJ)
$(T_OUT)/fuzz/frames/fuzz: F_MORE = $(T_LWIP_INCLUDE) $(F_LWIP_OBJ)
$(T_OUT)/fuzz/frames/seeds: test/host/fuzz/frames.py
	@mkdir -p $(@D)/corpus
	$(Q)/usr/bin/python3 $< $(@D)/corpus
	@touch $@
$(patsubst %.c,$(T_OUT)/obj/%.o,$(wildcard lib/net/*.c)): T_CFLAGS += $(T_LWIP_INCLUDE)
$(patsubst %.c,$(T_OUT)/obj/%.o,$(wildcard lib/net/*.c)): $(LWIP).stamp $(LWIP_HEADERS)
$(patsubst %,$(T_OUT)/bin/lib/net/%,test_stack test_config test_carrier test_dhcp6): $(T_LWIP_OBJ)

# Planted bugs, each of which some test must notice. Takes minutes, so it is no part of test-unit.
test-mutants: $(T_BIN) $(TSAN_BIN)
	$(Q)B=$(B) test/host/mutants $(ONLY)

.PHONY: test-unit test-mutants
-include $(shell find $(T_OUT)/obj $(T_OUT)/tsan/obj -name '*.d' 2>/dev/null)
