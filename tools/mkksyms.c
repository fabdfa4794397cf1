/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mkksyms IMAGE OUT.o PROGRAM-NAME: make the table of function names of a linked image
 * (lib/base/ksyms.h has the format) as an object whose section .ksyms defines __ksyms_data.
 *
 * Runs on the build machine, after the first link. Names are compressed by giving the 128 most
 * worthwhile pairs of codes a code of their own, one after the other, so that tokens nest.
 */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KSYMS_MAGIC        0x32534b53u
#define KSYMS_HEADER_BYTES 28
#define TOKENS_MAX         128
#define NAME_BYTES_MAX     127
#define CODES_LONG         15
#define DISTANCE_FAR       4095

struct function {
	uint64_t addr;
	const char *name;
	bool is_function; /* STT_FUNC, not a bare label */
	bool is_global;
};

struct image {
	uint8_t *bytes;
	size_t length;
	uint64_t text_start, text_end;
	struct function *functions;
	size_t count;
};

struct table {
	uint8_t *bytes;
	size_t used, room;
};

static _Noreturn void die(const char *format, ...)
{
	va_list args;

	fputs("mkksyms: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void *grow(void *old, size_t bytes)
{
	void *p = realloc(old, bytes ? bytes : 1);

	if (!p)
		die("no memory");
	return p;
}

static void put(struct table *t, const void *bytes, size_t length)
{
	if (t->used + length > t->room) {
		t->room = 2 * (t->used + length);
		t->bytes = grow(t->bytes, t->room);
	}
	memcpy(t->bytes + t->used, bytes, length);
	t->used += length;
}

static void put_u8(struct table *t, uint8_t byte)
{
	put(t, &byte, 1);
}

static void put_le(struct table *t, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		put_u8(t, (uint8_t)(value >> 8 * i));
}

static void image_read(struct image *img, const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t got;

	if (!f)
		die("%s: %s", path, strerror(errno));
	do {
		img->bytes = grow(img->bytes, img->length + (1 << 20));
		got = fread(img->bytes + img->length, 1, 1 << 20, f);
		img->length += got;
	} while (got > 0);
	if (ferror(f))
		die("%s: cannot read", path);
	fclose(f);
}

/* Bytes [offset, offset + length) of the file, or death: a truncated file is the user's problem. */
static void *image_at(const struct image *img, uint64_t offset, uint64_t length)
{
	if (offset > img->length || length > img->length - offset)
		die("the image is cut off or damaged");
	return img->bytes + offset;
}

/* Of two names for one address, is a the better? Functions before labels, global before local. */
static bool better(const struct function *a, const struct function *b)
{
	size_t a_bars = strspn(a->name, "_"), b_bars = strspn(b->name, "_");

	if (a->is_function != b->is_function)
		return a->is_function;
	if (a->is_global != b->is_global)
		return a->is_global;
	if (a_bars != b_bars)
		return a_bars < b_bars;
	return strcmp(a->name, b->name) < 0;
}

static int by_address(const void *va, const void *vb)
{
	const struct function *a = va, *b = vb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return better(a, b) ? -1 : better(b, a);
}

static void image_add_symbols(struct image *img, const Elf64_Shdr *sections, unsigned int count,
			      const Elf64_Shdr *symtab)
{
	const Elf64_Sym *sym = image_at(img, symtab->sh_offset, symtab->sh_size);
	size_t symbols = symtab->sh_size / sizeof(*sym);
	const Elf64_Shdr *strtab;
	const char *strings;

	if (symtab->sh_link >= count)
		die("the symbol table has no names");
	strtab = &sections[symtab->sh_link];
	strings = image_at(img, strtab->sh_offset, strtab->sh_size);
	if (strtab->sh_size == 0 || strings[strtab->sh_size - 1] != '\0')
		die("the symbol names are damaged");

	img->functions = grow(img->functions, (img->count + symbols) * sizeof(*img->functions));
	for (size_t i = 0; i < symbols; i++) {
		unsigned int type = ELF64_ST_TYPE(sym[i].st_info), section = sym[i].st_shndx;

		if ((type != STT_FUNC && type != STT_NOTYPE) || sym[i].st_name >= strtab->sh_size ||
		    section == SHN_UNDEF || section >= count ||
		    !(sections[section].sh_flags & SHF_EXECINSTR))
			continue;
		const char *name = strings + sym[i].st_name;

		if (name[0] == '\0' || !strncmp(name, ".L", 2) || sym[i].st_value >= img->text_end)
			continue;
		img->functions[img->count++] = (struct function){
			.addr = sym[i].st_value,
			.name = name,
			.is_function = type == STT_FUNC,
			.is_global = ELF64_ST_BIND(sym[i].st_info) != STB_LOCAL,
		};
	}
}

/* Fill in the text's bounds and its functions: sorted, one for each address. */
static void image_load(struct image *img, const char *path)
{
	const Elf64_Ehdr *eh;
	const Elf64_Shdr *sections;

	image_read(img, path);
	eh = image_at(img, 0, sizeof(*eh));
	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_machine != EM_X86_64 || eh->e_shentsize != sizeof(*sections))
		die("%s: no x86_64 ELF file", path);
	sections = image_at(img, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof(*sections));

	img->text_start = UINT64_MAX;
	for (unsigned int i = 0; i < eh->e_shnum; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (!(s->sh_flags & SHF_EXECINSTR) || s->sh_size == 0)
			continue;
		if (s->sh_addr < img->text_start)
			img->text_start = s->sh_addr;
		if (s->sh_addr + s->sh_size > img->text_end)
			img->text_end = s->sh_addr + s->sh_size;
	}
	for (unsigned int i = 0; i < eh->e_shnum; i++)
		if (sections[i].sh_type == SHT_SYMTAB)
			image_add_symbols(img, sections, eh->e_shnum, &sections[i]);
	if (img->text_start > img->text_end)
		img->text_start = img->text_end;
	if (img->text_end - img->text_start > UINT32_MAX)
		die("%s: more than 4 GiB of text", path);

	qsort(img->functions, img->count, sizeof(*img->functions), by_address);
	size_t kept = 0;

	for (size_t i = 0; i < img->count; i++)
		if (kept == 0 || img->functions[kept - 1].addr != img->functions[i].addr)
			img->functions[kept++] = img->functions[i];
	img->count = kept;
}

/* All names as codes, each ended by 0. */
static uint8_t *names_join(const struct image *img, size_t *length_out)
{
	uint8_t *text = grow(NULL, img->count * (NAME_BYTES_MAX + 1));
	size_t used = 0;

	for (size_t i = 0; i < img->count; i++) {
		const char *name = img->functions[i].name;

		/* `.k` hides the kernel's names from the program (tools/hide-names), not from
		 * people. */
		for (size_t j = 0; j < NAME_BYTES_MAX && name[j] && strcmp(name + j, ".k") != 0;
		     j++) {
			uint8_t c = (uint8_t)name[j];

			text[used++] = c > ' ' && c < 127 ? c : '?';
		}
		text[used++] = 0;
	}
	*length_out = used;
	return text;
}

/*
 * Replace the commonest pair by a new code until that no longer saves anything. Pairs never reach
 * across the 0 between names. The number of tokens made.
 */
static unsigned int names_compress(uint8_t *text, size_t *length, uint8_t tokens[][2])
{
	static uint32_t seen[256][256];
	unsigned int made = 0;

	for (; made < TOKENS_MAX; made++) {
		unsigned int first = 0, second = 0;
		uint32_t most = 3; /* a token costs two bytes */
		size_t used = 0;

		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i + 1 < *length; i++) {
			uint8_t a = text[i], b = text[i + 1];

			if (a && b && ++seen[a][b] > most) {
				most = seen[a][b];
				first = a;
				second = b;
			}
		}
		if (most == 3)
			break;
		tokens[made][0] = (uint8_t)first;
		tokens[made][1] = (uint8_t)second;
		for (size_t i = 0; i < *length; i++) {
			if (i + 1 < *length && text[i] == first && text[i + 1] == second) {
				text[used++] = (uint8_t)(128 + made);
				i++;
			} else {
				text[used++] = text[i];
			}
		}
		*length = used;
	}
	return made;
}

