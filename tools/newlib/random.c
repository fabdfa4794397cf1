/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * random() and its relatives (POSIX.1-2017 initstate): additive feedback, x[n] = x[n - degree] +
 * x[n - degree + separation], the lowest bit dropped. The numbers are those other systems give for
 * the same seed.
 *
 * The caller's array is words of 32 bits: the first says which kind it is and where in it we are,
 * so that setstate() goes on where the array was left.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/lock.h>

#define KINDS       5
#define DEFAULT     3
#define DISCARDED   10 /* numbers for each of the degree, before the first that is given out */
#define MULTIPLIER  16807
#define MODULUS     2147483647
#define RESULT_MASK 0x7fffffff

/* Kind 0 is a plain linear congruence. */
static const struct {
	unsigned char degree, separation;
} kinds[KINDS] = {{1, 0}, {7, 3}, {15, 1}, {31, 3}, {63, 1}};

__LOCK_INIT(static, lock);
static uint32_t first_state[1 + 31];
static uint32_t *words; /* NULL until something is asked: then as srandom(1) leaves it */
static unsigned int kind, at;

static uint32_t next(void)
{
	unsigned int degree = kinds[kind].degree;
	unsigned int other = (at + kinds[kind].separation) % degree;

	if (kind == 0) {
		words[0] = (words[0] * 1103515245U + 12345U) & RESULT_MASK;
		return words[0];
	}
	words[other] += words[at];
	at = (at + 1) % degree;
	return words[other] >> 1;
}

static void seed_words(unsigned int seed)
{
	int64_t value = seed ? (int32_t)seed : 1;

	words[0] = (uint32_t)value;
	at = 0;
	if (kind == 0)
		return;
	for (unsigned int i = 1; i < kinds[kind].degree; i++) {
		value = MULTIPLIER * value % MODULUS;
		if (value < 0)
			value += MODULUS;
		words[i] = (uint32_t)value;
	}
	for (unsigned int i = 0; i < DISCARDED * kinds[kind].degree; i++)
		next();
}

static void prepare(void)
{
	if (words)
		return;
	words = first_state + 1;
	kind = DEFAULT;
	seed_words(1);
}

/* Into the array goes where we are in it; yields the array. */
static char *leave(void)
{
	words[-1] = kind + KINDS * at;
	return (char *)(words - 1);
}

long random(void)
{
	long value;

	__lock_acquire(lock);
	prepare();
	value = next();
	__lock_release(lock);
	return value;
}

void srandom(unsigned int seed)
{
	__lock_acquire(lock);
	prepare();
	seed_words(seed);
	__lock_release(lock);
}

char *initstate(unsigned int seed, char *state, size_t bytes)
{
	unsigned int wanted = KINDS;
	char *old;

	while (wanted && (wanted == KINDS || bytes < (1U + kinds[wanted].degree) * sizeof(*words)))
		wanted--;
	if (bytes < 2 * sizeof(*words)) {
		errno = EINVAL;
		return NULL;
	}
	__lock_acquire(lock);
	prepare();
	old = leave();
	words = (uint32_t *)(void *)state + 1;
	kind = wanted;
	seed_words(seed);
	leave();
	__lock_release(lock);
	return old;
}

char *setstate(char *state)
{
	uint32_t *array = (uint32_t *)(void *)state;
	unsigned int its_kind = array[0] % KINDS, its_at = array[0] / KINDS;
	char *old;

	if (its_at >= kinds[its_kind].degree) {
		errno = EINVAL;
		return NULL;
	}
	__lock_acquire(lock);
	prepare();
	old = leave();
	words = array + 1;
	kind = its_kind;
	at = its_at;
	__lock_release(lock);
	return old;
}
