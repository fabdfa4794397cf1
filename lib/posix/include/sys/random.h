/* SPDX-License-Identifier: BSD-2-Clause */
/* <sys/random.h>: as glibc and POSIX.1-2024 have it. */
#ifndef _SYS_RANDOM_H
#define _SYS_RANDOM_H

#include <sys/cdefs.h>
#include <sys/types.h>

__BEGIN_DECLS

#define GRND_NONBLOCK 1 /* EAGAIN rather than wait for the generator to be seeded */
#define GRND_RANDOM   2 /* the same generator here */
#define GRND_INSECURE 4

/* The number of bytes, all of them up to 256 at least; -1 with errno. */
ssize_t getrandom(void *, size_t, unsigned int flags);
/* At most 256 bytes. 0; -1 with errno EIO when more are asked for. */
int getentropy(void *, size_t);

__END_DECLS

#endif
