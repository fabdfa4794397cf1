/* SPDX-License-Identifier: BSD-2-Clause */
/* The ELF symbol table: names for addresses, also of a program without debug information. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "duster/symbols/image.h"

#define SYMBOLS_MAX (8u << 20)

static struct image *sorted_image; /* of the names being sorted; qsort() has no context */

size_t symbol_name_bytes(const char *name)
{
	size_t bytes = strlen(name);

	return bytes > 2 && strcmp(name + bytes - 2, ".k") == 0 ? bytes - 2 : bytes;
}

/* Functions and objects before plain labels, globals before locals: the first of an address names
 * it. */
static int rank(const struct symbol *symbol)
{
	return (symbol->is_function || symbol->is_object ? 0 : 2) + symbol->is_local;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	if (left->addr != right->addr)
		return left->addr < right->addr ? -1 : 1;
	return rank(left) - rank(right);
}

static int compare_name(const char *name, size_t bytes, const char *symbol)
{
	size_t its = symbol_name_bytes(symbol), least = bytes < its ? bytes : its;
	int order = memcmp(name, symbol, least);

	return order ? order : bytes < its ? -1 : bytes > its;
}

static int compare_names(const void *a, const void *b)
{
	const struct symbol *left = &sorted_image->symbols[*(const uint32_t *)a];
	const struct symbol *right = &sorted_image->symbols[*(const uint32_t *)b];
	int order = compare_name(left->name, symbol_name_bytes(left->name), right->name);

	return order ? order : rank(left) - rank(right);
}

static void take_symbol(struct image *image, Elf *elf, const GElf_Shdr *header,
			const GElf_Sym *from)
{
	unsigned int type = GELF_ST_TYPE(from->st_info);
	const char *name = elf_strptr(elf, header->sh_link, from->st_name);

	if (!name || !*name || type == STT_SECTION || type == STT_FILE || type == STT_TLS ||
	    from->st_shndx == SHN_UNDEF || from->st_shndx == SHN_ABS)
		return;
	image->symbols[image->symbols_count++] =
		(struct symbol){.name = name,
				.addr = from->st_value,
				.bytes = from->st_size,
				.is_function = type == STT_FUNC || type == STT_GNU_IFUNC,
				.is_object = type == STT_OBJECT,
				.is_local = GELF_ST_BIND(from->st_info) == STB_LOCAL};
}

static bool take_table(struct image *image, Elf *elf)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		Elf_Data *data;
		size_t count;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_SYMTAB ||
		    header.sh_entsize != sizeof(Elf64_Sym))
			continue;
		data = elf_getdata(section, NULL);
		count = data ? data->d_size / sizeof(Elf64_Sym) : 0;
		if (!count || count > SYMBOLS_MAX)
			continue;
		image->symbols = arena_array(&image->arena, count, sizeof(*image->symbols));
		for (size_t i = 1; i < count; i++) {
			GElf_Sym symbol;

			if (gelf_getsym(data, (int)i, &symbol))
				take_symbol(image, elf, &header, &symbol);
		}
		return true;
	}
	return false;
}

int symtab_load(struct image *image, struct problem *problem)
{
	(void)problem;
	if (!image->debug_file.elf || !take_table(image, image->debug_file.elf))
		(void)take_table(image, image->file.elf);
	if (!image->symbols_count)
		return 0;
	qsort(image->symbols, image->symbols_count, sizeof(*image->symbols), compare_addresses);
	image->symbols_by_name =
		arena_array(&image->arena, image->symbols_count + 1, sizeof(uint32_t));
	for (uint32_t i = 0; i < image->symbols_count; i++)
		image->symbols_by_name[i] = i;
	sorted_image = image;
	qsort(image->symbols_by_name, image->symbols_count, sizeof(uint32_t), compare_names);
	return 0;
}

static const struct segment *segment_at(const struct image *image, uint64_t addr)
{
	for (size_t i = 0; i < image->segments_count; i++)
		if (addr >= image->segments[i].addr &&
		    addr - image->segments[i].addr < image->segments[i].memory_bytes)
			return &image->segments[i];
	return NULL;
}

bool image_is_code(const struct image *image, uint64_t addr)
{
	const struct segment *segment = segment_at(image, addr);

	return segment && segment->executable;
}

const struct symbol *image_symbol_at(const struct image *image, uint64_t addr)
{
	const struct segment *segment = segment_at(image, addr);
	size_t low = 0, high = image->symbols_count;

	if (!segment)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->symbols[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	/* The nearest that is a function or an object and covers addr, if one does. */
	for (size_t i = low; i-- > 0 && low - i < 64;) {
		const struct symbol *symbol = &image->symbols[i];

		if (symbol->bytes && addr - symbol->addr < symbol->bytes) {
			while (i && image->symbols[i - 1].addr == symbol->addr &&
			       image->symbols[i - 1].bytes)
				symbol = &image->symbols[--i];
			return symbol;
		}
	}
	if (!low || image->symbols[low - 1].addr < segment->addr)
		return NULL;
	while (low > 1 && image->symbols[low - 2].addr == image->symbols[low - 1].addr)
		low--;
	return &image->symbols[low - 1];
}

const struct symbol *image_symbol_named(const struct image *image, const char *name,
					size_t *count_out)
{
	size_t low = 0, high = image->symbols_count, bytes = symbol_name_bytes(name), end;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *its = image->symbols[image->symbols_by_name[middle]].name;

		if (compare_name(name, bytes, its) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (end = low; end < image->symbols_count; end++)
		if (compare_name(name, bytes, image->symbols[image->symbols_by_name[end]].name) !=
		    0)
			break;
	if (count_out)
		*count_out = end - low;
	return end > low ? &image->symbols[image->symbols_by_name[low]] : NULL;
}
