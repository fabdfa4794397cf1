/* SPDX-License-Identifier: BSD-2-Clause */
#include "asm_features.h"

#include <cpuid.h>

#define XCR0_SSE_AVX 6u

uint32_t OPENSSL_ia32cap_P[4];

/* The system keeps the registers of AVX. SDM 1, 14.3. */
static int has_avx(uint32_t ecx)
{
	uint32_t low, high;

	if (!(ecx & FEATURE_1_ECX_OSXSAVE) || !(ecx & FEATURE_1_ECX_AVX))
		return 0;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & XCR0_SSE_AVX) == XCR0_SSE_AVX;
}

/* Of AVX2 nothing is said: P-256 would read its tables with it, which saves little. */
static void __attribute__((constructor)) find_features(void)
{
	const uint32_t carries = FEATURE_7_EBX_BMI2 | FEATURE_7_EBX_ADX;
	unsigned eax, ebx, ecx, edx;

	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
		OPENSSL_ia32cap_P[1] = ecx & FEATURE_1_ECX_SSSE3;
		if (has_avx(ecx)) {
			OPENSSL_ia32cap_P[0] = FEATURE_1_EDX_FAST_AVX;
			OPENSSL_ia32cap_P[1] |= FEATURE_1_ECX_AVX;
		}
	}
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
		OPENSSL_ia32cap_P[2] = ebx & FEATURE_7_EBX_SHA;
		if ((ebx & carries) == carries)
			OPENSSL_ia32cap_P[2] |= carries;
	}
}
