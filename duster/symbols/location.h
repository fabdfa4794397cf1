/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a variable is: DWARF location expressions (DWARF 5, 2.5 and 2.6). The machine they run on
 * is given as functions, so that frames of any kind, and tests, can be it.
 */
#ifndef DUSTER_SYMBOLS_LOCATION_H
#define DUSTER_SYMBOLS_LOCATION_H

#include "duster/symbols/image.h"

/* What an expression may ask. Each returns 0 or -Exxx; NULL: it cannot be known. */
struct location_machine {
	void *context;
	int (*reg)(void *context, unsigned int dwarf_number, uint64_t *value_out);
	int (*read)(void *context, uint64_t addr, void *to, size_t bytes);
	int (*frame_base)(void *context, uint64_t *addr_out);
	int (*cfa)(void *context, uint64_t *addr_out);
	int (*tls)(void *context, uint64_t offset, uint64_t *addr_out);
	/* The value a register had when the function was entered. */
	int (*entry_reg)(void *context, unsigned int dwarf_number, uint64_t *value_out);
};

enum location_kind {
	LOCATION_NONE,     /* optimized out, or not known here */
	LOCATION_MEMORY,   /* value: the address */
	LOCATION_REGISTER, /* value: the DWARF number */
	LOCATION_VALUE,    /* value: the value itself */
	LOCATION_BYTES,    /* bytes: the value itself */
	LOCATION_PIECES,
};

#define LOCATION_PIECES_MAX 64u

struct location {
	enum location_kind kind;
	uint64_t value;
	bool is_synthetic; /* none, but it would be a pointer to a variable without an address */
	const uint8_t *bytes;
	size_t bytes_count;
	struct location_piece *pieces;
	unsigned int pieces_count;
};

struct location_piece {
	struct location part;      /* never pieces itself */
	uint64_t bits, bit_offset; /* size, and where the piece begins in the part */
};

/* -EINVAL: malformed, -EOPNOTSUPP: an operation of another kind. attr: where ops come from, or
 * NULL. Pieces are allocated in the arena. */
int location_eval(const Dwarf_Op *ops, size_t ops_count, Dwarf_Attribute *attr,
		  const struct location_machine *machine, struct arena *arena,
		  struct location *location_out);
/* The location of a variable's DIE at addr; of a DIE without one: LOCATION_NONE. */
int location_of(Dwarf_Die *die, uint64_t addr, const struct location_machine *machine,
		struct arena *arena, struct location *location_out);
/* An attribute that is a constant or an expression whose result is a number (bounds, lengths). */
int location_number(Dwarf_Attribute *attr, uint64_t addr, const struct location_machine *machine,
		    struct arena *arena, uint64_t *value_out);

#endif
