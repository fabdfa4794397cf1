/* SPDX-License-Identifier: BSD-2-Clause */
/* Functions, inlined ones among them, and the variables that can be seen from an address. */
#ifndef DUSTER_SYMBOLS_SCOPE_H
#define DUSTER_SYMBOLS_SCOPE_H

#include "duster/symbols/image.h"

#define SCOPE_DEPTH_MAX 64u

struct function {
	const char *name;   /* "??" when the information has none */
	Dwarf_Die die;      /* DW_TAG_subprogram or DW_TAG_inlined_subroutine */
	uint64_t low, high; /* entry, and the end of the range that holds it */
	bool is_inlined;
	const char *call_file; /* where it was inlined */
	unsigned int call_line;
	unsigned int scope; /* its place in the chain */
};

/* What encloses an address, from the function outside to the innermost block. */
struct scope_chain {
	Dwarf_Die unit;
	Dwarf_Die dies[SCOPE_DEPTH_MAX];
	unsigned int count; /* 0: no debug information here */
};

void scope_chain_at(struct image *image, uint64_t addr, struct scope_chain *chain_out);
/* The function that is dies[index] of the chain; false when that is a block. */
bool scope_function(const struct scope_chain *chain, unsigned int index,
		    struct function *function_out);
/* The function outside of all inlining at addr; false: none known. */
bool scope_function_at(struct image *image, uint64_t addr, struct function *function_out);
/* From a DIE of kind NAME_FUNCTION; false when it has no code of its own. */
bool scope_function_of(Dwarf_Die *die, struct function *function_out);

/* Calls fn for the address of each inlined copy of the function whose DIE this is. */
void scope_inlined_copies(struct image *image, Dwarf_Die *origin,
			  void (*fn)(void *context, uint64_t addr), void *context);

struct variable {
	const char *name;
	Dwarf_Die die;
	bool is_parameter;
};

/* The variables and parameters declared right in a scope, in their order. Ends when fn says false.
 */
void scope_variables(Dwarf_Die *scope, bool (*fn)(void *context, const struct variable *variable),
		     void *context);

#endif
