/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/lines.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX (4u << 20)

struct row {
	uint64_t addr;
	const char *file; /* NULL: end of a sequence */
	unsigned int number, column;
	bool is_statement, behind_prologue;
	uint32_t order; /* in the table: rows of one address stay as they were */
};

struct unit_lines {
	struct row *rows; /* by address */
	size_t count;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	/* The end of a sequence comes before what begins at its address. */
	if (!left->file != !right->file)
		return left->file ? 1 : -1;
	return left->order < right->order ? -1 : left->order > right->order;
}

const char *line_short_path(Dwarf_Die *unit, const char *path)
{
	Dwarf_Attribute attr;
	const char *directory, *name = dwarf_diename(unit);
	size_t bytes;

	if (!dwarf_attr(unit, DW_AT_comp_dir, &attr) || !name || *name == '/')
		return path;
	directory = dwarf_formstring(&attr);
	bytes = directory ? strlen(directory) : 0;
	if (bytes && strncmp(path, directory, bytes) == 0 && path[bytes] == '/')
		return path + bytes + 1;
	return path;
}

static bool take_row(Dwarf_Die *unit, Dwarf_Line *line, struct row *row)
{
	Dwarf_Addr addr;
	int number, column;
	bool is_statement, is_end, is_behind;

	if (dwarf_lineaddr(line, &addr) || dwarf_lineno(line, &number) ||
	    dwarf_linecol(line, &column) || dwarf_linebeginstatement(line, &is_statement) ||
	    dwarf_lineendsequence(line, &is_end) || dwarf_lineprologueend(line, &is_behind) ||
	    addr == 0 || number < 0)
		return false;
	*row = (struct row){.addr = addr,
			    .number = (unsigned int)number,
			    .column = (unsigned int)column,
			    .is_statement = is_statement,
			    .behind_prologue = is_behind};
	if (!is_end) {
		row->file = dwarf_linesrc(line, NULL, NULL);
		row->file = row->file ? line_short_path(unit, row->file) : NULL;
		return row->file != NULL;
	}
	return true;
}

static struct unit_lines *load(struct image *image, Dwarf_Die *unit)
{
	uint64_t key = (uintptr_t)unit->addr, value;
	struct unit_lines *lines;
	Dwarf_Lines *table;
	size_t count;

	if (map_get(&image->lines, key, &value))
		return (struct unit_lines *)(uintptr_t)value;
	lines = arena_alloc(&image->arena, sizeof(*lines));
	if (dwarf_getsrclines(unit, &table, &count) == 0 && count <= ROWS_MAX) {
		lines->rows = arena_array(&image->arena, count + 1, sizeof(*lines->rows));
		for (size_t i = 0; i < count; i++)
			if (take_row(unit, dwarf_onesrcline(table, i),
				     &lines->rows[lines->count])) {
				lines->rows[lines->count].order = (uint32_t)i;
				lines->count++;
			}
		if (lines->count)
			qsort(lines->rows, lines->count, sizeof(*lines->rows), compare_rows);
	}
	(void)map_put(&image->lines, key, (uintptr_t)lines);
	return lines;
}

/* Index of the last row at or below addr whose next row is above it; count when none. */
static size_t find_row(const struct unit_lines *lines, uint64_t addr)
{
	size_t low = 0, high = lines->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lines->rows[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || !lines->rows[low - 1].file)
		return lines->count;
	/* Of several rows at one address the last statement is what debuggers show. */
	for (size_t i = low; i-- > 0 && lines->rows[i].addr == lines->rows[low - 1].addr;)
		if (lines->rows[i].file && lines->rows[i].is_statement)
			return i;
	return low - 1;
}

static bool same_line(const struct row *a, const struct row *b)
{
	return a->file && b->file && a->number == b->number &&
	       (a->file == b->file || strcmp(a->file, b->file) == 0);
}

bool line_at(struct image *image, uint64_t addr, struct line *line_out)
{
	struct unit_lines *lines;
	const struct row *row;
	Dwarf_Die unit;
	size_t at, first, last;

	if (!image_unit_at(image, addr, &unit))
		return false;
	lines = load(image, &unit);
	at = find_row(lines, addr);
	if (at == lines->count)
		return false;
	row = &lines->rows[at];
	for (first = at; first && lines->rows[first - 1].addr == row->addr; first--)
		;
	for (last = at + 1; last < lines->count && lines->rows[last].addr == row->addr; last++)
		;
	*line_out = (struct line){.file = row->file,
				  .number = row->number,
				  .column = row->column,
				  .low = lines->rows[first].addr,
				  .high = last < lines->count ? lines->rows[last].addr : row->addr,
				  .is_statement = row->is_statement};
	/* Line 0: code of no line. */
	return row->number != 0;
}

