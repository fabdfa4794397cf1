/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/image.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define SEGMENTS_MAX    64u
#define PAGE_BYTES_MAX  4096u
#define FILE_BYTES_MAX  ((off_t)4 << 30)

static void close_file(struct elf_file *file)
{
	if (file->elf)
		elf_end(file->elf);
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct elf_file){.fd = -1};
}

static int open_file(const char *path, struct elf_file *file_out, struct problem *problem)
{
	struct elf_file file = {.fd = open(path, O_RDONLY | O_CLOEXEC)};
	struct stat status;
	GElf_Ehdr header;

	if (file.fd < 0)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	if (fstat(file.fd, &status) || !S_ISREG(status.st_mode) ||
	    status.st_size > FILE_BYTES_MAX) {
		close_file(&file);
		return problem_set(problem, -EINVAL, "%s: not a regular file of up to 4 GiB", path);
	}
	file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
	if (!file.elf || elf_kind(file.elf) != ELF_K_ELF || !gelf_getehdr(file.elf, &header) ||
	    header.e_machine != EM_X86_64 || header.e_ident[EI_CLASS] != ELFCLASS64) {
		close_file(&file);
		return problem_set(problem, -EINVAL, "%s: not an x86-64 ELF file", path);
	}
	*file_out = file;
	return 0;
}

static size_t build_id(Elf *elf, uint8_t *id_out)
{
	const void *id;
	ssize_t bytes = dwelf_elf_gnu_build_id(elf, &id);

	if (bytes <= 0 || bytes > (ssize_t)IMAGE_BUILD_ID_MAX)
		return 0;
	memcpy(id_out, id, (size_t)bytes);
	return (size_t)bytes;
}

/* The address of the build-id's bytes in memory; 0: it is not loaded. */
static uint64_t build_id_addr(const struct image *image)
{
	for (size_t i = 0; i < image->segments_count; i++) {
		const struct segment *segment = &image->segments[i];
		/* Behind its head: 4 words and the name. */
		static const uint8_t head[] = {4, 0, 0, 0};
		const uint8_t *at = segment->data, *end = at + segment->file_bytes;

		for (; !segment->writable && (size_t)(end - at) >= 16 + image->build_id_bytes;
		     at += 4)
			if (memcmp(at, head, 4) == 0 && at[4] == image->build_id_bytes &&
			    at[8] == NT_GNU_BUILD_ID && memcmp(at + 12, "GNU", 4) == 0 &&
			    memcmp(at + 16, image->build_id, image->build_id_bytes) == 0)
				return segment->addr + (uint64_t)(at + 16 - segment->data);
	}
	return 0;
}

static bool has_section(Elf *elf, const char *name)
{
	size_t strings;
	Elf_Scn *section = NULL;

	if (elf_getshdrstrndx(elf, &strings))
		return false;
	while ((section = elf_nextscn(elf, section)) != NULL) {
		GElf_Shdr header;
		const char *its;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		its = elf_strptr(elf, strings, header.sh_name);
		if (its && strcmp(its, name) == 0)
			return true;
	}
	return false;
}

static int load_segments(struct image *image, struct problem *problem)
{
	size_t count, file_bytes;
	const char *data = elf_rawfile(image->file.elf, &file_bytes);
	GElf_Ehdr header;

	if (!data || elf_getphdrnum(image->file.elf, &count) || count > SEGMENTS_MAX)
		return problem_set(problem, -EINVAL, "%s: no usable program headers", image->path);
	image->segments = arena_array(&image->arena, count + 1, sizeof(*image->segments));
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr program;

		if (!gelf_getphdr(image->file.elf, (int)i, &program))
			continue;
		if (program.p_type == PT_TLS && program.p_align <= PAGE_BYTES_MAX &&
		    program.p_memsz < UINT32_MAX) {
			uint64_t align = program.p_align ? program.p_align : 1;

			image->tls_bytes = (program.p_memsz + align - 1) / align * align;
		}
		if (program.p_type != PT_LOAD || program.p_offset > file_bytes ||
		    program.p_filesz > file_bytes - program.p_offset ||
		    program.p_memsz > UINT64_MAX - program.p_vaddr)
			continue;
		image->segments[image->segments_count++] = (struct segment){
			.addr = program.p_vaddr,
			.data = (const uint8_t *)data + program.p_offset,
			.file_bytes = program.p_filesz < program.p_memsz ? program.p_filesz
									 : program.p_memsz,
			.memory_bytes = program.p_memsz,
			.writable = program.p_flags & PF_W,
			.executable = program.p_flags & PF_X};
	}
	if (gelf_getehdr(image->file.elf, &header))
		image->entry = header.e_entry;
	return 0;
}

