/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/fs/gzip.h"

#include "lib/base/error.h"
#include "lib/base/string.h"

/* RFC 1952, 2.3. */
#define MAGIC_0       0x1f
#define MAGIC_1       0x8b
#define METHOD        8
#define FLAG_CRC      0x02u
#define FLAG_EXTRA    0x04u
#define FLAG_NAME     0x08u
#define FLAG_COMMENT  0x10u
#define FLAGS_UNKNOWN 0xe0u
#define HEADER_BYTES  10u
#define TRAILER_BYTES 8u

/* RFC 1951, 3.2.5 to 3.2.7. */
#define CODE_BITS_MAX 15
#define LITERALS      288
#define DISTANCES     30
#define LENGTH_CODES  19
#define END_OF_BLOCK  256
#define LENGTH_FIRST  257
#define LENGTHS       29
#define COPY_PREVIOUS 16
#define ZEROS_SHORT   17
#define ZEROS_LONG    18

struct stream {
	const uint8_t *in;
	size_t in_bytes, in_at;
	uint8_t *out;
	size_t out_bytes, out_at;
	uint32_t bits; /* read ahead, the next one lowest */
	unsigned int bits_count;
	const char *why; /* NULL: all is well */
};

/* A canonical prefix code: how many codes there are of each length, and the symbols in their
 * order. */
struct code {
	uint16_t count[CODE_BITS_MAX + 1];
	uint16_t symbols[LITERALS];
};

static int fail(struct stream *stream, const char *why)
{
	if (!stream->why)
		stream->why = why;
	return -EINVAL;
}

/* The next count bits (at most 16) as a number; 0 after the end, which is noted. */
static uint32_t take_bits(struct stream *stream, unsigned int count)
{
	uint32_t value;

	while (stream->bits_count < count) {
		if (stream->in_at == stream->in_bytes) {
			(void)fail(stream, "it ends too early");
			return 0;
		}
		stream->bits |= (uint32_t)stream->in[stream->in_at++] << stream->bits_count;
		stream->bits_count += 8;
	}
	value = stream->bits & ((1u << count) - 1);
	stream->bits >>= count;
	stream->bits_count -= count;
	return value;
}

/* -EINVAL: more codes than there can be, or fewer but for a single one of one bit. */
static int make_code(struct code *code, const uint8_t *lengths, unsigned int symbols_count)
{
	uint16_t next[CODE_BITS_MAX + 1];
	int left = 1;

	memset(code->count, 0, sizeof(code->count));
	for (unsigned int i = 0; i < symbols_count; i++)
		code->count[lengths[i]]++;
	next[0] = 0;
	next[1] = 0;
	for (unsigned int bits = 1; bits <= CODE_BITS_MAX; bits++) {
		left = left * 2 - code->count[bits];
		if (left < 0)
			return -EINVAL;
		if (bits < CODE_BITS_MAX)
			next[bits + 1] = (uint16_t)(next[bits] + code->count[bits]);
	}
	for (unsigned int i = 0; i < symbols_count; i++)
		if (lengths[i])
			code->symbols[next[lengths[i]]++] = (uint16_t)i;
	/* All lengths zero: a code nobody may use. */
	if (left > 0 && code->count[0] != symbols_count &&
	    (code->count[1] != 1 || code->count[0] + 1u != symbols_count))
		return -EINVAL;
	return 0;
}

/* The next symbol: bit by bit until the value read lies among the codes of that length. -EINVAL. */
static int take_symbol(struct stream *stream, const struct code *code)
{
	int value = 0, first = 0, index = 0;

	for (unsigned int bits = 1; bits <= CODE_BITS_MAX; bits++) {
		value = value << 1 | (int)take_bits(stream, 1);
		if (stream->why)
			return -EINVAL;
		if (value - first < code->count[bits])
			return code->symbols[index + value - first];
		index += code->count[bits];
		first = (first + code->count[bits]) << 1;
	}
	return fail(stream, "a code that nothing has");
}

static int stored_block(struct stream *stream)
{
	uint32_t bytes, check;

	/* From the next whole byte on; bits read ahead are of earlier bytes only. */
	stream->bits = 0;
	stream->bits_count = 0;
	bytes = take_bits(stream, 16);
	check = take_bits(stream, 16);
	if (stream->why)
		return -EINVAL;
	if (bytes != (~check & 0xffff))
		return fail(stream, "a length that contradicts itself");
	if (bytes > stream->in_bytes - stream->in_at)
		return fail(stream, "it ends too early");
	if (bytes > stream->out_bytes - stream->out_at)
		return fail(stream, "longer than it says");
	memcpy(stream->out + stream->out_at, stream->in + stream->in_at, bytes);
	stream->in_at += bytes;
	stream->out_at += bytes;
	return 0;
}

