/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX    20u
#define STRING_CHUNK 64u
#define UNLIMITED    UINT32_MAX
#define INDENT       2u

struct printer {
	struct session *session;
	struct text *text;
	struct format format;
	unsigned int depth;
	unsigned int left; /* elements still to be shown, over all nested arrays */
};

static void print(struct printer *printer, struct value *value, bool is_top);

struct format format_of(struct session *session, char letter)
{
	return (struct format){.letter = letter,
			       .is_top = true,
			       .pretty = session->settings.pretty,
			       .elements_max = session->settings.elements_max,
			       .repeats = session->settings.repeats};
}

bool format_letter_is_known(char letter)
{
	return letter && strchr("xduotzcafsi", letter);
}

/* ---- Numbers ---- */

void format_character(unsigned int c, char quote, struct text *text)
{
	static const char codes[] = "\a\b\033\f\n\r\t\v", letters[] = "abefnrtv";
	const char *found = c ? memchr(codes, (int)c, sizeof(codes) - 1) : NULL;

	if (found)
		text_add(text, "\\%c", letters[found - codes]);
	else if (c == (unsigned char)quote || c == '\\')
		text_add(text, "\\%c", (char)c);
	else if (c >= ' ' && c < 0x7f)
		text_add(text, "%c", (char)c);
	else
		text_add(text, "\\%03o", c & 0xff);
}

static void add_binary(uint64_t number, struct text *text)
{
	int bit = 63;

	while (bit > 0 && !(number >> bit & 1))
		bit--;
	for (; bit >= 0; bit--)
		text_add(text, "%c", number >> bit & 1 ? '1' : '0');
}

static int64_t extend(uint64_t number, unsigned int bytes)
{
	unsigned int shift = bytes < 8 ? 64 - 8 * bytes : 0;

	return (int64_t)(number << shift) >> shift;
}

static void add_symbol(struct session *session, uint64_t addr, struct text *text)
{
	char name[256];

	if (session_symbolize(session, addr, name, sizeof(name)))
		text_add(text, " <%s>", name);
}

void format_number(struct session *session, uint64_t number, unsigned int bytes, char letter,
		   struct text *text)
{
	unsigned long long plain = bytes < 8 ? number & ((1ULL << 8 * bytes) - 1) : number;
	long long with_sign = extend(number, bytes);

	switch (letter) {
	case 'd':
		text_add(text, "%lld", with_sign);
		break;
	case 'u':
		text_add(text, "%llu", plain);
		break;
	case 'o':
		text_add(text, plain ? "0%llo" : "0", plain);
		break;
	case 't':
		add_binary(plain, text);
		break;
	case 'z':
		text_add(text, "0x%0*llx", (int)(2 * bytes), plain);
		break;
	case 'c':
		text_add(text, "%lld '", (long long)(signed char)number);
		format_character((unsigned int)(number & 0xff), '\'', text);
		text_add(text, "'");
		break;
	case 'a':
		text_add(text, "0x%llx", plain);
		add_symbol(session, plain, text);
		break;
	default:
		text_add(text, "0x%llx", plain);
	}
}

static void add_real(const uint8_t *bytes, uint64_t count, struct text *text)
{
	long double number = value_real_of(bytes, count);
	int digits = count == 4 ? 9 : count == 8 ? 17 : 18;
	char buffer[80];

	if (isnan(number)) {
		uint64_t mantissa = 0;

		memcpy(&mantissa, bytes, count < 8 ? count : 8);
		mantissa &= count == 4 ? 0x7fffff : count == 8 ? 0xfffffffffffffULL : UINT64_MAX;
		text_add(text, "%snan(0x%llx)", signbit(number) ? "-" : "",
			 (unsigned long long)mantissa);
		return;
	}
	snprintf(buffer, sizeof(buffer), "%.*Lg", digits, number);
	text_add(text, "%s", buffer);
}

