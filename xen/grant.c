/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each vCPU keeps some free references to itself, taken and given with its events disabled; the
 * others are in one list. What is known of a reference beyond its entry in the shared table stands
 * in a slot of ours: the table is Xen's to write.
 *
 * Lock: grant.lock, of the list, the table's growth and the quarantine; held over the page
 * allocator and page tables. Entries are their owner's; Xen alone changes them meanwhile.
 */
#include "xen/grant.h"

#include "arch/x86_64/cpu.h"
#include "lib/base/error.h"
#include "xen/hypercall.h"
#include "xen/spinlock.h"

#define ENTRIES_PER_FRAME (PAGE_BYTES / sizeof(struct grant_entry_v1))
#define FRAMES_MAX        512u /* 262,144 references; their frame numbers fill a page */
#define SLOTS_ORDER       1u   /* of the slots of one frame */
#define CACHED_MAX        30u
#define CACHED_BATCH      (CACHED_MAX / 2)
#define END_TRIES         16 /* the other domain may map and unmap as often as it likes */
#define QUARANTINE_STEP   8u

_Static_assert(sizeof(struct grant_entry_v1) == 8, "Xen: public/grant_table.h");
_Static_assert(FRAMES_MAX * sizeof(xen_pfn_t) == PAGE_BYTES, "one page holds the frame list");

#define SLOT_USED  UINT32_MAX
#define SLOT_STUCK (UINT32_MAX - 1) /* in quarantine */

struct slot {
	uint32_t state; /* free: the next free reference; SLOT_* */
	uint32_t next;  /* in quarantine: the next one there */
	void *page;     /* in quarantine */
};

_Static_assert(ENTRIES_PER_FRAME * sizeof(struct slot) == PAGE_BYTES << SLOTS_ORDER, "one block");

struct cache {
	uint32_t count;
	int32_t used; /* allocated less freed on this vCPU: the sum over all is what is used */
	grant_ref_t refs[CACHED_MAX];
};

static struct {
	struct spinlock lock;
	volatile struct grant_entry_v1 *entries; /* NULL: not set up */
	xen_pfn_t *frame_list;
	uint32_t frames, frames_max;
	bool lost; /* it could not be set up again after a resume */
	uint32_t free_first, free_count;
	uint32_t stuck_first, stuck_count; /* GRANT_NONE ends the list */
	struct slot *slots[FRAMES_MAX];
} grant;

static struct cache caches[VCPUS_MAX];

_Static_assert(sizeof(struct cache) == 128, "two cache lines, nobody else's");

static struct slot *slot_of(grant_ref_t ref)
{
	if (ref < GNTTAB_NR_RESERVED_ENTRIES ||
	    ref >= READ_SHARED(grant.frames) * ENTRIES_PER_FRAME)
		core_grant_misused(ref);
	return &grant.slots[ref / ENTRIES_PER_FRAME][ref % ENTRIES_PER_FRAME];
}

/* Locked. */
static void list_push(grant_ref_t ref)
{
	slot_of(ref)->state = grant.free_first;
	grant.free_first = ref;
	grant.free_count++;
}

/* Locked; there is one. */
static grant_ref_t list_pop(void)
{
	grant_ref_t ref = grant.free_first;

	grant.free_first = slot_of(ref)->state;
	grant.free_count--;
	return ref;
}

/* Asks Xen for the table's first frames_count frames. */
static int frames_list(uint32_t frames_count)
{
	struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = frames_count};
	int error;

	set_xen_guest_handle(setup.frame_list, grant.frame_list);
	error = hypercall_grant_table_op(GNTTABOP_setup_table, &setup, 1);
	if (error)
		return error;
	return setup.status == GNTST_okay ? 0 : -ENOSPC;
}

static void *frame_vaddr(uint32_t index)
{
	return (char *)grant.entries + (size_t)index * PAGE_BYTES;
}

/* Makes room for the table, without any frame yet. Locked. */
static int table_create(void)
{
	struct gnttab_query_size query = {.dom = DOMID_SELF};
	int error = hypercall_grant_table_op(GNTTABOP_query_size, &query, 1);

	/* An entry has 32 bits for a frame: 16 TiB of the host's memory. */
	if (!error && hypercall_memory_op(XENMEM_maximum_ram_page, NULL) > (long)UINT32_MAX)
		error = -EOPNOTSUPP;
	if (!error && (query.status != GNTST_okay || !query.max_nr_frames))
		error = -ENOSPC;
	if (error)
		return error;
	if (!grant.frame_list)
		grant.frame_list = core_grant_memory(0);
	if (!grant.frame_list)
		return -ENOMEM;
	grant.frames_max = query.max_nr_frames < FRAMES_MAX ? query.max_nr_frames : FRAMES_MAX;
	grant.entries = core_grant_reserve(grant.frames_max);
	return grant.entries ? 0 : -ENOMEM;
}

