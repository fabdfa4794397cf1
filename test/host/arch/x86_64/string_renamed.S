/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/x86_64/string.S under names that leave the host's own functions alone. */
#define memcpy	guest_memcpy
#define memmove guest_memmove
#define memset	guest_memset
#define memcmp	guest_memcmp
#define STRING_VECTORS string_vectors(%rip)
#include "arch/x86_64/string.S"