bool line_file_matches(const char *path, const char *file)
{
	size_t path_bytes = strlen(path), bytes = strlen(file);

	while (bytes > 2 && file[0] == '.' && file[1] == '/') {
		file += 2;
		bytes -= 2;
	}
	if (bytes > path_bytes || strcmp(path + path_bytes - bytes, file) != 0)
		return false;
	return bytes == path_bytes || path[path_bytes - bytes - 1] == '/' || file[0] == '/';
}

/* Calls fn for each unit that has lines. */
static void each_unit(struct image *image,
		      void (*fn)(void *context, Dwarf_Die *unit, struct unit_lines *lines),
		      void *context)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;

	if (!image->dwarf)
		return;
	while (dwarf_get_units(image->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0)
		if (type == DW_UT_compile)
			fn(context, &die, load(image, &die));
}

struct line_search {
	const char *file;
	unsigned int wanted, best; /* best: the smallest line from wanted on that has code */
	uint64_t *addrs;
	size_t addrs_max, found;
};

static void find_best(void *context, Dwarf_Die *unit, struct unit_lines *lines)
{
	struct line_search *search = context;
	const char *checked = NULL;
	bool matches = false;

	(void)unit;
	for (size_t i = 0; i < lines->count; i++) {
		const struct row *row = &lines->rows[i];

		if (!row->file || !row->is_statement || row->number < search->wanted ||
		    (search->best && row->number >= search->best))
			continue;
		if (row->file != checked) {
			checked = row->file;
			matches = line_file_matches(checked, search->file);
		}
		if (matches)
			search->best = row->number;
	}
}

/* The first row of each run of rows of the line; runs that touch through the same function are one
 * when they lie behind one another without another statement's beginning in a lower address. */
static void collect(void *context, Dwarf_Die *unit, struct unit_lines *lines)
{
	struct line_search *search = context;
	const struct row *last = NULL;

	(void)unit;
	for (size_t i = 0; i < lines->count; i++) {
		const struct row *row = &lines->rows[i];

		if (row->file && row->is_statement && row->number == search->best &&
		    line_file_matches(row->file, search->file) && !(last && same_line(last, row))) {
			if (search->found < search->addrs_max)
				search->addrs[search->found] = row->addr;
			search->found++;
		}
		last = row;
	}
}

size_t line_find(struct image *image, const char *file, unsigned int number, uint64_t *addrs_out,
		 size_t addrs_max, unsigned int *found_out)
{
	struct line_search search = {
		.file = file, .wanted = number, .addrs = addrs_out, .addrs_max = addrs_max};

	each_unit(image, find_best, &search);
	if (!search.best)
		return 0;
	each_unit(image, collect, &search);
	if (found_out)
		*found_out = search.best;
	return search.found;
}

uint64_t line_behind_prologue(struct image *image, uint64_t low, uint64_t high)
{
	struct unit_lines *lines;
	Dwarf_Die unit;
	size_t at;
	unsigned int first;

	if (!image_unit_at(image, low, &unit))
		return low;
	lines = load(image, &unit);
	at = find_row(lines, low);
	if (at == lines->count)
		return low;
	for (size_t i = at; i < lines->count && lines->rows[i].addr < high; i++)
		if (lines->rows[i].behind_prologue)
			return lines->rows[i].addr;
	/* A second row, of the same line or another: the body. Line 0 rows do not count. */
	first = lines->rows[at].number;
	for (size_t i = at + 1; i < lines->count && lines->rows[i].addr < high; i++) {
		const struct row *row = &lines->rows[i];

		if (!row->file)
			break;
		if (row->addr > low && row->number && row->is_statement) {
			(void)first;
			return row->addr;
		}
	}
	return low;
}

struct file_visit {
	void (*fn)(void *context, const char *path);
	void *context;
};

static void visit_files(void *context, Dwarf_Die *unit, struct unit_lines *lines)
{
	struct file_visit *visit = context;
	Dwarf_Files *files;
	size_t count;

	(void)lines;
	if (dwarf_getsrcfiles(unit, &files, &count))
		return;
	for (size_t i = 1; i < count; i++) {
		const char *path = dwarf_filesrc(files, i, NULL, NULL);

		if (path)
			visit->fn(visit->context, path);
	}
}

void line_files(struct image *image, void (*fn)(void *context, const char *path), void *context)
{
	struct file_visit visit = {fn, context};

	each_unit(image, visit_files, &visit);
}
