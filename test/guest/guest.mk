# SPDX-License-Identifier: BSD-2-Clause
# Guest tests on real Xen: one directory per case, see test/guest/README.md.

# On request only, by CASES=: they take long on a busy machine.
GUEST_LONG := net-loss net-many redis files-many sqlite net-config fetch
GUEST_CASES := $(filter-out $(GUEST_LONG),$(sort $(notdir $(patsubst %/case.conf,%,$(wildcard test/guest/*/case.conf)))))
# CASE= says the same as CASES=.
CASES ?= $(or $(CASE),$(GUEST_CASES))
GUEST_IMAGES := $(foreach c,$(CASES),$(if $(wildcard test/guest/$(c)/main.c),$(B)/test/guest/$(c)/$(c)))

# GUEST_OBJECTS_NAME, GUEST_FLAGS_NAME: what else the program of case NAME is made with.
# Cases that include the kernel's headers are linked with its own names.
GUEST_INSIDE := ^.include "(core|xen|arch|drivers|lib|test/guest/[a-z0-9-]+)/

define guest_case
$(B)/test/guest/$(1)/$(1): $$(wildcard test/guest/$(1)/*.c test/guest/$(1)/*.h) test/guest/$(1)/case.conf \
		$$(B)/bin/stardust-cc $$(LIBSTARDUST) tools/stardust.ld $$(GUEST_OBJECTS_$(1)) | sdk
	$$(call say,GUEST,$(1))
	@mkdir -p $$(@D)
	$$(Q)$$(B)/bin/stardust-cc $$(if $$(shell grep -lE '$(GUEST_INSIDE)' test/guest/$(1)/*.c),--kernel-names) -O2 -g -Wall -iquote . -isystem $$(B)/xen-include $$(shell sed -n 's/^cflags=//p' test/guest/$(1)/case.conf) \
		$$(GUEST_FLAGS_$(1)) -o $$@ $$(filter %.c,$$^) $$(GUEST_OBJECTS_$(1)) $$(shell sed -n 's/^libs=//p' test/guest/$(1)/case.conf)
endef
$(foreach c,$(CASES),$(if $(wildcard test/guest/$(c)/main.c),$(eval $(call guest_case,$(c)))))

test-xen: all box-image $(GUEST_IMAGES)
	$(Q)test/guest/runner --build $(B) $(CASES)
.PHONY: test-xen

# make boots N=1000: as many boots of one guest in a box of its own; see test/guest/boots/check.
N ?= 1000
boots: all box-image $(B)/test/guest/boots/boots
	$(Q)export XENBOX=$(TOP)/$(B)/bin/xenbox BOX_NAME=boots-$$$$ BOOTS=$(N) BOOTS_ALONE=1 \
		IMAGE=$(TOP)/$(B)/test/guest/boots/boots OUT=$(TOP)/$(B)/test/guest/boots; \
	trap '$$XENBOX -b $$BOX_NAME down >/dev/null 2>&1' EXIT; \
	$$XENBOX -b $$BOX_NAME up && test/guest/boots/check
.PHONY: boots

# make torture SECONDS=3600 SEED=1: both of what follows, one after the other; an hour of threads, and a thousand kills of
# duster, fewer for less time.
SECONDS ?= 3600
torture: torture-threads
	$(Q)$(MAKE) torture-duster KILLS=$(or $(KILLS),$$(($(SECONDS) * 500 / 3600 + 1)))

# All that threads can do at once, in a box of its own; test/guest/torture/check.
torture-threads: all box-image $(B)/test/guest/torture/torture
	$(Q)export XENBOX=$(TOP)/$(B)/bin/xenbox BOX_NAME=torture-$$$$ TORTURE_SECONDS=$(SECONDS) $(SEED:%=TORTURE_SEED=%) \
		IMAGE=$(TOP)/$(B)/test/guest/torture/torture OUT=$(TOP)/$(B)/test/guest/torture \
		CASE_DIR=$(TOP)/test/guest/torture; \
	trap '$$XENBOX -b $$BOX_NAME down >/dev/null 2>&1' EXIT; \
	$$XENBOX -b $$BOX_NAME up && test/guest/torture/check

# duster killed again and again, KILLS=1000 times in each of its two guests; test/guest/duster-live/kill.
torture-duster: all box-image $(B)/test/guest/duster-live/duster-live $(B)/test/guest/duster-smp/duster-smp
	$(Q)export XENBOX=$(TOP)/$(B)/bin/xenbox BOX_NAME=torture-duster-$$$$ KILLS=$(or $(KILLS),1000); \
	trap '$$XENBOX -b $$BOX_NAME down >/dev/null 2>&1' EXIT; \
	$$XENBOX -b $$BOX_NAME up && for c in duster-live duster-smp; do \
		IMAGE=$(TOP)/$(B)/test/guest/$$c/$$c OUT=$(TOP)/$(B)/test/guest/$$c CASE_DIR=$(TOP)/test/guest/$$c \
			test/guest/$$c/check || exit 1; echo "$$c: ok"; done
.PHONY: torture torture-threads torture-duster
