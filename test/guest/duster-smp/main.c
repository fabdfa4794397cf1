/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Four vCPUs with checked work for duster to disturb: threads that hold patterns in all vector
 * registers, a thread that counts calls, one that sleeps and wakes all the time. The program looks
 * for what a debugger must not change, and says at its end what it found.
 */
#define _GNU_SOURCE /* affinity */
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REGISTERS   16
#define YMM_BYTES   32
#define HOLDERS     3
#define SPIN_ROUNDS 20000UL

struct job {
	unsigned long number, input, output;
};

volatile int stop, calm; /* calm: who holds patterns rests */
volatile unsigned long wrong, held, sleeps, late;
struct job *job;
bool has_avx;

#define EACH_REGISTER(op)                                                                          \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13)    \
		op(14) op(15)
#define CLOBBERS                                                                                   \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",   \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory"
#define LOAD_YMM(n)  "vmovdqu 32*" #n "(%1), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovdqu %%ymm" #n ", 32*" #n "(%2)\n\t"
#define LOAD_XMM(n)  "movdqu 32*" #n "(%1), %%xmm" #n "\n\t"
#define STORE_XMM(n) "movdqu %%xmm" #n ", 32*" #n "(%2)\n\t"

/* Fills the registers, waits without a call, and stores what is in them then. */
__attribute__((noinline, target("avx"))) static void hold_ymm(const uint8_t *pattern,
							      uint8_t *found)
{
	unsigned long rounds = SPIN_ROUNDS;

	__asm__ volatile(EACH_REGISTER(LOAD_YMM) "1: dec %0\n\tjnz 1b\n\t" EACH_REGISTER(
				 STORE_YMM) "vzeroupper"
			 : "+r"(rounds)
			 : "r"(pattern), "r"(found)
			 : CLOBBERS);
}

static void hold_xmm(const uint8_t *pattern, uint8_t *found)
{
	unsigned long rounds = SPIN_ROUNDS;

	__asm__ volatile(EACH_REGISTER(LOAD_XMM) "1: dec %0\n\tjnz 1b\n\t" EACH_REGISTER(STORE_XMM)
			 : "+r"(rounds)
			 : "r"(pattern), "r"(found)
			 : CLOBBERS);
}

static void *holder(void *arg)
{
	uint8_t pattern[REGISTERS * YMM_BYTES], found[sizeof(pattern)];

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7 + (uintptr_t)arg * 31 + 1);
	while (!stop) {
		if (calm) {
			usleep(20000);
			continue;
		}
		memcpy(found, pattern, sizeof(found));
		(has_avx ? hold_ymm : hold_xmm)(pattern, found);
		if (memcmp(found, pattern, sizeof(found)) != 0)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&held, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static __attribute__((noinline)) void work(struct job *todo)
{
	todo->output = todo->input * 6364136223846793005UL + todo->number;
	__asm__ volatile("" ::: "memory");
}

static void *counter(void *arg)
{
	(void)arg;
	while (!stop) {
		job->number++;
		job->input = job->number * 3;
		work(job);
		if (job->output != job->number * 3 * 6364136223846793005UL + job->number)
			__atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
		if (!calm && job->number % 64 == 0)
			usleep(100);
	}
	return NULL;
}

static void *sleeper(void *arg)
{
	(void)arg;
	while (!stop) {
		usleep(500);
		sleeps++;
	}
	return NULL;
}

/* On the last vCPU: it did not run when the debugger came. */
static void *come_late(void *arg)
{
	late = (unsigned long)arg;
	return NULL;
}

int main(void)
{
	pthread_t threads[HOLDERS + 2], last;
	pthread_attr_t attr;
	cpu_set_t set;
	unsigned int a, b, c, d;

	has_avx = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE);
	job = calloc(1, sizeof(*job));
	for (uintptr_t i = 0; i < HOLDERS; i++)
		pthread_create(&threads[i], NULL, holder, (void *)i);
	pthread_create(&threads[HOLDERS], NULL, counter, NULL);
	pthread_create(&threads[HOLDERS + 1], NULL, sleeper, NULL);
	CPU_ZERO(&set);
	CPU_SET(3, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	pthread_create(&last, &attr, come_late, (void *)77);
	pthread_join(last, NULL);
	printf("at work, %s\n", has_avx ? "ymm" : "xmm");
	for (int i = 0; i < HOLDERS + 2; i++)
		pthread_join(threads[i], NULL);
	printf("%lu held, %lu sleeps, %lu jobs, %lu wrong\n", held, sleeps, job->number, wrong);
	return wrong != 0;
}
