/* SPDX-License-Identifier: BSD-2-Clause */
/* What an address is: page tables, and all that knows whose memory it is. */
#include <errno.h>
#include <string.h>

#include "duster/engine/heap.h"
#include "duster/engine/inspect.h"
#include "duster/engine/threads.h"

#define CHUNK_PAGES 512u /* one struct page * of page_chunks is for so many */

/* ---- Page tables ---- */

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

/* ---- Whose memory ---- */

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

struct stack {
	struct session *session;
	uint64_t addr;
	struct text *text;
	bool found;
};

static bool match_thread(void *context, const struct guest_thread *thread)
{
	struct stack *stack = context;
	struct value *value = look_at(stack->session, "thread", thread->addr);
	uint64_t start = look_word(stack->session, value, "stack_start");
	uint64_t bytes = look_word(stack->session, value, "stack_bytes");

	if (value && stack->addr - thread->addr < type_bytes(value->type)) {
		text_add(stack->text, "thread %llu %s, at offset %llu of its struct thread",
			 (unsigned long long)thread->id, thread->name,
			 (unsigned long long)(stack->addr - thread->addr));
		stack->found = true;
	} else if (start && stack->addr - start < bytes) {
		text_add(stack->text, "stack of thread %llu %s, %llu bytes below its beginning",
			 (unsigned long long)thread->id, thread->name,
			 (unsigned long long)(start + bytes - stack->addr));
		stack->found = true;
	}
	return !stack->found;
}

static bool explain_thread(struct session *session, uint64_t addr, struct text *text)
{
	struct stack stack = {session, addr, text, false};

	return threads_each(session, match_thread, &stack, NULL) == 0 && stack.found;
}

static bool explain_heap(struct session *session, uint64_t addr, struct text *text)
{
	struct heap_block block;

	if (heap_find(session, addr, &block))
		return false;
	if (!block.is_live)
		text_add(text, "free slot of %llu bytes of the heap at 0x%llx",
			 (unsigned long long)block.slot_bytes, (unsigned long long)block.slot);
	else
		text_add(text, "heap block 0x%llx of %llu bytes", (unsigned long long)block.addr,
			 (unsigned long long)block.bytes);
	if (!block.is_live || addr == block.addr)
		return true;
	if (addr - block.addr < block.bytes)
		text_add(text, ", offset %llu", (unsigned long long)(addr - block.addr));
	else
		text_add(text, addr < block.addr ? ", before its beginning" : ", behind its end");
	return true;
}

struct place_of_area {
	struct text *text;
	uint64_t addr;
	bool found;
};

static bool match_area(void *context, const struct heap_area *area)
{
	struct place_of_area *place = context;
	uint64_t offset = place->addr - area->start;

	if (offset < area->bytes)
		text_add(place->text, "area %s, offset 0x%llx", area->name,
			 (unsigned long long)offset);
	else if (offset - area->bytes < PAGE_BYTES)
		text_add(place->text, "guard page behind area %s", area->name);
	else if (area->start - place->addr <= PAGE_BYTES)
		text_add(place->text, "guard page before area %s", area->name);
	else
		return true;
	place->found = true;
	return false;
}

static bool explain_area(struct session *session, uint64_t addr, struct text *text)
{
	struct place_of_area place = {text, addr, false};

	return heap_areas(session, match_area, &place) == 0 && place.found;
}

/* The kernel's word for who has a page: "pt", "vm", "pool"… */
static const char *page_owner(struct session *session, uint64_t pfn)
{
	struct value *chunks = look(session, "page_chunks");
	struct value *chunk = look_index(session, chunks, pfn / CHUNK_PAGES);
	struct value *page = chunk && look_word(session, chunk, "")
				     ? look_index(session, chunk, pfn % CHUNK_PAGES)
				     : NULL;
	uint64_t owner;

	return page && look_number(session, page, "owner", &owner)
		       ? look_enumerator(session, "page_owner", owner)
		       : NULL;
}

static bool explain_direct_map(struct session *session, uint64_t addr, struct text *text)
{
	struct value *base = look(session, "pt_dmap_base");
	struct value *info = look(session, "boot_info");
	uint64_t start, count, pfn;
	const char *owner;

	if (!base || !info || value_number(session, base, &start, NULL) ||
	    !look_number(session, info, "pages_count", &count) || !start || addr < start ||
	    (addr - start) / PAGE_BYTES >= count)
		return false;
	pfn = (addr - start) / PAGE_BYTES;
	owner = page_owner(session, pfn);
	text_add(text, "direct map, pfn 0x%llx offset 0x%llx", (unsigned long long)pfn,
		 (unsigned long long)((addr - start) % PAGE_BYTES));
	if (owner && strcmp(owner, "pt") == 0)
		text_add(text, ", a page table");
	else if (owner && strcmp(owner, "none") != 0)
		text_add(text, ", page of %s", owner);
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
	/* The closest one first. */
	if (!any)
		any = explain_thread(session, addr, text) || explain_heap(session, addr, text) ||
		      explain_area(session, addr, text) || explain_stack(session, addr, text) ||
		      explain_direct_map(session, addr, text);
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
