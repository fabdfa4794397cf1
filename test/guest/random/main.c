/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "test/guest/check.h"

int main(void)
{
	unsigned char first[64] = {0}, second[64] = {0};
	int fd, ones = 0;

	CHECK(getrandom(first, sizeof(first), 0) == sizeof(first));
	CHECK(getentropy(second, sizeof(second)) == 0 && memcmp(first, second, sizeof(first)) != 0);
	for (int i = 0; i < 64; i++)
		ones += __builtin_popcount(first[i]) + __builtin_popcount(second[i]);
	CHECK(ones > 400 && ones < 624);
	CHECK(getentropy(second, 257) == -1 && errno == EIO);
	CHECK(getrandom(first, 1, 0x80) == -1 && errno == EINVAL);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0 && read(fd, second, sizeof(second)) == sizeof(second));
	close(fd);
	CHECK(arc4random() != arc4random() || arc4random() != arc4random());
	return check_done();
}
