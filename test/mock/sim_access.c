/* SPDX-License-Identifier: BSD-2-Clause */
/* What gcc's -fsanitize=thread calls for each access to memory: a point of the simulation. */
#include <stdbool.h>
#include <stdint.h>

#include "test/mock/sim.h"

#define ACCESS(name)                                                                               \
	void __tsan_##name(void *address);                                                         \
	void __tsan_##name(void *address)                                                          \
	{                                                                                          \
		sim_access(address);                                                               \
	}
ACCESS(read1)
ACCESS(read2)
ACCESS(read4)
ACCESS(read8)
ACCESS(read16)
ACCESS(write1)
ACCESS(write2)
ACCESS(write4)
ACCESS(write8)
ACCESS(write16)
ACCESS(unaligned_read2)
ACCESS(unaligned_read4)
ACCESS(unaligned_read8)
ACCESS(unaligned_write2)
ACCESS(unaligned_write4)
ACCESS(unaligned_write8)

#define RANGE(name)                                                                                \
	void __tsan_##name(void *address, long bytes);                                             \
	void __tsan_##name(void *address, long bytes)                                              \
	{                                                                                          \
		(void)bytes;                                                                       \
		sim_access(address);                                                               \
	}
RANGE(read_range)
RANGE(write_range)

#define NOTHING(name)                                                                              \
	void __tsan_##name(void *pc);                                                              \
	void __tsan_##name(void *pc)                                                               \
	{                                                                                          \
		(void)pc;                                                                          \
	}
NOTHING(func_entry)
NOTHING(func_exit)

void __tsan_init(void);
void __tsan_init(void)
{
}

#define CHANGE(bits, type, name, new)                                                              \
	type __tsan_atomic##bits##_##name(volatile void *address, type value, int order);          \
	type __tsan_atomic##bits##_##name(volatile void *address, type value, int order)           \
	{                                                                                          \
		volatile type *a = address;                                                        \
		type before;                                                                       \
                                                                                                   \
		(void)order;                                                                       \
		sim_access(address);                                                               \
		before = *a;                                                                       \
		*a = (type)(new);                                                                  \
		return before;                                                                     \
	}

#define ATOMICS(bits, type)                                                                        \
	type __tsan_atomic##bits##_load(const volatile void *address, int order);                  \
	type __tsan_atomic##bits##_load(const volatile void *address, int order)                   \
	{                                                                                          \
		(void)order;                                                                       \
		sim_access(address);                                                               \
		return *(const volatile type *)address;                                            \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile void *address, type value, int order);           \
	void __tsan_atomic##bits##_store(volatile void *address, type value, int order)            \
	{                                                                                          \
		(void)order;                                                                       \
		sim_access(address);                                                               \
		*(volatile type *)address = value;                                                 \
	}                                                                                          \
	CHANGE(bits, type, exchange, value)                                                        \
	CHANGE(bits, type, fetch_add, before + value)                                              \
	CHANGE(bits, type, fetch_sub, before - value)                                              \
	CHANGE(bits, type, fetch_and, before &value)                                               \
	CHANGE(bits, type, fetch_or, before | value)                                               \
	bool __tsan_atomic##bits##_compare_exchange_strong(                                        \
		volatile void *address, void *expected, type value, int order, int failure_order); \
	bool __tsan_atomic##bits##_compare_exchange_strong(                                        \
		volatile void *address, void *expected, type value, int order, int failure_order)  \
	{                                                                                          \
		volatile type *a = address;                                                        \
		type *e = expected;                                                                \
                                                                                                   \
		(void)order;                                                                       \
		(void)failure_order;                                                               \
		sim_access(address);                                                               \
		if (*a == *e) {                                                                    \
			*a = value;                                                                \
			return true;                                                               \
		}                                                                                  \
		*e = *a;                                                                           \
		return false;                                                                      \
	}
ATOMICS(8, unsigned char)
ATOMICS(16, unsigned short)
ATOMICS(32, unsigned int)
ATOMICS(64, unsigned long)

void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_thread_fence(int order)
{
	(void)order;
	sim_point();
}
