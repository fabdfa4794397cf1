/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ksyms: the image's own table of function names, for crash reports.
 *
 * The linker driver makes the table from the first link (tools/mkksyms.c) and puts it into section
 * .ksyms of the second. It stays compressed; a look-up decodes what it passes on its way.
 *
 * Table, little-endian, no alignment assumed:
 *
 *  0  u32  magic, KSYMS_MAGIC
 *  4  u32  bytes of the whole table
 *  8  u64  address the first distance counts from
 * 16  u32  bytes of text covered
 * 20  u32  number of functions
 * 24  u8   number of tokens (at most 128), then three zero bytes
 * 28       tokens, two bytes each: code 128 + i stands for the two codes in token i
 *
 * Codes below 128 are characters; a token's codes are less than its own. Then each function, by
 * address:
 *
 * u16      bits 0-3: number of codes in the name, 15: a u8 with the number follows;
 *          bits 4-15: distance from the one before, 4095: a u32 with the distance follows
 * u8[]     codes
 */
#ifndef LIB_BASE_KSYMS_H
#define LIB_BASE_KSYMS_H

#include <stddef.h>
#include <stdint.h>

#define KSYMS_MAGIC        0x32534b53u /* "SKS2" */
#define KSYMS_HEADER_BYTES 28
#define KSYMS_TOKENS_MAX   128
#define KSYMS_BYTES_MAX    (64u << 20)
#define KSYMS_CODES_LONG   15
#define KSYMS_DISTANCE_FAR 4095

/*
 * Which function does addr lie in? name (name_bytes long, at least 1) receives its name, cut to fit
 * and NUL-terminated, *start_out its first address. A function reaches to the start of the next.
 *
 * 0, or -ENOENT: outside the text, no table (NULL), or a table that makes no sense.
 * Any context: needs no memory and no lock, reads nothing beyond the table's bytes, and ends after
 * a time bounded by them however corrupt they are.
 */
int ksyms_lookup(const void *table, uintptr_t addr, char *name, size_t name_bytes,
		 uintptr_t *start_out);

#endif