static void add_int128(const uint8_t *bytes, bool is_signed, struct text *text)
{
	unsigned __int128 number;
	char digits[48], *at = digits + sizeof(digits);
	bool negative;

	memcpy(&number, bytes, sizeof(number));
	negative = is_signed && number >> 127;
	if (negative)
		number = -number;
	*--at = '\0';
	do {
		*--at = (char)('0' + (int)(number % 10));
		number /= 10;
	} while (number);
	text_add(text, "%s%s", negative ? "-" : "", at);
}

static void print_letter(struct printer *printer, struct value *value, struct type *type)
{
	unsigned int bytes = (unsigned int)(value->bytes_count < 8 ? value->bytes_count : 8);
	uint64_t number;
	char letter = printer->format.letter;

	if (letter == 'f' && (bytes == 4 || bytes == 8) && type->kind != TYPE_POINTER) {
		if (type->kind == TYPE_FLOAT)
			add_real(value->bytes, value->bytes_count, printer->text);
		else
			add_real(value->bytes, bytes, printer->text);
		return;
	}
	if (value->bytes_count == 16 && (letter == 'x' || letter == 'z')) {
		uint64_t words[2];

		memcpy(words, value->bytes, 16);
		if (words[1])
			text_add(printer->text, "0x%llx%016llx", (unsigned long long)words[1],
				 (unsigned long long)words[0]);
		else
			text_add(printer->text, "0x%llx", (unsigned long long)words[0]);
		return;
	}
	number = value_bits_of(value);
	if (value->bit_size)
		bytes = (unsigned int)(type->bytes < 8 ? type->bytes : 8);
	format_number(printer->session, number, bytes, letter == 's' ? 'd' : letter, printer->text);
}

static void print_integer(struct printer *printer, struct value *value, struct type *type)
{
	uint64_t number = value_bits_of(value);

	if (type->is_bool && number <= 1) {
		text_add(printer->text, number ? "true" : "false");
	} else if (value->bytes_count == 16 && !value->bit_size) {
		add_int128(value->bytes, type->is_signed, printer->text);
	} else if (type->is_char && value->bytes_count == 1) {
		text_add(printer->text, "%lld '",
			 type->is_signed ? (long long)(signed char)number : (long long)number);
		format_character((unsigned int)(number & 0xff), '\'', printer->text);
		text_add(printer->text, "'");
	} else if (type->is_signed) {
		text_add(printer->text, "%lld", (long long)number);
	} else {
		text_add(printer->text, "%llu", (unsigned long long)number);
	}
}

/* ---- Enums ---- */

/* An enum whose enumerators share no bits is one of flags. */
static bool is_flags(const struct member *members, size_t count)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t bits = (uint64_t)members[i].value;

		if (members[i].value < 0)
			return false;
		if (bits & seen) {
			bool again = false;

			for (size_t j = 0; j < i; j++)
				again = again || members[j].value == members[i].value;
			if (!again)
				return false;
		}
		seen |= bits;
	}
	return count > 0;
}

static void print_enum(struct printer *printer, struct value *value, struct type *type)
{
	size_t count;
	const struct member *members = type_members(type, &count);
	int64_t number = (int64_t)value_bits_of(value);
	uint64_t left = (uint64_t)number;
	bool first = true;

	for (size_t i = 0; i < count; i++)
		if (members[i].value == number) {
			text_add(printer->text, "%s", members[i].name);
			return;
		}
	if (!is_flags(members, count) || !number) {
		text_add(printer->text, "%lld", (long long)number);
		return;
	}
	text_add(printer->text, "(");
	for (size_t i = 0; i < count; i++) {
		uint64_t bits = (uint64_t)members[i].value;

		if (!bits || (left & bits) != bits)
			continue;
		text_add(printer->text, "%s%s", first ? "" : " | ", members[i].name);
		left &= ~bits;
		first = false;
	}
	if (left)
		text_add(printer->text, "%sunknown: 0x%llx", first ? "" : " | ",
			 (unsigned long long)left);
	text_add(printer->text, ")");
}

