/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/arch/x86_64.h"

#include <stdio.h>
#include <string.h>

static const char *const names[REGS_COUNT] = {
	[REG_RAX] = "rax",         [REG_RDX] = "rdx",         [REG_RCX] = "rcx", [REG_RBX] = "rbx",
	[REG_RSI] = "rsi",         [REG_RDI] = "rdi",         [REG_RBP] = "rbp", [REG_RSP] = "rsp",
	[REG_R8] = "r8",           [REG_R9] = "r9",           [REG_R10] = "r10", [REG_R11] = "r11",
	[REG_R12] = "r12",         [REG_R13] = "r13",         [REG_R14] = "r14", [REG_R15] = "r15",
	[REG_RIP] = "rip",         [REG_RFLAGS] = "rflags",   [REG_CS] = "cs",   [REG_SS] = "ss",
	[REG_DS] = "ds",           [REG_ES] = "es",           [REG_FS] = "fs",   [REG_GS] = "gs",
	[REG_FS_BASE] = "fs_base", [REG_GS_BASE] = "gs_base", [REG_CR2] = "cr2", [REG_CR3] = "cr3",
};

static const struct alias {
	char name[8];
	uint8_t reg, bytes, shift;
} aliases[] = {
	{"pc", REG_RIP, 8, 0},        {"sp", REG_RSP, 8, 0},  {"fp", REG_RBP, 8, 0},
	{"eflags", REG_RFLAGS, 4, 0}, {"eax", REG_RAX, 4, 0}, {"ebx", REG_RBX, 4, 0},
	{"ecx", REG_RCX, 4, 0},       {"edx", REG_RDX, 4, 0}, {"esi", REG_RSI, 4, 0},
	{"edi", REG_RDI, 4, 0},       {"ebp", REG_RBP, 4, 0}, {"esp", REG_RSP, 4, 0},
	{"ax", REG_RAX, 2, 0},        {"bx", REG_RBX, 2, 0},  {"cx", REG_RCX, 2, 0},
	{"dx", REG_RDX, 2, 0},        {"si", REG_RSI, 2, 0},  {"di", REG_RDI, 2, 0},
	{"bp", REG_RBP, 2, 0},        {"al", REG_RAX, 1, 0},  {"bl", REG_RBX, 1, 0},
	{"cl", REG_RCX, 1, 0},        {"dl", REG_RDX, 1, 0},  {"ah", REG_RAX, 1, 8},
	{"bh", REG_RBX, 1, 8},        {"ch", REG_RCX, 1, 8},  {"dh", REG_RDX, 1, 8},
	{"sil", REG_RSI, 1, 0},       {"dil", REG_RDI, 1, 0}, {"bpl", REG_RBP, 1, 0},
	{"spl", REG_RSP, 1, 0},
};

const char *arch_reg_name(unsigned int reg)
{
	return reg < REGS_COUNT ? names[reg] : NULL;
}

/* r8d, r8w, r8l … r15l */
static bool find_numbered(const char *name, unsigned int *reg_out, unsigned int *bytes_out)
{
	unsigned int number;
	char part, more;

	if (sscanf(name, "r%2u%c%c", &number, &part, &more) != 2 || number < 8 || number > 15)
		return false;
	if (part != 'd' && part != 'w' && part != 'l' && part != 'b')
		return false;
	*reg_out = REG_R8 + number - 8;
	*bytes_out = part == 'd' ? 4 : part == 'w' ? 2 : 1;
	return true;
}

bool arch_reg_find(const char *name, unsigned int *reg_out, unsigned int *bytes_out,
		   unsigned int *shift_out)
{
	*shift_out = 0;
	for (unsigned int i = 0; i < REGS_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*reg_out = i;
			*bytes_out = i >= REG_CS && i <= REG_GS ? 4 : 8;
			return true;
		}
	for (unsigned int i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(aliases[i].name, name) == 0) {
			*reg_out = aliases[i].reg;
			*bytes_out = aliases[i].bytes;
			*shift_out = aliases[i].shift;
			return true;
		}
	return find_numbered(name, reg_out, bytes_out);
}

void arch_flags_text(uint64_t rflags, char *text_out, size_t text_bytes)
{
	static const struct {
		uint8_t bit;
		char name[4];
	} flags[] = {{0, "CF"},  {2, "PF"},  {4, "AF"},  {6, "ZF"},  {7, "SF"},
		     {8, "TF"},  {9, "IF"},  {10, "DF"}, {11, "OF"}, {14, "NT"},
		     {16, "RF"}, {18, "AC"}, {21, "ID"}};
	struct text text = {0};

	text_add(&text, "[ ");
	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (rflags >> flags[i].bit & 1)
			text_add(&text, "%s ", flags[i].name);
	text_add(&text, "]");
	snprintf(text_out, text_bytes, "%s", text_get(&text));
	text_free(&text);
}
