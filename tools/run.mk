# SPDX-License-Identifier: BSD-2-Clause
# make run | box | test | help: what a person types.

APP ?= examples/hello
ARGS ?=
RUN_FLAGS ?=
# APP=hello is examples/hello.
ifneq ($(wildcard examples/$(APP)/.),)
override APP := examples/$(APP)
endif
# APP is an example's directory, a C file, or an image: each becomes an image and, if it has one, a cfg.
APP_NAME := $(basename $(notdir $(patsubst %/,%,$(APP))))
ifneq ($(wildcard $(APP)/.),)
APP_IMAGE := $(B)/examples/$(APP_NAME)/$(APP_NAME)
APP_CFG := $(patsubst examples/%,$(B)/examples/%,$(wildcard examples/$(APP_NAME)/$(APP_NAME).cfg))
else ifneq ($(filter %.c,$(wildcard $(APP))),)
APP_IMAGE := $(B)/apps/$(APP_NAME)
APP_CFG :=
APP_BUILT := $(APP_IMAGE)
$(APP_IMAGE): $(APP) $(LIBSTARDUST) $(B)/bin/stardust-cc $(LIBEXEC)/mkksyms | sdk
	@mkdir -p $(@D)
	$(Q)$(B)/bin/stardust-cc -O2 -g $(CFLAGS) -o $@ $<
else
APP_IMAGE := $(APP)
APP_CFG :=
endif

# `make run` ends with the program's own status. GNU make turns any failure into 2, so a small loadable
# object gives it a function that exits with a number; without it a failure is 2 as ever.
ifneq ($(filter run,$(MAKECMDGOALS)),)
ifneq ($(if $(findstring n,$(short_flags)),,$(wildcard /usr/include/gnumake.h)),)
-load $(B)/host/make_exit.so
endif
endif
$(B)/host/make_exit.so: tools/make_exit.c
	@mkdir -p $(@D)
	$(Q)gcc -shared -fPIC -O2 -Wall -Wextra -o $@ $<

RUN_STATUS := $(B)/run.status.$(shell echo $$PPID)

# Expanded when run-program has ended; the shell's exit is for a make that cannot load objects.
run: run-program
	@$(eval run_ended := $(shell cat $(RUN_STATUS); rm -f $(RUN_STATUS)))$(exit-with $(run_ended))exit $(run_ended)

run-program: all $(if $(HOST_XL),,box-image) $(APP_BUILT)
	@if [ ! -e '$(APP_IMAGE)' ]; then \
		echo 'make run: APP=$(APP): no such example, C file or image (examples: $(notdir $(patsubst %/,%,$(wildcard examples/*/))))' >&2; \
		exit 2; fi
	@mkdir -p $(B)
	@$(B)/bin/xenbox run $($(APP_NAME)_RUN_FLAGS) $(RUN_FLAGS) $(if $(APP_CFG),--cfg $(APP_CFG)) $(APP_IMAGE) -- $(ARGS); \
		echo $$? >$(RUN_STATUS)

box: all box-image
	$(Q)$(B)/bin/xenbox shell

# make debug APP=...: a guest in the box, stopped at main, with duster's prompt.
debug: all box-image $(APP_BUILT)
	@B=$(B) tools/debug '$(APP_IMAGE)' '$(APP_CFG)'
.PHONY: debug

HELP := tools/help.txt
help:
	@cat $(HELP)

# Fast things first; every part prints `N passed, N failed`, tools/test-summary adds them up.
test: all box-image
	@tools/test-summary $(B)/logs/test unit=test-unit tsan=test-tsan tools=test-tools xen=test-xen \
		$(if $(CI),style=test-style)

# Continuous integration (CI=true) also holds every file to the rules of style; it needs clang.
test-style:
	@$(MAKE) check-style
	@echo '1 passed, 0 failed'
.PHONY: test-style

.PHONY: run run-program box help test

# Tools are tested by scripts of their own; each closes with `N passed, N failed`.
test-tools: all box-image
	@tools/test-summary $(B)/logs/test-tools toolchain=test-toolchain box=test-box dom0=test-dom0 \
		bench=test-bench posix-harness=test-posix-harness summary=test-summary-tool runner=test-runner debug=test-debug-tool man=test-man readme=test-readme duster=test-duster manners=test-manners
.PHONY: test-tools
