/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/export.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>
#include <unistd.h>

#include "duster/engine/threads.h"

#define SEGMENTS_MAX 60000u
#define THREADS_MAX  4096u
#define XEN_FIRST    0xffff800000000000ULL /* Xen: public/arch-x86/xen-x86_64.h */
#define XEN_END      0xffff880000000000ULL
#define CHUNK_BYTES  65536u

struct exporter {
	struct session *session;
	FILE *file;
	Elf64_Phdr *segments;
	size_t segments_count;
	struct elf_prstatus *threads;
	size_t threads_count;
	struct problem *problem;
};

/* Without a gap between name and status. */
struct __attribute__((packed)) note {
	Elf64_Nhdr header;
	char name[8]; /* "CORE", padded */
	struct elf_prstatus status;
};

/* ---- Memory ---- */

static int add_page(struct exporter *exporter, uint64_t addr, const struct walk *walk)
{
	Elf64_Phdr *last =
		exporter->segments_count ? &exporter->segments[exporter->segments_count - 1] : NULL;
	uint32_t flags = PF_R | (walk->writable ? PF_W : 0) | (walk->executable ? PF_X : 0);

	if (last && last->p_vaddr + last->p_memsz == addr && last->p_flags == flags) {
		last->p_memsz += PAGE_BYTES;
		return 0;
	}
	if (exporter->segments_count >= SEGMENTS_MAX)
		return problem_set(exporter->problem, -E2BIG, "more than %u stretches of memory",
				   SEGMENTS_MAX);
	exporter->segments[exporter->segments_count++] = (Elf64_Phdr){.p_type = PT_LOAD,
								      .p_flags = flags,
								      .p_vaddr = addr,
								      .p_memsz = PAGE_BYTES,
								      .p_align = PAGE_BYTES};
	return 0;
}

/* All mapped pages; what cannot be read (Xen's own, a back end's) is left out. */
static int find_memory(struct exporter *exporter)
{
	struct session *session = exporter->session;
	uint64_t addr = 0, next;
	int error;

	do {
		struct walk walk;
		uint8_t byte;

		if (addr >= XEN_FIRST && addr < XEN_END)
			addr = XEN_END;
		error = target_walk(session->target, session->vcpu, addr, &walk);
		if (error == -EOPNOTSUPP)
			return problem_set(exporter->problem, error,
					   "this target has no page tables");
		if (error || !walk.page_bytes) /* a table that is not in the dump */
			walk = (struct walk){
				.page_bytes = 1ULL << (39 - 9 * (walk.depth < 4 ? walk.depth : 3))};
		next = walk.present ? addr + PAGE_BYTES
				    : (addr & ~(walk.page_bytes - 1)) + walk.page_bytes;
		if (walk.present && session_read(session, addr, &byte, 1) == 0) {
			error = add_page(exporter, addr, &walk);
			if (error)
				return error;
		}
		/* From the end of the lower half to the beginning of the upper one. */
		if (next >= 0x800000000000ULL && next < XEN_FIRST)
			next = XEN_FIRST;
		if (next <= addr)
			return 0;
		addr = next;
	} while (addr);
	return 0;
}

/* ---- Registers ---- */

static void add_thread(struct exporter *exporter, const struct regs *regs, int id)
{
	struct elf_prstatus *status = &exporter->threads[exporter->threads_count];
	struct user_regs_struct user = {.r15 = regs->value[CPU_R15],
					.r14 = regs->value[CPU_R14],
					.r13 = regs->value[CPU_R13],
					.r12 = regs->value[CPU_R12],
					.rbp = regs->value[CPU_RBP],
					.rbx = regs->value[CPU_RBX],
					.r11 = regs->value[CPU_R11],
					.r10 = regs->value[CPU_R10],
					.r9 = regs->value[CPU_R9],
					.r8 = regs->value[CPU_R8],
					.rax = regs->value[CPU_RAX],
					.rcx = regs->value[CPU_RCX],
					.rdx = regs->value[CPU_RDX],
					.rsi = regs->value[CPU_RSI],
					.rdi = regs->value[CPU_RDI],
					.orig_rax = UINT64_MAX,
					.rip = regs->value[CPU_RIP],
					.cs = regs->value[CPU_CS],
					.eflags = regs->value[CPU_RFLAGS],
					.rsp = regs->value[CPU_RSP],
					.ss = regs->value[CPU_SS],
					.fs_base = regs->value[CPU_FS_BASE],
					.gs_base = regs->value[CPU_GS_BASE]};

	if (exporter->threads_count >= THREADS_MAX)
		return;
	exporter->threads_count++;
	*status = (struct elf_prstatus){.pr_pid = id};
	memcpy(&status->pr_reg, &user, sizeof(user));
}

static bool add_guest_thread(void *context, const struct guest_thread *thread)
{
	if (!thread->is_running && regs_known(&thread->regs, CPU_RIP))
		add_thread(context, &thread->regs, 1000 + (int)thread->id);
	return true;
}

