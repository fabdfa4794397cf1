/* SPDX-License-Identifier: BSD-2-Clause */
/* What duster knows of the kernel in the guest. Layouts come from the image's debug information
 * alone. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "duster/engine/eval.h"
#include "duster/engine/inspect.h"
#include "duster/symbols/names.h"

/* The variable of that name at file level, loaded; NULL: none. */
static struct value *variable(struct session *session, const char *name)
{
	struct value *value;

	if (!session->image || eval_name(session, name, &value, NULL) ||
	    value->place != VALUE_MEMORY)
		return NULL;
	return value;
}

static bool member_number(struct session *session, struct value *value, const char *name,
			  uint64_t *number_out)
{
	struct value *member;

	return value_member(session, value, name, &member, NULL) == 0 &&
	       value_number(session, member, number_out, NULL) == 0;
}

/* ---- The log ring ---- */

#define RING_BYTES_MAX (16u << 20)

struct ring {
	struct session *session;
	uint64_t head, tail, bytes, data;
	struct type *record;
};

static int ring_open(struct session *session, struct ring *ring, struct problem *problem)
{
	struct value *value = variable(session, "log_ring"), *data;

	ring->session = session;
	ring->record =
		session->image ? names_find_tag(session->image, TYPE_STRUCT, "log_record") : NULL;
	if (!value || !ring->record || value_member(session, value, "data", &data, NULL))
		return problem_set(problem, -ENOENT, "the image has no log ring");
	if (!member_number(session, value, "head", &ring->head) ||
	    !member_number(session, value, "tail", &ring->tail) ||
	    !member_number(session, value, "bytes", &ring->bytes))
		return problem_set(problem, -EFAULT, "the log ring cannot be read");
	ring->data = data->addr;
	if (!ring->bytes) /* nothing was written yet */
		ring->head = ring->tail;
	else if (ring->bytes > RING_BYTES_MAX || ring->tail - ring->head > ring->bytes)
		return problem_set(problem, -EINVAL, "the log ring is damaged");
	return 0;
}

static int ring_copy(const struct ring *ring, uint64_t position, uint8_t *to, uint64_t bytes)
{
	while (bytes) {
		uint64_t at = position % ring->bytes, count = ring->bytes - at;

		if (count > bytes)
			count = bytes;
		if (session_read(ring->session, ring->data + at, to, count))
			return -EFAULT;
		position += count;
		to += count;
		bytes -= count;
	}
	return 0;
}

static uint64_t field(const struct ring *ring, const uint8_t *record, const char *name)
{
	uint64_t offset, word = 0;
	const struct member *member = type_find_member(ring->record, name, &offset);
	uint64_t bytes = member ? type_bytes(member->type) : 0;

	if (member && bytes <= 8 && offset + bytes <= type_bytes(ring->record))
		memcpy(&word, record + offset, bytes);
	return word;
}

int inspect_log(struct session *session, void (*fn)(void *context, const struct log_line *line),
		void *context, struct problem *problem)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};
	struct ring ring = {0};
	uint64_t record_bytes, position;
	uint8_t *record;
	int error = ring_open(session, &ring, problem);

	if (error)
		return error;
	record_bytes = type_bytes(ring.record);
	record = arena_alloc(&session->arena, record_bytes);
	for (position = ring.head; ring.tail - position >= record_bytes && ring.tail > position;) {
		struct log_line line;
		uint64_t bytes, level;
		char *text;

		error = ring_copy(&ring, position, record, record_bytes);
		bytes = field(&ring, record, "text_bytes");
		level = field(&ring, record, "level");
		if (error || bytes > ring.tail - position - record_bytes)
			return problem_set(problem, -EINVAL, "the log ring is damaged");
		text = arena_alloc(&session->arena, bytes + 1);
		if (ring_copy(&ring, position + record_bytes, (uint8_t *)text, bytes))
			return problem_set(problem, -EFAULT, "the log ring cannot be read");
		line = (struct log_line){.tsc = field(&ring, record, "tsc"),
					 .level = level < 4 ? levels[level] : "?",
					 .text = text};
		fn(context, &line);
		position += record_bytes + ((bytes + 7) & ~7ULL);
	}
	return 0;
}

/* ---- Addresses ---- */

static const char *const level_names[] = {"L4", "L3", "L2", "L1"};

