/* SPDX-License-Identifier: BSD-2-Clause */
/* What duster knows of the processor: names of registers, instructions as text, kinds of
 * instructions. */
#ifndef DUSTER_ARCH_X86_64_H
#define DUSTER_ARCH_X86_64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "duster/util/regs.h"
#include "duster/util/text.h"

#define ARCH_INSTRUCTION_BYTES_MAX 15u /* SDM 2A 2.3.11 */
#define ARCH_BREAKPOINT_BYTE       0xccu

#define ARCH_RFLAGS_TF 0x100u
#define ARCH_RFLAGS_RF 0x10000u

/* "rax" … ; NULL beyond REGS_COUNT. */
const char *arch_reg_name(unsigned int reg);
/* The register and the part of it a name means: "rax", "eax", "ax", "al", "ah", "pc", "sp", "fp".
 * False: no such register. */
bool arch_reg_find(const char *name, unsigned int *reg_out, unsigned int *bytes_out,
		   unsigned int *shift_out);
/* "[ CF ZF IF ]" */
void arch_flags_text(uint64_t rflags, char *text_out, size_t text_bytes);

struct arch_reader {
	void *context;
	int (*read)(void *context, uint64_t addr, void *to, size_t bytes);
	/* Appends how addr is called, as `main+4`; may be NULL. */
	void (*symbolize)(void *context, uint64_t addr, struct text *text);
	bool intel; /* syntax; else AT&T's */
};

/* Appends one instruction as text; bytes_out: its length. -EFAULT: not readable. */
int arch_disassemble(const struct arch_reader *reader, uint64_t addr, struct text *text,
		     unsigned int *bytes_out);

enum arch_kind {
	ARCH_OTHER,
	ARCH_CALL, /* execution comes back behind it */
	ARCH_RETURN,
};

/* The kind and length of the instruction at addr. */
int arch_classify(const struct arch_reader *reader, uint64_t addr, enum arch_kind *kind_out,
		  unsigned int *bytes_out);

/* An instruction made to run at another address. */
struct arch_displaced {
	uint8_t code[32];
	unsigned int
		done;  /* offset at which the original is done, if it goes on in a straight line */
	uint64_t next; /* what that place stands for */
};

/* code: 16 bytes from `from` on. -EOPNOTSUPP: not this instruction, or `to` is too far away. */
int arch_displace(const uint8_t *code, uint64_t from, uint64_t to, struct arch_displaced *out);

#endif
