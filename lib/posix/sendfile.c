/* SPDX-License-Identifier: BSD-2-Clause */
/* From a file to a socket, or any other descriptor, in pieces. */
#include <errno.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "core/heap.h"

#define PIECE_BYTES 16384u

ssize_t sendfile(int to, int from, off_t *offset, size_t bytes_count)
{
	char *bytes = heap_alloc(PIECE_BYTES);
	size_t done = 0;
	ssize_t moved = 0;

	if (!bytes) {
		errno = ENOMEM;
		return -1;
	}
	while (done < bytes_count) {
		size_t want = bytes_count - done < PIECE_BYTES ? bytes_count - done : PIECE_BYTES;
		ssize_t got = offset ? pread(from, bytes, want, *offset + (off_t)done)
				     : read(from, bytes, want);

		if (got <= 0) {
			moved = got;
			break;
		}
		moved = write(to, bytes, (size_t)got);
		if (moved > 0)
			done += (size_t)moved;
		if (moved < got) {
			/* What was read and not sent is read again. */
			if (!offset)
				(void)lseek(from, (moved > 0 ? moved : 0) - got, SEEK_CUR);
			break;
		}
	}
	heap_free(bytes);
	if (offset)
		*offset += (off_t)done;
	return done > 0 || moved >= 0 ? (ssize_t)done : -1;
}
