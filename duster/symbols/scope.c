/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/symbols/scope.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "duster/symbols/lines.h"

#define CHILDREN_MAX 100000u /* looked at in one scope */
#define VISITS_MAX   2000000u

static bool has_code(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

/* The child of *die that holds addr and may hold variables; false: none. */
static bool inner_scope(Dwarf_Die *die, uint64_t addr, Dwarf_Die *inner_out)
{
	Dwarf_Die child;
	unsigned int seen = 0;

	if (dwarf_child(die, &child))
		return false;
	do {
		switch (dwarf_tag(&child)) {
		case DW_TAG_subprogram:
		case DW_TAG_lexical_block:
		case DW_TAG_inlined_subroutine:
			if (has_code(&child) && dwarf_haspc(&child, addr) == 1) {
				*inner_out = child;
				return true;
			}
			break;
		default:
			break;
		}
	} while (++seen < CHILDREN_MAX && dwarf_siblingof(&child, &child) == 0);
	return false;
}

void scope_chain_at(struct image *image, uint64_t addr, struct scope_chain *chain_out)
{
	Dwarf_Die at;

	chain_out->count = 0;
	if (!image_unit_at(image, addr, &chain_out->unit))
		return;
	at = chain_out->unit;
	while (chain_out->count < SCOPE_DEPTH_MAX && inner_scope(&at, addr, &at))
		chain_out->dies[chain_out->count++] = at;
	if (chain_out->count && dwarf_tag(&chain_out->dies[0]) != DW_TAG_subprogram)
		chain_out->count = 0;
}

static const char *call_file(Dwarf_Die *die)
{
	const char *path;

	Dwarf_Attribute attr;
	Dwarf_Word index;
	Dwarf_Files *files;
	Dwarf_Die unit;
	size_t count;

	if (!dwarf_attr(die, DW_AT_call_file, &attr) || dwarf_formudata(&attr, &index) ||
	    !dwarf_diecu(die, &unit, NULL, NULL) || dwarf_getsrcfiles(&unit, &files, &count) ||
	    index >= count)
		return NULL;
	path = dwarf_filesrc(files, index, NULL, NULL);
	return path ? line_short_path(&unit, path) : NULL;
}

static bool fill_function(Dwarf_Die *die, struct function *function)
{
	Dwarf_Addr base, low, high;
	Dwarf_Attribute attr;
	Dwarf_Word word;
	int tag = dwarf_tag(die);

	if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine)
		return false;
	*function = (struct function){.die = *die, .is_inlined = tag == DW_TAG_inlined_subroutine};
	function->name = dwarf_diename(die);
	if (!function->name)
		function->name = "??";
	/* Without an entry given it is where the first range begins. */
	if (dwarf_entrypc(die, &low) && dwarf_ranges(die, 0, &base, &low, &high) <= 0)
		return false;
	if (low == 0)
		return false;
	function->low = low;
	for (ptrdiff_t next = 0; (next = dwarf_ranges(die, next, &base, &low, &high)) > 0;)
		if (function->low >= low && function->low < high)
			function->high = high;
	if (function->high <= function->low)
		return false;
	if (function->is_inlined) {
		function->call_file = call_file(die);
		if (dwarf_attr(die, DW_AT_call_line, &attr) && dwarf_formudata(&attr, &word) == 0)
			function->call_line = (unsigned int)word;
	}
	return true;
}

bool scope_function(const struct scope_chain *chain, unsigned int index,
		    struct function *function_out)
{
	Dwarf_Die die;

	if (index >= chain->count)
		return false;
	die = chain->dies[index];
	if (!fill_function(&die, function_out))
		return false;
	function_out->scope = index;
	return true;
}

bool scope_function_at(struct image *image, uint64_t addr, struct function *function_out)
{
	struct scope_chain chain;

	scope_chain_at(image, addr, &chain);
	return scope_function(&chain, 0, function_out);
}