int inspect_walk(struct session *session, uint64_t addr, struct text *text, struct problem *problem)
{
	struct walk walk;
	int error = session->target ? target_walk(session->target, session->vcpu, addr, &walk)
				    : -EOPNOTSUPP;

	if (error == -EOPNOTSUPP)
		return problem_set(problem, error, "this target has no page tables");
	if (error)
		return problem_set(problem, error, "the page tables cannot be read");
	for (unsigned int i = 0; i < walk.depth; i++) {
		unsigned int index = (unsigned int)(addr >> (39 - 9 * i) & 511);

		text_add(text, "%s mfn 0x%llx [%3u] = 0x%016llx%s%s%s%s%s%s\n", level_names[i],
			 (unsigned long long)walk.table_mfn[i], index,
			 (unsigned long long)walk.entry[i],
			 walk.entry[i] & 1 ? " present" : " not present",
			 walk.entry[i] & 2 ? " writable" : "", walk.entry[i] & 4 ? " user" : "",
			 i && i < 3 && (walk.entry[i] & 0x80) ? " large" : "",
			 walk.entry[i] >> 63 ? " nx" : "", walk.entry[i] & 0x40 ? " dirty" : "");
	}
	if (!walk.present) {
		text_add(text, "0x%llx is not mapped\n", (unsigned long long)addr);
	} else {
		uint64_t mfn = walk.maddr / PAGE_BYTES, pfn;

		text_add(text, "0x%llx -> mfn 0x%llx offset 0x%llx", (unsigned long long)addr,
			 (unsigned long long)mfn, (unsigned long long)(walk.maddr % PAGE_BYTES));
		if (target_pfn(session->target, mfn, &pfn) == 0)
			text_add(text, ", pfn 0x%llx", (unsigned long long)pfn);
		text_add(text, ", %s%s\n", walk.writable ? "rw" : "r-",
			 walk.executable ? "x" : "-");
	}
	return 0;
}

/* "stack of vCPU n" when addr is near above its stack pointer. */
static bool explain_stack(struct session *session, uint64_t addr, struct text *text)
{
	for (unsigned int vcpu = 0; session->target && vcpu < session->target->vcpus_count;
	     vcpu++) {
		struct regs regs;

		if (target_regs_get(session->target, vcpu, &regs) == 0 &&
		    regs_known(&regs, CPU_RSP) && addr - regs.value[CPU_RSP] < 16384) {
			text_add(text, "stack of vCPU %u, %llu bytes above its stack pointer", vcpu,
				 (unsigned long long)(addr - regs.value[CPU_RSP]));
			return true;
		}
	}
	return false;
}

static bool explain_direct_map(struct session *session, uint64_t addr, struct text *text)
{
	struct value *base = variable(session, "pt_dmap_base"), *info, *pages;
	uint64_t start, count;

	info = variable(session, "boot_info");
	if (!base || !info || value_number(session, base, &start, NULL) ||
	    value_member(session, info, "pages_count", &pages, NULL) ||
	    value_number(session, pages, &count, NULL) || !start || addr < start ||
	    (addr - start) / PAGE_BYTES >= count)
		return false;
	text_add(text, "direct map, pfn 0x%llx offset 0x%llx",
		 (unsigned long long)((addr - start) / PAGE_BYTES),
		 (unsigned long long)((addr - start) % PAGE_BYTES));
	return true;
}

static const char *segment_words(const struct segment *segment)
{
	return segment->executable ? "code" : segment->writable ? "data" : "constants";
}

void inspect_explain(struct session *session, uint64_t addr, struct text *text)
{
	struct walk walk;
	char symbol[256];
	bool any = false;

	for (size_t i = 0; session->image && i < session->image->segments_count; i++) {
		const struct segment *segment = &session->image->segments[i];

		if (addr < segment->addr || addr - segment->addr >= segment->memory_bytes)
			continue;
		text_add(text, "%s of the image", segment_words(segment));
		if (session_symbolize(session, addr, symbol, sizeof(symbol)))
			text_add(text, ", %s", symbol);
		any = true;
	}
	if (!any)
		any = explain_stack(session, addr, text);
	if (!any)
		any = explain_direct_map(session, addr, text);
	if (session->target && target_walk(session->target, session->vcpu, addr, &walk) == 0) {
		if (!walk.present)
			text_add(text, "%snot mapped", any ? ", " : "");
		else
			text_add(text, "%smapped %s%s, mfn 0x%llx", any ? ", " : "",
				 walk.writable ? "rw" : "r-", walk.executable ? "x" : "-",
				 (unsigned long long)(walk.maddr / PAGE_BYTES));
	} else if (!any) {
		text_add(text, "nothing known");
	}
}
