/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic operations on objects of any size (GCC manual, libatomic ABI): those that no instruction
 * serves have one of a table of locks, chosen by their address. Thread context and signal handlers.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/posix/atomic16.h"
#include "xen/spinlock.h"

#define NAMED(name) __asm__(#name)
#define LOCKS       64U /* a power of two */
#define LINE_BYTES  64U
#define WORD_MAX    16U

static struct spinlock locks[LOCKS];

bool atomic_any_is_free(size_t bytes, const volatile void *at) NAMED(__atomic_is_lock_free);
bool atomic_any_is_free(size_t bytes, const volatile void *at)
{
	return bytes > 0 && bytes <= WORD_MAX && !(bytes & (bytes - 1)) &&
	       !((uintptr_t)at & (bytes - 1));
}

/* Whether the bytes lie in one word that sixteen-byte operations reach. The compiler may use those
 * for the same object elsewhere, so that it must not have a lock here. */
static bool is_word(size_t bytes, const volatile void *at)
{
	return atomic_any_is_free(bytes, at);
}

static struct spinlock *lock_of(const volatile void *at)
{
	return &locks[(uintptr_t)at / LINE_BYTES % LOCKS];
}

/* An aligned word of 1, 2, 4, 8 or 16 bytes: *at becomes *wanted if it is *expected, which else
 * becomes what it is. */
static bool change_word(size_t bytes, volatile void *at, void *expected, const void *wanted)
{
	uint64_t old = 0, new = 0;
	bool done;

	if (bytes == sizeof(unsigned __int128)) {
		unsigned __int128 value;

		memcpy(&value, wanted, bytes);
		return atomic16_compare(at, expected, value, 0, 0);
	}
	memcpy(&old, expected, bytes);
	memcpy(&new, wanted, bytes);
	switch (bytes) {
	case 1:
		done = __atomic_compare_exchange_n((volatile uint8_t *)at, (uint8_t *)&old,
						   (uint8_t) new, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
		break;
	case 2:
		done = __atomic_compare_exchange_n((volatile uint16_t *)at, (uint16_t *)&old,
						   (uint16_t) new, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
		break;
	case 4:
		done = __atomic_compare_exchange_n((volatile uint32_t *)at, (uint32_t *)&old,
						   (uint32_t) new, false, __ATOMIC_SEQ_CST,
						   __ATOMIC_SEQ_CST);
		break;
	default:
		done = __atomic_compare_exchange_n((volatile uint64_t *)at, &old, new, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	if (!done)
		memcpy(expected, &old, bytes);
	return done;
}

bool atomic_any_compare(size_t bytes, void *at, void *expected, void *wanted, int success,
			int failure) NAMED(__atomic_compare_exchange);
bool atomic_any_compare(size_t bytes, void *at, void *expected, void *wanted, int success,
			int failure)
{
	bool enabled, same;

	(void)success;
	(void)failure;
	if (is_word(bytes, at))
		return change_word(bytes, at, expected, wanted);
	enabled = spin_lock_events(lock_of(at));
	same = memcmp(at, expected, bytes) == 0;
	if (same)
		memcpy(at, wanted, bytes);
	else
		memcpy(expected, at, bytes);
	spin_unlock_events(lock_of(at), enabled);
	return same;
}

void atomic_any_exchange(size_t bytes, void *at, void *value, void *old_out, int order)
	NAMED(__atomic_exchange);
void atomic_any_exchange(size_t bytes, void *at, void *value, void *old_out, int order)
{
	unsigned char old[WORD_MAX] __attribute__((aligned(16))) = {0};
	bool enabled;

	(void)order;
	if (is_word(bytes, at)) {
		while (!change_word(bytes, at, old, value))
			;
		memcpy(old_out, old, bytes);
		return;
	}
	enabled = spin_lock_events(lock_of(at));
	/* value and old_out may be the same. */
	for (size_t i = 0; i < bytes; i++) {
		unsigned char byte = ((unsigned char *)at)[i];

		((unsigned char *)at)[i] = ((unsigned char *)value)[i];
		((unsigned char *)old_out)[i] = byte;
	}
	spin_unlock_events(lock_of(at), enabled);
}

void atomic_any_load(size_t bytes, const void *at, void *value_out, int order) NAMED(__atomic_load);
void atomic_any_load(size_t bytes, const void *at, void *value_out, int order)
{
	unsigned char value[WORD_MAX] __attribute__((aligned(16))) = {0};
	bool enabled;

	(void)order;
	if (is_word(bytes, at)) {
		/* Zeros over zeros, or nothing. */
		if (change_word(bytes, (void *)(uintptr_t)at, value, value))
			memset(value, 0, sizeof(value));
		memcpy(value_out, value, bytes);
		return;
	}
	enabled = spin_lock_events(lock_of(at));
	memcpy(value_out, at, bytes);
	spin_unlock_events(lock_of(at), enabled);
}

void atomic_any_store(size_t bytes, void *at, void *value, int order) NAMED(__atomic_store);
void atomic_any_store(size_t bytes, void *at, void *value, int order)
{
	unsigned char old[WORD_MAX] __attribute__((aligned(16))) = {0};
	bool enabled;

	(void)order;
	if (is_word(bytes, at)) {
		while (!change_word(bytes, at, old, value))
			;
		return;
	}
	enabled = spin_lock_events(lock_of(at));
	memcpy(at, value, bytes);
	spin_unlock_events(lock_of(at), enabled);
}
