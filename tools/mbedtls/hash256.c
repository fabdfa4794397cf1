/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 and SHA-224 for mbedTLS: a block by BoringSSL's assembly. docs/adr/0016. */
#include <mbedtls/sha256.h>

/* BoringSSL: crypto/fipsmodule/sha/internal.h */
void sha256_block_data_order(uint32_t state[8], const unsigned char *data, size_t blocks);

int mbedtls_internal_sha256_process(mbedtls_sha256_context *ctx, const unsigned char data[64])
{
	sha256_block_data_order(ctx->state, data, 1);
	return 0;
}

/* Its older name. */
void mbedtls_sha256_process(mbedtls_sha256_context *ctx, const unsigned char data[64])
{
	sha256_block_data_order(ctx->state, data, 1);
}
