/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One program's ELF file with its debug information, which may be in a file of its own: found
 * beside it as NAME.debug, by .gnu_debuglink, or by build-id. All of it is hostile input: what is
 * damaged is left out or answered with an error.
 *
 * Everything handed out belongs to the image and lives until image_close().
 */
#ifndef DUSTER_SYMBOLS_IMAGE_H
#define DUSTER_SYMBOLS_IMAGE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "duster/util/arena.h"
#include "duster/util/map.h"
#include "duster/util/problem.h"

#define IMAGE_BUILD_ID_MAX 64u

struct symbol {
	const char *name; /* as in the symbol table, with a hidden name's ".k" */
	uint64_t addr, bytes;
	bool is_function, is_object, is_local;
};

/* A stretch of the file that is loaded into memory. */
struct segment {
	uint64_t addr;
	const uint8_t *data;
	uint64_t file_bytes, memory_bytes;
	bool writable, executable;
};

/* Compilation unit and the code it covers. */
struct unit_range {
	uint64_t low, high;
	Dwarf_Die unit;
};

struct unit_lines;
struct name_entry;

struct image {
	char *path, *debug_path; /* debug_path: NULL when it is the same file */
	struct elf_file {
		int fd;
		Elf *elf;
	} file, debug_file;
	Dwarf *dwarf; /* NULL: no debug information */
	Dwarf_CFI *frame_cfi, *eh_cfi;
	struct arena arena;
	uint8_t build_id[IMAGE_BUILD_ID_MAX];
	size_t build_id_bytes;
	uint64_t build_id_addr; /* where a loaded segment has it; 0: none has */
	uint64_t entry;
	uint64_t tls_bytes;     /* of a thread's variables, up to the thread pointer */
	struct symbol *symbols; /* by address */
	size_t symbols_count;
	uint32_t *symbols_by_name; /* indices */
	struct segment *segments;
	size_t segments_count;
	struct unit_range *ranges; /* by address */
	size_t ranges_count;
	struct name_entry *names; /* by name; NULL until it is wanted */
	size_t names_count;
	struct map lines; /* unit -> struct unit_lines */
	struct map types; /* DIE -> struct type */
	struct type *type_void;
};

/* debug_path: NULL to look for it. */
int image_open(const char *path, const char *debug_path, struct image **image_out,
	       struct problem *problem);
void image_close(struct image *image);

/* Copies what the file says stands at addr; -EFAULT when it does not say. Never of writable
 * segments unless `initial`. */
int image_read(const struct image *image, uint64_t addr, void *to, size_t bytes, bool initial);

/* Does addr lie in executable memory of the image? */
bool image_is_code(const struct image *image, uint64_t addr);

/* The symbol that covers addr, or the nearest below it in the same segment; NULL: none. */
const struct symbol *image_symbol_at(const struct image *image, uint64_t addr);
/* By name; "name" also finds "name.k". NULL: none. *count_out, if wanted: how many have it. */
const struct symbol *image_symbol_named(const struct image *image, const char *name,
					size_t *count_out);
/* Bytes of the name without the hidden names' ".k". */
size_t symbol_name_bytes(const char *name);

/* The unit that covers addr; false: none. */
bool image_unit_at(const struct image *image, uint64_t addr, Dwarf_Die *unit_out);

/* For image_open(). */
int symtab_load(struct image *image, struct problem *problem);
int units_load(struct image *image);

#endif