/* Locked; takes the slots when it yields 0. */
static int table_grow(struct slot *slots)
{
	uint32_t index = grant.frames;
	int error;

	if (!grant.entries) {
		error = table_create();
		if (error)
			return error;
	}
	if (grant.lost || index >= grant.frames_max)
		return -ENOSPC;
	error = frames_list(index + 1);
	if (!error)
		error = core_grant_map(frame_vaddr(index), grant.frame_list[index]);
	if (error)
		return error;
	grant.slots[index] = slots;
	/* slot_of() looks at the count first. */
	smp_wmb();
	WRITE_SHARED(grant.frames, index + 1);
	for (uint32_t i = ENTRIES_PER_FRAME; i-- > 0;)
		if (index || i >= GNTTAB_NR_RESERVED_ENTRIES)
			list_push(index * ENTRIES_PER_FRAME + i);
	return 0;
}

/* Memory is cleared before the lock is taken. */
static int grow_to(size_t free_wanted)
{
	for (;;) {
		struct slot *slots = core_grant_memory(SLOTS_ORDER);
		bool enabled, enough;
		int error = 0;

		if (!slots)
			return -ENOMEM;
		enabled = spin_lock_events(&grant.lock);
		enough = grant.free_count >= free_wanted;
		if (!enough)
			error = table_grow(slots);
		spin_unlock_events(&grant.lock, enabled);
		if (enough || error) {
			core_grant_free(slots, SLOTS_ORDER);
			return error;
		}
	}
}

/* Events disabled. Others read it. */
static void count_used(struct cache *cache, int32_t more)
{
	WRITE_SHARED(cache->used, cache->used + more);
}

/* From the common list, all or none. */
static bool take_listed(grant_ref_t *refs_out, size_t refs_count)
{
	bool enabled = spin_lock_events(&grant.lock);
	bool enough = grant.free_count >= refs_count;

	for (size_t i = 0; enough && i < refs_count; i++) {
		refs_out[i] = list_pop();
		slot_of(refs_out[i])->state = SLOT_USED;
	}
	if (enough)
		count_used(&caches[VCPU(id)], (int32_t)refs_count);
	spin_unlock_events(&grant.lock, enabled);
	return enough;
}

/* From this vCPU's own, filled up before if need be. */
static bool take_cached(grant_ref_t *refs_out, size_t refs_count)
{
	bool enabled = events_disable(), enough;
	struct cache *cache = &caches[VCPU(id)];

	if (cache->count < refs_count) {
		spin_lock(&grant.lock);
		while (cache->count < CACHED_BATCH + refs_count && cache->count < CACHED_MAX &&
		       grant.free_count)
			cache->refs[cache->count++] = list_pop();
		spin_unlock(&grant.lock);
	}
	enough = cache->count >= refs_count;
	for (size_t i = 0; enough && i < refs_count; i++) {
		refs_out[i] = cache->refs[--cache->count];
		slot_of(refs_out[i])->state = SLOT_USED;
	}
	if (enough)
		count_used(cache, (int32_t)refs_count);
	events_restore(enabled);
	return enough;
}

static bool is_open(grant_ref_t ref)
{
	return !grant.lost && READ_ONCE(grant.entries[ref].flags) != GTF_invalid;
}

int grant_prepare(void)
{
	return grow_to(1);
}

int grant_alloc(grant_ref_t *refs_out, size_t refs_count)
{
	int error;

	if (refs_count > (size_t)FRAMES_MAX * ENTRIES_PER_FRAME)
		return -ENOSPC;
	for (;;) {
		bool done = refs_count <= CACHED_BATCH ? take_cached(refs_out, refs_count)
						       : take_listed(refs_out, refs_count);

		if (done)
			return 0;
		error = grow_to(refs_count);
		if (error)
			return error;
	}
}

void grant_free(const grant_ref_t *refs, size_t refs_count)
{
	bool enabled = events_disable();
	struct cache *cache = &caches[VCPU(id)];

	for (size_t i = 0; i < refs_count; i++) {
		struct slot *slot;

		if (refs[i] == GRANT_NONE)
			continue;
		slot = slot_of(refs[i]);
		if (slot->state != SLOT_USED || is_open(refs[i]))
			core_grant_misused(refs[i]);
		if (cache->count == CACHED_MAX) {
			spin_lock(&grant.lock);
			while (cache->count > CACHED_BATCH)
				list_push(cache->refs[--cache->count]);
			spin_unlock(&grant.lock);
		}
		slot->state = 0;
		cache->refs[cache->count++] = refs[i];
		count_used(cache, -1);
	}
	events_restore(enabled);
}