/* ---- Strings ---- */

static unsigned int run_length(const uint8_t *s, size_t count, size_t at)
{
	size_t end = at + 1;

	while (end < count && s[end] == s[at])
		end++;
	return (unsigned int)(end - at);
}

/* Characters in quotes; long runs of one apart: "ab", 'c' <repeats 20 times>, "d". */
static void add_string(const uint8_t *s, size_t count, unsigned int repeats, bool more,
		       struct text *text)
{
	bool quoted = false, any = false;

	if (!count)
		text_add(text, "\"\"");
	for (size_t i = 0; i < count;) {
		unsigned int run = run_length(s, count, i);

		if (run > repeats) {
			text_add(text, "%s'", quoted ? "\", " : any ? ", " : "");
			format_character(s[i], '\'', text);
			text_add(text, "' <repeats %u times>", run);
			quoted = false;
		} else {
			if (!quoted)
				text_add(text, any ? ", \"" : "\"");
			for (unsigned int j = 0; j < run; j++)
				format_character(s[i], '"', text);
			quoted = true;
		}
		any = true;
		i += run;
	}
	if (quoted)
		text_add(text, "\"");
	if (more)
		text_add(text, "...");
}

bool format_string_at(struct session *session, uint64_t addr, unsigned int elements_max,
		      struct text *text, uint64_t *bytes_out)
{
	size_t limit = elements_max ? elements_max : VALUE_BYTES_MAX, used = 0;
	uint8_t *s = NULL;
	size_t room = 0;
	bool ended = false;

	while (!ended && used < limit) {
		size_t chunk = limit - used < STRING_CHUNK ? limit - used : STRING_CHUNK, done;

		if (used + chunk > room) {
			uint8_t *more;

			room = room ? 2 * room : 2 * STRING_CHUNK;
			room = used + chunk > room ? used + chunk : room;
			more = arena_alloc(&session->arena, room);
			if (used)
				memcpy(more, s, used);
			s = more;
		}
		(void)session_read_some(session, addr + used, s + used, chunk, &done);
		for (size_t i = 0; i < done && !ended; i++) {
			ended = s[used] == 0;
			used += !ended;
		}
		if (!ended && done < chunk) {
			if (!used)
				return false;
			add_string(s, used, session->settings.repeats, false, text);
			text_add(text, "<error: Cannot access memory at address 0x%llx>",
				 (unsigned long long)(addr + used));
			*bytes_out = used;
			return true;
		}
	}
	if (!ended) {
		uint8_t next;

		/* Exactly at the limit a string may still have ended. */
		ended = session_read(session, addr + used, &next, 1) == 0 && next == 0;
	}
	add_string(s, used, session->settings.repeats, !ended, text);
	*bytes_out = used + 1;
	return true;
}

static void print_char_array(struct printer *printer, struct value *value, uint64_t count)
{
	unsigned int limit =
		printer->format.elements_max ? printer->format.elements_max : UNLIMITED;
	size_t shown = count;

	/* The NUL at its end goes without saying; those before it do not. */
	if (shown && shown <= limit && value->bytes[shown - 1] == 0)
		shown--;
	if (shown > limit)
		shown = limit;
	add_string(value->bytes, shown, printer->format.repeats, count > limit, printer->text);
}

/* ---- Pointers ---- */

static bool is_text_type(struct type *type)
{
	return type->kind == TYPE_INT && type->is_char && type->bytes == 1;
}