static void put_entry(struct table *t, uint64_t distance, const uint8_t *name)
{
	size_t codes = strlen((const char *)name);
	unsigned int near = distance < DISTANCE_FAR ? (unsigned int)distance : DISTANCE_FAR;
	unsigned int few = codes < CODES_LONG ? (unsigned int)codes : CODES_LONG;

	put_le(t, near << 4 | few, 2);
	if (few == CODES_LONG)
		put_u8(t, (uint8_t)codes);
	if (near == DISTANCE_FAR)
		put_le(t, distance, 4);
	put(t, name, codes);
}

static void table_make(struct table *t, const struct image *img)
{
	uint8_t tokens[TOKENS_MAX][2];
	size_t length, total;
	uint8_t *text = names_join(img, &length), *name = text;
	unsigned int token_count = names_compress(text, &length, tokens);
	uint64_t before = img->text_start;

	put_le(t, KSYMS_MAGIC, 4);
	put_le(t, 0, 4); /* bytes, known at the end */
	put_le(t, img->text_start, 8);
	put_le(t, img->text_end - img->text_start, 4);
	put_le(t, img->count, 4);
	put_le(t, token_count, 4);
	put(t, tokens, 2 * token_count);
	for (size_t i = 0; i < img->count; i++) {
		put_entry(t, img->functions[i].addr - before, name);
		before = img->functions[i].addr;
		name += strlen((char *)name) + 1;
	}
	total = t->used;
	for (unsigned int i = 0; i < 4; i++)
		t->bytes[4 + i] = (uint8_t)(total >> 8 * i);
	free(text);
}

