# SPDX-License-Identifier: BSD-2-Clause
"""Bugs of TLS for test/host/mutants, which says what a line is."""


def of(mbedtls):
    """mbedtls: where its sources are, with our patches."""
    return [
        # P-256: the generator, infinity, the Montgomery domain, and what is refused.
        ("tools/mbedtls/p256.c", "!mbedtls_mpi_cmp_mpi(&point->X, &group->G.X) &&", "", "mbedtls/test_p256"),
        ("tools/mbedtls/p256.c", "!mbedtls_mpi_cmp_mpi(&point->Y, &group->G.Y) &&", "", "mbedtls/test_p256"),
        ("tools/mbedtls/p256.c", "if (!(z[0] | z[1] | z[2] | z[3]))", "if (0)", "mbedtls/test_p256"),
        ("tools/mbedtls/p256.c", "if (!(in.words[0] | in.words[1] | in.words[2] | in.words[3]))", "if (0)", "mbedtls/test_p256"),
        ("tools/mbedtls/p256.c", "ecp_nistz256_mul_mont(y, from->Y.words, z);", "memcpy(y, from->Y.words, sizeof(y));",
         "mbedtls/test_p256"),
        ("tools/mbedtls/p256.c", "ecp_nistz256_ord_mul_mont(out.words, out.words, one);", "", "mbedtls/test_p256"),
        (mbedtls + "ecp.c", "        MBEDTLS_MPI_CHK(mbedtls_ecp_check_privkey(grp, m));\n        MBEDTLS_MPI_CHK(mbedtls_ecp_check_pubkey",
         "        MBEDTLS_MPI_CHK(mbedtls_ecp_check_pubkey", "mbedtls/test_p256"),
        (mbedtls + "ecp.c", "        MBEDTLS_MPI_CHK(mbedtls_ecp_check_pubkey(grp, P));\n    }\n\n    if (grp->id", "    }\n\n    if (grp->id",
         "mbedtls/test_p256"),
        (mbedtls + "ecp.c", " &&\n        mbedtls_ecp_check_pubkey(grp, Q) == 0", "", "mbedtls/test_p256"),
        (mbedtls + "ecp.c", "mbedtls_ecp_check_privkey(grp, n) == 0 &&", "", "mbedtls/test_p256"),
        (mbedtls + "ecp.c", "SECP256R1 && stardust_p256_is_generator(grp, P)", "SECP256R1", "mbedtls/test_p256"),
        # SHA-2.
        ("tools/mbedtls/hash256.c", "ctx->state", "ctx->total", "mbedtls/test_hash"),
        ("tools/mbedtls/hash256.c", "data[64])\n{\n\tsha256_block_data_order(ctx->state, data, 1);\n}", "data[64])\n{\n}",
         "mbedtls/test_hash"),
        ("tools/mbedtls/hash512.c", "ctx->state", "ctx->total", "mbedtls/test_hash"),
        ("tools/mbedtls/hash512.c", "data[128])\n{\n\tsha512_block_data_order(ctx->state, data, 1);\n}", "data[128])\n{\n}",
         "mbedtls/test_hash"),
    ]


def include(out, sources):
    """What the compiler is told, as host.mk does: out is where tests are built."""
    return ["-isystem", out + "/mbedtls/include", "-I" + sources + "/mbedtls/library", "-Itools/mbedtls",
            "-isystem", sources + "/boringssl/src/include", "-isystem", sources + "/boringssl/src",
            f'-DVECTORS="{sources}/boringssl/src/third_party/wycheproof_testvectors"']
