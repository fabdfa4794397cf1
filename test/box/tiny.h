/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the test guest's assembly and C know of each other.
 */
#ifndef TEST_BOX_TINY_H
#define TEST_BOX_TINY_H

struct start_info;

/* Filled by Xen; 32 bytes per hypercall. */
extern char hypercall_page[4096];

void tiny_main(struct start_info *si);

#endif
