/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stand-ins for what core calls beside memory: panics that come back, an upcall mask, an
 * emergency console that is a buffer.
 */
#ifndef TEST_HOST_FAKE_CORE_H
#define TEST_HOST_FAKE_CORE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The text of the last panic() or panic_signal(), and its signal (0: panic). */
extern char fake_panic_text[256];
extern int fake_panic_signal;
extern jmp_buf fake_panic_jump;
extern bool fake_panic_armed;

/* True when statement ended in a panic. */
#define fake_panics(statement)                                                                     \
	({                                                                                         \
		volatile bool panicked_ = true;                                                    \
		fake_panic_armed = true;                                                           \
		if (!setjmp(fake_panic_jump)) {                                                    \
			statement;                                                                 \
			panicked_ = false;                                                         \
		}                                                                                  \
		fake_panic_armed = false;                                                          \
		fake_events_reset();                                                               \
		panicked_;                                                                         \
	})

/* Forgets the locks held and enables events. */
void fake_events_reset(void);

struct vcpu;
/* The thread that calls this is vCPU id from now on; the first one is vCPU 0 by itself. *vcpu is
 * zeros. */
void fake_vcpu_start(struct vcpu *vcpu, uint32_t id);

/* What boot_emergency_write() was given. */
extern char fake_emergency_text[8192];
extern size_t fake_emergency_bytes;

#endif
