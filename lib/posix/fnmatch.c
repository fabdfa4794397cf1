/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fnmatch(): patterns as XCU 2.13 has them, with character classes, in the locale's characters. As
 * on Linux a backslash quotes within brackets, too.
 *
 * A star is tried with the shortest string first; when what follows does not match, the last star
 * takes one character more. Earlier stars need not be tried again: whatever they could take, the
 * last one can.
 */
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define CLASS_NAME_MAX 15
#define NO_CHARACTER   0x110000

/* The character at *text_io, which moves behind it. A byte that is no character's beginning matches
 * itself alone: it is a number that no character has. */
static wint_t take(const char **text_io)
{
	const char *text = *text_io;
	mbstate_t state = {0};
	wchar_t wide;
	size_t bytes;

	if (MB_CUR_MAX > 1) {
		bytes = mbrtowc(&wide, text, MB_LEN_MAX, &state);
		if (bytes >= 1 && bytes <= MB_LEN_MAX) {
			*text_io = text + bytes;
			return (wint_t)wide;
		}
		*text_io = text + 1;
		return *text ? NO_CHARACTER + (unsigned char)*text : 0;
	}
	*text_io = text + 1;
	return (unsigned char)*text;
}

static wint_t folded(wint_t c, int flags)
{
	return flags & FNM_CASEFOLD ? towlower(c) : c;
}

/* Is c in the class whose name begins at *pattern_io, behind "[:"? Then *pattern_io moves behind
 * ":]"; false for no such class, which nothing is in. */
static bool in_class(const char **pattern_io, wint_t c, int flags)
{
	char name[CLASS_NAME_MAX + 1] = "";
	const char *end = strstr(*pattern_io, ":]");
	size_t bytes = (size_t)(end - *pattern_io);
	wctype_t class;

	if (bytes <= CLASS_NAME_MAX)
		memcpy(name, *pattern_io, bytes);
	*pattern_io = end + 2;
	class = wctype(name);
	if (!class)
		return false;
	return iswctype(c, class) || ((flags & FNM_CASEFOLD) && (iswctype(towlower(c), class) ||
								 iswctype(towupper(c), class)));
}

/* One end of a range: a character, a quoted one, [.x.] or [=x=]. */
static wint_t take_end(const char **pattern_io, int flags)
{
	const char *pattern = *pattern_io;
	wint_t c;

	if (pattern[0] == '[' && (pattern[1] == '.' || pattern[1] == '=')) {
		char kind = pattern[1];

		pattern += 2;
		c = take(&pattern);
		if (pattern[0] == kind && pattern[1] == ']') {
			*pattern_io = pattern + 2;
			return c;
		}
		pattern = *pattern_io;
	}
	if (pattern[0] == '\\' && pattern[1] && !(flags & FNM_NOESCAPE))
		pattern++;
	c = take(&pattern);
	*pattern_io = pattern;
	return c;
}

/* The elements behind "[" or "[!": 1 when c is one of them, 0 when not, -1 when no bracket ends
 * them. *pattern_io moves behind that. */
static int in_elements(const char **pattern_io, wint_t c, int flags)
{
	const char *pattern = *pattern_io, *begin = pattern;
	wint_t low, high, c_folded = folded(c, flags);
	bool found = false;

	while (*pattern != ']' || pattern == begin) {
		if (!*pattern || (*pattern == '/' && (flags & FNM_PATHNAME)))
			return -1;
		if (pattern[0] == '[' && pattern[1] == ':' && strstr(pattern + 2, ":]")) {
			pattern += 2;
			found |= in_class(&pattern, c, flags);
			continue;
		}
		low = high = take_end(&pattern, flags);
		if (pattern[0] == '-' && pattern[1] && pattern[1] != ']') {
			pattern++;
			high = take_end(&pattern, flags);
		}
		found |= (c >= low && c <= high) ||
			 (c_folded >= folded(low, flags) && c_folded <= folded(high, flags));
	}
	*pattern_io = pattern + 1;
	return found;
}

/* As in_elements(), of a whole bracket expression that begins behind its "[". */
static int in_bracket(const char **pattern_io, wint_t c, int flags)
{
	const char *pattern = *pattern_io;
	bool negated = *pattern == '!' || *pattern == '^';
	int found;

	pattern += negated;
	found = in_elements(&pattern, c, flags);
	if (found < 0)
		return -1;
	*pattern_io = pattern;
	return found != negated;
}

/* Does the pattern's next element, which is no star, match the string's next character? Both move
 * behind what they matched. */
static bool match_one(const char **pattern_io, const char **string_io, int flags, bool leading)
{
	const char *pattern = *pattern_io, *string = *string_io;
	wint_t wanted, c;
	bool any = false;
	int found;

	if (!*string)
		return false;
	c = take(&string);
	wanted = take(&pattern);
	if (wanted == '?') {
		any = true;
	} else if (wanted == '[') {
		found = in_bracket(&pattern, c, flags);
		if (found == 0)
			return false;
		any = found > 0;
	} else if (wanted == '\\' && !(flags & FNM_NOESCAPE)) {
		if (!*pattern)
			return false;
		wanted = take(&pattern);
	}
	if (any ? (c == '/' && (flags & FNM_PATHNAME)) || (c == '.' && leading)
		: folded(c, flags) != folded(wanted, flags))
		return false;
	*pattern_io = pattern;
	*string_io = string;
	return true;
}

int fnmatch(const char *pattern, const char *string, int flags)
{
	const char *begin = string, *star = NULL, *star_string = NULL;

	for (;;) {
		bool leading = (flags & FNM_PERIOD) &&
			       (string == begin || ((flags & FNM_PATHNAME) && string[-1] == '/'));

		if (*pattern == '*' && !(leading && *string == '.')) {
			star = ++pattern;
			star_string = string;
			continue;
		}
		if (!*pattern && (!*string || ((flags & FNM_LEADING_DIR) && *string == '/')))
			return 0;
		if (*pattern && *pattern != '*' && match_one(&pattern, &string, flags, leading))
			continue;
		if (!star || !*star_string || ((flags & FNM_PATHNAME) && *star_string == '/'))
			return FNM_NOMATCH;
		take(&star_string);
		pattern = star;
		string = star_string;
	}
}