static const char object_names[] =
	"\0.ksyms\0.symtab\0.strtab\0.note.GNU-stack\0__ksyms_data\0__program_name";
enum {
	NAME_KSYMS = 1,
	NAME_SYMTAB = 8,
	NAME_STRTAB = 16,
	NAME_STACK = 24,
	NAME_DATA = 40,
	NAME_PROGRAM = 53,
};

struct object {
	Elf64_Ehdr eh;
	Elf64_Shdr sh[5];
	Elf64_Sym sym[3];
	char names[sizeof(object_names)];
};

static void object_sections(struct object *o, size_t bytes)
{
	o->sh[1] = (Elf64_Shdr){.sh_name = NAME_KSYMS,
				.sh_type = SHT_PROGBITS,
				.sh_flags = SHF_ALLOC,
				.sh_offset = sizeof(*o),
				.sh_size = bytes,
				.sh_addralign = 1};
	o->sh[2] = (Elf64_Shdr){.sh_name = NAME_SYMTAB,
				.sh_type = SHT_SYMTAB,
				.sh_link = 3,
				.sh_info = 1,
				.sh_offset = offsetof(struct object, sym),
				.sh_size = sizeof(o->sym),
				.sh_entsize = sizeof(Elf64_Sym),
				.sh_addralign = 8};
	o->sh[3] = (Elf64_Shdr){.sh_name = NAME_STRTAB,
				.sh_type = SHT_STRTAB,
				.sh_offset = offsetof(struct object, names),
				.sh_size = sizeof(o->names),
				.sh_addralign = 1};
	o->sh[4] = (Elf64_Shdr){.sh_name = NAME_STACK,
				.sh_type = SHT_PROGBITS,
				.sh_offset = sizeof(*o),
				.sh_addralign = 1};
}

static Elf64_Sym object_symbol(unsigned int name, size_t start, size_t end)
{
	return (Elf64_Sym){.st_name = name,
			   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
			   .st_shndx = 1,
			   .st_value = start,
			   .st_size = end - start};
}

/* A relocatable object: .ksyms with the table and __ksyms_data at its start; behind its first
 * table_bytes bytes the program's name, argv[0], as __program_name. */
static void object_write(const struct table *t, size_t table_bytes, const char *path)
{
	struct object o = {
		.eh =
			{
				.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					    ELFDATA2LSB, EV_CURRENT},
				.e_type = ET_REL,
				.e_machine = EM_X86_64,
				.e_version = EV_CURRENT,
				.e_shoff = offsetof(struct object, sh),
				.e_ehsize = sizeof(Elf64_Ehdr),
				.e_shentsize = sizeof(Elf64_Shdr),
				.e_shnum = 5,
				.e_shstrndx = 3,
			},
		.sym[1] = object_symbol(NAME_DATA, 0, table_bytes),
		.sym[2] = object_symbol(NAME_PROGRAM, table_bytes, t->used),
	};
	FILE *f = fopen(path, "wb");

	memcpy(o.names, object_names, sizeof(object_names));
	object_sections(&o, t->used);
	if (!f || fwrite(&o, sizeof(o), 1, f) != 1 ||
	    (t->used && fwrite(t->bytes, t->used, 1, f) != 1) || fclose(f))
		die("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	struct image img = {0};
	struct table table = {0};
	size_t table_bytes;

	if (argc != 4)
		die("usage: mkksyms IMAGE OUT.o PROGRAM-NAME");
	image_load(&img, argv[1]);
	table_make(&table, &img);
	table_bytes = table.used;
	put(&table, argv[3], strlen(argv[3]) + 1);
	object_write(&table, table_bytes, argv[2]);
	free(table.bytes);
	free(img.functions);
	free(img.bytes);
	return 0;
}
