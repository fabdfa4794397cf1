/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-512 and SHA-384 for mbedTLS: a block by BoringSSL's assembly. docs/adr/0016. */
#include <mbedtls/sha512.h>

/* BoringSSL: crypto/fipsmodule/sha/internal.h */
void sha512_block_data_order(uint64_t state[8], const unsigned char *data, size_t blocks);

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx, const unsigned char data[128])
{
	sha512_block_data_order(ctx->state, data, 1);
	return 0;
}

/* Its older name. */
void mbedtls_sha512_process(mbedtls_sha512_context *ctx, const unsigned char data[128])
{
	sha512_block_data_order(ctx->state, data, 1);
}