int image_read(const struct image *image, uint64_t addr, void *to, size_t bytes, bool initial)
{
	for (size_t i = 0; i < image->segments_count; i++) {
		const struct segment *segment = &image->segments[i];
		uint64_t inside = addr - segment->addr;

		if (addr < segment->addr || inside > segment->file_bytes ||
		    bytes > segment->file_bytes - inside || (segment->writable && !initial))
			continue;
		memcpy(to, segment->data + inside, bytes);
		return 0;
	}
	return -EFAULT;
}

/* ---- The file with the debug information ---- */

/* Both made by one link: the same build-id, or, lacking that, the same code. */
static bool belongs(struct image *image, const struct elf_file *debug)
{
	uint8_t id[IMAGE_BUILD_ID_MAX];
	size_t id_bytes = build_id(debug->elf, id), count;
	const char *data;
	size_t file_bytes;

	if (id_bytes && image->build_id_bytes)
		return id_bytes == image->build_id_bytes &&
		       memcmp(id, image->build_id, id_bytes) == 0;
	data = elf_rawfile(debug->elf, &file_bytes);
	if (!data || elf_getphdrnum(debug->elf, &count) || count > SEGMENTS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr program;
		uint8_t ours[256];

		if (!gelf_getphdr(debug->elf, (int)i, &program) || program.p_type != PT_LOAD ||
		    (program.p_flags & PF_W) || program.p_offset > file_bytes ||
		    program.p_filesz > file_bytes - program.p_offset)
			continue;
		for (uint64_t at = 0; at < program.p_filesz; at += sizeof(ours)) {
			size_t bytes = program.p_filesz - at < sizeof(ours)
					       ? (size_t)(program.p_filesz - at)
					       : sizeof(ours);

			if (image_read(image, program.p_vaddr + at, ours, bytes, false) ||
			    memcmp(ours, data + program.p_offset + at, bytes) != 0)
				return false;
		}
	}
	return true;
}

static int try_debug_file(struct image *image, const char *path, bool given,
			  struct problem *problem)
{
	struct elf_file file;
	int error = open_file(path, &file, given ? problem : NULL);

	if (error)
		return error;
	if (!has_section(file.elf, ".debug_info") || !belongs(image, &file)) {
		close_file(&file);
		return problem_set(given ? problem : NULL, -EINVAL,
				   "%s: not the debug information of %s", path, image->path);
	}
	image->debug_file = file;
	image->debug_path = arena_text(&image->arena, path);
	return 0;
}

static int find_debug_file(struct image *image)
{
	char path[PATH_MAX], *slash;
	const char *link;
	GElf_Word crc;
	int folder;

	snprintf(path, sizeof(path), "%s.debug", image->path);
	if (try_debug_file(image, path, false, NULL) == 0)
		return 0;
	slash = strrchr(image->path, '/');
	folder = slash ? (int)(slash - image->path) + 1 : 0;
	link = dwelf_elf_gnu_debuglink(image->file.elf, &crc);
	if (link && !strchr(link, '/')) {
		static const char *const places[] = {"", ".debug/", "/usr/lib/debug/"};

		for (unsigned int i = 0; i < 3; i++) {
			snprintf(path, sizeof(path), "%.*s%s%s", i == 2 ? 0 : folder, image->path,
				 places[i], link);
			if (strcmp(path, image->path) != 0 &&
			    try_debug_file(image, path, false, NULL) == 0)
				return 0;
		}
	}
	if (image->build_id_bytes > 1) {
		int used = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/",
				    image->build_id[0]);

		for (size_t i = 1; i < image->build_id_bytes; i++)
			used += snprintf(path + used, sizeof(path) - (size_t)used, "%02x",
					 image->build_id[i]);
		snprintf(path + used, sizeof(path) - (size_t)used, ".debug");
		return try_debug_file(image, path, false, NULL);
	}
	return -ENOENT;
}

