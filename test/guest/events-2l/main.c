/* SPDX-License-Identifier: BSD-2-Clause */
/* The same under the 2-level ABI. */
#include "test/guest/events/main.c"
