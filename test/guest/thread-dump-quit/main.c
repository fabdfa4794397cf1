/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/guest/thread-dump/main.c"
