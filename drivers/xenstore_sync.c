/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The waiting half of the xenstore client: one function for each request type.
 */
#include <stdarg.h>

#include "core/time.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define CALL_TIMEOUT_NS (10 * NS_PER_S)

/* Calls with the path, its NUL, and a value after it; the reply goes to request->reply. */
static int call_path(struct xenstore_request *request, unsigned int type, const char *path,
		     const char *value)
{
	struct xenstore_part parts[2];
	int error = xswire_check_path(path, XENSTORE_PATH_MAX);

	if (error)
		return error;
	parts[0] = (struct xenstore_part){path, strlen(path) + 1};
	parts[1] = (struct xenstore_part){value, value ? strlen(value) : 0};
	return xenstore_call(request, type, parts, value ? 2 : 1,
			     time_monotonic_ns() + CALL_TIMEOUT_NS);
}

/* A reply that must fit into the buffer; its length through bytes_out. */
static int call_whole(uint32_t transaction, unsigned int type, const char *path, char *buffer,
		      size_t buffer_bytes, size_t *bytes_out)
{
	struct xenstore_request request = {
		.transaction = transaction,
		.reply = buffer,
		.reply_max = buffer_bytes,
	};
	int error = call_path(&request, type, path, NULL);

	*bytes_out = request.reply_bytes;
	return error ? error : request.reply_total_bytes > request.reply_bytes ? -E2BIG : 0;
}

int xenstore_read(uint32_t transaction, const char *path, char *value_out, size_t value_bytes)
{
	size_t bytes;

	return call_whole(transaction, XS_READ, path, value_out, value_bytes, &bytes);
}

int xenstore_read_u64(uint32_t transaction, const char *path, uint64_t *value_out)
{
	char text[24];
	size_t bytes;
	int error = call_whole(transaction, XS_READ, path, text, sizeof(text), &bytes);

	if (error)
		return error == -E2BIG ? -EINVAL : error;
	return parse_u64_bytes(text, bytes, 10, value_out) ? -EINVAL : 0;
}

int xenstore_directory(uint32_t transaction, const char *path, char *names_out, size_t names_bytes,
		       size_t *count_out)
{
	size_t bytes;
	int count, error;

	error = call_whole(transaction, XS_DIRECTORY, path, names_out, names_bytes, &bytes);
	if (error)
		return error;
	count = xswire_count_names(names_out, bytes);
	if (count < 0)
		return count;
	*count_out = count;
	return 0;
}

int xenstore_write(uint32_t transaction, const char *path, const char *value)
{
	struct xenstore_request request = {.transaction = transaction};

	return call_path(&request, XS_WRITE, path, value);
}

int xenstore_printf(uint32_t transaction, const char *path, const char *format, ...)
{
	char value[256];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_text_v(value, sizeof(value), format, arguments);
	va_end(arguments);
	if (length >= (int)sizeof(value))
		return -E2BIG;
	return xenstore_write(transaction, path, value);
}

int xenstore_remove(uint32_t transaction, const char *path)
{
	struct xenstore_request request = {.transaction = transaction};

	return call_path(&request, XS_RM, path, NULL);
}

int xenstore_transaction_start(uint32_t *transaction_out)
{
	char text[24];
	struct xenstore_request request = {.reply = text, .reply_max = sizeof(text)};
	struct xenstore_part part = {"", 1};
	uint64_t number;
	int error = xenstore_call(&request, XS_TRANSACTION_START, &part, 1,
				  time_monotonic_ns() + CALL_TIMEOUT_NS);

	if (error)
		return error;
	if (parse_u64_bytes(text, strlen(text), 10, &number) || !number || number > UINT32_MAX)
		return -EPROTO;
	*transaction_out = number;
	return 0;
}

int xenstore_transaction_end(uint32_t transaction, bool commit)
{
	struct xenstore_request request = {.transaction = transaction};
	struct xenstore_part part = {commit ? "T" : "F", 2};

	return xenstore_call(&request, XS_TRANSACTION_END, &part, 1,
			     time_monotonic_ns() + CALL_TIMEOUT_NS);
}
