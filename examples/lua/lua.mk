# SPDX-License-Identifier: BSD-2-Clause
# Lua 5.4: the distribution's source, unmodified; the REPL without readline.
lua_FETCH := lua
lua_SOURCES := lapi lauxlib lbaselib lcode lcorolib lctype ldblib ldebug ldo ldump lfunc lgc linit \
	liolib llex lmathlib lmem loadlib lobject lopcodes loslib lparser lstate lstring lstrlib \
	ltable ltablib ltm lua lundump lutf8lib lvm lzio
lua_SOURCES := $(lua_SOURCES:%=$(B)/src/lua/src/%.c)
lua_CFLAGS := -O2 -Wall -DLUA_COMPAT_5_3 -DLUA_USE_POSIX -Iexamples/lua -include examples/lua/config.h
