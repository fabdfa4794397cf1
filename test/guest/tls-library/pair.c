/* SPDX-License-Identifier: BSD-2-Clause */
#include "pair.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <pthread.h>
#include <string.h>

#include "../check.h"

#define THREADS    4
#define HANDSHAKES 3
#define PIPE_BYTES 65536
#define STEPS_MAX  100

struct pipe {
	unsigned char bytes[PIPE_BYTES];
	size_t first, last;
};

struct end {
	struct pipe *in, *out;
	mbedtls_ssl_context ssl;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context generator;
static mbedtls_x509_crt certificate, other;
static mbedtls_pk_context key;
static mbedtls_ssl_config of_client, of_server;

static int pipe_send(void *context, const unsigned char *bytes, size_t count)
{
	struct pipe *pipe = ((struct end *)context)->out;

	if (pipe->first == pipe->last)
		pipe->first = pipe->last = 0;
	if (count > PIPE_BYTES - pipe->last)
		count = PIPE_BYTES - pipe->last;
	memcpy(pipe->bytes + pipe->last, bytes, count);
	pipe->last += count;
	return count ? (int)count : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int pipe_receive(void *context, unsigned char *bytes, size_t count)
{
	struct pipe *pipe = ((struct end *)context)->in;

	if (count > pipe->last - pipe->first)
		count = pipe->last - pipe->first;
	memcpy(bytes, pipe->bytes + pipe->first, count);
	pipe->first += count;
	return count ? (int)count : MBEDTLS_ERR_SSL_WANT_READ;
}

static int step(mbedtls_ssl_context *ssl)
{
	int result = mbedtls_ssl_handshake(ssl);

	return result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE ? 1
											   : result;
}

/* One connection, and one line each way. `name` is what the client takes the server for. */
static int talk(const char *name, struct pipe pipes[2])
{
	struct end client = {.in = &pipes[0], .out = &pipes[1]};
	struct end server = {.in = &pipes[1], .out = &pipes[0]};
	int on_client = 1, on_server = 1, result = -1;
	unsigned char text[16] = "";

	memset(pipes, 0, 2 * sizeof(*pipes));
	mbedtls_ssl_init(&client.ssl);
	mbedtls_ssl_init(&server.ssl);
	if (mbedtls_ssl_setup(&client.ssl, &of_client) ||
	    mbedtls_ssl_setup(&server.ssl, &of_server) ||
	    mbedtls_ssl_set_hostname(&client.ssl, name))
		goto out;
	mbedtls_ssl_set_bio(&client.ssl, &client, pipe_send, pipe_receive, NULL);
	mbedtls_ssl_set_bio(&server.ssl, &server, pipe_send, pipe_receive, NULL);
	for (int i = 0; i < STEPS_MAX && (on_client == 1 || on_server == 1); i++) {
		on_client = on_client == 1 ? step(&client.ssl) : on_client;
		on_server = on_server == 1 ? step(&server.ssl) : on_server;
		if (on_client < 0)
			break;
	}
	result = on_client ? on_client : on_server;
	if (result)
		goto out;
	result = -1;
	if (mbedtls_ssl_write(&client.ssl, (const unsigned char *)"hello", 5) == 5 &&
	    mbedtls_ssl_read(&server.ssl, text, sizeof(text)) == 5 && memcmp(text, "hello", 5) == 0)
		result = strcmp(mbedtls_ssl_get_version(&client.ssl), "TLSv1.2");
out:
	mbedtls_ssl_free(&client.ssl);
	mbedtls_ssl_free(&server.ssl);
	return result;
}

static void *run(void *pipes)
{
	for (int i = 0; i < HANDSHAKES; i++)
		CHECK(talk("localhost", pipes) == 0);
	return NULL;
}

/* A certificate that signs itself, for `name`, as long as X.509 has years. */
static void make_certificate(mbedtls_x509_crt *made, const char *name)
{
	static unsigned char text[4096];
	mbedtls_x509write_cert writer;
	mbedtls_mpi serial;

	mbedtls_mpi_init(&serial);
	mbedtls_x509write_crt_init(&writer);
	mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&writer, &key);
	mbedtls_x509write_crt_set_issuer_key(&writer, &key);
	CHECK(mbedtls_mpi_lset(&serial, 1) == 0);
	CHECK(mbedtls_x509write_crt_set_serial(&writer, &serial) == 0);
	CHECK(mbedtls_x509write_crt_set_subject_name(&writer, name) == 0);
	CHECK(mbedtls_x509write_crt_set_issuer_name(&writer, name) == 0);
	CHECK(mbedtls_x509write_crt_set_validity(&writer, "20200101000000", "22001231235959") == 0);
	CHECK(mbedtls_x509write_crt_set_basic_constraints(&writer, 1, -1) == 0);
	CHECK(mbedtls_x509write_crt_pem(&writer, text, sizeof(text), mbedtls_ctr_drbg_random,
					&generator) == 0);
	mbedtls_x509_crt_init(made);
	CHECK(mbedtls_x509_crt_parse(made, text, strlen((char *)text) + 1) == 0);
	mbedtls_x509write_crt_free(&writer);
	mbedtls_mpi_free(&serial);
}

static void configure(void)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&generator);
	mbedtls_pk_init(&key);
	mbedtls_ssl_config_init(&of_client);
	mbedtls_ssl_config_init(&of_server);
	CHECK(mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0) == 0);
	CHECK(mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
	CHECK(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key),
				  mbedtls_ctr_drbg_random, &generator) == 0);
	make_certificate(&certificate, "CN=localhost");
	make_certificate(&other, "CN=localhost, O=somebody else");
	CHECK(mbedtls_ssl_config_defaults(&of_client, MBEDTLS_SSL_IS_CLIENT,
					  MBEDTLS_SSL_TRANSPORT_STREAM,
					  MBEDTLS_SSL_PRESET_DEFAULT) == 0);
	CHECK(mbedtls_ssl_config_defaults(&of_server, MBEDTLS_SSL_IS_SERVER,
					  MBEDTLS_SSL_TRANSPORT_STREAM,
					  MBEDTLS_SSL_PRESET_DEFAULT) == 0);
	mbedtls_ssl_conf_rng(&of_client, mbedtls_ctr_drbg_random, &generator);
	mbedtls_ssl_conf_rng(&of_server, mbedtls_ctr_drbg_random, &generator);
	mbedtls_ssl_conf_ca_chain(&of_client, &certificate, NULL);
	CHECK(mbedtls_ssl_conf_own_cert(&of_server, &certificate, &key) == 0);
}

void check_pairs(void)
{
	static struct pipe pipes[THREADS][2];
	pthread_t threads[THREADS];

	configure();
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run, pipes[i]) == 0);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	/* Not the name of the certificate; and of an authority that is not known. */
	CHECK(talk("elsewhere", pipes[0]) == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
	mbedtls_ssl_conf_ca_chain(&of_client, &other, NULL);
	CHECK(talk("localhost", pipes[0]) == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED);
}