static int load_dwarf(struct image *image, const char *debug_path, struct problem *problem)
{
	Elf *elf;

	if (debug_path) {
		int error = try_debug_file(image, debug_path, true, problem);

		if (error)
			return error;
	} else if (!has_section(image->file.elf, ".debug_info")) {
		(void)find_debug_file(image); /* without it there are symbols at most */
	}
	elf = image->debug_file.elf ? image->debug_file.elf : image->file.elf;
	if (has_section(elf, ".debug_info"))
		image->dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
	if (image->dwarf)
		image->frame_cfi = dwarf_getcfi(image->dwarf);
	image->eh_cfi = dwarf_getcfi_elf(image->file.elf);
	return 0;
}

int image_open(const char *path, const char *debug_path, struct image **image_out,
	       struct problem *problem)
{
	struct image *image = calloc(1, sizeof(*image));
	int error;

	if (!image)
		return problem_set(problem, -ENOMEM, "out of memory");
	elf_version(EV_CURRENT);
	arena_init(&image->arena, ARENA_BYTES_MAX);
	image->file.fd = image->debug_file.fd = -1;
	image->path = arena_text(&image->arena, path);
	error = open_file(path, &image->file, problem);
	if (!error) {
		image->build_id_bytes = build_id(image->file.elf, image->build_id);
		error = load_segments(image, problem);
		if (!error && image->build_id_bytes)
			image->build_id_addr = build_id_addr(image);
	}
	if (!error)
		error = load_dwarf(image, debug_path, problem);
	if (!error)
		error = symtab_load(image, problem);
	if (!error)
		error = units_load(image);
	if (error)
		image_close(image);
	else
		*image_out = image;
	return error;
}

void image_close(struct image *image)
{
	if (!image)
		return;
	if (image->eh_cfi)
		dwarf_cfi_end(image->eh_cfi);
	if (image->dwarf)
		dwarf_end(image->dwarf);
	close_file(&image->debug_file);
	close_file(&image->file);
	map_free(&image->lines);
	map_free(&image->types);
	free(image->names);
	arena_reset(&image->arena);
	free(image);
}

/* ---- Units ---- */

static int compare_ranges(const void *a, const void *b)
{
	const struct unit_range *left = a, *right = b;

	return left->low < right->low ? -1 : left->low > right->low;
}

static int add_unit(struct image *image, size_t *room, Dwarf_Die *unit)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t next = 0;

	while ((next = dwarf_ranges(unit, next, &base, &low, &high)) > 0) {
		if (low >= high || low == 0)
			continue; /* code the linker left out */
		if (image->ranges_count == *room) {
			struct unit_range *more;

			*room = *room ? 2 * *room : 256;
			more = realloc(image->ranges, *room * sizeof(*more));
			if (!more)
				return -ENOMEM;
			image->ranges = more;
		}
		image->ranges[image->ranges_count++] = (struct unit_range){low, high, *unit};
	}
	return 0;
}

int units_load(struct image *image)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;
	size_t room = 0;
	struct unit_range *kept;
	int error = 0;

	if (!image->dwarf)
		return 0;
	while (!error && dwarf_get_units(image->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0)
		if (type == DW_UT_compile || type == DW_UT_partial)
			error = add_unit(image, &room, &die);
	/* Kept in the arena; grown outside of it. */
	kept = arena_array(&image->arena, image->ranges_count + 1, sizeof(*kept));
	if (image->ranges_count)
		memcpy(kept, image->ranges, image->ranges_count * sizeof(*kept));
	free(image->ranges);
	image->ranges = kept;
	if (image->ranges_count)
		qsort(kept, image->ranges_count, sizeof(*kept), compare_ranges);
	return error;
}

bool image_unit_at(const struct image *image, uint64_t addr, Dwarf_Die *unit_out)
{
	size_t low = 0, high = image->ranges_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->ranges[middle].low <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr >= image->ranges[low - 1].high)
		return false;
	*unit_out = image->ranges[low - 1].unit;
	return true;
}
