/* SPDX-License-Identifier: BSD-2-Clause */
/* Breakpoints, each in the journal of the block before its byte is in the code; debug registers. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "duster/target/live_parts.h"

#define BREAKPOINT 0xcc

/* ---- The journal ---- */

static uint64_t entry_addr(const struct live *live, unsigned int index)
{
	return BLOCK_AT(live, journal) + index * sizeof(struct journal_entry);
}

/* The whole journal; read again each time: it is the truth also for others. */
static int read_journal(struct live *live, struct journal_entry *entries)
{
	return live_block_read(live, BLOCK_AT(live, journal), entries,
			       JOURNAL_MAX * sizeof(*entries));
}

static int find_entry(struct live *live, uint64_t addr, unsigned int *index_out,
		      struct journal_entry *entry_out)
{
	struct journal_entry entries[JOURNAL_MAX];
	int error = read_journal(live, entries);

	for (unsigned int i = 0; i < JOURNAL_MAX && !error; i++)
		if (entries[i].state == JOURNAL_SET && entries[i].addr == addr) {
			*index_out = i;
			*entry_out = entries[i];
			return 0;
		}
	return error ? error : -ENOENT;
}

int live_find_breakpoint(struct live *live, uint64_t addr, unsigned int *index_out)
{
	struct journal_entry entry;

	return live->armed ? find_entry(live, addr, index_out, &entry) : -ENOENT;
}

bool live_has_breakpoint(struct live *live, uint64_t addr)
{
	struct journal_entry entry;
	unsigned int index;

	return live->armed && find_entry(live, addr, &index, &entry) == 0;
}

void live_hide_breakpoints(struct live *live, uint64_t addr, uint8_t *bytes, size_t count)
{
	struct journal_entry entries[JOURNAL_MAX];

	/* Reading memory is what a debugger does most. */
	if (!live->breaks_set || !count || live->break_last < addr ||
	    (live->break_first >= addr && live->break_first - addr >= count) ||
	    read_journal(live, entries))
		return;
	for (unsigned int i = 0; i < JOURNAL_MAX; i++)
		if (entries[i].state == JOURNAL_SET && entries[i].addr - addr < count &&
		    bytes[entries[i].addr - addr] == BREAKPOINT)
			bytes[entries[i].addr - addr] = entries[i].original;
}

/* ---- Displaced instructions ---- */

/*
 * Xen defines hypercalls up to 55; what stands in the page behind their stubs nobody calls. There
 * each breakpoint that a thread has to get past has a copy of its instruction, which goes on behind
 * the original: so a thread leaves a breakpoint without the breakpoint ever leaving the code, and
 * no other thread gets past it unseen.
 *
 * A copy is never changed: events are let in where it begins, so that a thread may be sent to sleep
 * there, and come back long after its breakpoint, and we, have gone. When there is no place left
 * breakpoints are lifted for a step.
 */
#define FIRST_STUB 56u
_Static_assert((FIRST_STUB + JOURNAL_MAX) * DISPLACED_BYTES <= PAGE_BYTES, "the hypercall page");

static uint64_t copy_addr(const struct live *live, unsigned int number)
{
	return live->stub.hypercall_page + (FIRST_STUB + number) * DISPLACED_BYTES;
}

/* As Xen made it (push %rcx; push %r11; mov $number, %eax), or all zeros or int3. */
static bool is_unused(const uint8_t *bytes, unsigned int number)
{
	const uint8_t stub[8] = {0x51, 0x41, 0x53, 0xb8, (uint8_t)(FIRST_STUB + number)};
	bool same = bytes[0] == 0 || bytes[0] == BREAKPOINT;

	for (unsigned int i = 1; i < DISPLACED_BYTES; i++)
		same = same && bytes[i] == bytes[0];
	return same || memcmp(bytes, stub, sizeof(stub)) == 0;
}

/* The copy of the instruction at addr, in a place of its own or where it lies already. */
static bool make_copy(struct live *live, uint64_t addr, unsigned int *number_out)
{
	uint8_t code[16] = {0}, places[JOURNAL_MAX][DISPLACED_BYTES];
	struct displaced displaced;
	size_t done;

	(void)live_op_read(&live->target, 0, addr, code, sizeof(code), &done);
	if (live_read_raw(live, 0, copy_addr(live, 0), places, sizeof(places)))
		return false;
	for (unsigned int i = 0; i < JOURNAL_MAX; i++) {
		bool unused = is_unused(places[i], i);

		if ((!unused && places[i][0] != code[0]) ||
		    live->stub.displace(code, addr, copy_addr(live, i), &displaced) ||
		    (!unused && memcmp(places[i], displaced.code, DISPLACED_BYTES) != 0))
			continue;
		if (unused &&
		    live_write_raw(live, 0, copy_addr(live, i), displaced.code, DISPLACED_BYTES))
			return false;
		live->copies[i].done = displaced.done;
		live->copies[i].next = displaced.next;
		*number_out = i;
		return true;
	}
	return false;
}

