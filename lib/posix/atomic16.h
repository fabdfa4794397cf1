/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler's compare-and-exchange of sixteen bytes, under a name that C lets us declare. */
#ifndef LIB_POSIX_ATOMIC16_H
#define LIB_POSIX_ATOMIC16_H

#include <stdbool.h>

/* *at becomes wanted if it is *expected, which else becomes what it is. Orders are ignored. */
bool atomic16_compare(volatile void *at, void *expected, unsigned __int128 wanted, int success,
		      int failure) __asm__("__atomic_compare_exchange_16");

#endif
