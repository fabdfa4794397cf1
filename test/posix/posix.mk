# SPDX-License-Identifier: BSD-2-Clause
# make test-posix: Debian's posixtestsuite in guests; test/posix/README.md.

$(B)/src/posixtestsuite.stamp: tools/sources.lock tools/fetch
	@B=$(B) tools/fetch --unpack posixtestsuite $(B)/src/posixtestsuite
	@touch $@

AREA ?=
ONLY ?=
VCPUS ?= 2
# ICOUNT=no: a box with two processors, where vCPUs run in parallel and the machine's load shows.
ICOUNT ?= yes
test-posix: all box-image $(B)/src/posixtestsuite.stamp
	$(Q)test/posix/run --build $(B) --vcpus $(VCPUS) $(if $(filter yes,$(ICOUNT)),--icount) $(AREA:%=--area %) $(ONLY:%=--only %) $(POSIX_FLAGS)
.PHONY: test-posix