/* Out of the hypercall page, whose stubs no call frame information describes: to their caller. */
static void leave_hypercall(struct session *session, unsigned int vcpu, struct regs *regs)
{
	struct frame *stub, *caller;

	if (session_select_vcpu(session, vcpu, NULL) || session_frame(session, 0, &stub) ||
	    !stub->symbol || strncmp(stub->symbol->name, "hypercall_page", 14) != 0 ||
	    session_frame(session, 1, &caller))
		return;
	regs_set(regs, CPU_RIP, caller->regs.value[CPU_RIP]);
	regs_set(regs, CPU_RSP, caller->regs.value[CPU_RSP]);
}

static int find_threads(struct exporter *exporter)
{
	struct session *session = exporter->session;
	struct target *target = session->target;
	unsigned int selected = session->vcpu;

	for (unsigned int vcpu = 0; vcpu < target->vcpus_count; vcpu++) {
		struct regs regs;

		if (target_regs_get(target, vcpu, &regs))
			continue;
		leave_hypercall(session, vcpu, &regs);
		add_thread(exporter, &regs, (int)vcpu + 1);
	}
	(void)session_select_vcpu(session, selected, NULL);
	/* A program without threads has none to add. */
	(void)threads_each(exporter->session, add_guest_thread, exporter, NULL);
	return exporter->threads_count ? 0
				       : problem_set(exporter->problem, -ENODATA, "no registers");
}

/* ---- Writing ---- */

static bool put(struct exporter *exporter, const void *data, size_t bytes)
{
	return fwrite(data, 1, bytes, exporter->file) == bytes;
}

static bool put_headers(struct exporter *exporter)
{
	uint64_t at = sizeof(Elf64_Ehdr) + (exporter->segments_count + 1) * sizeof(Elf64_Phdr);
	Elf64_Ehdr header = {.e_type = ET_CORE,
			     .e_machine = EM_X86_64,
			     .e_version = EV_CURRENT,
			     .e_phoff = sizeof(Elf64_Ehdr),
			     .e_ehsize = sizeof(Elf64_Ehdr),
			     .e_phentsize = sizeof(Elf64_Phdr),
			     .e_phnum = (Elf64_Half)(exporter->segments_count + 1)};
	Elf64_Phdr notes = {.p_type = PT_NOTE,
			    .p_offset = at,
			    .p_filesz = exporter->threads_count * sizeof(struct note),
			    .p_align = 4};

	memcpy(header.e_ident, ELFMAG, SELFMAG);
	header.e_ident[EI_CLASS] = ELFCLASS64;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_ident[EI_VERSION] = EV_CURRENT;
	at += notes.p_filesz;
	for (size_t i = 0; i < exporter->segments_count; i++) {
		Elf64_Phdr *segment = &exporter->segments[i];

		at = (at + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
		segment->p_offset = at;
		segment->p_filesz = segment->p_memsz;
		at += segment->p_filesz;
	}
	return put(exporter, &header, sizeof(header)) && put(exporter, &notes, sizeof(notes)) &&
	       put(exporter, exporter->segments,
		   exporter->segments_count * sizeof(*exporter->segments));
}

static bool put_notes(struct exporter *exporter)
{
	for (size_t i = 0; i < exporter->threads_count; i++) {
		struct note note = {.header = {5, sizeof(note.status), NT_PRSTATUS},
				    .name = "CORE",
				    .status = exporter->threads[i]};

		if (!put(exporter, &note, sizeof(note)))
			return false;
	}
	return true;
}

static bool put_memory(struct exporter *exporter, uint64_t *bytes)
{
	uint8_t *chunk = arena_alloc(&exporter->session->arena, CHUNK_BYTES);

	for (size_t i = 0; i < exporter->segments_count; i++) {
		const Elf64_Phdr *segment = &exporter->segments[i];

		if (fseek(exporter->file, (long)segment->p_offset, SEEK_SET))
			return false;
		for (uint64_t at = 0; at < segment->p_memsz; at += CHUNK_BYTES) {
			uint64_t left = segment->p_memsz - at;
			size_t count = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, done;

			memset(chunk, 0, count);
			(void)session_read_some(exporter->session, segment->p_vaddr + at, chunk,
						count, &done);
			if (!put(exporter, chunk, count))
				return false;
		}
		*bytes += segment->p_memsz;
	}
	return true;
}

int export_core(struct session *session, const char *path, struct export_result *result_out,
		struct problem *problem)
{
	struct exporter exporter = {.session = session, .problem = problem};
	bool written;
	int error;

	*result_out = (struct export_result){0};
	if (!session->target)
		return problem_set(problem, -ENODEV, "no target");
	exporter.segments = arena_array(&session->arena, SEGMENTS_MAX, sizeof(Elf64_Phdr));
	exporter.threads = arena_array(&session->arena, THREADS_MAX, sizeof(struct elf_prstatus));
	error = find_threads(&exporter);
	if (!error)
		error = find_memory(&exporter);
	if (error)
		return error;
	exporter.file = fopen(path, "we");
	if (!exporter.file)
		return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
	written = put_headers(&exporter) && put_notes(&exporter) &&
		  put_memory(&exporter, &result_out->bytes);
	if (fclose(exporter.file) || !written) {
		(void)unlink(path);
		return problem_set(problem, -EIO, "%s cannot be written", path);
	}
	result_out->segments = exporter.segments_count;
	result_out->threads = exporter.threads_count;
	return 0;
}
