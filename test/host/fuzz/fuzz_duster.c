/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a program with debug information, and as a core file: refused, or looked at as the
 * debugger does, within its limits of memory, and never beyond the file.
 * Sources: duster/engine/convenience.c duster/engine/eval.c duster/engine/format.c
 * Sources: duster/engine/format_type.c duster/engine/lexer.c duster/engine/parse_type.c
 * Sources: duster/engine/session.c duster/engine/unwind.c duster/engine/value.c
 * Sources: duster/engine/value_ops.c duster/engine/walkers.c duster/symbols/cfi.c
 * Sources: duster/engine/trace.c duster/arch/compile.c
 * Sources: duster/symbols/image.c duster/symbols/lines.c duster/symbols/location.c
 * Sources: duster/symbols/names.c duster/symbols/scope.c duster/symbols/symtab.c
 * Sources: duster/symbols/type.c duster/symbols/type_name.c duster/arch/x86_64.c
 * Sources: duster/target/core.c duster/target/core_elf.c duster/target/core_xen.c
 * Sources: duster/target/target.c duster/target/walk.c duster/target/xen_regs.c
 * Sources: duster/util/arena.c duster/util/map.c duster/util/problem.c duster/util/text.c
 * Libraries: -ldw -lelf -lm
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "duster/engine/eval.h"
#include "duster/engine/format.h"
#include "duster/symbols/names.h"
#include "duster/symbols/scope.h"
#include "duster/target/core.h"

#define NAMES_MAX   64u
#define FRAMES_LOOK 32u
#define VCPUS_LOOK  4u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count);

static void show_value(struct session *session, const char *name)
{
	struct format format = format_of(session, 0);
	struct text text = {0};
	struct value *value;

	if (eval_expression(session, name, &value, NULL) == 0) {
		format_value(session, value, &format, &text);
		text_clear(&text);
		format_type(session, value->type, true, &text);
	}
	text_free(&text);
}

static void show_frames(struct session *session)
{
	struct frame *frame;

	for (unsigned int level = 0; level < FRAMES_LOOK; level++)
		if (session_frame(session, level, &frame))
			break;
}

/* What commands do with a program. */
static int look_around(void *context)
{
	struct session *session = context;
	size_t count;
	const struct name_entry *names = names_all(session->image, &count);

	for (size_t i = 0; i < count && i < NAMES_MAX; i++)
		show_value(session, names[i].name);
	for (size_t i = 0; i < session->image->symbols_count && i < NAMES_MAX; i++) {
		uint64_t addr = session->image->symbols[i].addr;
		struct scope_chain chain;
		struct line line;

		(void)line_at(session->image, addr, &line);
		scope_chain_at(session->image, addr, &chain);
	}
	if (session->target) {
		(void)session_verify_image(session, NULL);
		show_frames(session);
	}
	return 0;
}

static void look(struct target *target, struct image *image)
{
	static struct session session;

	session_init(&session, target, image);
	session_begin_command(&session);
	(void)session_guard(&session, look_around, &session, NULL);
	session_close(&session);
}

/* Memory and registers, which need no program. */
static void look_at_core(struct target *target)
{
	char text[256];

	target_describe(target, text, sizeof(text));
	for (unsigned int vcpu = 0; vcpu < target->vcpus_count && vcpu < VCPUS_LOOK; vcpu++) {
		struct regs regs = {0};
		uint8_t bytes[100];
		struct walk walk;
		uint64_t pfn;
		size_t done;

		if (target_regs_get(target, vcpu, &regs))
			continue;
		for (unsigned int reg = 0; reg <= CPU_RIP; reg++)
			(void)target_read_some(target, vcpu, regs.value[reg] - 8, bytes,
					       sizeof(bytes), &done);
		(void)target_read_some(target, vcpu, PAGE_BYTES - 50, bytes, sizeof(bytes), &done);
		if (target_walk(target, vcpu, regs.value[CPU_RSP], &walk) == 0 && walk.present)
			(void)target_pfn(target, walk.maddr / PAGE_BYTES, &pfn);
	}
}

/* The bytes are a program, and a core file of it. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t bytes_count)
{
	struct image *image;
	struct target *target = NULL;
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, bytes, bytes_count) != (ssize_t)bytes_count)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (core_open(path, &target, NULL))
		target = NULL;
	if (target)
		look_at_core(target);
	if (image_open(path, NULL, &image, NULL) == 0)
		look(target, image);
	else
		target_close(target);
	close(fd);
	return 0;
}
