# SPDX-License-Identifier: BSD-2-Clause
# Each directory examples/NAME becomes $(B)/examples/NAME/: NAME (stripped, what xl boots), NAME.debug
# (with symbols) and NAME.cfg (@DIR@ replaced by the directory's absolute path).
#
# The sources are examples/NAME/*.c unless examples/NAME/NAME.mk says otherwise: NAME_SOURCES,
# NAME_CFLAGS, NAME_LIBS, NAME_FETCH for a source pinned in tools/sources.lock, NAME_MORE for what else
# it needs to run, and NAME_ON_REQUEST for one that is built by `make run APP=NAME` and `make NAME` alone.

EXAMPLES := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard examples/*/*.c examples/*/*.mk)))))
EXAMPLE_CC := $(B)/bin/stardust-cc
EXAMPLE_SDK = $(SDK_FILES) $(SYSROOT_STAMP) $(SYSROOT)/.headers $(MBEDTLS_STAMP)
EXAMPLE_LIBS = $(SYSROOT)/.libc $(LIBSTARDUST) $(SYSROOT)/lib/crt0.o $(SYSROOT)/lib/libgccsafe.a $(MBEDTLS_LIBS)

include $(wildcard examples/*/*.mk)

# example NAME: the rules of one.
define example
$(1)_SOURCES ?= $(sort $(wildcard examples/$(1)/*.c))
$(1)_CFLAGS ?= -O2 -Wall -Wextra
$(1)_OBJ := $$(patsubst %.c,$(B)/examples/$(1)/obj/%.o,$$(notdir $$($(1)_SOURCES)))
ifneq ($$($(1)_SOURCES),)
vpath %.c $$(sort $$(dir $$($(1)_SOURCES)))
endif

$$($(1)_OBJ): $(B)/examples/$(1)/obj/%.o: %.c examples/examples.mk $(wildcard examples/$(1)/$(1).mk) \
		$(SYSROOT_STAMP) | $$(EXAMPLE_SDK)
	$$(call say,CC,$(1)/$$(<F))
	@mkdir -p $$(@D)
	$$(Q)$$(EXAMPLE_CC) -g $$($(1)_CFLAGS) -MD -MP -c $$< -o $$@

ifneq ($$($(1)_FETCH),)
$$(filter $(B)/src/$$($(1)_FETCH)/%,$$($(1)_SOURCES)): | $(B)/src/$$($(1)_FETCH).stamp ;
$(B)/src/$$($(1)_FETCH).stamp: tools/sources.lock tools/fetch
	@B=$(B) tools/fetch --unpack $$($(1)_FETCH) $(B)/src/$$($(1)_FETCH)
	@find $(B)/src/$$($(1)_FETCH) -type f -exec touch {} + && touch $$@	# newer than old objects
endif

$(B)/examples/$(1)/$(1).debug: $$($(1)_OBJ) $$(EXAMPLE_LIBS) $$(SDK_FILES)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(EXAMPLE_CC) -g $$($(1)_CFLAGS) -o $$@ $$($(1)_OBJ) $$($(1)_LIBS)
$(B)/examples/$(1)/$(1): $(B)/examples/$(1)/$(1).debug
	$$(Q)strip -o $$@ $$<
$(B)/examples/$(1)/$(1).cfg: examples/$(1)/$(1).cfg
	@mkdir -p $$(@D)
	@sed 's|@DIR@|$(abspath $(B))/examples/$(1)|g' $$< >$$@

ifneq ($(wildcard examples/$(1)/root),)
$(B)/examples/$(1)/$(1).cpio: $(shell find examples/$(1)/root -print 2>/dev/null)
	@mkdir -p $$(@D)
	$$(Q)cd examples/$(1)/root && find . -mindepth 1 | LC_ALL=C sort | \
		cpio --quiet -o -H newc --reproducible -R 0:0 >$$(abspath $$@)
endif

$(1)_ALL := $(B)/examples/$(1)/$(1) $(if $(wildcard examples/$(1)/root),$(B)/examples/$(1)/$(1).cpio) \
	$(if $(wildcard examples/$(1)/$(1).cfg),$(B)/examples/$(1)/$(1).cfg) $$($(1)_MORE)
ifeq ($$($(1)_ON_REQUEST),)
examples: $$($(1)_ALL)
else
$(1) $(if $(filter $(1),$(APP_NAME)),run-program debug): $$($(1)_ALL)
.PHONY: $(1)
endif
-include $$($(1)_OBJ:.o=.d)
endef
$(foreach name,$(EXAMPLES),$(eval $(call example,$(name))))

.PHONY: examples
