/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/fake_core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "core/panic.h"
#include "test/host/fake_spinlock.h"
#include "xen/evtchn.h"

char fake_panic_text[256];
int fake_panic_signal;
jmp_buf fake_panic_jump;
bool fake_panic_armed;
char fake_emergency_text[8192];
size_t fake_emergency_bytes;
struct boot_info boot_info;

static struct vcpu fake_vcpu = {.self = &fake_vcpu};
__thread struct vcpu *vcpu_host = &fake_vcpu;
struct vcpu *vcpu_by_id[VCPUS_MAX] = {&fake_vcpu};

void fake_vcpu_start(struct vcpu *vcpu, uint32_t id)
{
	vcpu->self = vcpu;
	vcpu->id = id;
	vcpu_host = vcpu;
	__atomic_store_n(&vcpu_by_id[id], vcpu, __ATOMIC_RELEASE);
}

void fake_events_reset(void)
{
	fake_spinlocks_release();
	vcpu_host->info.evtchn_upcall_mask = 0;
}

void events_deliver(void)
{
}

static _Noreturn void end(void)
{
	if (fake_panic_armed)
		longjmp(fake_panic_jump, 1);
	fprintf(stderr, "panic: %s\n", fake_panic_text);
	abort();
}

void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(fake_panic_text, sizeof(fake_panic_text), format, arguments);
	va_end(arguments);
	fake_panic_signal = 0;
	end();
}

void panic_signal(const char *reason, int signal_number)
{
	snprintf(fake_panic_text, sizeof(fake_panic_text), "%s", reason);
	fake_panic_signal = signal_number;
	end();
}

void boot_emergency_write(const char *text, size_t text_bytes)
{
	if (text_bytes > sizeof(fake_emergency_text) - fake_emergency_bytes)
		text_bytes = sizeof(fake_emergency_text) - fake_emergency_bytes;
	memcpy(fake_emergency_text + fake_emergency_bytes, text, text_bytes);
	fake_emergency_bytes += text_bytes;
}

/* No two readings are equal, and the steps are not even. */
uint64_t cpu_rdtsc(void)
{
	static uint64_t now = 1000000;
	uint64_t then = __atomic_load_n(&now, __ATOMIC_RELAXED);

	return __atomic_add_fetch(&now, 20 + (then * 0x9e3779b97f4a7c15ULL >> 60),
				  __ATOMIC_RELAXED);
}

/* The heap's own where a test links it. */
__attribute__((weak)) bool core_page_reclaim(void)
{
	return false;
}