void grant_set(grant_ref_t ref, domid_t domain, uint64_t mfn, bool read_only)
{
	volatile struct grant_entry_v1 *entry = &grant.entries[ref];

	if (grant.lost)
		return;
	entry->frame = (uint32_t)mfn;
	entry->domid = domain;
	/* Xen reads the flags first: with them the entry is good. */
	__atomic_store_n(&entry->flags,
			 (uint16_t)(GTF_permit_access | (read_only ? GTF_readonly : 0)),
			 __ATOMIC_RELEASE);
}

/* One step from "open and not mapped" to closed: asking first and closing afterwards would leave
 * time to map it in between (XSA-396). */
int grant_end(grant_ref_t ref)
{
	uint16_t *flags = (uint16_t *)&grant.entries[ref].flags;
	uint16_t seen = grant.lost ? GTF_invalid : READ_ONCE(*flags);

	if (seen == GTF_invalid)
		return 0;
	for (int i = 0; i < END_TRIES; i++) {
		if (seen & (GTF_reading | GTF_writing))
			return -EBUSY;
		if (__atomic_compare_exchange_n(flags, &seen, GTF_invalid, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			return 0;
	}
	return -EBUSY;
}

/* Takes one that could be ended out of the quarantine's latest refs_max; GRANT_NONE: none. */
static grant_ref_t stuck_take(uint32_t refs_max, void **page_out)
{
	bool enabled = spin_lock_events(&grant.lock);
	uint32_t *link = &grant.stuck_first;
	grant_ref_t ref = GRANT_NONE;

	for (uint32_t i = 0; i < refs_max && *link != GRANT_NONE; i++) {
		struct slot *slot = slot_of(*link);

		if (!grant_end(*link)) {
			ref = *link;
			*page_out = slot->page;
			*link = slot->next;
			slot->page = NULL;
			slot->state = SLOT_USED;
			WRITE_SHARED(grant.stuck_count, grant.stuck_count - 1);
			break;
		}
		link = &slot->next;
	}
	spin_unlock_events(&grant.lock, enabled);
	return ref;
}

static void reap(uint32_t refs_max)
{
	grant_ref_t ref;
	void *page;

	while (READ_SHARED(grant.stuck_count) &&
	       (ref = stuck_take(refs_max, &page)) != GRANT_NONE) {
		grant_free(&ref, 1);
		if (page)
			core_grant_free(page, 0);
	}
}

size_t grant_reap(void)
{
	reap(UINT32_MAX);
	return READ_SHARED(grant.stuck_count);
}

void grant_quarantine(grant_ref_t ref, void *page)
{
	struct slot *slot = slot_of(ref);
	bool enabled;

	if (slot->state != SLOT_USED)
		core_grant_misused(ref);
	reap(QUARANTINE_STEP);
	enabled = spin_lock_events(&grant.lock);
	slot->state = SLOT_STUCK;
	slot->page = page;
	slot->next = grant.stuck_first;
	grant.stuck_first = ref;
	WRITE_SHARED(grant.stuck_count, grant.stuck_count + 1);
	spin_unlock_events(&grant.lock, enabled);
}

int grant_release_page(grant_ref_t ref, void *page)
{
	int error = grant_end(ref);

	if (error) {
		grant_quarantine(ref, page);
		return error;
	}
	grant_free(&ref, 1);
	if (page)
		core_grant_free(page, 0);
	return 0;
}

void grant_get_stats(struct grant_stats *stats_out)
{
	bool enabled = spin_lock_events(&grant.lock);
	struct grant_stats stats = {.quarantined = grant.stuck_count};
	int32_t used = 0;

	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		used += READ_SHARED(caches[i].used);
	stats.used = (uint32_t)used;
	if (grant.frames) {
		stats.total = grant.frames * ENTRIES_PER_FRAME - GNTTAB_NR_RESERVED_ENTRIES;
		stats.total_max = grant.frames_max * ENTRIES_PER_FRAME - GNTTAB_NR_RESERVED_ENTRIES;
	}
	for (uint32_t i = 0; i < stats.total; i++)
		stats.open += is_open(GNTTAB_NR_RESERVED_ENTRIES + i);
	spin_unlock_events(&grant.lock, enabled);
	*stats_out = stats;
}

void grant_suspend(void)
{
	if (grant.frames)
		core_grant_unmap(frame_vaddr(0), grant.frames);
}

/* A new table, all of it closed: also what is in quarantine, whose pages are free now. */
int grant_resume(void)
{
	int error = grant.frames ? frames_list(grant.frames) : 0;

	for (uint32_t i = 0; !error && i < grant.frames; i++)
		error = core_grant_map(frame_vaddr(i), grant.frame_list[i]);
	grant.lost = error;
	if (!error)
		(void)grant_reap();
	return error;
}