/* A length symbol is followed by a distance: repeats what was written. */
static int repeat(struct stream *stream, unsigned int symbol, const struct code *distances)
{
	static const uint16_t length_first[LENGTHS] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
						       15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
						       67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t length_bits[LENGTHS] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
						     2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	uint32_t length, distance;
	unsigned int extra;
	int code;

	if (symbol >= LENGTHS)
		return fail(stream, "a code that nothing has");
	length = length_first[symbol] + take_bits(stream, length_bits[symbol]);
	code = take_symbol(stream, distances);
	if (code < 0)
		return code;
	if (code >= DISTANCES)
		return fail(stream, "a code that nothing has");
	/* 1, 2, 3, 4, then two codes for each doubling. */
	extra = code < 2 ? 0 : (unsigned int)code / 2 - 1;
	distance = code < 2 ? (uint32_t)code + 1 : ((2u + ((uint32_t)code & 1)) << extra) + 1;
	distance += take_bits(stream, extra);
	if (stream->why)
		return -EINVAL;
	if (distance > stream->out_at)
		return fail(stream, "a repetition of what is before the beginning");
	if (length > stream->out_bytes - stream->out_at)
		return fail(stream, "longer than it says");
	for (; length > 0; length--, stream->out_at++)
		stream->out[stream->out_at] = stream->out[stream->out_at - distance];
	return 0;
}

static int coded_block(struct stream *stream, const struct code *literals,
		       const struct code *distances)
{
	int result = 0;

	while (result == 0) {
		int symbol = take_symbol(stream, literals);

		if (symbol < 0)
			return symbol;
		if (symbol == END_OF_BLOCK)
			return 0;
		if (symbol >= LENGTH_FIRST) {
			result = repeat(stream, (unsigned int)symbol - LENGTH_FIRST, distances);
		} else {
			if (stream->out_at == stream->out_bytes)
				return fail(stream, "longer than it says");
			stream->out[stream->out_at++] = (uint8_t)symbol;
		}
	}
	return result;
}

/* RFC 1951, 3.2.6. */
static int fixed_block(struct stream *stream)
{
	struct code literals, distances;
	uint8_t lengths[LITERALS];

	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 112);
	memset(lengths + 256, 7, 24);
	memset(lengths + 280, 8, 8);
	(void)make_code(&literals, lengths, LITERALS);
	/* Two of the 32 codes are nobody's. */
	memset(lengths, 5, 32);
	(void)make_code(&distances, lengths, 32);
	return coded_block(stream, &literals, &distances);
}

/* The lengths of both codes, themselves coded. RFC 1951, 3.2.7. */
static int take_lengths(struct stream *stream, const struct code *code, uint8_t *lengths,
			unsigned int count)
{
	unsigned int at = 0;

	while (at < count) {
		int symbol = take_symbol(stream, code);
		unsigned int times = 1;
		uint8_t length = (uint8_t)symbol;

		if (symbol < 0)
			return symbol;
		if (symbol == COPY_PREVIOUS) {
			if (at == 0)
				return fail(stream, "a repetition of what is before the beginning");
			length = lengths[at - 1];
			times = 3 + take_bits(stream, 2);
		} else if (symbol == ZEROS_SHORT || symbol == ZEROS_LONG) {
			length = 0;
			times = symbol == ZEROS_SHORT ? 3 + take_bits(stream, 3)
						      : 11 + take_bits(stream, 7);
		}
		if (stream->why)
			return -EINVAL;
		if (times > count - at)
			return fail(stream, "more lengths than codes");
		memset(lengths + at, length, times);
		at += times;
	}
	return 0;
}

