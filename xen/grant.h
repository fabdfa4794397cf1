/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grants, version 1: letting another domain map or copy a frame of ours.
 *
 * A reference is allocated (grant_alloc), opened for one frame and domain (grant_set), ended
 * (grant_end), opened again any number of times, and freed (grant_free). The table is set up at the
 * first allocation and grows to what Xen allows. Any context, any vCPU; locked inside.
 *
 * Whoever shares a page: it is a whole page of its own, zeroed or overwritten before (XSA-403), and
 * it is used for anything else only after grant_end() yielded 0 (XSA-396). Else page and reference
 * go to grant_quarantine() together.
 *
 * After a resume the table is empty: all references stay allocated, and closed. Owners open theirs
 * again. Source: Xen public/grant_table.h.
 */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/abi.h"

/* No reference: 0 is Xen's own. */
#define GRANT_NONE 0u

/* Sets up the table now instead of at the first allocation, and with it its place in the order of
 * resuming: before whoever registers for that later. Thread context or early boot. 0 or -errno as
 * grant_alloc. */
int grant_prepare(void);
/* All refs_count of them, or none: 0, -ENOSPC (Xen allows no more), -ENOMEM,
 * -EOPNOTSUPP (a host with more than 16 TiB). */
int grant_alloc(grant_ref_t *refs_out, size_t refs_count);
/* Opens a closed reference: domain may map or copy frame mfn from now on. */
void grant_set(grant_ref_t ref, domid_t domain, uint64_t mfn, bool read_only);
/* Takes the access back, atomically. 0: nobody has it mapped and nobody can (also when it was
 * closed). -EBUSY: the other domain still maps it; nothing changed. The other domain learns
 * nothing. */
int grant_end(grant_ref_t ref);
/* The references are closed: none is granted any more. GRANT_NONE is passed over. */
void grant_free(const grant_ref_t *refs, size_t refs_count);

/* Takes an open reference that could not be ended and the page behind it (one page of page_alloc,
 * or NULL: then only the reference). Both are freed when the other domain has let go: that is tried
 * at each call here and by grant_reap(). */
void grant_quarantine(grant_ref_t ref, void *page);
/* Tries to end what is in quarantine. Returns how many are left. */
size_t grant_reap(void);

/* For one page (of page_alloc, may be NULL) at the end of its use: ends, frees both; or quarantines
 * both and yields -EBUSY. Nothing of the caller's is left in either case. */
int grant_release_page(grant_ref_t ref, void *page);

struct grant_stats {
	uint32_t used;        /* allocated, the ones in quarantine included */
	uint32_t open;        /* of these: granted to somebody now; looks at the whole table */
	uint32_t quarantined; /* waiting for another domain to let go */
	uint32_t total;       /* that exist with the table as it is */
	uint32_t total_max;   /* that can exist */
};
/* What tests ask: used is 0 when nothing leaked. */
void grant_get_stats(struct grant_stats *stats_out);

/* For core/grants.c: forgets the table, for the domain's image must not name frames of Xen's; and
 * sets up as much of it as there was. 0 or -errno: then allocating fails. */
void grant_suspend(void);
int grant_resume(void);

/* Provided by core/grants.c. */
/* Address space for this many frames, or NULL; never given back. Called once. */
void *core_grant_reserve(uint32_t frames_max);
/* Makes a frame of Xen's appear there, readable and writable. 0 or -errno. */
int core_grant_map(void *vaddr, uint64_t mfn);
void core_grant_unmap(void *vaddr, uint32_t frames_count);
/* 2^order zeroed pages, or NULL. */
void *core_grant_memory(unsigned int order);
void core_grant_free(void *block, unsigned int order);
/* A reference was freed twice, or while it was open. */
_Noreturn void core_grant_misused(grant_ref_t ref);

#endif
