/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/target/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duster/target/core_file.h"

void core_file_close(struct core_file *file)
{
	if (file->data)
		munmap((void *)file->data, file->bytes);
	file->data = NULL;
}

static uint64_t align4(uint64_t bytes)
{
	return (bytes + 3) & ~3ULL;
}

int core_file_notes(const struct core_file *file, uint64_t offset, uint64_t bytes, core_note_fn *fn,
		    void *context)
{
	uint64_t end = offset + bytes;

	if (!core_file_at(file, offset, bytes))
		return -EINVAL;
	while (end - offset >= sizeof(Elf64_Nhdr)) {
		uint64_t name_bytes, desc_bytes;
		Elf64_Nhdr header;
		const char *name;
		int stop;

		memcpy(&header, core_file_at(file, offset, sizeof(header)), sizeof(header));
		name_bytes = align4(header.n_namesz);
		desc_bytes = align4(header.n_descsz);
		offset += sizeof(header);
		if (name_bytes > end - offset || header.n_descsz > end - offset - name_bytes)
			return -EINVAL;
		name = core_file_at(file, offset, name_bytes);
		if (!header.n_namesz || name[header.n_namesz - 1] != '\0')
			name = "";
		offset += name_bytes;
		stop = fn(context, name, header.n_type, core_file_at(file, offset, header.n_descsz),
			  header.n_descsz);
		if (stop)
			return stop;
		if (desc_bytes > end - offset)
			break;
		offset += desc_bytes;
	}
	return 0;
}

static int map_file(const char *path, struct core_file *file, struct problem *problem)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	void *data;

	if (fd < 0)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &status) || !S_ISREG(status.st_mode) || status.st_size == 0) {
		close(fd);
		return problem_set(problem, -EINVAL, "%s: %s", path,
				   "not a core file, or an empty one");
	}
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	error = errno;
	close(fd);
	if (data == MAP_FAILED)
		return problem_set(problem, -error, "%s: %s", path, strerror(error));
	*file = (struct core_file){.data = data, .bytes = (uint64_t)status.st_size};
	snprintf(file->path, sizeof(file->path), "%s", path);
	return 0;
}

int core_open(const char *path, struct target **target_out, struct problem *problem)
{
	struct core_file file;
	const Elf64_Ehdr *header;
	int error = map_file(path, &file, problem);

	if (error)
		return error;
	header = core_file_at(&file, 0, sizeof(*header));
	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_CORE ||
	    header->e_machine != EM_X86_64) {
		core_file_close(&file);
		return problem_set(problem, -EINVAL, "%s: not a core file of an x86-64 machine",
				   path);
	}
	return header->e_phnum ? core_elf_open(&file, target_out, problem)
			       : core_xen_open(&file, target_out, problem);
}
