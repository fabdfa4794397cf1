/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

_Static_assert(sizeof(struct xsd_sockmsg) == 16, "Xen: public/io/xs_wire.h");

int xswire_check_header(const struct xsd_sockmsg *header)
{
	return header->len <= XENSTORE_PAYLOAD_MAX && header->type < XS_TYPE_COUNT ? 0 : -EPROTO;
}

static const struct {
	char name[11];
	int error;
} errors[] = {
	{"EINVAL", EINVAL}, {"EACCES", EACCES}, {"EEXIST", EEXIST}, {"EISDIR", EISDIR},
	{"ENOENT", ENOENT}, {"ENOMEM", ENOMEM}, {"ENOSPC", ENOSPC}, {"EIO", EIO},
	{"ENOSYS", ENOSYS}, {"EROFS", EROFS},   {"EBUSY", EBUSY},   {"EAGAIN", EAGAIN},
	{"E2BIG", E2BIG},   {"EPERM", EPERM},
};

int xswire_errno(const char *payload, size_t payload_bytes)
{
	while (payload_bytes && !payload[payload_bytes - 1])
		payload_bytes--;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strlen(errors[i].name) == payload_bytes &&
		    memcmp(errors[i].name, payload, payload_bytes) == 0)
			return -errors[i].error;
	return -EIO;
}

const char *xswire_error_name(int error)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].error == -error)
			return errors[i].name;
	return "EIO";
}

/* The length of the string at text with its NUL, 0 when none of text_bytes is NUL. */
static size_t string_bytes(const char *text, size_t text_bytes)
{
	for (size_t i = 0; i < text_bytes; i++)
		if (!text[i])
			return i + 1;
	return 0;
}

int xswire_parse_watch(const char *payload, size_t payload_bytes, const char **path_out,
		       const char **token_out)
{
	size_t path_bytes = string_bytes(payload, payload_bytes);

	if (path_bytes <= 1 || !string_bytes(payload + path_bytes, payload_bytes - path_bytes))
		return -EPROTO;
	*path_out = payload;
	*token_out = payload + path_bytes;
	return 0;
}

int xswire_count_names(const char *payload, size_t payload_bytes)
{
	int count = 0;

	if (payload_bytes > XENSTORE_PAYLOAD_MAX)
		return -EPROTO;
	while (payload_bytes) {
		size_t name_bytes = string_bytes(payload, payload_bytes);

		if (name_bytes <= 1)
			return -EPROTO;
		payload += name_bytes;
		payload_bytes -= name_bytes;
		count++;
	}
	return count;
}

int xswire_check_path(const char *path, size_t path_bytes_max)
{
	size_t length = strlen(path);

	return length && length < path_bytes_max ? 0 : -EINVAL;
}
