/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/arch/x86_64.h"

#include <stdio.h>
#include <string.h>

static const char *const names[REGS_COUNT] = {
	[CPU_RAX] = "rax",         [CPU_RDX] = "rdx",         [CPU_RCX] = "rcx", [CPU_RBX] = "rbx",
	[CPU_RSI] = "rsi",         [CPU_RDI] = "rdi",         [CPU_RBP] = "rbp", [CPU_RSP] = "rsp",
	[CPU_R8] = "r8",           [CPU_R9] = "r9",           [CPU_R10] = "r10", [CPU_R11] = "r11",
	[CPU_R12] = "r12",         [CPU_R13] = "r13",         [CPU_R14] = "r14", [CPU_R15] = "r15",
	[CPU_RIP] = "rip",         [CPU_RFLAGS] = "rflags",   [CPU_CS] = "cs",   [CPU_SS] = "ss",
	[CPU_DS] = "ds",           [CPU_ES] = "es",           [CPU_FS] = "fs",   [CPU_GS] = "gs",
	[CPU_FS_BASE] = "fs_base", [CPU_GS_BASE] = "gs_base", [CPU_CR2] = "cr2", [CPU_CR3] = "cr3",
};

static const struct alias {
	char name[8];
	uint8_t reg, bytes, shift;
} aliases[] = {
	{"pc", CPU_RIP, 8, 0},        {"sp", CPU_RSP, 8, 0},  {"fp", CPU_RBP, 8, 0},
	{"eflags", CPU_RFLAGS, 4, 0}, {"eax", CPU_RAX, 4, 0}, {"ebx", CPU_RBX, 4, 0},
	{"ecx", CPU_RCX, 4, 0},       {"edx", CPU_RDX, 4, 0}, {"esi", CPU_RSI, 4, 0},
	{"edi", CPU_RDI, 4, 0},       {"ebp", CPU_RBP, 4, 0}, {"esp", CPU_RSP, 4, 0},
	{"ax", CPU_RAX, 2, 0},        {"bx", CPU_RBX, 2, 0},  {"cx", CPU_RCX, 2, 0},
	{"dx", CPU_RDX, 2, 0},        {"si", CPU_RSI, 2, 0},  {"di", CPU_RDI, 2, 0},
	{"bp", CPU_RBP, 2, 0},        {"al", CPU_RAX, 1, 0},  {"bl", CPU_RBX, 1, 0},
	{"cl", CPU_RCX, 1, 0},        {"dl", CPU_RDX, 1, 0},  {"ah", CPU_RAX, 1, 8},
	{"bh", CPU_RBX, 1, 8},        {"ch", CPU_RCX, 1, 8},  {"dh", CPU_RDX, 1, 8},
	{"sil", CPU_RSI, 1, 0},       {"dil", CPU_RDI, 1, 0}, {"bpl", CPU_RBP, 1, 0},
	{"spl", CPU_RSP, 1, 0},
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
	*reg_out = CPU_R8 + number - 8;
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
			*bytes_out = i >= CPU_CS && i <= CPU_GS ? 4 : 8;
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
