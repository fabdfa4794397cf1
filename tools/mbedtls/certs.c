/* SPDX-License-Identifier: BSD-2-Clause */
/* The authorities a program trusts: <stardust/certs.h>. */
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/pem.h>
#include <stardust/certs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_BYTES_MAX (16u << 20) /* Debian's has 220 kB */

static int count_of(const mbedtls_x509_crt *certs)
{
	int count = 0;

	for (; certs && certs->version; certs = certs->next)
		count++;
	return count;
}

/* PEM of `bytes` bytes, with room for a NUL after them, which mbedTLS wants. */
static int add_text(mbedtls_x509_crt *certs, char *text, size_t bytes)
{
	int before = count_of(certs), result;

	text[bytes] = '\0';
	result = mbedtls_x509_crt_parse(certs, (const unsigned char *)text, bytes + 1);
	if (result == MBEDTLS_ERR_X509_ALLOC_FAILED || result == MBEDTLS_ERR_PEM_ALLOC_FAILED) {
		errno = ENOMEM;
		return -1;
	}
	if (count_of(certs) == before) {
		errno = EINVAL;
		return -1;
	}
	return count_of(certs) - before;
}

static int add_file(mbedtls_x509_crt *certs, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = -1, error;
	struct stat stat;
	size_t bytes = 0, room;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &stat))
		goto out;
	if (!S_ISREG(stat.st_mode) || stat.st_size > (off_t)STORE_BYTES_MAX) {
		errno = S_ISDIR(stat.st_mode) ? EISDIR : EINVAL;
		goto out;
	}
	room = (size_t)stat.st_size;
	text = malloc(room + 1);
	if (!text)
		goto out;
	while (bytes < room) {
		ssize_t got = read(fd, text + bytes, room - bytes);

		if (got < 0)
			goto out;
		if (got == 0)
			break;
		bytes += (size_t)got;
	}
	result = add_text(certs, text, bytes);
out:
	error = errno;
	free(text);
	if (fd >= 0)
		close(fd);
	errno = error;
	return result;
}

static int add_linked(mbedtls_x509_crt *certs)
{
	size_t bytes;
	char *text;
	int result;

	if (!stardust_certificates) {
		errno = ENOENT;
		return -1;
	}
	bytes = (size_t)(stardust_certificates_end - stardust_certificates);
	text = malloc(bytes + 1);
	if (!text)
		return -1;
	memcpy(text, stardust_certificates, bytes);
	result = add_text(certs, text, bytes);
	free(text);
	return result;
}

int certs_load(mbedtls_x509_crt *certs, const char *path)
{
	int count;

	if (!path)
		path = getenv("SSL_CERT_FILE");
	if (path)
		return add_file(certs, path);
	count = add_file(certs, CERTS_FILE);
	if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
		count = add_linked(certs);
	return count;
}
