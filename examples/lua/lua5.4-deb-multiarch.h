/* SPDX-License-Identifier: BSD-2-Clause */
/* Debian's packaging makes this file; Lua puts the name into its path for C modules. */
#ifndef EXAMPLES_LUA_LUA5_4_DEB_MULTIARCH_H
#define EXAMPLES_LUA_LUA5_4_DEB_MULTIARCH_H

#define DEB_HOST_MULTIARCH "x86_64-stardust"

#endif
