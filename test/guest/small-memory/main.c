/* SPDX-License-Identifier: BSD-2-Clause */
/* malloc until there is no more, of several sizes: NULL and ENOMEM each time, and the same again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/guest/check.h"

static size_t take_all(size_t bytes)
{
	void **list = NULL, **block;
	size_t count = 0;

	errno = 0;
	while ((block = malloc(bytes)) != NULL) {
		memset(block, 0x5a, bytes);
		*block = list;
		list = block;
		count++;
	}
	CHECK(errno == ENOMEM);
	/* The console still works. */
	CHECK(write(1, ".", 1) == 1);
	while (list) {
		block = *list;
		free(list);
		list = block;
	}
	return count;
}

int main(void)
{
	static const size_t sizes[] = {24, 1000, 20000, 300000};
	size_t counts[4];

	for (int i = 0; i < 4; i++)
		counts[i] = take_all(sizes[i]);
	for (int i = 3; i >= 0; i--) {
		size_t again = take_all(sizes[i]);

		/* What the first round took for metadata and page tables stays with them. */
		CHECK(again >= counts[i] - counts[i] / 20 - 1);
	}
	printf("\n%zu KiB of memory, of which %zu in small blocks\n",
	       (size_t)sysconf(_SC_PHYS_PAGES) * 4, counts[0] * 24 / 1024);
	CHECK(counts[0] > 10000);
	return check_done();
}
