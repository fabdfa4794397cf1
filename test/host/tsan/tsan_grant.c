/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants on several vCPUs at once, beside other domains that map and unmap whatever they may: a
 * page belongs to whoever it was granted to until the access has been taken back, and to its owner
 * from then on. The page's word is plain memory, so that an access that is not ordered is a race.
 *
 * Links: test/host/fake_core.c test/host/fake_spinlock.c
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/host/tsan/tsan.h"
#include "xen/grant.c"

#define VCPUS         3u
#define OTHERS        2u /* domains */
#define OPS_PER_ROUND 60000u
#define TABLE_FRAMES  2u /* so that now and then there is no reference */
#define REFS_TOTAL    (TABLE_FRAMES * ENTRIES_PER_FRAME)
#define REFS_HELD     400u
#define PAGES         (2 * REFS_TOTAL)
#define GRANTED       0x6ea47edu
#define OURS          0x0u

static char table[FRAMES_MAX * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static uint64_t pages[PAGES]; /* a word for each page that can be granted; mfn: its index */
static uint32_t free_pages[PAGES], free_count;
static struct spinlock pages_lock;
static unsigned long rounds = 1, mapped, refused, quarantined;
static bool finished;

/* ---- What xen/grant.c calls ---- */

long arch_hypercall(unsigned int number, unsigned long a, unsigned long b, unsigned long c,
		    unsigned long d, unsigned long e)
{
	struct gnttab_query_size *query = (void *)b;
	struct gnttab_setup_table *setup = (void *)b;

	(void)c;
	(void)d;
	(void)e;
	if (number == __HYPERVISOR_memory_op)
		return 0x1000;
	if (number != __HYPERVISOR_grant_table_op)
		fail("an unexpected hypercall");
	if (a == GNTTABOP_query_size) {
		query->max_nr_frames = TABLE_FRAMES;
		query->status = GNTST_okay;
	} else {
		setup->status = setup->nr_frames <= TABLE_FRAMES ? GNTST_okay : GNTST_general_error;
	}
	return 0;
}

void *core_grant_reserve(uint32_t frames_max)
{
	(void)frames_max;
	return table;
}

int core_grant_map(void *vaddr, uint64_t mfn)
{
	(void)vaddr;
	(void)mfn;
	return 0;
}

void core_grant_unmap(void *vaddr, uint32_t frames_count)
{
	(void)vaddr;
	(void)frames_count;
}

static uint32_t page_take(void)
{
	bool enabled = spin_lock_events(&pages_lock);
	uint32_t page;

	if (!free_count)
		fail("pages leaked");
	page = free_pages[--free_count];
	spin_unlock_events(&pages_lock, enabled);
	return page;
}

static void page_give(uint32_t page)
{
	bool enabled;

	pages[page] = OURS;
	enabled = spin_lock_events(&pages_lock);
	free_pages[free_count++] = page;
	spin_unlock_events(&pages_lock, enabled);
}

void *core_grant_memory(unsigned int order)
{
	return calloc(1, PAGE_BYTES << order);
}

void core_grant_free(void *block, unsigned int order)
{
	uint64_t *page = block;

	(void)order;
	/* A page out of the quarantine: nobody has it mapped any more. */
	if (page >= pages && page < pages + PAGES)
		page_give((uint32_t)(page - pages));
	else
		free(block);
}

void core_grant_misused(grant_ref_t ref)
{
	(void)ref;
	fail("misused");
}

/* ---- Another domain: maps as Xen does, looks at the page, unmaps ---- */

static void map_one(grant_ref_t ref)
{
	uint16_t *flags = (uint16_t *)(table + ref * sizeof(struct grant_entry_v1));
	uint16_t seen = __atomic_load_n(flags, __ATOMIC_ACQUIRE);
	const struct grant_entry_v1 *entry = (void *)flags;

	if (!(seen & GTF_permit_access) ||
	    !__atomic_compare_exchange_n(flags, &seen, seen | GTF_reading, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return;
	if (pages[entry->frame] != GRANTED)
		fail("a page was used for something else while another domain had it");
	__atomic_add_fetch(&mapped, 1, __ATOMIC_RELAXED);
	sched_yield();
	if (pages[entry->frame] != GRANTED)
		fail("a page was taken back while another domain had it");
	__atomic_fetch_and(flags, (uint16_t)~GTF_reading, __ATOMIC_SEQ_CST);
}

/* One domain a half of the table: who else maps an entry would have to be counted, as Xen does. */
static void *other_domain(void *arg)
{
	uint64_t number = (uintptr_t)arg, state = number + 99;

	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE))
		map_one((grant_ref_t)(next(&state) % (REFS_TOTAL / OTHERS) * OTHERS + number));
	return NULL;
}

/* ---- The guest ---- */

struct held {
	grant_ref_t ref;
	uint32_t page;
	bool open;
};

static void open_one(struct held *held)
{
	held->page = page_take();
	pages[held->page] = GRANTED;
	grant_set(held->ref, 1, held->page, true);
	held->open = true;
}

/* False: it is in quarantine now. */
static bool close_one(struct held *held)
{
	if (!held->open)
		return true;
	held->open = false;
	if (grant_end(held->ref) == 0) {
		page_give(held->page);
		return true;
	}
	__atomic_add_fetch(&quarantined, 1, __ATOMIC_RELAXED);
	grant_quarantine(held->ref, &pages[held->page]);
	return false;
}

static void alloc_some(struct held *held, unsigned int *count, uint64_t *state)
{
	grant_ref_t refs[40];
	size_t wanted = 1 + next(state) % (next(state) % 8 ? 4 : 40);
	int error;

	if (*count + wanted > REFS_HELD)
		return;
	error = grant_alloc(refs, wanted);
	if (error == -ENOSPC)
		__atomic_add_fetch(&refused, 1, __ATOMIC_RELAXED);
	else if (error)
		fail("neither references nor an honest error");
	for (size_t i = 0; !error && i < wanted; i++) {
		held[*count] = (struct held){.ref = refs[i]};
		if (next(state) % 4)
			open_one(&held[*count]);
		(*count)++;
	}
}

static void work(unsigned int seed)
{
	struct held held[REFS_HELD];
	unsigned int count = 0;
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (unsigned long op = 0; op < rounds * OPS_PER_ROUND || count; op++) {
		unsigned int kind = (unsigned int)(next(&state) % 16), at;
		struct grant_stats stats;

		if (kind < 6 && op < rounds * OPS_PER_ROUND)
			alloc_some(held, &count, &state);
		if (kind == 15 && op % 64 == 0)
			grant_get_stats(&stats);
		if (kind == 14)
			(void)grant_reap();
		if (!count)
			continue;
		at = (unsigned int)(next(&state) % count);
		if (close_one(&held[at])) {
			if (kind == 13) {
				open_one(&held[at]);
				continue;
			}
			grant_free(&held[at].ref, 1);
		}
		held[at] = held[--count];
	}
}

int main(int argc, char **argv)
{
	static struct tsan_vcpu vcpus[VCPUS];
	pthread_t domains[OTHERS];
	struct grant_stats stats;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	while (free_count < PAGES)
		page_give(free_count);
	for (uintptr_t i = 0; i < OTHERS; i++)
		pthread_create(&domains[i], NULL, other_domain, (void *)i);
	for (unsigned int id = 1; id < VCPUS; id++)
		tsan_vcpu_start(&vcpus[id], id, work);
	/* However late the other domains come. */
	do
		work(VCPUS);
	while (!READ_ONCE(mapped) || !READ_ONCE(quarantined));
	for (unsigned int id = 1; id < VCPUS; id++)
		tsan_vcpu_join(&vcpus[id]);
	__atomic_store_n(&finished, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < OTHERS; i++)
		pthread_join(domains[i], NULL);
	if (grant_reap())
		fail("nobody has anything mapped, and yet something is in quarantine");
	grant_get_stats(&stats);
	if (stats.used || stats.open)
		fail("references leaked");
	if (free_count != PAGES)
		fail("pages leaked");
	printf("%lu operations on %u vCPUs, %lu mapped, %lu in quarantine, %lu refused\n",
	       rounds * OPS_PER_ROUND * VCPUS, VCPUS, mapped, quarantined, refused);
	return 0;
}
