/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/fake_pt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "xen/spinlock.h"

#define TABLES_MAX (1u << 22)

uint64_t fake_pt_fail_at, fake_pt_tables, fake_pt_mapped, fake_pt_extended;
uintptr_t pt_dmap_base;

static struct spinlock lock; /* as pt.c's, so that the order of locks is looked at too */
static struct fake_pt_config config;
static int ram_file;
static pfn_t dmap_pages;
static uint64_t *tables; /* open hash of level and address of the tables that exist */
static uint64_t *mapped; /* open hash of mapped pages */

static void fail(const char *what)
{
	perror(what);
	abort();
}

static void *map(uintptr_t vaddr, pfn_t pfn, size_t pages_count, int prot)
{
	void *memory = mmap((void *)vaddr, pages_count * PAGE_BYTES, prot, MAP_SHARED | MAP_FIXED,
			    ram_file, (off_t)(pfn * PAGE_BYTES));

	if (memory == MAP_FAILED)
		fail("fake_pt: mmap");
	return memory;
}

void fake_pt_setup(const struct fake_pt_config *wanted)
{
	size_t bytes = wanted->pages_count * PAGE_BYTES;
	size_t chunk_bytes = PT_CHUNK_PAGES * PAGE_BYTES;
	char *base;

	config = *wanted;
	boot_info.pages_count = config.pages_count;
	ram_file = memfd_create("ram", 0);
	if (ram_file < 0 || ftruncate(ram_file, (off_t)bytes))
		fail("fake_pt: memory file");
	base = mmap(NULL, bytes + chunk_bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	tables = mmap(NULL, TABLES_MAX * sizeof(*tables), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	mapped = mmap(NULL, TABLES_MAX * sizeof(*mapped), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED || tables == MAP_FAILED || mapped == MAP_FAILED)
		fail("fake_pt: address space");
	pt_dmap_base = ((uintptr_t)base + chunk_bytes - 1) & ~(chunk_bytes - 1);
	dmap_pages = config.mapped_at_boot;
	map(pt_dmap_base, 0, dmap_pages, PROT_READ | PROT_WRITE);
	/* What lies there at boot is not zero. */
	for (pfn_t pfn = 0; pfn < dmap_pages; pfn += 3)
		*(uint64_t *)pt_dmap_vaddr(pfn) = 0x0101010101010101ULL;
}

pfn_t pt_dmap_pfns(void)
{
	return __atomic_load_n(&dmap_pages, __ATOMIC_ACQUIRE);
}

pfn_t pt_first_free_pfn(void)
{
	return config.first_free;
}

bool pt_pfn_reserved(pfn_t pfn)
{
	for (int i = 0; i < 2; i++) {
		if (pfn - config.reserved[i].first < config.reserved[i].pages_count)
			return true;
	}
	return pfn < config.first_free;
}

pfn_t pt_reserved_next(pfn_t from)
{
	pfn_t best = pt_pfn_reserved(from) ? from : PFN_NONE;

	for (int i = 0; i < 2; i++) {
		if (config.reserved[i].pages_count && config.reserved[i].first >= from &&
		    config.reserved[i].first < best)
			best = config.reserved[i].first;
	}
	return best;
}

pfn_t pt_unreserved_next(pfn_t from)
{
	for (int tries = 0; tries < 3; tries++) {
		if (from < config.first_free)
			from = config.first_free;
		for (int i = 0; i < 2; i++) {
			if (from - config.reserved[i].first < config.reserved[i].pages_count)
				from = config.reserved[i].first + config.reserved[i].pages_count;
		}
	}
	return from;
}

static bool planned_failure(void)
{
	return fake_pt_fail_at && --fake_pt_fail_at == 0;
}

/* Slot of key in an open hash: holds key, or 0 when it is not there. */
static uint64_t *hash_slot(uint64_t *hash, uint64_t key)
{
	uint64_t at = key * 0x9e3779b97f4a7c15ULL >> 42;

	while (hash[at % TABLES_MAX] && hash[at % TABLES_MAX] != key)
		at++;
	return &hash[at % TABLES_MAX];
}

/* The tables for one page exist afterwards. */
static int need_tables(uintptr_t vaddr)
{
	for (unsigned int level = 3; level >= 1; level--) {
		uint64_t *slot = hash_slot(tables, (vaddr >> (12 + 9 * level)) << 2 | level);
		pfn_t pfn;

		if (*slot)
			continue;
		pfn = core_pt_page_alloc();
		if (pfn == PFN_NONE)
			return -ENOMEM;
		for (int i = 0; i < 512; i++) {
			if (((uint64_t *)pt_dmap_vaddr(pfn))[i])
				abort();
		}
		/* The host allows some 65,000 mappings. */
		if (fake_pt_tables < 8192 && mprotect(pt_dmap_vaddr(pfn), PAGE_BYTES, PROT_READ))
			fail("fake_pt: mprotect");
		*slot = (vaddr >> (12 + 9 * level)) << 2 | level;
		fake_pt_tables++;
	}
	return 0;
}

static int dmap_extend(void)
{
	uintptr_t vaddr = (uintptr_t)pt_dmap_vaddr(dmap_pages);
	size_t pages = PT_CHUNK_PAGES - dmap_pages % PT_CHUNK_PAGES;
	int ret;

	if (dmap_pages >= config.pages_count)
		return -EINVAL;
	if (pages > config.pages_count - dmap_pages)
		pages = config.pages_count - dmap_pages;
	ret = planned_failure() ? -ENOMEM : need_tables(vaddr);
	if (ret)
		return ret;
	map(vaddr, dmap_pages, pages, PROT_READ | PROT_WRITE);
	__atomic_store_n(&dmap_pages, dmap_pages + pages, __ATOMIC_RELEASE);
	fake_pt_extended++;
	return 0;
}

int pt_dmap_extend(void)
{
	bool enabled = spin_lock_events(&lock);
	int ret = dmap_extend();

	spin_unlock_events(&lock, enabled);
	return ret;
}

static int host_prot(unsigned int prot)
{
	return (prot ? PROT_READ : 0) | (prot & PT_PROT_WRITE ? PROT_WRITE : 0);
}

static int map_contiguous(uintptr_t vaddr, pfn_t pfn, size_t pages_count, unsigned int prot)
{
	if (planned_failure())
		return -ENOMEM;
	for (size_t i = 0; i < pages_count; i++) {
		uintptr_t page = vaddr + i * PAGE_BYTES;
		int ret = need_tables(page);

		if (ret)
			return ret;
		if (*hash_slot(mapped, page >> PAGE_SHIFT) == page >> PAGE_SHIFT)
			abort(); /* mapped twice */
	}
	for (size_t i = 0; i < pages_count; i++)
		*hash_slot(mapped, (vaddr >> PAGE_SHIFT) + i) = (vaddr >> PAGE_SHIFT) + i;
	map(vaddr, pfn, pages_count, host_prot(prot));
	fake_pt_mapped += pages_count;
	return 0;
}

int pt_map_contiguous(uintptr_t vaddr, pfn_t pfn, size_t pages_count, unsigned int prot)
{
	bool enabled = spin_lock_events(&lock);
	int ret = map_contiguous(vaddr, pfn, pages_count, prot);

	spin_unlock_events(&lock, enabled);
	return ret;
}

int pt_map(uintptr_t vaddr, const pfn_t *pfns, size_t pages_count, unsigned int prot)
{
	for (size_t i = 0; i < pages_count; i++) {
		int ret = pt_map_contiguous(vaddr + i * PAGE_BYTES, pfns[i], 1, prot);

		if (ret) {
			pt_unmap(vaddr, i);
			return ret;
		}
	}
	return 0;
}

/* Takes the entry out of the hash and puts those behind it back in place. */
static void hash_remove(uint64_t *hash, uint64_t *slot)
{
	uint64_t at = (uint64_t)(slot - hash);

	*slot = 0;
	for (at = (at + 1) % TABLES_MAX; hash[at]; at = (at + 1) % TABLES_MAX) {
		uint64_t key = hash[at];

		hash[at] = 0;
		*hash_slot(hash, key) = key;
	}
}

void pt_unmap(uintptr_t vaddr, size_t pages_count)
{
	bool enabled = spin_lock_events(&lock);

	for (size_t i = 0; i < pages_count; i++) {
		uint64_t *slot = hash_slot(mapped, (vaddr >> PAGE_SHIFT) + i);

		if (*slot) {
			hash_remove(mapped, slot);
			fake_pt_mapped--;
		}
	}
	if (pages_count &&
	    mmap((void *)vaddr, pages_count * PAGE_BYTES, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		fail("fake_pt: unmap");
	spin_unlock_events(&lock, enabled);
}

int pt_protect(uintptr_t vaddr, size_t pages_count, unsigned int prot)
{
	if (mprotect((void *)vaddr, pages_count * PAGE_BYTES, host_prot(prot)))
		fail("fake_pt: mprotect");
	return 0;
}
