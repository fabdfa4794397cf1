/* SPDX-License-Identifier: BSD-2-Clause */
/* What should differ between boots, in one line that ends without a newline; see check. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "arch/x86_64/pv/image.h"
#include "arch/x86_64/pv/pt.h"

int main(int argc, char **argv)
{
	unsigned char first[32];
	void *area = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (getrandom(first, sizeof(first), 0) != sizeof(first))
		return 1;
	printf("boot=%s random=", argc > 1 ? argv[1] : "");
	for (size_t i = 0; i < sizeof(first); i++)
		printf("%02x", first[i]);
	printf(" canary=%lx stack=%lx heap=%lx large=%lx area=%lx dmap=%lx the end",
	       (unsigned long)__stack_chk_guard, (unsigned long)__builtin_frame_address(0),
	       (unsigned long)malloc(100), (unsigned long)malloc(1 << 20), (unsigned long)area,
	       (unsigned long)pt_dmap_base);
	return 0;
}
