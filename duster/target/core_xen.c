/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `xl dump-core`: an ELF file without program headers. Section .xen_prstatus holds a
 * vcpu_guest_context of each vCPU, .xen_p2m pairs of (pfn, mfn), .xen_pages the pages in that
 * order.
 */
#include <xenctrl.h>
#include <xen/elfnote.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duster/target/core_file.h"
#include "duster/target/walk.h"
#include "duster/target/xen_regs.h"
#include "duster/util/map.h"

#define MAGIC_PV  0xf00febedULL
#define MAGIC_HVM 0xf00febeeULL

struct p2m_pair {
	uint64_t pfn, mfn;
};

struct core_xen {
	struct target target;
	struct core_file file;
	const vcpu_guest_context_t *contexts;
	const uint8_t *pages;
	const struct p2m_pair *p2m;
	uint64_t pages_count;
	struct map index_of_mfn;
	struct walk_memory memory;
	bool is_hvm;
};

static struct core_xen *self(struct target *target)
{
	return (struct core_xen *)target;
}

static int frame(void *context, uint64_t mfn, const uint8_t **page_out)
{
	struct core_xen *core = context;
	uint64_t index;

	if (!map_get(&core->index_of_mfn, mfn, &index))
		return -EFAULT;
	*page_out = core->pages + index * PAGE_BYTES;
	return 0;
}

static uint64_t root_mfn(struct core_xen *core, unsigned int vcpu)
{
	unsigned int number = vcpu < core->target.vcpus_count ? vcpu : 0;

	return core->contexts[number].ctrlreg[3] / PAGE_BYTES;
}

static int op_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		   size_t *done_out)
{
	struct core_xen *core = self(target);

	return walk_read(&core->memory, root_mfn(core, vcpu), addr, to, bytes, done_out);
}

static int op_walk(struct target *target, unsigned int vcpu, uint64_t addr, struct walk *walk_out)
{
	struct core_xen *core = self(target);

	return walk_translate(&core->memory, root_mfn(core, vcpu), addr, walk_out);
}

static int op_pfn(struct target *target, uint64_t mfn, uint64_t *pfn_out)
{
	uint64_t index;

	if (!map_get(&self(target)->index_of_mfn, mfn, &index))
		return -ENOENT;
	*pfn_out = self(target)->p2m[index].pfn;
	return 0;
}

static int op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	xen_regs_from_context(&self(target)->contexts[vcpu], regs_out);
	return 0;
}

static void op_describe(struct target *target, char *text_out, size_t text_bytes)
{
	struct core_xen *core = self(target);

	snprintf(text_out, text_bytes, "%s: dump of a Xen PV guest, %u vCPU%s, %llu pages",
		 core->file.path, target->vcpus_count, target->vcpus_count == 1 ? "" : "s",
		 (unsigned long long)core->pages_count);
}

static void op_close(struct target *target)
{
	struct core_xen *core = self(target);

	map_free(&core->index_of_mfn);
	core_file_close(&core->file);
	free(core);
}

static const struct target_ops ops = {
	.close = op_close,
	.describe = op_describe,
	.regs_get = op_regs_get,
	.read = op_read,
	.walk = op_walk,
	.pfn = op_pfn,
};

/* The section of that name, or NULL. */
static const Elf64_Shdr *find_section(const struct core_file *file, const char *name)
{
	const Elf64_Ehdr *header = core_file_at(file, 0, sizeof(*header));
	const Elf64_Shdr *sections =
		core_file_at(file, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	const Elf64_Shdr *names;

	if (!sections || ((uintptr_t)sections & 7) || header->e_shentsize != sizeof(*sections) ||
	    header->e_shstrndx >= header->e_shnum)
		return NULL;
	names = &sections[header->e_shstrndx];
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		size_t bytes = strlen(name) + 1;
		const char *its;

		if (sections[i].sh_name > names->sh_size)
			continue;
		its = core_file_at(file, names->sh_offset + sections[i].sh_name, bytes);
		if (its && memcmp(its, name, bytes) == 0)
			return &sections[i];
	}
	return NULL;
}

/* The section's bytes and how many elements of element_bytes it holds; NULL when not usable. */
static const void *section_array(const struct core_file *file, const char *name,
				 uint64_t element_bytes, uint64_t *count_out)
{
	const Elf64_Shdr *section = find_section(file, name);
	const void *data;

	if (!section)
		return NULL;
	data = core_file_at(file, section->sh_offset, section->sh_size);
	*count_out = section->sh_size / element_bytes;
	return *count_out && ((uintptr_t)data & 7) == 0 ? data : NULL;
}

static int note(void *context, const char *name, uint32_t type, const uint8_t *desc,
		uint64_t desc_bytes)
{
	struct core_xen *core = context;
	uint64_t magic;

	if (strcmp(name, "Xen") == 0 && type == XEN_ELFNOTE_DUMPCORE_HEADER &&
	    desc_bytes >= sizeof(magic)) {
		memcpy(&magic, desc, sizeof(magic));
		core->is_hvm = magic == MAGIC_HVM;
		return magic == MAGIC_PV;
	}
	return 0;
}

static int parse(struct core_xen *core, struct problem *problem)
{
	const struct core_file *file = &core->file;
	const Elf64_Shdr *notes = find_section(file, ".note.Xen");
	uint64_t vcpus, pages;
	int error;

	if (!notes || core_file_notes(file, notes->sh_offset, notes->sh_size, note, core) != 1)
		return problem_set(problem, -EINVAL, "%s: not a dump of a Xen PV guest%s",
				   file->path, core->is_hvm ? " but of an HVM guest" : "");
	core->contexts =
		section_array(file, ".xen_prstatus", sizeof(vcpu_guest_context_any_t), &vcpus);
	core->p2m = section_array(file, ".xen_p2m", sizeof(struct p2m_pair), &core->pages_count);
	core->pages = section_array(file, ".xen_pages", PAGE_BYTES, &pages);
	if (!core->contexts || !core->p2m || !core->pages)
		return problem_set(problem, -EINVAL,
				   "%s: the dump is not complete (xl dump-core failed?)",
				   file->path);
	core->pages_count = pages < core->pages_count ? pages : core->pages_count;
	core->target.vcpus_count = vcpus < 512 ? (unsigned int)vcpus : 512;
	for (uint64_t i = 0; i < core->pages_count; i++) {
		if (core->p2m[i].mfn == UINT64_MAX)
			continue;
		error = map_put(&core->index_of_mfn, core->p2m[i].mfn, i);
		if (error)
			return problem_set(problem, error, "out of memory");
	}
	return 0;
}

int core_xen_open(struct core_file *file, struct target **target_out, struct problem *problem)
{
	struct core_xen *core = calloc(1, sizeof(*core));
	int error;

	if (!core) {
		core_file_close(file);
		return problem_set(problem, -ENOMEM, "out of memory");
	}
	core->target.ops = &ops;
	core->file = *file;
	walk_init(&core->memory, frame, NULL, core);
	error = parse(core, problem);
	if (error)
		op_close(&core->target);
	else
		*target_out = &core->target;
	return error;
}
