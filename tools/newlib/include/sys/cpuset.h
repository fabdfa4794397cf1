/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/cpuset.h>: sets of processors, with the names and meanings of Linux (CPU_SET(3)). The _S
 * macros take sets of any size in bytes.
 */
#ifndef _SYS_CPUSET_H_
#define _SYS_CPUSET_H_

#include <sys/_cpuset.h>
#include <sys/cdefs.h>
#include <sys/_types.h>

#define CPU_SETSIZE 64
#define __NCPUBITS  (8 * (int)sizeof(__cpu_mask))

#define CPU_ALLOC_SIZE(count) (((size_t)(count) + 63) / 64 * sizeof(__cpu_mask))
#define CPU_ALLOC(count)      __cpuset_alloc(count)
#define CPU_FREE(set)         __cpuset_free(set)

#define CPU_ZERO_S(bytes, set)         __builtin_memset(set, 0, bytes)
#define CPU_SET_S(cpu, bytes, set)     __cpuset_change(cpu, bytes, set, 1)
#define CPU_CLR_S(cpu, bytes, set)     __cpuset_change(cpu, bytes, set, 0)
#define CPU_ISSET_S(cpu, bytes, set)   __cpuset_has(cpu, bytes, set)
#define CPU_COUNT_S(bytes, set)        __cpuset_count(bytes, set)
#define CPU_EQUAL_S(bytes, one, two)   (__builtin_memcmp(one, two, bytes) == 0)
#define CPU_AND_S(bytes, to, one, two) __cpuset_combine(bytes, to, one, two, 0)
#define CPU_OR_S(bytes, to, one, two)  __cpuset_combine(bytes, to, one, two, 1)
#define CPU_XOR_S(bytes, to, one, two) __cpuset_combine(bytes, to, one, two, 2)

#define CPU_ZERO(set)         CPU_ZERO_S(sizeof(cpu_set_t), set)
#define CPU_SET(cpu, set)     CPU_SET_S(cpu, sizeof(cpu_set_t), set)
#define CPU_CLR(cpu, set)     CPU_CLR_S(cpu, sizeof(cpu_set_t), set)
#define CPU_ISSET(cpu, set)   CPU_ISSET_S(cpu, sizeof(cpu_set_t), set)
#define CPU_COUNT(set)        CPU_COUNT_S(sizeof(cpu_set_t), set)
#define CPU_EQUAL(one, two)   CPU_EQUAL_S(sizeof(cpu_set_t), one, two)
#define CPU_AND(to, one, two) CPU_AND_S(sizeof(cpu_set_t), to, one, two)
#define CPU_OR(to, one, two)  CPU_OR_S(sizeof(cpu_set_t), to, one, two)
#define CPU_XOR(to, one, two) CPU_XOR_S(sizeof(cpu_set_t), to, one, two)

__BEGIN_DECLS

/* lib/posix/cpuset.c. */
cpu_set_t *__cpuset_alloc(int);
void __cpuset_free(cpu_set_t *);

static __inline void __cpuset_change(size_t __cpu, size_t __bytes, cpu_set_t *__set, int __value)
{
	__cpu_mask __bit = 1UL << (__cpu % 64);

	if (__cpu / 8 >= __bytes)
		return;
	if (__value)
		__set->__bits[__cpu / 64] |= __bit;
	else
		__set->__bits[__cpu / 64] &= ~__bit;
}

static __inline int __cpuset_has(size_t __cpu, size_t __bytes, const cpu_set_t *__set)
{
	return __cpu / 8 < __bytes && ((__set->__bits[__cpu / 64] >> (__cpu % 64)) & 1);
}

static __inline int __cpuset_count(size_t __bytes, const cpu_set_t *__set)
{
	int __count = 0;

	for (size_t __i = 0; __i < __bytes / sizeof(__cpu_mask); __i++)
		__count += __builtin_popcountl(__set->__bits[__i]);
	return __count;
}

static __inline void __cpuset_combine(size_t __bytes, cpu_set_t *__to, const cpu_set_t *__one,
				      const cpu_set_t *__two, int __how)
{
	for (size_t __i = 0; __i < __bytes / sizeof(__cpu_mask); __i++) {
		__cpu_mask __a = __one->__bits[__i], __b = __two->__bits[__i];

		__to->__bits[__i] = __how == 0 ? __a & __b : __how == 1 ? __a | __b : __a ^ __b;
	}
}

__END_DECLS

#endif
