# SPDX-License-Identifier: BSD-2-Clause
# make check-style: how the code reads, and both compilers with every warning an error.

STYLE_C := $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)
STYLE_SH := $(shell git ls-files -co --exclude-standard 2>/dev/null | xargs -r grep -lE -m1 '^\#!.*\b(ba)?sh$$' 2>/dev/null)
CLANG ?= clang
# clang has no -fstack-clash-protection warning-free twin for every flag of gcc's; these are the ones it knows.
CLANG_CODEGEN := -O2 -mno-red-zone -fno-pic -mcmodel=small -fno-omit-frame-pointer -fno-strict-aliasing -fno-common
CLANG_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror

check-style: check-format check-layers check-tidy check-gcc check-clang check-cppcheck check-shell
	@echo 'check-style: clean'

check-format:
	$(Q)clang-format --dry-run -Werror $(STYLE_C)
check-layers:
	$(Q)tools/layers
check-tidy:
	$(Q)tools/tidy

check-gcc: setup $(SYSROOT_STAMP)
	$(Q)for f in $(K_C); do gcc -O2 $(filter-out -MMD -MP,$(K_CFLAGS)) -Werror -c $$f -o /dev/null || exit 1; done
	$(Q)for f in $(P_C); do gcc -O2 $(filter-out -MD -MP,$(P_CFLAGS)) -Werror -c $$f -o /dev/null || exit 1; done
	@echo 'gcc: $(words $(K_C) $(P_C)) files, no warning'
CLANG_INCLUDE = $(shell $(CLANG) -print-resource-dir)/include
check-clang: setup $(SYSROOT_STAMP)
	$(Q)for f in $(K_C); do $(CLANG) -std=gnu11 $(CLANG_CODEGEN) $(CLANG_WARN) -ffreestanding -mgeneral-regs-only \
		-nostdinc -isystem $(CLANG_INCLUDE) -isystem $(B)/xen-include -I. -D__stardust__ \
		-c $$f -o /dev/null || exit 1; done
	$(Q)for f in $(P_C); do $(CLANG) -std=gnu11 $(CLANG_CODEGEN) $(CLANG_WARN) -nostdinc -isystem $(CLANG_INCLUDE) \
		-isystem $(B)/sysroot/include -isystem $(B)/xen-include -I. -D__stardust__ -U__linux__ -D_GNU_SOURCE \
		-DSTARDUST_VERSION='"$(VERSION)"' \
		-c $$f -o /dev/null || exit 1; done
	@echo 'clang: $(words $(K_C) $(P_C)) files, no warning'
# Exceptions, each with its reason, stand in tools/cppcheck.suppress.
check-cppcheck:
	$(Q)cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=tools/cppcheck.suppress -I. -D__stardust__ -D__x86_64__ $(filter %.c,$(K_C) $(P_C))
	@echo 'cppcheck: clean'
check-shell:
	$(Q)$(if $(STYLE_SH),shellcheck -S warning $(STYLE_SH))
	@echo 'shellcheck: $(words $(STYLE_SH)) scripts, clean'

.PHONY: check-style check-format check-layers check-tidy check-gcc check-clang check-cppcheck check-shell
