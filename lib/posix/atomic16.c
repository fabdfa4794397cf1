/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic operations on sixteen bytes, which compilers leave to the library (GCC manual,
 * libatomic ABI): everything is a compare-and-exchange, CMPXCHG16B. So a load needs memory that can
 * be written. Every processor that runs Xen has the instruction. Any context.
 */
#include "lib/posix/atomic16.h"

#include <stdint.h>

typedef unsigned __int128 u128;

/* Under the compiler's names, which C does not let us declare. */
#define NAMED(name) __asm__(#name)

static bool change(volatile u128 *at, u128 *expected, u128 wanted)
{
	uint64_t low = (uint64_t)*expected, high = (uint64_t)(*expected >> 64);
	bool done;

	/* QEMU 7.2 may compute the flags it keeps from what it has not brought up to date (its
	 * helper_cmpxchg16b), and then leaves TF among them: CLC makes it bring them up to date. */
	__asm__ volatile("clc; lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*at), "+a"(low), "+d"(high)
			 : "b"((uint64_t)wanted), "c"((uint64_t)(wanted >> 64))
			 : "memory");
	*expected = (u128)high << 64 | low;
	return done;
}

u128 atomic16_load(const volatile void *at, int order) NAMED(__atomic_load_16);
u128 atomic16_load(const volatile void *at, int order)
{
	u128 value = 0;

	(void)order;
	/* What is there is written again, or zeros over zeros. */
	(void)change((volatile u128 *)(uintptr_t)at, &value, 0);
	return value;
}

u128 atomic16_exchange(volatile void *at, u128 value, int order) NAMED(__atomic_exchange_16);
u128 atomic16_exchange(volatile void *at, u128 value, int order)
{
	u128 old = 0;

	(void)order;
	while (!change(at, &old, value))
		;
	return old;
}

void atomic16_store(volatile void *at, u128 value, int order) NAMED(__atomic_store_16);
void atomic16_store(volatile void *at, u128 value, int order)
{
	(void)atomic16_exchange(at, value, order);
}

bool atomic16_compare(volatile void *at, void *expected, u128 wanted, int success, int failure)
{
	u128 value;
	bool done;

	(void)success;
	(void)failure;
	__builtin_memcpy(&value, expected, sizeof(value));
	done = change(at, &value, wanted);
	/* Others may look at it: it is written only when it was another one. */
	if (!done)
		__builtin_memcpy(expected, &value, sizeof(value));
	return done;
}

u128 atomic16_sync_value(volatile void *at, u128 expected, u128 wanted)
	NAMED(__sync_val_compare_and_swap_16);
u128 atomic16_sync_value(volatile void *at, u128 expected, u128 wanted)
{
	(void)change(at, &expected, wanted);
	return expected;
}

bool atomic16_sync_bool(volatile void *at, u128 expected, u128 wanted)
	NAMED(__sync_bool_compare_and_swap_16);
bool atomic16_sync_bool(volatile void *at, u128 expected, u128 wanted)
{
	return change(at, &expected, wanted);
}

u128 atomic16_sync_set(volatile void *at, u128 value) NAMED(__sync_lock_test_and_set_16);
u128 atomic16_sync_set(volatile void *at, u128 value)
{
	return atomic16_exchange(at, value, 0);
}

void atomic16_sync_clear(volatile void *at) NAMED(__sync_lock_release_16);
void atomic16_sync_clear(volatile void *at)
{
	(void)atomic16_exchange(at, 0, 0);
}

/* What is computed from what was there; the old value, and the new one. */
#define OPERATION(name, expression)                                                                \
	u128 atomic16_fetch_##name(volatile void *at, u128 value, int order)                       \
		NAMED(__atomic_fetch_##name##_16);                                                 \
	u128 atomic16_fetch_##name(volatile void *at, u128 value, int order)                       \
	{                                                                                          \
		u128 old = 0;                                                                      \
                                                                                                   \
		(void)order;                                                                       \
		while (!change(at, &old, (expression)))                                            \
			;                                                                          \
		return old;                                                                        \
	}                                                                                          \
	u128 atomic16_##name##_fetch(volatile void *at, u128 value, int order)                     \
		NAMED(__atomic_##name##_fetch_16);                                                 \
	u128 atomic16_##name##_fetch(volatile void *at, u128 value, int order)                     \
	{                                                                                          \
		u128 old = atomic16_fetch_##name(at, value, order);                                \
                                                                                                   \
		return (expression);                                                               \
	}                                                                                          \
	u128 atomic16_sync_fetch_##name(volatile void *at, u128 value)                             \
		NAMED(__sync_fetch_and_##name##_16);                                               \
	u128 atomic16_sync_fetch_##name(volatile void *at, u128 value)                             \
	{                                                                                          \
		return atomic16_fetch_##name(at, value, 0);                                        \
	}                                                                                          \
	u128 atomic16_sync_##name##_fetch(volatile void *at, u128 value)                           \
		NAMED(__sync_##name##_and_fetch_16);                                               \
	u128 atomic16_sync_##name##_fetch(volatile void *at, u128 value)                           \
	{                                                                                          \
		return atomic16_##name##_fetch(at, value, 0);                                      \
	}

OPERATION(add, old + value)
OPERATION(sub, old - value)
OPERATION(and, (old & (value)))
OPERATION(or, old | value)
OPERATION(xor, old ^ value)
OPERATION(nand, ~(old &value))