static void print_pointer(struct printer *printer, struct value *value, struct type *type,
			  bool is_top)
{
	struct session *session = printer->session;
	struct type *named = type_target(type), *target = type_strip(named);
	uint64_t addr = value_bits_of(value), bytes;
	bool is_text = is_text_type(target);

	if (is_top && !(is_text && !named->name) &&
	    !(is_text && (named->kind == TYPE_INT || named->kind == TYPE_QUALIFIED)))
		text_add(printer->text, "(%s) ", type_name(&session->arena, value->type, NULL));
	text_add(printer->text, "0x%llx", (unsigned long long)addr);
	add_symbol(session, addr, printer->text);
	if (is_text && addr) {
		size_t before = printer->text->bytes;

		text_add(printer->text, " ");
		if (!format_string_at(session, addr, printer->format.elements_max, printer->text,
				      &bytes)) {
			printer->text->bytes = before;
			text_add(printer->text, " <error: Cannot access memory at address 0x%llx>",
				 (unsigned long long)addr);
		}
	}
}

static void print_function(struct printer *printer, struct value *value)
{
	struct session *session = printer->session;

	text_add(printer->text, "{%s} 0x%llx", type_name(&session->arena, value->type, NULL),
		 (unsigned long long)value->addr);
	add_symbol(session, value->addr, printer->text);
}

/* ---- Arrays ---- */

static bool same_bytes(const struct value *array, uint64_t element_bytes, uint64_t a, uint64_t b)
{
	if (array->lost && (array->lost[a * element_bytes] || array->lost[b * element_bytes]))
		return false;
	return memcmp(array->bytes + a * element_bytes, array->bytes + b * element_bytes,
		      element_bytes) == 0;
}

/* An array whose end is not known: where it begins, and what text there is. */
static void print_endless(struct printer *printer, struct value *value, bool is_text)
{
	uint64_t bytes;

	if (value->place != VALUE_MEMORY) {
		text_add(printer->text, "<array of unknown length>");
		return;
	}
	text_add(printer->text, "0x%llx", (unsigned long long)value->addr);
	add_symbol(printer->session, value->addr, printer->text);
	if (is_text && !printer->format.letter) {
		text_add(printer->text, " ");
		(void)format_string_at(printer->session, value->addr, printer->format.elements_max,
				       printer->text, &bytes);
	}
}

static void print_array(struct printer *printer, struct value *value, struct type *type)
{
	struct type *element = type_target(type), *inner = type_strip(element);
	uint64_t bytes = type_bytes(element), count = type->count, i = 0;
	bool is_nested = inner->kind == TYPE_ARRAY;

	if (!bytes || type->is_flexible || type->is_variable) {
		print_endless(printer, value, is_text_type(inner));
		return;
	}
	if (is_text_type(inner) && !printer->format.letter && !value->lost && !type->is_vector) {
		print_char_array(printer, value, count);
		return;
	}
	text_add(printer->text, "{");
	printer->depth++;
	while (i < count && (is_nested || printer->left)) {
		uint64_t run = 1;

		while (i + run < count && same_bytes(value, bytes, i, i + run))
			run++;
		if (i)
			text_add(printer->text, ", ");
		print(printer, value_part(printer->session, value, element, i * bytes), false);
		if (run > printer->format.repeats && printer->format.repeats) {
			text_add(printer->text, " <repeats %llu times>", (unsigned long long)run);
			i += run;
			printer->left -= printer->left < printer->format.repeats
						 ? printer->left
						 : printer->format.repeats;
		} else {
			i++;
			if (!is_nested && printer->left != UNLIMITED)
				printer->left--;
		}
	}
	printer->depth--;
	text_add(printer->text, i < count ? "...}" : "}");
}

/* ---- Structs and unions ---- */

static void new_line(struct printer *printer, unsigned int depth)
{
	text_add(printer->text, "\n%*s", (int)(depth * INDENT), "");
}