bool live_displaced(struct live *live, uint64_t addr, uint64_t *to_out)
{
	struct displacement *displaced;
	unsigned int index;

	if (live_find_breakpoint(live, addr, &index))
		return false;
	displaced = &live->displaced[index];
	if (displaced->state == DISPLACED_UNTRIED)
		displaced->state = live->stub.displace && live->stub.hypercall_page &&
						   make_copy(live, addr, &displaced->copy)
					   ? DISPLACED_MADE
					   : DISPLACED_NOT;
	if (displaced->state == DISPLACED_MADE)
		*to_out = copy_addr(live, displaced->copy);
	return displaced->state == DISPLACED_MADE;
}

int live_undisplace(struct live *live, uint64_t *rip)
{
	uint64_t inside = *rip - copy_addr(live, 0);
	unsigned int number = (unsigned int)(inside / DISPLACED_BYTES);

	if (!live->stub.hypercall_page || inside >= JOURNAL_MAX * DISPLACED_BYTES)
		return 0;
	if (!live->copies[number].next || inside % DISPLACED_BYTES != live->copies[number].done)
		return -EAGAIN;
	*rip = live->copies[number].next;
	return 1;
}

/* ---- Breakpoints ---- */

static bool is_forbidden(const struct live *live, uint64_t addr)
{
	return (addr >= live->stub.start && addr < live->stub.end) ||
	       (live->stub.hypercall_page && addr - live->stub.hypercall_page < PAGE_BYTES);
}

/* The breakpoints lie within these bounds: most reads need not look at the journal. */
static void note_break(struct live *live, uint64_t addr)
{
	if (!live->breaks_set || addr < live->break_first)
		live->break_first = addr;
	if (!live->breaks_set || addr > live->break_last)
		live->break_last = addr;
	live->breaks_set = true;
}

int live_op_break_set(struct target *target, uint64_t addr, struct problem *problem)
{
	struct live *live = live_of(target);
	struct journal_entry entries[JOURNAL_MAX], entry = {.addr = addr, .state = JOURNAL_SET};
	uint8_t byte = BREAKPOINT;
	struct walk walk;
	int error;

	if (!live->armed && !live->paused)
		return problem_set(problem, -EBUSY, "the guest runs: `interrupt` stops it");
	if (!live->armed)
		return problem_set(
			problem, -EOPNOTSUPP,
			"breakpoints need the stub of a Stardust guest, and its symbols");
	if (is_forbidden(live, addr))
		return problem_set(problem, -EPERM,
				   "0x%llx is code the debugger itself needs in the guest",
				   (unsigned long long)addr);
	if (target_walk(target, 0, addr, &walk) || !walk.present || !walk.executable)
		return problem_set(problem, -EFAULT, "0x%llx is not code",
				   (unsigned long long)addr);
	error = read_journal(live, entries);
	for (unsigned int i = 0; i < JOURNAL_MAX && !error; i++) {
		if (entries[i].state == JOURNAL_SET && entries[i].addr == addr)
			return 0;
	}
	for (unsigned int i = 0; i < JOURNAL_MAX && !error; i++) {
		if (entries[i].state != JOURNAL_FREE)
			continue;
		live_condition_forget(live, i);
		live->displaced[i].state = DISPLACED_UNTRIED;
		error = live_read_raw(live, 0, addr, &entry.original, 1);
		/* The address first and the state with it: half an entry would be no entry. */
		if (!error)
			error = live_write_raw(live, 0, entry_addr(live, i), &entry, sizeof(entry));
		note_break(live, addr);
		if (!error)
			error = live_write_raw(live, 0, addr, &byte, 1);
		return error ? problem_set(problem, error, "the breakpoint cannot be written") : 0;
	}
	if (error)
		return problem_set(problem, error, "the guest's block cannot be read");
	return problem_set(problem, -ENOSPC, "more than %u breakpoints at once", JOURNAL_MAX);
}

