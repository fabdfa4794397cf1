# SPDX-License-Identifier: BSD-2-Clause
# make test-posix: Debian's posixtestsuite in guests; test/posix/README.md.

$(B)/src/posixtestsuite.stamp: tools/sources.lock tools/fetch
	@B=$(B) tools/fetch --unpack posixtestsuite $(B)/src/posixtestsuite
	@touch $@

AREA ?=
ONLY ?=
VCPUS ?= 2
test-posix: all box-image $(B)/src/posixtestsuite.stamp
	$(Q)test/posix/run --build $(B) --vcpus $(VCPUS) $(AREA:%=--area %) $(ONLY:%=--only %) $(POSIX_FLAGS)
.PHONY: test-posix
