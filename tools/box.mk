# SPDX-License-Identifier: BSD-2-Clause
# The box: everything under $(B)/box, from Debian packages, and the command $(B)/bin/xenbox.

BOX_STAMP := $(B)/box/built

all: $(B)/bin/xenbox
box-image: $(BOX_STAMP) $(B)/bin/xenbox

# A link: the command belongs to this tree, and finds the build directory by where it was called.
$(B)/bin/xenbox:
	@mkdir -p $(@D) $(B)/box
	$(Q)ln -sfnr $(TOP)/tools/xenbox $@

$(BOX_STAMP): $(wildcard tools/box/*) tools/apt-config \
		$(addprefix tools/xenboxlib/,image.py debs.py kmod.py cpio.py) | $(B)/bin/xenbox
	$(Q)$(B)/bin/xenbox image
	@touch $@

# The box's own tests; they start boxes of their own.
test-box: box-image
	$(Q)test/box/run $(B)

# What a real dom0 does, in that of a box.
test-dom0: all box-image
	$(Q)test/box/dom0 $(B)

.PHONY: box-image test-box test-dom0

# An installed xenbox builds its box under the user's cache directory, ~/.cache/stardust.
BOX_DEST = $(DESTDIR)$(or $(PREFIX),/usr/local)
install-box:
	@mkdir -p $(BOX_DEST)/bin $(BOX_DEST)/lib/stardust/xenbox $(BOX_DEST)/share/man/man1
	@cp -R tools/xenbox tools/xenboxlib tools/box tools/apt-config \
		$(BOX_DEST)/lib/stardust/xenbox/
	@ln -sfn ../lib/stardust/xenbox/xenbox $(BOX_DEST)/bin/xenbox
	@install -m 644 docs/man/xenbox.1 $(BOX_DEST)/share/man/man1/
	@echo "installed xenbox under $(BOX_DEST)"
install: install-box
.PHONY: install-box
