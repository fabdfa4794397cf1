/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One ChaCha20 key is the whole state. Every request runs the block function over it; the first
 * half of the first block replaces the key before a byte is handed out (fast key erasure), so
 * that a later leak of the state tells nothing about earlier output. Entropy enters by being
 * xored into the key and the key being replaced. What a block holds beyond the request serves the
 * next one, and each byte is erased as it is handed out.
 */
#include "core/random.h"

#include <stdbool.h>

#include "arch/x86_64/cpu.h"
#include "core/panic.h"
#include "lib/base/chacha20.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/spinlock.h"

#define CPUID_7_EBX_RDSEED (1u << 18)
/* Timings taken at boot. Each is the time of a chain of loads and a multiplication whose length
 * depends on the last result; we credit none of them and rely on the sum. */
#define JITTER_ROUNDS 32

/* Guarded by random_lock, which is held over nothing else. random_seeded is set once. */
static struct spinlock random_lock;
static uint32_t random_key[CHACHA20_KEY_WORDS];
static uint32_t random_counter; /* so that equal keys never meet equal nonces */
static uint64_t random_pool;    /* observations since the last request */
static bool random_seeded;

#define READY_BYTES ((CHACHA20_BLOCK_WORDS - CHACHA20_KEY_WORDS) * sizeof(uint32_t))

static uint8_t random_ready[READY_BYTES];
static size_t random_ready_count; /* the last so many bytes of random_ready */

/* Replaces the key and fills random_ready. Locked. */
static void random_step(void)
{
	uint32_t block[CHACHA20_BLOCK_WORDS];
	uint64_t tsc = cpu_rdtsc();
	uint32_t nonce[3] = {(uint32_t)tsc ^ (uint32_t)random_pool, (uint32_t)(tsc >> 32),
			     (uint32_t)(random_pool >> 32)};

	chacha20_block(random_key, random_counter++, nonce, block);
	memcpy(random_key, block, sizeof(random_key));
	memcpy(random_ready, block + CHACHA20_KEY_WORDS, sizeof(random_ready));
	random_ready_count = sizeof(random_ready);
	memset(block, 0, sizeof(block));
	/* The compiler must not think the stack need not be cleared. */
	__asm__ volatile("" ::"r"(block) : "memory");
}

static void random_absorb(const uint64_t seed[4])
{
	for (int i = 0; i < CHACHA20_KEY_WORDS; i++)
		random_key[i] ^= (uint32_t)(seed[i / 2] >> (32 * (i % 2)));
	random_step();
}

/* Words filled from the processor's generator, 0 to 4. */
static int random_seed_cpu(uint64_t seed[4])
{
	uint32_t leaf1[4], leaf7[4] = {0}, leaf0[4];
	int filled = 0;
	bool rdrand, rdseed;

	cpu_cpuid(0, 0, leaf0);
	cpu_cpuid(1, 0, leaf1);
	if (leaf0[0] >= 7)
		cpu_cpuid(7, 0, leaf7);
	rdrand = leaf1[2] & CPUID_1_ECX_RDRAND;
	rdseed = leaf7[1] & CPUID_7_EBX_RDSEED;
	for (int i = 0; i < 4; i++) {
		uint64_t value;

		if ((rdseed && cpu_rdseed(&value)) || (rdrand && cpu_rdrand(&value))) {
			seed[i] ^= value;
			filled++;
		}
	}
	return filled;
}

/* Differences of time-stamp counters over work of data-dependent length. */
static void random_seed_jitter(uint64_t seed[4], int rounds)
{
	uint64_t hash = cpu_rdtsc();

	for (int i = 0; i < rounds; i++) {
		uint64_t begin = cpu_rdtsc();

		for (uint64_t spin = 1 + (hash & 7); spin; spin--)
			hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL + READ_ONCE(random_pool);
		hash += (cpu_rdtsc() - begin) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
		seed[i % 4] = (seed[i % 4] << 7 | seed[i % 4] >> 57) ^ hash;
	}
}

void random_init(void)
{
	uint64_t seed[4] = {0};
	bool enabled;
	int filled;

	random_seed_jitter(seed, JITTER_ROUNDS);
	filled = random_seed_cpu(seed);
	/* Without a generator in the processor the timing has to carry it alone: thirty-two times
	 * as much of it, which costs some fifty thousand instructions. */
	if (filled < 4)
		random_seed_jitter(seed, 32 * JITTER_ROUNDS);
	enabled = spin_lock_events(&random_lock);
	random_absorb(seed);
	spin_unlock_events(&random_lock, enabled);
	memset(seed, 0, sizeof(seed));
	__asm__ volatile("" ::"r"(seed) : "memory");
	random_seeded = true;
}

/* Up to bytes from what is ready, erased there. Locked. */
static size_t random_take(uint8_t *to, size_t bytes)
{
	uint8_t *from;

	if (!random_ready_count)
		random_step();
	if (bytes > random_ready_count)
		bytes = random_ready_count;
	from = random_ready + sizeof(random_ready) - random_ready_count;
	memcpy(to, from, bytes);
	memset(from, 0, bytes);
	random_ready_count -= bytes;
	return bytes;
}

int random_get(void *bytes_out, size_t bytes)
{
	uint8_t *to = bytes_out;

	if (!random_seeded)
		return -EAGAIN;
	while (bytes) {
		/* Block by block, so that a large request holds up nobody. */
		bool enabled = spin_lock_events(&random_lock);
		size_t taken = random_take(to, bytes);

		spin_unlock_events(&random_lock, enabled);
		to += taken;
		bytes -= taken;
	}
	return 0;
}

void random_mix(uint64_t observation)
{
	bool enabled = spin_lock_events(&random_lock);
	uint64_t pool = random_pool;

	random_pool =
		(pool << 13 | pool >> 51) ^ (observation + cpu_rdtsc()) * 0x9e3779b97f4a7c15ULL;
	spin_unlock_events(&random_lock, enabled);
}

/* A restored or cloned guest must not repeat the bytes of its twin. */
void random_resume(void)
{
	random_init();
}
