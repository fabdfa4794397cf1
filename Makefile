# SPDX-License-Identifier: BSD-2-Clause
# Stardust: `make run` boots a program as a Xen guest, `make test` runs every test; `make help`.

TOP := $(CURDIR)
B := build
VERSION := 0.1.0
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/bash
# Make and the configure scripts of others take a path apart at these.
quote := '
odd := $(strip $(word 2,$(TOP)) $(foreach c,: ; % " \ $(quote),$(findstring $c,$(TOP))))
ifneq ($(odd),)
$(error $(TOP): make cannot work in a directory with a space or one of : ; % " ' \ in its path: move it)
endif
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
# Use both processors unless the caller said otherwise.
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = @printf '  %-7s %s\n' '$(1)' '$(2)'

all: setup sdk examples

include $(wildcard tools/setup.mk tools/sysroot.mk tools/kernel.mk tools/mbedtls.mk duster/duster.mk tools/box.mk tools/style.mk \
	tools/run.mk tools/bench.mk examples/examples.mk test/host/host.mk test/guest/guest.mk \
	test/posix/posix.mk)

clean:
	rm -rf $(B)

.PHONY: all clean setup sdk examples
.DEFAULT_GOAL := all
