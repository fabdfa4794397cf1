/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>

int main(int argc, char **argv)
{
	(void)argv;
	/* Its text says where. */
	assert(argc > 100);
	return 0;
}
