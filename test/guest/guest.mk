# SPDX-License-Identifier: BSD-2-Clause
# Guest tests on real Xen: one directory per case, see test/guest/README.md.

GUEST_CASES := $(sort $(notdir $(patsubst %/case.conf,%,$(wildcard test/guest/*/case.conf))))
CASES ?= $(GUEST_CASES)
GUEST_IMAGES := $(foreach c,$(CASES),$(if $(wildcard test/guest/$(c)/main.c),$(B)/test/guest/$(c)/$(c)))

define guest_case
$(B)/test/guest/$(1)/$(1): $$(wildcard test/guest/$(1)/*.c test/guest/$(1)/*.h) test/guest/$(1)/case.conf \
		$$(B)/bin/stardust-cc $$(LIBSTARDUST) tools/stardust.ld | sdk
	$$(call say,GUEST,$(1))
	@mkdir -p $$(@D)
	$$(Q)$$(B)/bin/stardust-cc -O2 -g -Wall -I. -isystem $$(B)/xen-include $$(shell sed -n 's/^cflags=//p' test/guest/$(1)/case.conf) \
		-o $$@ $$(filter %.c,$$^) $$(shell sed -n 's/^libs=//p' test/guest/$(1)/case.conf)
endef
$(foreach c,$(CASES),$(if $(wildcard test/guest/$(c)/main.c),$(eval $(call guest_case,$(c)))))

test-xen: all box-image $(GUEST_IMAGES)
	$(Q)test/guest/runner --build $(B) $(CASES)
.PHONY: test-xen
