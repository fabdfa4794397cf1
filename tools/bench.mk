# SPDX-License-Identifier: BSD-2-Clause
# make bench: figures beside a Debian Linux PV guest, docs/bench.md. make test-readme: the README's examples.

BENCH := $(B)/bench
BENCH_HEADERS := $(wildcard test/bench/*.h)
BENCH_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(if $(CI)$(WERROR),-Werror)
BENCH_REPEATS ?= 5

# Each program twice from one source: for Stardust, and static for the Linux guest.
BENCH_PROGRAMS := boot micro threads parallel idle
$(BENCH)/%-linux: test/bench/%.c test/bench/bench.c test/bench/platform_linux.c $(BENCH_HEADERS)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 $(BENCH_WARN) -static -iquote . -o $@ $(filter %.c,$^)

$(BENCH)/%: test/bench/%.c test/bench/bench.c test/bench/platform_stardust.c $(BENCH_HEADERS) $(LIBSTARDUST) \
		tools/stardust.ld tools/stardust-cc | sdk
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/bin/stardust-cc --kernel-names -std=gnu11 -O2 -s $(BENCH_WARN) -iquote . -o $@ $(filter %.c,$^)

$(BENCH)/bench-watch: tools/bench/watch.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 $(BENCH_WARN) -o $@ $< -lxenctrl -lxenstore

bench: all box-image $(addprefix $(BENCH)/,$(BENCH_PROGRAMS) $(BENCH_PROGRAMS:%=%-linux) bench-watch)
	$(Q)tools/bench/bench --build $(B) --repeats $(BENCH_REPEATS)

test-readme: all box-image
	$(Q)test/tools/readme README.md

.PHONY: bench test-readme

# What the tools do that need no box: the driver with a stand-in for xenbox, and the man pages.
test-bench:
	$(Q)test/tools/bench

test-posix-harness:
	$(Q)test/tools/posix

test-man: all box-image
	$(Q)test/tools/man $(B)

.PHONY: test-bench test-posix-harness test-man
