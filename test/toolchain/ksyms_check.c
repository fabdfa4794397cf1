/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ksyms_check TABLE <addresses: does lib/base/ksyms.c find in TABLE (the bytes of .ksyms) what nm
 * says? Standard input has lines "hex-address name"; of several names for one address any will do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ksyms.h"

int main(int argc, char **argv)
{
	static unsigned char table[1 << 20];
	char want[512], got[512];
	unsigned long addr, last = 0;
	unsigned int addresses = 0, found = 0, this_one = 0;
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;

	if (!f || fread(table, 1, sizeof(table), f) < KSYMS_HEADER_BYTES)
		return 2;
	while (scanf("%lx %511s", &addr, want) == 2) {
		uintptr_t start;

		if (addr != last) {
			addresses++;
			found += this_one;
			this_one = 0;
			last = addr;
		}
		if (ksyms_lookup(table, addr + 1, got, sizeof(got), &start) == 0 && start == addr &&
		    !strncmp(got, want, 127))
			this_one = 1;
	}
	found += this_one;
	if (found != addresses || addresses == 0)
		printf("%u of %u functions found\n", found, addresses);
	return found != addresses || addresses == 0;
}
