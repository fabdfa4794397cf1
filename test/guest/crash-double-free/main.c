/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

int main(void)
{
	char *volatile block = malloc(40);

	free(block);
	free(block);
	return 0;
}