static void print_struct(struct printer *printer, struct value *value, struct type *type)
{
	size_t count;
	const struct member *members = type_members(type, &count);
	bool any = false;

	if (type->is_declaration) {
		text_add(printer->text, "<incomplete type>");
		return;
	}
	text_add(printer->text, "{");
	printer->depth++;
	for (size_t i = 0; i < count; i++) {
		/* Nameless bit-fields only fill. */
		if (!members[i].name && members[i].bit_size)
			continue;
		if (any)
			text_add(printer->text, printer->format.pretty ? "," : ", ");
		if (printer->format.pretty)
			new_line(printer, printer->depth);
		if (members[i].name)
			text_add(printer->text, "%s = ", members[i].name);
		print(printer, value_bits(printer->session, value, &members[i], members[i].offset),
		      false);
		any = true;
	}
	printer->depth--;
	if (!any)
		text_add(printer->text, count ? "" : "<No data fields>");
	else if (printer->format.pretty)
		new_line(printer, printer->depth);
	text_add(printer->text, "}");
}

/* ---- Any value ---- */

static void print_complex(struct printer *printer, struct value *value)
{
	struct session *session = printer->session;
	uint64_t half = value->bytes_count / 2;
	enum base_type base = half == 4 ? BASE_FLOAT : half == 8 ? BASE_DOUBLE : BASE_LONG_DOUBLE;

	print(printer, value_part(session, value, value_base(session, base), 0), false);
	text_add(printer->text, " + ");
	print(printer, value_part(session, value, value_base(session, base), half), false);
	text_add(printer->text, "i");
}

static void print_loaded(struct printer *printer, struct value *value, struct type *type,
			 bool is_top)
{
	bool is_scalar = type->kind == TYPE_INT || type->kind == TYPE_ENUM ||
			 type->kind == TYPE_FLOAT || type->kind == TYPE_POINTER;

	if (printer->format.letter && is_scalar &&
	    !(printer->format.letter == 's' && type->kind == TYPE_POINTER)) {
		print_letter(printer, value, type);
		return;
	}
	switch (type->kind) {
	case TYPE_INT:
		print_integer(printer, value, type);
		break;
	case TYPE_ENUM:
		print_enum(printer, value, type);
		break;
	case TYPE_FLOAT:
		add_real(value->bytes, value->bytes_count, printer->text);
		break;
	case TYPE_COMPLEX:
		print_complex(printer, value);
		break;
	case TYPE_POINTER:
		print_pointer(printer, value, type, is_top);
		break;
	case TYPE_ARRAY:
		print_array(printer, value, type);
		break;
	case TYPE_STRUCT:
	case TYPE_UNION:
		print_struct(printer, value, type);
		break;
	case TYPE_VOID:
		text_add(printer->text, "void");
		break;
	default:
		text_add(printer->text, "<%s>", type->name ? type->name : "unknown type");
	}
}

static bool any_lost(const struct value *value)
{
	for (uint64_t i = 0; value->lost && i < value->bytes_count; i++)
		if (value->lost[i])
			return true;
	return false;
}

static void print(struct printer *printer, struct value *value, bool is_top)
{
	struct type *type = type_strip(value->type);
	struct problem problem = {.column = -1};

	if (printer->depth > DEPTH_MAX) {
		text_add(printer->text, "{...}");
		return;
	}
	if (type->kind == TYPE_FUNCTION) {
		print_function(printer, value);
		return;
	}
	if (value->place == VALUE_LOST || (any_lost(value) && type->kind != TYPE_STRUCT &&
					   type->kind != TYPE_UNION && type->kind != TYPE_ARRAY)) {
		text_add(printer->text,
			 value->is_synthetic ? "<synthetic pointer>" : "<optimized out>");
		return;
	}
	if (value_load(printer->session, value, &problem)) {
		text_add(printer->text, "<error: %s>", problem.text);
		return;
	}
	print_loaded(printer, value, type, is_top);
}

void format_value(struct session *session, struct value *value, const struct format *format,
		  struct text *text)
{
	struct printer printer = {.session = session,
				  .text = text,
				  .format = *format,
				  .left = format->elements_max ? format->elements_max : UNLIMITED};

	if (!printer.format.repeats)
		printer.format.repeats = UNLIMITED;
	print(&printer, value, format->is_top);
}