bool scope_function_of(Dwarf_Die *die, struct function *function_out)
{
	return has_code(die) && fill_function(die, function_out);
}

/* ---- Inlined copies ---- */

struct copies {
	const void *origin; /* DIE of the abstract instance */
	void (*fn)(void *context, uint64_t addr);
	void *context;
	unsigned int visits;
};

static const void *origin_of(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;

	if (!dwarf_attr(die, DW_AT_abstract_origin, &attr) || !dwarf_formref_die(&attr, &origin))
		return NULL;
	return origin.addr;
}

static void visit(struct copies *copies, Dwarf_Die *die, unsigned int depth)
{
	Dwarf_Die child;

	if (depth >= SCOPE_DEPTH_MAX || dwarf_child(die, &child))
		return;
	do {
		Dwarf_Addr entry;
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_inlined_subroutine && origin_of(&child) == copies->origin &&
		    dwarf_entrypc(&child, &entry) == 0 && entry)
			copies->fn(copies->context, entry);
		if (tag == DW_TAG_subprogram || tag == DW_TAG_lexical_block ||
		    tag == DW_TAG_inlined_subroutine)
			visit(copies, &child, depth + 1);
	} while (++copies->visits < VISITS_MAX && dwarf_siblingof(&child, &child) == 0);
}

void scope_inlined_copies(struct image *image, Dwarf_Die *origin,
			  void (*fn)(void *context, uint64_t addr), void *context)
{
	struct copies copies = {.origin = origin->addr, .fn = fn, .context = context};
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	const void *abstract = origin_of(origin);
	uint8_t type;

	if (abstract)
		copies.origin = abstract;
	while (image->dwarf &&
	       dwarf_get_units(image->dwarf, unit, &unit, NULL, &type, &die, NULL) == 0)
		if (type == DW_UT_compile)
			visit(&copies, &die, 0);
}

/* ---- Variables ---- */

#define VARIABLES_MAX 4096u

static bool is_variable(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_variable || tag == DW_TAG_formal_parameter;
}

/* True when some child of scope stands for this variable of the abstract instance. */
static bool has_copy(Dwarf_Die *scope, const Dwarf_Die *abstract)
{
	Dwarf_Die child;
	unsigned int seen = 0;

	if (dwarf_child(scope, &child))
		return false;
	do {
		if (is_variable(&child) && origin_of(&child) == abstract->addr)
			return true;
	} while (++seen < VARIABLES_MAX && dwarf_siblingof(&child, &child) == 0);
	return false;
}

/* origin: the scope whose copies are left out, or NULL. False: enough. */
static bool each_variable(Dwarf_Die *scope, Dwarf_Die *copy,
			  bool (*fn)(void *context, const struct variable *variable), void *context)
{
	Dwarf_Die child;
	unsigned int seen = 0;

	if (dwarf_child(scope, &child))
		return true;
	do {
		struct variable variable;

		if (!is_variable(&child) || dwarf_hasattr(&child, DW_AT_declaration) ||
		    (copy && has_copy(copy, &child)))
			continue;
		variable = (struct variable){.name = dwarf_diename(&child),
					     .die = child,
					     .is_parameter =
						     dwarf_tag(&child) == DW_TAG_formal_parameter};
		if (variable.name && !fn(context, &variable))
			return false;
	} while (++seen < VARIABLES_MAX && dwarf_siblingof(&child, &child) == 0);
	return true;
}

void scope_variables(Dwarf_Die *scope, bool (*fn)(void *context, const struct variable *variable),
		     void *context)
{
	Dwarf_Attribute attr;
	Dwarf_Die origin;

	if (!each_variable(scope, NULL, fn, context))
		return;
	/* What the compiler dropped from this copy is still known from the original. */
	if (dwarf_attr(scope, DW_AT_abstract_origin, &attr) && dwarf_formref_die(&attr, &origin))
		(void)each_variable(&origin, scope, fn, context);
}
