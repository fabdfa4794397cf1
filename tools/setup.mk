# SPDX-License-Identifier: BSD-2-Clause
# Packages first: every goal that builds something runs tools/setup before any rule (a few ms when
# nothing is missing). SETUP=no prints what is missing and stops, SETUP=skip looks at nothing.

goals := $(or $(MAKECMDGOALS),all)
quiet_goals := help clean distclean setup install-help

# In a real dom0 guests are run by the host's xl, and no box is needed, unless BOX=qemu.
XEN_CAPABILITIES ?= /proc/xen/capabilities
HOST_XL := $(if $(filter qemu,$(BOX)),,$(findstring control_d,$(shell cat $(XEN_CAPABILITIES) 2>/dev/null)))

setup_groups := build
ifneq ($(filter $(if $(HOST_XL),,all run run-program) debug box box-image bench test test-%,$(filter-out \
	test-unit test-tsan test-toolchain,$(goals))),)
setup_groups += box
else ifneq ($(filter all run run-program,$(goals)),)
setup_groups += dom0
endif
ifneq ($(filter all duster debug test test-xen test-duster test-manners install install-duster,$(goals)),)
setup_groups += duster
endif
ifneq ($(filter test test-%,$(goals)),)
setup_groups += test
endif
ifneq ($(filter check-style check-% test-style,$(goals)),)
setup_groups += style
endif

ifneq ($(filter-out $(quiet_goals),$(goals)),)
# The one-letter options are the word of MAKEFLAGS that is neither a long option nor a variable.
short_flags := $(foreach w,$(filter-out -%,$(MAKEFLAGS)),$(if $(findstring =,$(w)),,$(w)))
ifeq ($(findstring n,$(short_flags)),)
setup_said := $(shell B=$(B) SETUP=$(SETUP) tools/setup $(setup_groups) >&2 && echo done)
ifneq ($(setup_said),done)
$(error set-up stopped: see the line above)
endif
endif
endif

# `make setup` alone installs everything anyone may need.
setup:
ifneq ($(filter setup,$(MAKECMDGOALS)),)
	@B=$(B) SETUP=$(SETUP) tools/setup build box duster test style
endif

# The public Xen headers, under a directory that holds nothing else.
XEN_HEADERS := $(B)/xen-include/xen
$(XEN_HEADERS):
	@mkdir -p $(@D)
	@ln -sfn /usr/include/xen $@

accept-sources:
	@test -n "$(NAME)" || { echo "make accept-sources NAME=newlib" >&2; exit 1; }
	@B=$(B) tools/fetch --accept $(NAME)

.PHONY: setup accept-sources
