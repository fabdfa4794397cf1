/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs under ThreadSanitizer share: how they fail, their numbers, and threads that are
 * vCPUs (test/host/fake_core.h).
 */
#ifndef TEST_HOST_TSAN_TSAN_H
#define TEST_HOST_TSAN_TSAN_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/host/fake_core.h"
#include "xen/vcpu.h"

static inline _Noreturn void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	_Exit(1);
}

/* A number of 64 bits; *state is not 0. */
static inline uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

struct tsan_vcpu {
	struct vcpu vcpu;
	pthread_t thread;
	void (*work)(unsigned int id);
};

static inline void *tsan_vcpu_main(void *arg)
{
	struct tsan_vcpu *vcpu = arg;

	fake_vcpu_start(&vcpu->vcpu, vcpu->vcpu.id);
	vcpu->work(vcpu->vcpu.id);
	return NULL;
}

/* A new thread that is vCPU id does the work. *vcpu is zeros. */
static inline void tsan_vcpu_start(struct tsan_vcpu *vcpu, unsigned int id,
				   void (*work)(unsigned int id))
{
	vcpu->vcpu.id = id;
	vcpu->work = work;
	if (pthread_create(&vcpu->thread, NULL, tsan_vcpu_main, vcpu))
		fail("no thread for a vCPU");
}

static inline void tsan_vcpu_join(struct tsan_vcpu *vcpu)
{
	pthread_join(vcpu->thread, NULL);
}

#endif
