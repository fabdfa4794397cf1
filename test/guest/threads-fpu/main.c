/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each thread holds a pattern of its own in all vector registers while it is preempted, and while
 * signal handlers that use them run on it. The control words are the thread's own across every kind
 * of switch.
 */
#include <cpuid.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "test/guest/check.h"

#define REGISTERS     16
#define YMM_BYTES     32
#define THREADS       12
#define RUN_NS        2500000000LL
#define SPIN_ROUNDS   200000UL
#define SIGNAL_US     1500
#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_ROUND   13 /* SDM 1 10.2.3: rounding control */
#define X87_DEFAULT   0x037f
#define X87_ROUND     10 /* SDM 1 8.1.5.3 */

static bool has_avx;
static volatile bool stop;
static volatile double handler_result;
static unsigned int handled;

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
__attribute__((target("avx"))) static void hold_ymm(const uint8_t *pattern, uint8_t *found)
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

	memcpy(found, pattern, (size_t)REGISTERS * YMM_BYTES);
	__asm__ volatile(EACH_REGISTER(LOAD_XMM) "1: dec %0\n\tjnz 1b\n\t" EACH_REGISTER(STORE_XMM)
			 : "+r"(rounds)
			 : "r"(pattern), "r"(found)
			 : CLOBBERS);
}

struct control {
	uint32_t mxcsr;
	uint16_t x87;
};

static void control_load(const struct control *control)
{
	__asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(control->mxcsr), "m"(control->x87));
}

static bool control_is(const struct control *control)
{
	struct control now;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(now.mxcsr), "=m"(now.x87));
	/* The lowest bits of MXCSR say what happened. */
	return (now.mxcsr & ~0x3fu) == control->mxcsr && now.x87 == control->x87;
}

/* Uses the vector and x87 registers as a program may. */
static void handler(int number)
{
	char text[YMM_BYTES * REGISTERS];
	long double sum = number;

	memset(text, number, sizeof(text));
	for (int i = 1; i < 50; i++)
		sum += (long double)text[i] / i;
	handler_result = (double)sum;
	__atomic_fetch_add(&handled, 1, __ATOMIC_RELAXED);
}

static void *hold(void *arg)
{
	unsigned int number = (unsigned int)(uintptr_t)arg, wrong = 0;
	struct control control = {MXCSR_DEFAULT | number % 4 << MXCSR_ROUND,
				  (uint16_t)(X87_DEFAULT | number % 4 << X87_ROUND)};
	uint8_t pattern[REGISTERS * YMM_BYTES], found[REGISTERS * YMM_BYTES];
	unsigned int rounds = 0;

	control_load(&control);
	while (!stop) {
		for (unsigned int i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(number * 37 + rounds * 11 + i * 3);
		memset(found, 0, sizeof(found));
		if (has_avx)
			hold_ymm(pattern, found);
		else
			hold_xmm(pattern, found);
		wrong += memcmp(pattern, found, sizeof(pattern)) != 0;
		wrong += !control_is(&control);
		sched_yield();
		wrong += !control_is(&control);
		rounds++;
	}
	if (!rounds)
		wrong++;
	return (void *)(uintptr_t)wrong;
}

static void run(const char *what)
{
	const struct timespec duration = {.tv_sec = RUN_NS / 1000000000,
					  .tv_nsec = RUN_NS % 1000000000};
	struct timespec left = duration;
	pthread_t threads[THREADS];
	void *wrong;

	stop = false;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, hold, (void *)i) == 0);
	while (nanosleep(&left, &left))
		;
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		CHECK(pthread_join(threads[i], &wrong) == 0);
		if (wrong)
			printf("%s: thread %d found %u times what it had not left\n", what, i,
			       (unsigned int)(uintptr_t)wrong);
		CHECK(!wrong);
	}
}

int main(void)
{
	const struct itimerval often = {{0, SIGNAL_US}, {0, SIGNAL_US}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
	unsigned int eax, ebx, ecx, edx;

	has_avx = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_AVX) && (ecx & bit_OSXSAVE);
	printf("with %s\n", has_avx ? "AVX" : "SSE");
	run("preemption");
	sigemptyset(&action.sa_mask);
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	run("signals");
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	CHECK(handled > 10);
	printf("%u signals\n", handled);
	return check_done();
}
