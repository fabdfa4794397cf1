/* SPDX-License-Identifier: BSD-2-Clause */
/* A peer of the stack that answers: not within the stack's own call, which holds its lock, but when
 * time has passed. */
#ifndef TEST_HOST_LIB_NET_WIRE_H
#define TEST_HOST_LIB_NET_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_STEP_NS 50000000ULL

/* What the stack sends from now on is kept for hear(). */
void wire_start(void (*hear)(const uint8_t *frame, size_t bytes_count));
/* Lets time pass in steps; before each of them the peer hears what was sent. */
void wire_pass(uint64_t ns);

#endif
