/* SPDX-License-Identifier: BSD-2-Clause */
#include "connection.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <netdb.h>
#include <stardust/certs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_SECONDS 60 /* for the other side, at each step */

struct connection {
	int fd;
	bool has_tls;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context generator;
	mbedtls_x509_crt certs;
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
};

static enum status connect_to(const struct url *url, int *fd_out)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *at;
	int error = getaddrinfo(url->host, url->port, &hints, &found), fd = -1;

	if (error) {
		fprintf(stderr, "fetch: %s: %s\n", url->host, gai_strerror(error));
		return STATUS_NAME;
	}
	for (at = found; at && fd < 0; at = at->ai_next) {
		fd = socket(at->ai_family, at->ai_socktype, at->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
			break;
		error = errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	if (fd < 0) {
		fprintf(stderr, "fetch: %s port %s: %s\n", url->host, url->port, strerror(error));
		return STATUS_CONNECT;
	}
	*fd_out = fd;
	return STATUS_OK;
}

static int bio_send(void *context, const unsigned char *bytes, size_t count)
{
	ssize_t sent = send(((struct connection *)context)->fd, bytes, count, MSG_NOSIGNAL);

	return sent >= 0 ? (int)sent : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int bio_receive(void *context, unsigned char *bytes, size_t count)
{
	ssize_t got = recv(((struct connection *)context)->fd, bytes, count, 0);

	return got >= 0 ? (int)got : MBEDTLS_ERR_SSL_CONN_EOF;
}

/* Why the server's certificate is not taken, the worst first. */
static enum status explain(const struct url *url, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		enum status status;
		const char *text;
	} reasons[] = {
		{MBEDTLS_X509_BADCERT_NOT_TRUSTED, STATUS_UNKNOWN,
		 "is signed by nobody this program trusts"},
		{MBEDTLS_X509_BADCERT_CN_MISMATCH, STATUS_HOST, "is another host's"},
		{MBEDTLS_X509_BADCERT_EXPIRED, STATUS_EXPIRED, "has expired"},
		{MBEDTLS_X509_BADCERT_FUTURE, STATUS_EXPIRED, "is not valid yet"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!(flags & reasons[i].flag))
			continue;
		fprintf(stderr, "fetch: the certificate of %s %s\n", url->host, reasons[i].text);
		return reasons[i].status;
	}
	mbedtls_x509_crt_verify_info(text, sizeof(text), "", flags);
	fprintf(stderr, "fetch: the certificate of %s: %s", url->host, text);
	return STATUS_TLS;
}

static enum status start_tls(struct connection *c, const struct url *url, const char *certs_path)
{
	uint32_t flags;
	char text[128];
	int result;

	if (certs_load(&c->certs, certs_path) < 0) {
		fprintf(stderr, "fetch: certificates of authorities%s%s: %s\n",
			certs_path ? ": " : "", certs_path ? certs_path : "", strerror(errno));
		return STATUS_STORE;
	}
	result = mbedtls_ctr_drbg_seed(&c->generator, mbedtls_entropy_func, &c->entropy, NULL, 0);
	if (!result)
		result = mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT,
						     MBEDTLS_SSL_TRANSPORT_STREAM,
						     MBEDTLS_SSL_PRESET_DEFAULT);
	if (!result) {
		mbedtls_ssl_conf_rng(&c->config, mbedtls_ctr_drbg_random, &c->generator);
		mbedtls_ssl_conf_ca_chain(&c->config, &c->certs, NULL);
		result = mbedtls_ssl_setup(&c->ssl, &c->config);
	}
	if (!result)
		result = mbedtls_ssl_set_hostname(&c->ssl, url->host);
	if (!result) {
		mbedtls_ssl_set_bio(&c->ssl, c, bio_send, bio_receive, NULL);
		result = mbedtls_ssl_handshake(&c->ssl);
	}
	if (!result)
		return STATUS_OK;
	flags = result == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED
			? mbedtls_ssl_get_verify_result(&c->ssl)
			: 0;
	if (flags)
		return explain(url, flags);
	mbedtls_strerror(result, text, sizeof(text));
	fprintf(stderr, "fetch: %s: no TLS: %s\n", url->host, text);
	return STATUS_TLS;
}

enum status connection_open(const struct url *url, const char *certs_path,
			    struct connection **connection_out)
{
	struct connection *c = calloc(1, sizeof(*c));
	enum status status = STATUS_CONNECT;

	if (!c) {
		perror("fetch");
		return status;
	}
	c->fd = -1;
	mbedtls_entropy_init(&c->entropy);
	mbedtls_ctr_drbg_init(&c->generator);
	mbedtls_x509_crt_init(&c->certs);
	mbedtls_ssl_config_init(&c->config);
	mbedtls_ssl_init(&c->ssl);
	status = connect_to(url, &c->fd);
	if (!status && url->has_tls) {
		c->has_tls = true;
		status = start_tls(c, url, certs_path);
	}
	if (status) {
		connection_close(c);
		return status;
	}
	*connection_out = c;
	return STATUS_OK;
}

void connection_close(struct connection *c)
{
	if (c->has_tls && c->fd >= 0)
		mbedtls_ssl_close_notify(&c->ssl);
	mbedtls_ssl_free(&c->ssl);
	mbedtls_ssl_config_free(&c->config);
	mbedtls_x509_crt_free(&c->certs);
	mbedtls_ctr_drbg_free(&c->generator);
	mbedtls_entropy_free(&c->entropy);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

bool connection_send(struct connection *c, const char *bytes, size_t count)
{
	while (count) {
		ssize_t sent =
			c->has_tls ? mbedtls_ssl_write(&c->ssl, (const unsigned char *)bytes, count)
				   : send(c->fd, bytes, count, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		count -= (size_t)sent;
	}
	return true;
}

ssize_t connection_receive(struct connection *c, char *bytes, size_t count)
{
	int result;

	if (!c->has_tls)
		return recv(c->fd, bytes, count, 0);
	result = mbedtls_ssl_read(&c->ssl, (unsigned char *)bytes, count);
	/* Without the notice that it closes the end may be anybody's. */
	return result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY ? 0 : result <= 0 ? -1 : result;
}
