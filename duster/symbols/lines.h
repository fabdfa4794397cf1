/* SPDX-License-Identifier: BSD-2-Clause */
/* Line tables: which source line an address belongs to, and the addresses of a line. */
#ifndef DUSTER_SYMBOLS_LINES_H
#define DUSTER_SYMBOLS_LINES_H

#include "duster/symbols/image.h"

struct line {
	const char *file; /* as the compiler was told, joined with its directory */
	unsigned int number, column;
	uint64_t low, high; /* of the table's row */
	bool is_statement;
};

/* False: nothing is known of addr. */
bool line_at(struct image *image, uint64_t addr, struct line *line_out);

/* Where to stop for a line of a file: one address for each function (or inlined copy) that has code
 * of that line, else of the next line that has code. file: its name or the last parts of its path.
 * Returns how many there are, up to addrs_max stored; *found_out: the line it became. */
size_t line_find(struct image *image, const char *file, unsigned int number, uint64_t *addrs_out,
		 size_t addrs_max, unsigned int *found_out);

/* Behind the prologue of the function at [low, high): where its second row begins, as compilers
 * mark it. */
uint64_t line_behind_prologue(struct image *image, uint64_t low, uint64_t high);

/* path without the directory the unit was compiled in, unless the unit was named by a whole path
 * too. */
const char *line_short_path(Dwarf_Die *unit, const char *path);

/* True when `file` is path or ends it at a slash. */
bool line_file_matches(const char *path, const char *file);

/* Each source file of the image, once per unit. */
void line_files(struct image *image, void (*fn)(void *context, const char *path), void *context);

#endif
