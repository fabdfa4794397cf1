/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients and servers of TLS that talk to each other in memory. */
#ifndef TEST_GUEST_TLS_LIBRARY_PAIR_H
#define TEST_GUEST_TLS_LIBRARY_PAIR_H

/* Several threads, each with handshakes of its own, share keys, configuration and generator. */
void check_pairs(void);

#endif
