# SPDX-License-Identifier: BSD-2-Clause
# duster, the debugger: a program of the build machine and of dom0. `make duster` builds it.

DUSTER_C := $(sort $(wildcard $(patsubst %,duster/%/*.c,util target symbols arch engine frontends/*)))
DUSTER_OBJ := $(DUSTER_C:%.c=$(B)/%.o)
DUSTER_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -I. -DDUSTER_VERSION='"$(VERSION)"' \
	-fstack-protector-strong -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	$(if $(CI)$(WERROR),-Werror)
DUSTER_LIBS := -ldw -lelf -lopcodes -lbfd -lxenctrl -lxenforeignmemory -lxenevtchn -lxenstore -lreadline -lm

$(DUSTER_OBJ): $(B)/%.o: %.c duster/duster.mk
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)gcc $(DUSTER_CFLAGS) -MMD -MP -c $< -o $@
$(B)/bin/duster: $(DUSTER_OBJ)
	$(call say,HOSTLD,$@)
	@mkdir -p $(@D)
	$(Q)gcc $^ $(DUSTER_LIBS) -o $@
duster: $(B)/bin/duster
all: duster

# duster's answers beside gdb's, on core files of the same programs.
test-duster: $(B)/bin/duster
	$(Q)B=$(B) test/duster/compare

# What it says when it is asked wrongly, or in the words of gdb.
test-manners: $(B)/bin/duster
	$(Q)B=$(B) test/duster/manners

install-duster: duster
	@mkdir -p $(DEST)/bin $(DEST)/share/man/man1
	@install -m 755 $(B)/bin/duster $(DEST)/bin/
	@install -m 644 docs/man/duster.1 $(DEST)/share/man/man1/
install: install-duster
.PHONY: duster test-duster test-manners install-duster
-include $(DUSTER_OBJ:.o=.d)