static int dynamic_block(struct stream *stream)
{
	static const uint8_t order[LENGTH_CODES] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
						    11, 4,  12, 3, 13, 2, 14, 1, 15};
	unsigned int literals_count = 257 + take_bits(stream, 5);
	unsigned int distances_count = 1 + take_bits(stream, 5);
	unsigned int lengths_count = 4 + take_bits(stream, 4);
	uint8_t lengths[LITERALS + 32];
	struct code literals, distances;
	int result;

	memset(lengths, 0, sizeof(lengths));
	for (unsigned int i = 0; i < lengths_count; i++)
		lengths[order[i]] = (uint8_t)take_bits(stream, 3);
	if (stream->why)
		return -EINVAL;
	if (literals_count > 286 || distances_count > DISTANCES ||
	    make_code(&literals, lengths, LENGTH_CODES))
		return fail(stream, "a code that cannot be");
	result = take_lengths(stream, &literals, lengths, literals_count + distances_count);
	if (result)
		return result;
	if (!lengths[END_OF_BLOCK] || make_code(&literals, lengths, literals_count) ||
	    make_code(&distances, lengths + literals_count, distances_count))
		return fail(stream, "a code that cannot be");
	return coded_block(stream, &literals, &distances);
}

static int inflate(struct stream *stream)
{
	bool is_last = false;
	int result = 0;

	while (!is_last && result == 0) {
		is_last = take_bits(stream, 1);
		switch (take_bits(stream, 2)) {
		case 0:
			result = stored_block(stream);
			break;
		case 1:
			result = fixed_block(stream);
			break;
		case 2:
			result = dynamic_block(stream);
			break;
		default:
			result = fail(stream, "a kind of block that nobody knows");
		}
		if (stream->why)
			result = -EINVAL;
	}
	return result;
}

/* RFC 1952, 8. */
static uint32_t checksum(const uint8_t *bytes, size_t bytes_count)
{
	uint32_t table[256], sum = ~0u;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < bytes_count; i++)
		sum = table[(sum ^ bytes[i]) & 0xff] ^ sum >> 8;
	return ~sum;
}

static uint32_t read_32(const uint8_t *bytes)
{
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* Passes over text that ends in a NUL. */
static void skip_text(struct stream *stream)
{
	while (stream->in_at < stream->in_bytes && stream->in[stream->in_at++])
		;
}

static int skip_header(struct stream *stream)
{
	uint8_t flags;
	size_t extra;

	if (stream->in_bytes < HEADER_BYTES + TRAILER_BYTES)
		return fail(stream, "it ends too early");
	flags = stream->in[3];
	if (stream->in[2] != METHOD || (flags & FLAGS_UNKNOWN))
		return fail(stream, "compressed in a way nobody knows");
	stream->in_at = HEADER_BYTES;
	if (flags & FLAG_EXTRA) {
		extra = stream->in[HEADER_BYTES] | (size_t)stream->in[HEADER_BYTES + 1] << 8;
		stream->in_at += 2 + extra;
		if (stream->in_at > stream->in_bytes)
			return fail(stream, "it ends too early");
	}
	if (flags & FLAG_NAME)
		skip_text(stream);
	if (flags & FLAG_COMMENT)
		skip_text(stream);
	if (flags & FLAG_CRC)
		stream->in_at += 2;
	return stream->in_at > stream->in_bytes ? fail(stream, "it ends too early") : 0;
}

bool gzip_recognise(const void *bytes, size_t bytes_count)
{
	const uint8_t *head = bytes;

	return bytes_count >= HEADER_BYTES && head[0] == MAGIC_0 && head[1] == MAGIC_1;
}

int gzip_expanded_bytes(const void *bytes, size_t bytes_count, size_t *expanded_out)
{
	if (bytes_count < HEADER_BYTES + TRAILER_BYTES)
		return -EINVAL;
	*expanded_out = read_32((const uint8_t *)bytes + bytes_count - 4);
	return 0;
}

int gzip_expand(const void *bytes, size_t bytes_count, void *out, size_t out_bytes,
		const char **why_out)
{
	struct stream stream = {
		.in = bytes, .in_bytes = bytes_count, .out = out, .out_bytes = out_bytes};
	int result = skip_header(&stream);

	if (result == 0)
		result = inflate(&stream);
	if (result == 0) {
		/* Whole bytes that were read ahead go back. */
		stream.in_at -= stream.bits_count / 8;
		if (stream.in_bytes - stream.in_at != TRAILER_BYTES)
			result = fail(&stream, "something follows its end, or is missing there");
		else if (stream.out_at != out_bytes ||
			 read_32(stream.in + stream.in_at + 4) != (uint32_t)out_bytes)
			result = fail(&stream, "shorter than it says");
		else if (read_32(stream.in + stream.in_at) != checksum(out, out_bytes))
			result = fail(&stream, "the checksum does not fit");
	}
	*why_out = stream.why;
	return result;
}
