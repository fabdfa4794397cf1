/* SPDX-License-Identifier: BSD-2-Clause */
/* The usual ELF core: memory in PT_LOAD segments, one NT_PRSTATUS for each thread or vCPU. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include "duster/target/core_file.h"

#define THREADS_MAX 512u

struct core_elf {
	struct target target;
	struct core_file file;
	const Elf64_Phdr *segments;
	unsigned int segments_count, last; /* last: the segment found last */
	struct regs *regs;
};

static struct core_elf *self(struct target *target)
{
	return (struct core_elf *)target;
}

static bool holds(const Elf64_Phdr *segment, uint64_t addr)
{
	return segment->p_type == PT_LOAD && addr >= segment->p_vaddr &&
	       addr - segment->p_vaddr < segment->p_memsz;
}

static const Elf64_Phdr *find_segment(struct core_elf *core, uint64_t addr)
{
	if (holds(&core->segments[core->last], addr))
		return &core->segments[core->last];
	for (unsigned int i = 0; i < core->segments_count; i++)
		if (holds(&core->segments[i], addr)) {
			core->last = i;
			return &core->segments[i];
		}
	return NULL;
}

static int op_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		   size_t *done_out)
{
	struct core_elf *core = self(target);

	(void)vcpu;
	for (*done_out = 0; *done_out < bytes;) {
		const Elf64_Phdr *segment = find_segment(core, addr + *done_out);
		uint64_t inside, count;
		const void *data;

		if (!segment)
			return -EFAULT;
		inside = addr + *done_out - segment->p_vaddr;
		if (inside >= segment->p_filesz)
			return -EFAULT; /* memory the dump left out */
		count = segment->p_filesz - inside;
		if (count > bytes - *done_out)
			count = bytes - *done_out;
		data = core_file_at(&core->file, segment->p_offset + inside, count);
		if (!data)
			return -EFAULT;
		memcpy((uint8_t *)to + *done_out, data, count);
		*done_out += count;
	}
	return 0;
}

static int op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	*regs_out = self(target)->regs[vcpu];
	return 0;
}

static void op_describe(struct target *target, char *text_out, size_t text_bytes)
{
	snprintf(text_out, text_bytes, "%s: ELF core file, %u thread%s", self(target)->file.path,
		 target->vcpus_count, target->vcpus_count == 1 ? "" : "s");
}

static void op_close(struct target *target)
{
	core_file_close(&self(target)->file);
	free(self(target)->regs);
	free(target);
}

static const struct target_ops ops = {
	.close = op_close,
	.describe = op_describe,
	.regs_get = op_regs_get,
	.read = op_read,
};

static void take_regs(const struct elf_prstatus *status, struct regs *regs)
{
	struct user_regs_struct user;
	memcpy(&user, &status->pr_reg, sizeof(user));
	regs_set(regs, CPU_RAX, user.rax);
	regs_set(regs, CPU_RDX, user.rdx);
	regs_set(regs, CPU_RCX, user.rcx);
	regs_set(regs, CPU_RBX, user.rbx);
	regs_set(regs, CPU_RSI, user.rsi);
	regs_set(regs, CPU_RDI, user.rdi);
	regs_set(regs, CPU_RBP, user.rbp);
	regs_set(regs, CPU_RSP, user.rsp);
	regs_set(regs, CPU_R8, user.r8);
	regs_set(regs, CPU_R9, user.r9);
	regs_set(regs, CPU_R10, user.r10);
	regs_set(regs, CPU_R11, user.r11);
	regs_set(regs, CPU_R12, user.r12);
	regs_set(regs, CPU_R13, user.r13);
	regs_set(regs, CPU_R14, user.r14);
	regs_set(regs, CPU_R15, user.r15);
	regs_set(regs, CPU_RIP, user.rip);
	regs_set(regs, CPU_RFLAGS, user.eflags);
	regs_set(regs, CPU_CS, user.cs);
	regs_set(regs, CPU_SS, user.ss);
	regs_set(regs, CPU_DS, user.ds);
	regs_set(regs, CPU_ES, user.es);
	regs_set(regs, CPU_FS, user.fs);
	regs_set(regs, CPU_GS, user.gs);
	regs_set(regs, CPU_FS_BASE, user.fs_base);
	regs_set(regs, CPU_GS_BASE, user.gs_base);
}

static int note(void *context, const char *name, uint32_t type, const uint8_t *desc,
		uint64_t desc_bytes)
{
	struct core_elf *core = context;
	struct elf_prstatus status;
	struct user_fpregs_struct fp;
	struct regs *more;

	(void)name;
	if (type == NT_PRSTATUS && desc_bytes >= sizeof(status) &&
	    core->target.vcpus_count < THREADS_MAX) {
		memcpy(&status, desc, sizeof(status));
		more = realloc(core->regs, (core->target.vcpus_count + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		core->regs = more;
		more += core->target.vcpus_count++;
		*more = (struct regs){0};
		take_regs(&status, more);
	} else if (type == NT_FPREGSET && desc_bytes >= sizeof(fp) && core->target.vcpus_count) {
		memcpy(&fp, desc, sizeof(fp));
		more = &core->regs[core->target.vcpus_count - 1];
		memcpy(more->xmm, fp.xmm_space, sizeof(more->xmm));
		more->xmm_known = true;
	}
	return 0;
}

static int parse(struct core_elf *core, struct problem *problem)
{
	const struct core_file *file = &core->file;
	const Elf64_Ehdr *header = core_file_at(file, 0, sizeof(*header));
	int error = 0;

	core->segments_count = header->e_phnum;
	core->segments = core_file_at(file, header->e_phoff,
				      (uint64_t)header->e_phnum * sizeof(*core->segments));
	if (!core->segments || header->e_phentsize != sizeof(*core->segments) ||
	    ((uintptr_t)core->segments & 7))
		return problem_set(problem, -EINVAL, "%s: program headers outside the file",
				   file->path);
	for (unsigned int i = 0; i < core->segments_count && !error; i++)
		if (core->segments[i].p_type == PT_NOTE)
			error = core_file_notes(file, core->segments[i].p_offset,
						core->segments[i].p_filesz, note, core);
	if (error == -ENOMEM)
		return problem_set(problem, error, "out of memory");
	if (!core->target.vcpus_count)
		return problem_set(problem, -EINVAL, "%s: no registers in the file", file->path);
	return 0;
}

int core_elf_open(struct core_file *file, struct target **target_out, struct problem *problem)
{
	struct core_elf *core = calloc(1, sizeof(*core));
	int error;

	if (!core) {
		core_file_close(file);
		return problem_set(problem, -ENOMEM, "out of memory");
	}
	core->target.ops = &ops;
	core->file = *file;
	error = parse(core, problem);
	if (error)
		op_close(&core->target);
	else
		*target_out = &core->target;
	return error;
}
