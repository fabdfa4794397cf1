/* SPDX-License-Identifier: BSD-2-Clause */
/* The mock's grant table, as other domains see it. */
#ifndef TEST_MOCK_MOCK_GRANT_H
#define TEST_MOCK_MOCK_GRANT_H

#include "test/mock/mock.h"

/* How large Xen lets the table become; before its first use. */
extern uint32_t mock_grant_frames_max;
/* There is no memory to map a frame. */
extern bool mock_grant_map_fails;
/* Called instead of ending the test. May longjmp. */
extern void (*mock_grant_on_misuse)(grant_ref_t ref);

/* Maps for domain: the page, or NULL when the entry does not allow it. */
void *mock_grant_map(domid_t domain, grant_ref_t ref, bool write);
void mock_grant_unmap(grant_ref_t ref, bool write);
/* The entry itself, NULL when the table is not that large. */
struct grant_entry_v1 *mock_grant_entry(grant_ref_t ref);
/* A new, empty table of one frame, as after a restore. */
void mock_grant_reset(void);

#endif
