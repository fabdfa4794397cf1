/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/ramdisk_probe.h"

#include <stdint.h>
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/vm.h"

/* cpio(5): c_magic; with or without checksums. tar: POSIX.1 pax, ustar interchange format. */
#define CPIO_MAGIC     "07070"
#define USTAR_MAGIC    "ustar"
#define MAGIC_BYTES    5
#define USTAR_MAGIC_AT 257
#define GZIP_MAGIC     0x8b1f /* RFC 1952: ID1, ID2, little-endian */

bool ramdisk_probe(void)
{
	bool good;
	void *first;

	if (vm_reserve(PAGE_BYTES, "ramdisk header", &first))
		return true;
	good = pt_map_contiguous((uintptr_t)first, boot_info.module_pfn, 1, PT_PROT_READ) == 0;
	if (!good) {
		vm_free(first);
		return true;
	}
	/* A module that is shorter has zeros behind it; whoever reads it all will say so. */
	good = *(const uint16_t *)first == GZIP_MAGIC ||
	       memcmp(first, CPIO_MAGIC, MAGIC_BYTES) == 0 ||
	       memcmp((char *)first + USTAR_MAGIC_AT, USTAR_MAGIC, MAGIC_BYTES) == 0;
	vm_free(first);
	return good;
}
