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
T_CFLAGS := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-strict-aliasing -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Werror -I. -isystem $(B)/xen-include -D_GNU_SOURCE
T_LIBS := -fsanitize=address,undefined -lcheck -lsubunit -lrt -lm -lpthread

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
	$(Q)$(T_CC) $(T_CFLAGS) -MMD -MP -c $< -o $@
	$(Q)if command -v clang >/dev/null; then clang $(T_CFLAGS) -fsyntax-only $<; fi

$(T_OUT)/obj/%.o: %.S test/host/host.mk
	$(call say,AS,$< (test))
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(T_CFLAGS) -D__ASSEMBLY__ -MMD -MP -c $< -o $@

$(T_BIN): $(T_OUT)/bin/%: $(T_OUT)/obj/test/host/%.o $(T_OUT)/obj/test/host/check_main.o
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(T_CC) $(filter %.o,$^) $(T_LIBS) -o $@

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

# Planted bugs, each of which some test must notice. Takes minutes, so it is no part of test-unit.
test-mutants: $(T_BIN)
	$(Q)B=$(B) test/host/mutants $(ONLY)

.PHONY: test-unit test-mutants
-include $(shell find $(T_OUT)/obj -name '*.d' 2>/dev/null)
