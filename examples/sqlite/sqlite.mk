# SPDX-License-Identifier: BSD-2-Clause
# SQLite: the distribution's source, unmodified, put together by its own scripts into one C file and
# its shell. Threads are on. What one process cannot have (commands, loading libraries) its own
# options leave out. Built when asked for (make run APP=sqlite, make sqlite), since it takes a minute.
sqlite_FETCH := sqlite
sqlite_ON_REQUEST := yes
SQLITE_MADE := $(B)/src/sqlite-made
sqlite_SOURCES := $(SQLITE_MADE)/sqlite3.c $(SQLITE_MADE)/shell.c
sqlite_CFLAGS := -O2 -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_POPEN \
	-DSQLITE_NOHAVE_SYSTEM -DSQLITE_ENABLE_FTS4 -DSQLITE_ENABLE_RTREE -DHAVE_READLINE=0 \
	-DHAVE_USLEEP=1 -DHAVE_FDATASYNC=1 -DHAVE_LOCALTIME_R=1 -DHAVE_GMTIME_R=1
sqlite_LIBS := -lext4
# Its database lies on a disk, which stays from run to run.
sqlite_MORE := $(B)/examples/sqlite/disk.img
sqlite_RUN_FLAGS := --disk $(B)/examples/sqlite/disk.img

$(sqlite_SOURCES): $(SQLITE_MADE)/stamp ;
$(SQLITE_MADE)/stamp: $(B)/src/sqlite.stamp
	@printf '  %-7s %s\n' AMALGAM $(@D)
	@mkdir -p $(@D)
	$(Q)unset MAKEFLAGS MFLAGS; $(MAKE) -s -C $(@D) -f $(abspath $(B))/src/sqlite/main.mk \
		TOP=$(abspath $(B))/src/sqlite BCC=gcc TCC=gcc NAWK=awk OPTS= sqlite3.c shell.c \
		>$(@D)/log 2>&1 || { tail $(@D)/log; exit 1; }
	@touch $(@D)/sqlite3.c $(@D)/shell.c $@

$(B)/examples/sqlite/disk.img:
	@mkdir -p $(@D)
	$(Q)PATH=$$PATH:/sbin:/usr/sbin; truncate -s 256M $@.new && mke2fs -q -F -t ext4 $@.new && mv $@.new $@

# test/guest/sqlite has a program of its own around it.
GUEST_OBJECTS_sqlite := $(B)/examples/sqlite/obj/sqlite3.o
GUEST_FLAGS_sqlite := -I$(SQLITE_MADE)
