# SPDX-License-Identifier: BSD-2-Clause
# make bench: figures beside a Debian Linux PV guest, docs/bench.md. make test-readme: the README's examples.

BENCH := $(B)/bench
BENCH_HEADERS := $(wildcard test/bench/*.h)
BENCH_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(if $(CI)$(WERROR),-Werror)
BENCH_REPEATS ?= 5
# Some rows only: BENCH_PARTS=disks,net
BENCH_PARTS ?=

# Each program twice from one source: for Stardust, and static for the Linux guest.
BENCH_PROGRAMS := boot micro threads parallel idle disk net
# Of the disk: ours has ext4 in it.
$(BENCH)/disk: BENCH_LIBS := -lext4
$(BENCH)/disk: test/bench/disk_stardust.c
$(BENCH)/disk-linux: test/bench/disk_linux.c
$(BENCH)/net: test/bench/net_stardust.c
$(BENCH)/net-linux: test/bench/net_linux.c
$(BENCH)/%-linux: test/bench/%.c test/bench/bench.c test/bench/platform_linux.c $(BENCH_HEADERS)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 $(BENCH_WARN) -static -iquote . -o $@ $(filter %.c,$^)

$(BENCH)/%: test/bench/%.c test/bench/bench.c test/bench/platform_stardust.c $(BENCH_HEADERS) $(LIBSTARDUST) \
		tools/stardust.ld tools/stardust-cc | sdk
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/bin/stardust-cc --kernel-names -std=gnu11 -O2 -s $(BENCH_WARN) -iquote . -isystem $(B)/xen-include -o $@ $(filter %.c,$^) $(BENCH_LIBS)

$(BENCH)/hello-ext4: $(wildcard examples/hello/*.c) $(LIBSTARDUST) tools/stardust.ld tools/stardust-cc | sdk
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(B)/bin/stardust-cc -O2 -s -o $@ $(filter %.c,$^) -lext4

$(BENCH)/bench-watch: tools/bench/watch.c
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 $(BENCH_WARN) -o $@ $< -lxenctrl -lxenstore

$(BENCH)/net-peer: test/bench/net_peer.c $(BENCH_HEADERS)
	$(call say,HOSTCC,$@)
	@mkdir -p $(@D)
	$(Q)gcc -std=gnu11 -O2 $(BENCH_WARN) -iquote . -o $@ $< -lxenctrl -lpthread

bench: all box-image $(addprefix $(BENCH)/,$(BENCH_PROGRAMS) $(BENCH_PROGRAMS:%=%-linux) hello-ext4 bench-watch net-peer)
	$(Q)tools/bench/bench --build $(B) --repeats $(BENCH_REPEATS) $(if $(BENCH_PARTS),--parts $(BENCH_PARTS))

test-readme: all box-image
	$(Q)test/tools/readme README.md

.PHONY: bench test-readme

# What the tools do that need no box: the driver with a stand-in for xenbox, and the man pages.
test-bench:
	$(Q)test/tools/bench

test-posix-harness:
	$(Q)test/tools/posix

test-debug-tool:
	$(Q)test/tools/debug

test-summary-tool:
	$(Q)test/tools/summary

test-runner:
	$(Q)test/tools/runner

test-man: all box-image
	$(Q)test/tools/man $(B)

.PHONY: test-bench test-posix-harness test-debug-tool test-summary-tool test-runner test-man
