/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that run elsewhere: what depends on where they stand is made right for the new place
 * (SDM 2A chapter 2, 2B and 2A chapter 3).
 */
#include <errno.h>
#include <string.h>

#include "duster/arch/x86_64.h"

#define JUMP_BYTES 5u

struct builder {
	struct arch_displaced *out;
	uint64_t to;
	unsigned int used;
	bool too_far;
};

static void add(struct builder *builder, const void *bytes, unsigned int count)
{
	memcpy(builder->out->code + builder->used, bytes, count);
	builder->used += count;
}

/* A displacement of 32 bits to target, from behind it. */
static void add_relative(struct builder *builder, uint64_t target)
{
	int64_t distance = (int64_t)(target - (builder->to + builder->used + 4));
	int32_t word = (int32_t)distance;

	builder->too_far = builder->too_far || word != distance;
	add(builder, &word, 4);
}

static void add_jump(struct builder *builder, uint64_t target)
{
	static const uint8_t jmp = 0xe9;

	add(builder, &jmp, 1);
	add_relative(builder, target);
}

static int finish(struct builder *builder, unsigned int done, uint64_t next)
{
	builder->out->done = done;
	builder->out->next = next;
	memset(builder->out->code + builder->used, 0xcc,
	       sizeof(builder->out->code) - builder->used);
	return builder->too_far ? -EOPNOTSUPP : 0;
}

static bool is_prefix(uint8_t byte)
{
	static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0x2e,
					   0x36, 0x3e, 0x26, 0x64, 0x65};

	return memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

/* Where the opcode begins, behind prefixes. */
static unsigned int opcode_at(const uint8_t *code)
{
	unsigned int at = 0;

	while (at < 10 && is_prefix(code[at]))
		at++;
	return (code[at] & 0xf0) == 0x40 ? at + 1 : at;
}

/* Where the ModRM byte of an instruction that has one stands. */
static unsigned int modrm_at(const uint8_t *code)
{
	unsigned int at = opcode_at(code);

	if (code[at] == 0xc5) /* VEX */
		return at + 3;
	if (code[at] == 0xc4)
		return at + 4;
	if (code[at] == 0x62) /* EVEX */
		return at + 5;
	if (code[at] != 0x0f)
		return at + 1;
	return code[at + 1] == 0x38 || code[at + 1] == 0x3a ? at + 3 : at + 2;
}

struct bytes {
	const uint8_t *code;
	uint64_t from;
};

static int read_bytes(void *context, uint64_t addr, void *to, size_t count)
{
	const struct bytes *bytes = context;

	if (addr < bytes->from || addr - bytes->from > 16 || count > 16 - (addr - bytes->from))
		return -EFAULT;
	memcpy(to, bytes->code + (addr - bytes->from), count);
	return 0;
}

/* Direct calls and jumps. 1: it was none. */
static int displace_branch(struct builder *builder, const uint8_t *code, uint64_t from,
			   unsigned int bytes)
{
	unsigned int at = opcode_at(code);
	uint64_t next = from + bytes;
	int32_t far_offset = 0;
	uint8_t op = code[at];

	if (bytes > 4)
		memcpy(&far_offset, code + bytes - 4, 4);
	if (op == 0xe8) {
		static const uint8_t push = 0x68;
		uint32_t word = (uint32_t)next;

		/* push takes 32 bits with a sign. */
		if (at || next > INT32_MAX)
			return -EOPNOTSUPP;
		add(builder, &push, 1);
		add(builder, &word, 4);
		add_jump(builder, next + (uint64_t)(int64_t)far_offset);
		return finish(builder, sizeof(builder->out->code), next);
	}
	if (op == 0xe9 || op == 0xeb) {
		add_jump(builder, next + (uint64_t)(int64_t)(op == 0xe9 ? far_offset
									: (int8_t)code[bytes - 1]));
		return finish(builder, sizeof(builder->out->code), next);
	}
	if ((op & 0xf0) == 0x70 || (op == 0x0f && (code[at + 1] & 0xf0) == 0x80)) {
		uint8_t jcc[2] = {0x0f, (uint8_t)(0x80 | ((op == 0x0f ? code[at + 1] : op) & 0xf))};
		int64_t offset = op == 0x0f ? far_offset : (int8_t)code[bytes - 1];

		add(builder, jcc, 2);
		add_relative(builder, next + (uint64_t)offset);
		add_jump(builder, next);
		return finish(builder, 6, next);
	}
	/* loop and jrcxz reach 127 bytes at most; an indirect call would push the copy's address.
	 */
	if ((op >= 0xe0 && op <= 0xe3) || op == 0xcc || op == 0xcd)
		return -EOPNOTSUPP;
	if (op == 0xff && ((code[at + 1] >> 3 & 7) == 2 || (code[at + 1] >> 3 & 7) == 3))
		return -EOPNOTSUPP;
	return 1;
}

int arch_displace(const uint8_t *code, uint64_t from, uint64_t to, struct arch_displaced *out)
{
	struct bytes source = {code, from};
	struct arch_reader reader = {&source, read_bytes, NULL, false};
	struct builder builder = {.out = out, .to = to};
	struct text text = {0};
	unsigned int bytes;
	bool is_relative;
	int error = arch_disassemble(&reader, from, &text, &bytes);

	is_relative = !error && strstr(text_get(&text), "(%rip)");
	if (!error && strstr(text_get(&text), "(bad)"))
		error = -EOPNOTSUPP;
	text_free(&text);
	if (error)
		return -EOPNOTSUPP;
	error = displace_branch(&builder, code, from, bytes);
	if (error <= 0)
		return error;
	add(&builder, code, bytes);
	if (is_relative) {
		unsigned int at = modrm_at(code) + 1;
		int64_t offset;
		int32_t word;

		memcpy(&word, code + at, 4);
		offset = word + (int64_t)(from - to);
		word = (int32_t)offset;
		if (word != offset || at + 4 > bytes)
			return -EOPNOTSUPP;
		memcpy(out->code + at, &word, 4);
	}
	add_jump(&builder, from + bytes);
	return finish(&builder, bytes, from + bytes);
}
