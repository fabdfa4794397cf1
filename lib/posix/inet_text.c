/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as text: inet_pton, inet_ntop (RFC 4291, 5952) and the older functions. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Four decimal numbers without leading zeros, and nothing else. */
static int parse4(const char *text, uint8_t bytes_out[4])
{
	for (int i = 0; i < 4; i++) {
		unsigned int number = 0;
		const char *first = text;

		while (*text >= '0' && *text <= '9' && text - first < 3)
			number = number * 10 + (unsigned int)(*text++ - '0');
		if (text == first || number > 255 || (*first == '0' && text - first > 1) ||
		    *text != (i < 3 ? '.' : '\0'))
			return 0;
		bytes_out[i] = (uint8_t)number;
		text++;
	}
	return 1;
}

static int parse6(const char *text, uint8_t bytes_out[16])
{
	uint8_t bytes[16] = {0};
	size_t used = 0, gap = 17;

	if (text[0] == ':' && *++text != ':')
		return 0;
	while (*text) {
		const char *first = text;
		unsigned int number = 0;

		if (*text == ':') {
			if (gap != 17)
				return 0;
			gap = used;
			text++;
			continue;
		}
		while (strspn(text, "0123456789abcdefABCDEF") && text - first < 4) {
			char digit[2] = {*text++, 0};

			number = number * 16 + (unsigned int)strtoul(digit, NULL, 16);
		}
		if (*text == '.') {
			if (used > 12 || !parse4(first, bytes + used))
				return 0;
			used += 4;
			break;
		}
		if (text == first || used > 14 || (*text && *text != ':') ||
		    (*text == ':' && !text[1]))
			return 0;
		bytes[used++] = (uint8_t)(number >> 8);
		bytes[used++] = (uint8_t)number;
		if (*text == ':')
			text++;
	}
	if (gap == 17 ? used != 16 : used > 14)
		return 0;
	memset(bytes_out, 0, 16);
	if (gap == 17)
		gap = used;
	memcpy(bytes_out, bytes, gap);
	memcpy(bytes_out + 16 - (used - gap), bytes + gap, used - gap);
	return 1;
}

int inet_pton(int family, const char *restrict text, void *restrict address_out)
{
	if (family == AF_INET) {
		uint8_t bytes[4];

		if (!parse4(text, bytes))
			return 0;
		memcpy(address_out, bytes, sizeof(bytes));
		return 1;
	}
	if (family == AF_INET6)
		return parse6(text, address_out);
	errno = EAFNOSUPPORT;
	return -1;
}

/* The longest run of zero words, at least two; its first word, count through count_out. */
static int longest_zeros(const uint8_t *bytes, int *count_out)
{
	int best = -1, best_count = 1;

	for (int i = 0; i < 8; i++) {
		int count = 0;

		while (i + count < 8 && bytes[2 * (i + count)] == 0 &&
		       bytes[2 * (i + count) + 1] == 0)
			count++;
		if (count > best_count) {
			best = i;
			best_count = count;
		}
	}
	*count_out = best_count;
	return best;
}

static void format6(const uint8_t *bytes, char *text)
{
	int zeros_count, zeros = longest_zeros(bytes, &zeros_count);

	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)bytes)) {
		sprintf(text, "::ffff:%d.%d.%d.%d", bytes[12], bytes[13], bytes[14], bytes[15]);
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (i == zeros) {
			text += sprintf(text, "::");
			i += zeros_count - 1;
			continue;
		}
		text += sprintf(text, "%s%x", i > 0 && text[-1] != ':' ? ":" : "",
				bytes[2 * i] << 8 | bytes[2 * i + 1]);
	}
}

const char *inet_ntop(int family, const void *restrict address, char *restrict text_out,
		      socklen_t text_bytes)
{
	const uint8_t *bytes = address;
	char text[INET6_ADDRSTRLEN];

	if (family == AF_INET) {
		sprintf(text, "%d.%d.%d.%d", bytes[0], bytes[1], bytes[2], bytes[3]);
	} else if (family == AF_INET6) {
		format6(bytes, text);
	} else {
		errno = EAFNOSUPPORT;
		return NULL;
	}
	if (strlen(text) >= text_bytes) {
		errno = ENOSPC;
		return NULL;
	}
	return strcpy(text_out, text);
}

/* One to four numbers, in C's notation; the last fills what is left. */
int inet_aton(const char *text, struct in_addr *address_out)
{
	unsigned long numbers[4];
	int count = 0;
	char *end;

	do {
		if (count == 4 || *text < '0' || *text > '9')
			return 0;
		numbers[count++] = strtoul(text, &end, 0);
		text = end + 1;
	} while (*end == '.');
	if (*end)
		return 0;
	if (numbers[count - 1] >> (8 * (5 - count)))
		return 0;
	for (int i = 0; i < count - 1; i++) {
		if (numbers[i] > 255)
			return 0;
		numbers[count - 1] |= numbers[i] << (24 - 8 * i);
	}
	address_out->s_addr = htonl((uint32_t)numbers[count - 1]);
	return 1;
}

in_addr_t inet_addr(const char *text)
{
	struct in_addr address;

	return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

char *inet_ntoa(struct in_addr address)
{
	static __thread char text[INET_ADDRSTRLEN];

	return (char *)inet_ntop(AF_INET, &address, text, sizeof(text));
}