static int remove_entry(struct live *live, unsigned int index, const struct journal_entry *entry)
{
	struct journal_entry none = {0};
	uint8_t byte;
	int error = live_read_raw(live, 0, entry->addr, &byte, 1);

	live_condition_forget(live, index);
	if (!error && byte == BREAKPOINT)
		error = live_write_raw(live, 0, entry->addr, &entry->original, 1);
	if (!error)
		error = live_write_raw(live, 0, entry_addr(live, index), &none, sizeof(none));
	return error;
}

int live_op_break_clear(struct target *target, uint64_t addr)
{
	struct live *live = live_of(target);
	struct journal_entry entry;
	unsigned int index;
	int error = live->armed ? find_entry(live, addr, &index, &entry) : -ENOENT;

	return error ? error : remove_entry(live, index, &entry);
}

int live_remove_all(struct live *live, unsigned int *undone)
{
	struct journal_entry entries[JOURNAL_MAX];
	int error = read_journal(live, entries), first_error = error;

	for (unsigned int i = 0; i < JOURNAL_MAX && !error; i++) {
		int failed;

		if (entries[i].state != JOURNAL_SET)
			continue;
		failed = remove_entry(live, i, &entries[i]);
		*undone += !failed;
		if (failed && !first_error)
			first_error = failed;
	}
	return first_error;
}

int live_lift(struct live *live, uint64_t addr)
{
	struct journal_entry entry;
	unsigned int index;
	int error = find_entry(live, addr, &index, &entry);

	if (error)
		return error == -ENOENT ? 0 : error;
	error = live_write_raw(live, 0, addr, &entry.original, 1);
	if (!error)
		live->lifted = index + 1;
	return error;
}

int live_unlift(struct live *live)
{
	struct journal_entry entry;
	uint8_t byte = BREAKPOINT;
	int error;

	if (!live->lifted)
		return 0;
	error = live_block_read(live, entry_addr(live, live->lifted - 1), &entry, sizeof(entry));
	if (!error && entry.state == JOURNAL_SET)
		error = live_write_raw(live, 0, entry.addr, &byte, 1);
	live->lifted = 0;
	return error;
}

/* ---- Debug registers (SDM 3B 18.2) ---- */

static uint64_t control_word(const struct live *live)
{
	uint64_t word = 0;

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int bytes = live->watches[i].bytes;
		uint64_t length = bytes == 8 ? 2 : bytes - 1;

		if (bytes)
			word |= 1ULL << 2 * i | ((uint64_t)live->watches[i].kind | length << 2)
							<< (16 + 4 * i);
	}
	return word;
}

int live_apply_watches(struct live *live)
{
	uint64_t registers[5];
	int error;

	for (unsigned int i = 0; i < 4; i++)
		registers[i] = live->watches[i].bytes ? live->watches[i].addr : 0;
	registers[4] = control_word(live);
	error = live_block_flags(live, registers[4] ? BLOCK_WATCH : 0, 0);
	if (!error)
		error = live_write_raw(live, 0, BLOCK_AT(live, debug), registers,
				       sizeof(registers));
	for (unsigned int vcpu = 0; vcpu < live->target.vcpus_count && !error; vcpu++) {
		vcpu_guest_context_any_t context;

		error = live_get_context(live, vcpu, &context);
		if (error == -ENODATA) {
			error = 0;
			continue;
		}
		if (error)
			break;
		for (unsigned int i = 0; i < 4; i++)
			context.c.debugreg[i] = registers[i];
		context.c.debugreg[6] = 0;
		context.c.debugreg[7] = registers[4];
		error = live_set_context(live, vcpu, &context);
	}
	if (!error && !registers[4])
		error = live_block_flags(live, 0, BLOCK_WATCH);
	return error;
}

int live_op_watch_set(struct target *target, unsigned int slot, enum watch_kind kind, uint64_t addr,
		      unsigned int bytes)
{
	struct live *live = live_of(target);

	if (!live->armed)
		return -EOPNOTSUPP;
	if (slot >= 4 || (bytes & (bytes - 1)) || bytes > 8 || (bytes && addr % bytes) ||
	    (kind == WATCH_EXECUTE && bytes > 1))
		return -EINVAL;
	if (kind == WATCH_EXECUTE && bytes && is_forbidden(live, addr))
		return -EPERM;
	live->watches[slot].kind = kind;
	live->watches[slot].addr = addr;
	live->watches[slot].bytes = bytes;
	return live_apply_watches(live);
}
