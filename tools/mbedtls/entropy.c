/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mbedTLS' source of randomness: the guest's generator, which waits until it is seeded. It is the
 * only strong source; when it fails the library says so, and nothing weaker takes its place.
 */
#include <mbedtls/entropy.h>
#include <mbedtls/entropy_poll.h>
#include <sys/random.h>

#define BYTES_AT_ONCE_MAX 256 /* of getentropy() */

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen)
{
	size_t done = 0;

	(void)data;
	*olen = 0;
	while (done < len) {
		size_t part = len - done < BYTES_AT_ONCE_MAX ? len - done : BYTES_AT_ONCE_MAX;

		if (getentropy(output + done, part))
			return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
		done += part;
	}
	*olen = len;
	return 0;
}
