/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

int main(int argc, char **argv)
{
	char small[8];

	(void)argv;
	memset(small, 'x', (size_t)argc + 20);
	return small[0];
}
