/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What BoringSSL's assembly may use of the processor. Each of our objects for mbedTLS has its own.
 */
#ifndef TOOLS_MBEDTLS_ASM_FEATURES_H
#define TOOLS_MBEDTLS_ASM_FEATURES_H

#include <stdint.h>

#define FEATURE_1_EDX_FAST_AVX (1u << 30) /* no bit of CPUID's: AVX is worth its while */
#define FEATURE_1_ECX_SSSE3    (1u << 9)
#define FEATURE_1_ECX_OSXSAVE  (1u << 27)
#define FEATURE_1_ECX_AVX      (1u << 28)
#define FEATURE_7_EBX_BMI2     (1u << 8)
#define FEATURE_7_EBX_ADX      (1u << 19)
#define FEATURE_7_EBX_SHA      (1u << 29)

/* Found out before main(), as CPUID has it: EDX and ECX of leaf 1, EBX and ECX of leaf 7. Bits that
 * no assembly here looks at are 0. Only tests write it. */
extern uint32_t OPENSSL_ia32cap_P[4];

#endif
