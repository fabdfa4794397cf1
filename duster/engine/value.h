/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Typed values: what an expression yields. A value in memory is not read before its bytes are
 * wanted. Values live in the session's arena of the command; value_keep() copies one for longer.
 */
#ifndef DUSTER_ENGINE_VALUE_H
#define DUSTER_ENGINE_VALUE_H

#include "duster/engine/session.h"

#define VALUE_BYTES_MAX (64u << 20)

enum value_place {
	VALUE_PLAIN, /* a result: has no address and cannot be assigned to */
	VALUE_MEMORY,
	VALUE_REGISTER, /* or part of one */
	VALUE_LOST,     /* optimized out */
};

struct value {
	struct type *type;
	enum value_place place;
	uint64_t addr;
	unsigned int reg;   /* of the frame's registers (util/regs.h) */
	unsigned int level; /* the frame's */
	uint8_t *bytes;     /* NULL: not loaded */
	uint64_t bytes_count;
	uint8_t *lost;                     /* NULL, or one flag a byte: optimized out */
	unsigned int bit_offset, bit_size; /* bit_size 0: no bit-field */
	bool is_synthetic;     /* lost, but it pointed to a variable that has no address */
	const char *lazy_name; /* convenience variable it was read from, for assignment */
	/* While session->tracing: what it was computed from (trace.h). */
	const struct node *node;
};

/* Types every C program has, found in the image or made up. */
enum base_type {
	BASE_BOOL,
	BASE_CHAR,
	BASE_INT,
	BASE_UINT,
	BASE_LONG,
	BASE_ULONG,
	BASE_FLOAT,
	BASE_DOUBLE,
	BASE_LONG_DOUBLE,
	BASE_INT128,
	BASE_VOID,
	BASE_SHORT,
	BASE_USHORT,
	BASE_SCHAR,
	BASE_UCHAR,
	BASES_COUNT
};
struct type *value_base(struct session *session, enum base_type base);

struct value *value_new(struct session *session, struct type *type);
struct value *value_int(struct session *session, enum base_type base, uint64_t number);
struct value *value_double(struct session *session, struct type *type, long double number);
struct value *value_at(struct session *session, struct type *type, uint64_t addr);
/* A variable or parameter, seen from a frame (NULL: only what needs none). */
int value_variable(struct session *session, struct frame *frame, Dwarf_Die *die,
		   struct value **value_out, struct problem *problem);
/* A register of a frame by the name of arch_reg_find(), or xmm0 … xmm15. */
int value_register(struct session *session, struct frame *frame, const char *name,
		   struct value **value_out, struct problem *problem);
/* A copy that outlives the command. */
struct value *value_keep(struct session *session, const struct value *value);

/* Has the bytes: -ENODATA when optimized out, -EFAULT when the memory is not there. */
int value_load(struct session *session, struct value *value, struct problem *problem);
/* Integers, enums, pointers, arrays (their address); floats are cut to integers. */
int value_number(struct session *session, struct value *value, uint64_t *number_out,
		 struct problem *problem);
int value_real(struct session *session, struct value *value, long double *number_out,
	       struct problem *problem);
int value_is_true(struct session *session, struct value *value, bool *true_out,
		  struct problem *problem);

int value_member(struct session *session, struct value *value, const char *name,
		 struct value **member_out, struct problem *problem);
/* The part of a struct or array at an offset. */
struct value *value_part(struct session *session, const struct value *whole, struct type *type,
			 uint64_t offset);
struct value *value_bits(struct session *session, const struct value *whole,
			 const struct member *member, uint64_t offset);
int value_index(struct session *session, struct value *value, int64_t index,
		struct value **element_out, struct problem *problem);
int value_deref(struct session *session, struct value *value, struct value **target_out,
		struct problem *problem);
int value_address(struct session *session, struct value *value, struct value **pointer_out,
		  struct problem *problem);
int value_cast(struct session *session, struct value *value, struct type *type,
	       struct value **cast_out, struct problem *problem);
int value_assign(struct session *session, struct value *to, struct value *from,
		 struct value **result_out, struct problem *problem);
/* Arrays and functions become pointers. */
int value_decay(struct session *session, struct value *value, struct value **decayed_out,
		struct problem *problem);

/* The operators of C on numbers and pointers: '+', '-', '*' … and two-letter ones as 'l' << 8 |
 * 'l'. */
#define OP2(a, b) ((a) << 8 | (b))
int value_binary(struct session *session, int op, struct value *left, struct value *right,
		 struct value **result_out, struct problem *problem);
int value_unary(struct session *session, int op, struct value *operand, struct value **result_out,
		struct problem *problem);

/* The bits of a loaded integer of up to 8 bytes, extended as its type says. */
uint64_t value_bits_of(const struct value *value);
long double value_real_of(const uint8_t *bytes, uint64_t bytes_count);

#endif
