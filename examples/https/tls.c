/* SPDX-License-Identifier: BSD-2-Clause */
/* The TLS of httpd, by mbedTLS. Sessions are resumed by tickets, so returning clients cost no
 * signature. */
#include "examples/httpd/tls.h"

#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define TICKET_SECONDS 3600

/* Keys that are of no use to who steals the server's later, and AES first: the processor does
 * it. */
static const int suites[] = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			     MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			     MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			     MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			     MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			     MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
			     0};

/* mbedTLS's own list begins with the longest ones, which cost five times as much. */
static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
					      MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};

struct tls {
	int fd;
	size_t pending; /* of what tls_send() was given and has not reported as sent */
	mbedtls_ssl_context ssl;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context generator;
static mbedtls_x509_crt certificate;
static mbedtls_pk_context key;
static mbedtls_ssl_config config;
static mbedtls_ssl_ticket_context tickets;

static int complain(const char *what, int error)
{
	char text[128];

	if (!error)
		return 0;
	mbedtls_strerror(error, text, sizeof(text));
	fprintf(stderr, "httpd: %s: %s\n", what, text);
	return -1;
}

/* One signature for nothing: what the library computes for a key at its first use, it would else
 * compute in several threads at once. */
static int try_key(void)
{
	unsigned char hash[32] = "", signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
	size_t bytes;

	return mbedtls_pk_sign(&key, MBEDTLS_MD_SHA256, hash, sizeof(hash), signature, &bytes,
			       mbedtls_ctr_drbg_random, &generator);
}

int tls_start(const char *certificate_path, const char *key_path)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&generator);
	mbedtls_x509_crt_init(&certificate);
	mbedtls_pk_init(&key);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_ticket_init(&tickets);
	if (complain("random numbers",
		     mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0)) ||
	    complain(certificate_path,
		     mbedtls_x509_crt_parse_file(&certificate, certificate_path)) ||
	    complain(key_path, mbedtls_pk_parse_keyfile(&key, key_path, NULL)) ||
	    complain("certificate and key", mbedtls_pk_check_pair(&certificate.pk, &key)) ||
	    complain(key_path, try_key()) ||
	    complain("TLS", mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER,
							MBEDTLS_SSL_TRANSPORT_STREAM,
							MBEDTLS_SSL_PRESET_DEFAULT)) ||
	    complain("tickets",
		     mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &generator,
					      MBEDTLS_CIPHER_AES_256_GCM, TICKET_SECONDS)) ||
	    complain("TLS", mbedtls_ssl_conf_own_cert(&config, &certificate, &key)))
		return -1;
	mbedtls_ssl_conf_ciphersuites(&config, suites);
	mbedtls_ssl_conf_curves(&config, curves);
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &generator);
	mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write,
					    mbedtls_ssl_ticket_parse, &tickets);
	return 0;
}

static int bio_send(void *context, const unsigned char *bytes, size_t count)
{
	ssize_t sent = send(((struct tls *)context)->fd, bytes, count, MSG_NOSIGNAL);

	return sent >= 0         ? (int)sent
	       : errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_WRITE
				 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

static int bio_receive(void *context, unsigned char *bytes, size_t count)
{
	ssize_t got = recv(((struct tls *)context)->fd, bytes, count, 0);

	return got >= 0          ? (int)got
	       : errno == EAGAIN ? MBEDTLS_ERR_SSL_WANT_READ
				 : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

struct tls *tls_open(int fd)
{
	struct tls *tls = malloc(sizeof(*tls));

	if (!tls)
		return NULL;
	tls->fd = fd;
	tls->pending = 0;
	mbedtls_ssl_init(&tls->ssl);
	if (mbedtls_ssl_setup(&tls->ssl, &config)) {
		tls_close(tls);
		return NULL;
	}
	mbedtls_ssl_set_bio(&tls->ssl, tls, bio_send, bio_receive, NULL);
	return tls;
}

/* What the library says, as recv() and send() would. */
static ssize_t result_of(int result)
{
	if (result >= 0)
		return result;
	if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return 0;
	errno = result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE
			? EAGAIN
			: EPROTO;
	return -1;
}

ssize_t tls_receive(struct tls *tls, void *bytes, size_t count)
{
	return result_of(mbedtls_ssl_read(&tls->ssl, bytes, count));
}

ssize_t tls_send(struct tls *tls, const void *bytes, size_t count)
{
	int result;

	/* A record that is made already holds no more than it was given then. */
	if (tls->pending && tls->pending < count)
		count = tls->pending;
	result = mbedtls_ssl_write(&tls->ssl, bytes, count);
	tls->pending = result < 0 ? count : 0;
	return result_of(result);
}

void tls_end(struct tls *tls)
{
	mbedtls_ssl_close_notify(&tls->ssl);
}

void tls_close(struct tls *tls)
{
	mbedtls_ssl_free(&tls->ssl);
	free(tls);
}
