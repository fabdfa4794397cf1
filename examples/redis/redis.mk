# SPDX-License-Identifier: BSD-2-Clause
# Redis: the distribution's source, unmodified, built by its own makefiles with stardust-cc in a copy
# of its tree. -lnoprocess: it forks and loads libraries only when asked to, and says that it cannot.
# Built when asked for (make run APP=redis, make redis), since it takes a minute.
redis_FETCH := redis
redis_ON_REQUEST := yes
redis_SOURCES :=
REDIS_MADE := $(B)/src/redis-made
redis_LIBS := @$(REDIS_MADE)/objects -lnoprocess -lext4
# What it stores lies on a disk, which stays from run to run.
redis_MORE := $(B)/examples/redis/disk.img
redis_RUN_FLAGS := --disk $(B)/examples/redis/disk.img --forward tcp:127.0.0.1:6379-10.0.2.20:6379

# Its own link shows that nothing is missing, and makes the objects and their list.
REDIS_TOOL := $(abspath $(B))/bin/x86_64-stardust-elf
REDIS_MAKE := CC=$(REDIS_TOOL)-gcc AR=$(REDIS_TOOL)-ar RANLIB=$(REDIS_TOOL)-ranlib \
	MALLOC=libc OPTIMIZATION=-O2 uname_S=Stardust uname_M=x86_64 LDFLAGS=-lnoprocess

$(B)/examples/redis/redis.debug: $(REDIS_MADE)/objects
$(REDIS_MADE)/objects: $(B)/src/redis.stamp examples/redis/redis.mk $(SYSROOT_STAMP) | $(EXAMPLE_SDK) $(EXAMPLE_LIBS)
	@printf '  %-7s %s\n' MAKE $(@D)
	$(Q)rm -rf $(@D) && cp -R $(B)/src/redis $(@D)
	$(Q)unset MAKEFLAGS MFLAGS; SOURCE_DATE_EPOCH=0 $(MAKE) -s -j$(SYSROOT_JOBS) -C $(@D)/src $(REDIS_MAKE) \
		redis-server >$(@D)/log 2>&1 || { tail $(@D)/log; exit 1; }
	$(Q)cd $(@D) && { sed -n 's/^REDIS_SERVER_OBJ=//p' src/Makefile | tr ' ' '\n' | sed 's|^|src/|'; \
		ls deps/hiredis/libhiredis.a deps/hdr_histogram/libhdrhistogram.a deps/lua/src/liblua.a; } | \
		sed 's|^|$(REDIS_MADE)/|' >objects.new && mv objects.new objects

$(B)/examples/redis/disk.img:
	@mkdir -p $(@D)
	$(Q)PATH=$$PATH:/sbin:/usr/sbin; truncate -s 256M $@.new && mke2fs -q -F -t ext4 $@.new && mv $@.new $@

# test/guest/redis asks for it.
ifneq ($(filter redis,$(CASES) $(CASE)),)
test-xen: $(B)/examples/redis/redis
endif
