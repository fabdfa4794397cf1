/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test program itself as the guest: its image is its own, its memory what it can read itself,
 * so that the kernel's code linked into it leaves what views of a guest look at. Linked at fixed
 * addresses.
 */
#ifndef TEST_HOST_DUSTER_ENGINE_SELF_H
#define TEST_HOST_DUSTER_ENGINE_SELF_H

#include "duster/engine/view.h"
#include "duster/target/target.h"

#define SELF_TEXT_BYTES (1u << 20)

struct self {
	struct target target;
	struct regs regs[4];
	int memory_fd;
	/* What a walk yields, and what no read reaches; bytes 0: nothing. */
	struct walk walk;
	int walk_error;
	uint64_t hidden_addr, hidden_bytes;
};

extern struct self self;
extern struct session self_session;
extern struct problem self_problem;
/* What the last view said: a line `name=value|name=value|` a row, `note: …` a note. */
extern char self_text[SELF_TEXT_BYTES];

void self_start(unsigned int vcpus_count);
/* Runs a view: what it returned. */
int self_view(const char *name, const char *words);
/* Fails the test unless a line of self_text has it. */
void self_shows(const char *words);
void self_hides(const char *words);
/* The value of an expression. */
uint64_t self_number(const char *expression);

#endif
