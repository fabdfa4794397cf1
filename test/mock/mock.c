/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispatch, virtual clock, blocking, fault injection, the adversary.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/boot.h"
#include "core/thread.h"
#include "core/time.h"
#include "test/mock/mock_private.h"
#include "xen/evtchn.h"

/* Only tests with grants link them. */
#pragma weak mock_grant_table_op

#define TIMED_MAX    64
#define BACKENDS_MAX 8

struct mock_config mock_config;
struct shared_info mock_shared_info __attribute__((aligned(4096)));
struct shared_info *boot_shared_info;
struct boot_info boot_info;
struct mock_counts mock_counts;
uint64_t mock_tsc_step;
void (*mock_on_shutdown)(unsigned int reason);
void (*mock_on_stuck)(void);

static uint64_t random_state;
static uint64_t tsc;
unsigned int mock_xen_depth;

static struct {
	uint64_t ns;
	void (*fn)(void *arg);
	void *arg;
} timed[TIMED_MAX];
static size_t timed_count;

static struct {
	void (*fn)(void *arg);
	void *arg;
} backends[BACKENDS_MAX];
static size_t backends_count;

static struct {
	bool armed;
	int number;
	unsigned int nth;
	int error;
} failure;

static struct {
	bool on;
	uint64_t state;
	unsigned int one_in;
} adversary;

void mock_die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "mock (seed %llu): ", (unsigned long long)mock_config.seed);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	abort();
}

/* xorshift64*. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

uint64_t mock_random(void)
{
	return random_next(&random_state);
}

uint64_t mock_random_below(uint64_t bound)
{
	return (mock_random() >> 11) % bound;
}

/* --- clock --- */

uint64_t cpu_rdtsc(void)
{
	tsc += mock_tsc_step;
	return tsc;
}

static uint64_t ns_of_tsc(uint64_t ticks)
{
	return time_scale_ticks(ticks, mock_config.tsc_mul, mock_config.tsc_shift);
}

uint64_t mock_now_ns(void)
{
	const struct vcpu_time_info *info = &mock_vcpu_info[0]->time;

	return info->system_time + ns_of_tsc(tsc - info->tsc_timestamp);
}

/* Xen renews the pair of stamps now and then. */
static void time_renew(void)
{
	struct vcpu_time_info time = {
		.version = mock_vcpu_info[0]->time.version + 2,
		.system_time = mock_now_ns(),
		.tsc_timestamp = tsc,
		.tsc_to_system_mul = mock_config.tsc_mul,
		.tsc_shift = mock_config.tsc_shift,
	};

	mock_time_set(&time);
}

void mock_set_wall(uint64_t seconds, uint32_t ns)
{
	mock_shared_info.wc_version += 2;
	mock_shared_info.wc_sec = (uint32_t)seconds;
	mock_shared_info.wc_sec_hi = seconds >> 32;
	mock_shared_info.wc_nsec = ns;
}

void mock_at(uint64_t ns, void (*fn)(void *arg), void *arg)
{
	if (timed_count == TIMED_MAX)
		mock_die("too many timed calls");
	timed[timed_count].ns = ns;
	timed[timed_count].fn = fn;
	timed[timed_count++].arg = arg;
}

static uint64_t next_due_ns(void)
{
	uint64_t due = mock_timers_next_ns();

	for (size_t i = 0; i < timed_count; i++)
		if (timed[i].ns < due)
			due = timed[i].ns;
	return due;
}

static void do_what_is_due(void)
{
	uint64_t now_ns = mock_now_ns();

	mock_timers_expire(now_ns);
	for (size_t i = 0; i < timed_count; i++) {
		if (timed[i].ns <= now_ns) {
			void (*fn)(void *arg) = timed[i].fn;
			void *arg = timed[i].arg;

			timed[i] = timed[--timed_count];
			i = (size_t)-1;
			fn(arg);
		}
	}
}

/* To ns, or a tick later: never before. */
static void clock_move_to(uint64_t ns)
{
	double ns_per_tick = (double)ns_of_tsc(1 << 20) / (1 << 20);

	while (mock_now_ns() < ns)
		tsc += (uint64_t)((double)(ns - mock_now_ns()) / ns_per_tick * 0.999) + 1;
	time_renew();
}

void mock_advance_ns(uint64_t ns)
{
	uint64_t until_ns = mock_now_ns() + ns;

	while (next_due_ns() <= until_ns) {
		clock_move_to(next_due_ns());
		do_what_is_due();
		mock_deliver();
	}
	clock_move_to(until_ns);
}

/* --- back ends --- */

void mock_backend_add(void (*fn)(void *arg), void *arg)
{
	if (backends_count == BACKENDS_MAX)
		mock_die("too many back ends");
	backends[backends_count].fn = fn;
	backends[backends_count++].arg = arg;
}

void mock_run_backends(void)
{
	for (size_t i = 0; i < backends_count; i++) {
		mock_adversary_step();
		backends[i].fn(backends[i].arg);
	}
	mock_adversary_step();
}

/* --- upcalls and blocking --- */

/* As Xen's bounce frame and iret: masked during, unmasked after. */
void mock_deliver(void)
{
	struct vcpu_info *vcpu = &vcpu_host->info;

	while (vcpu->evtchn_upcall_pending && !vcpu->evtchn_upcall_mask) {
		vcpu->evtchn_upcall_mask = 1;
		mock_counts.upcalls++;
		evtchn_upcall();
		if (!vcpu->evtchn_upcall_mask)
			mock_die("a handler left events unmasked");
		vcpu->evtchn_upcall_mask = 0;
	}
}

static void stuck(void)
{
	if (mock_on_stuck)
		mock_on_stuck();
	mock_die("the guest blocks and nothing will wake it");
}

static bool port_pending(const evtchn_port_t *ports, unsigned int ports_count)
{
	for (unsigned int i = 0; i < ports_count; i++)
		if (mock_event_pending(ports[i]))
			return true;
	return false;
}

/* Until an upcall is pending, or one of ports, or until_ns. */
static void sleep_until(const evtchn_port_t *ports, unsigned int ports_count, uint64_t until_ns)
{
	const struct vcpu_info *vcpu = &vcpu_host->info;
	unsigned int rounds = 0;

	for (;;) {
		uint64_t due;

		if ((vcpu->evtchn_upcall_pending && !vcpu->evtchn_upcall_mask) ||
		    port_pending(ports, ports_count))
			return;
		mock_run_backends();
		if ((vcpu->evtchn_upcall_pending && !vcpu->evtchn_upcall_mask) ||
		    port_pending(ports, ports_count))
			return;
		due = next_due_ns();
		if (until_ns < due)
			due = until_ns;
		if (due == UINT64_MAX) {
			/* a back end may do its work in several rounds */
			if (rounds++ < 64)
				continue;
			stuck();
		}
		clock_move_to(due);
		do_what_is_due();
		if (mock_now_ns() >= until_ns)
			return;
	}
}

static long sched_op(int command, void *arg)
{
	switch (command) {
	case SCHEDOP_yield:
		mock_run_backends();
		return 0;
	case SCHEDOP_block:
		mock_counts.blocks++;
		vcpu_host->info.evtchn_upcall_mask = 0;
		sleep_until(NULL, 0, UINT64_MAX);
		return 0;
	case SCHEDOP_poll: {
		struct sched_poll *poll = arg;

		sleep_until(poll->ports.p, poll->nr_ports,
			    poll->timeout ? poll->timeout : UINT64_MAX);
		return 0;
	}
	case SCHEDOP_shutdown: {
		unsigned int reason = ((struct sched_shutdown *)arg)->reason;

		if (mock_on_shutdown)
			mock_on_shutdown(reason);
		mock_die("the guest shut down, reason %u", reason);
	}
	default:
		return -ENOSYS;
	}
}

static long multicall(struct multicall_entry *entries, unsigned int entries_count)
{
	for (unsigned int i = 0; i < entries_count; i++)
		entries[i].result =
			arch_hypercall(entries[i].op, entries[i].args[0], entries[i].args[1],
				       entries[i].args[2], entries[i].args[3], entries[i].args[4]);
	return 0;
}

static long hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3)
{
	switch (op) {
	case __HYPERVISOR_event_channel_op:
		return mock_event_channel_op((int)a1, (void *)a2);
	case __HYPERVISOR_sched_op:
		return sched_op((int)a1, (void *)a2);
	case __HYPERVISOR_grant_table_op:
		return mock_grant_table_op
			       ? mock_grant_table_op((unsigned int)a1, (void *)a2, (unsigned int)a3)
			       : -ENOSYS;
	case __HYPERVISOR_vcpu_op:
		return mock_vcpu_op((int)a1, a2, (void *)a3);
	case __HYPERVISOR_console_io:
		return mock_console_io((int)a1, a2, (char *)a3);
	case __HYPERVISOR_xen_version:
		return (4 << 16) | 17;
	case __HYPERVISOR_multicall:
		return multicall((struct multicall_entry *)a1, a2);
	case __HYPERVISOR_mmu_update:
	case __HYPERVISOR_mmuext_op:
	case __HYPERVISOR_update_va_mapping:
	case __HYPERVISOR_set_trap_table:
	case __HYPERVISOR_callback_op:
	case __HYPERVISOR_vm_assist:
	case __HYPERVISOR_set_segment_base:
	case __HYPERVISOR_fpu_taskswitch:
		return 0;
	default:
		return -ENOSYS;
	}
}

void mock_fail_hypercall(int number, unsigned int nth, int error)
{
	failure.armed = true;
	failure.number = number;
	failure.nth = nth;
	failure.error = error;
}

static bool fails_now(unsigned int op)
{
	if (!failure.armed || (failure.number >= 0 && failure.number != (int)op))
		return false;
	if (failure.nth--)
		return false;
	failure.armed = false;
	return true;
}

long arch_hypercall(unsigned int op, unsigned long a1, unsigned long a2, unsigned long a3,
		    unsigned long a4, unsigned long a5)
{
	long result;

	(void)a4;
	(void)a5;
	if (op < sizeof(mock_counts.hypercalls) / sizeof(mock_counts.hypercalls[0]))
		mock_counts.hypercalls[op]++;
	if (fails_now(op))
		return -failure.error;
	mock_xen_depth++;
	tsc += 1000;
	result = hypercall(op, a1, a2, a3);
	do_what_is_due();
	mock_xen_depth--;
	if (!mock_xen_depth)
		mock_deliver();
	return result;
}

/* --- the adversary --- */

void mock_adversary(uint64_t seed, unsigned int one_in)
{
	fprintf(stderr, "mock: adversary seed %llu\n", (unsigned long long)seed);
	adversary.on = true;
	adversary.state = seed * 2 + 1;
	adversary.one_in = one_in;
}

/* Writes an index to a value near its own, near another, or anything; sometimes plain bytes. */
static void scribble(uint32_t *indices, size_t indices_count, char *bytes, size_t bytes_count)
{
	uint64_t dice = random_next(&adversary.state);
	uint32_t *index = &indices[(dice >> 8) % indices_count];
	uint32_t other = indices[(dice >> 16) % indices_count];

	switch (dice % 4) {
	case 0:
		*index = other + (uint32_t)(dice >> 24) % 8 - 4;
		break;
	case 1:
		*index = (uint32_t)(dice >> 24);
		break;
	case 2:
		*index += (uint32_t)(dice >> 24) % 2048;
		break;
	default:
		for (unsigned int i = 0; i < 16; i++)
			bytes[(dice >> 20) % (bytes_count - 16) + i] =
				(char)random_next(&adversary.state);
		break;
	}
}

void mock_adversary_step(void)
{
	struct xencons_interface *console = mock_console_page();
	struct xenstore_domain_interface *store = mock_store_page();

	if (!adversary.on || random_next(&adversary.state) % adversary.one_in)
		return;
	if (random_next(&adversary.state) & 1)
		scribble(&console->in_cons, 4, console->in, sizeof(console->in));
	else
		scribble(&store->req_cons, 4, store->rsp, sizeof(store->rsp));
}

/* --- one instruction at a time --- */

static struct {
	unsigned long count, at;
	void (*fn)(void);
	bool done;
} injection;

static void single_step(int number, siginfo_t *info, void *context)
{
	ucontext_t *user = context;

	(void)number;
	(void)info;
	if (injection.done) {
		user->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
		return;
	}
	if (injection.count++ < injection.at || mock_xen_depth)
		return;
	injection.done = true;
	injection.fn();
	mock_deliver();
	user->uc_mcontext.gregs[REG_EFL] &= ~0x100L;
}

bool mock_inject(void (*fn)(void *arg), void *arg, unsigned long at, void (*inject)(void))
{
	struct sigaction action = {.sa_sigaction = single_step, .sa_flags = SA_SIGINFO};

	sigaction(SIGTRAP, &action, NULL);
	injection.count = 0;
	injection.at = at;
	injection.fn = inject;
	injection.done = false;
	__asm__ volatile("pushfq; orq $0x100,(%%rsp); popfq" ::: "memory", "cc");
	fn(arg);
	__asm__ volatile("pushfq; andq $~0x100,(%%rsp); popfq" ::: "memory", "cc");
	return injection.done;
}

void mock_start(const struct mock_config *config)
{
	mock_config = config ? *config : (struct mock_config){0};
	if (!mock_config.pages_count)
		mock_config.pages_count = 16;
	if (!mock_config.tsc_mul)
		mock_config.tsc_mul = 0x6aaaaaab; /* 1 / 2.4 */
	random_state = mock_config.seed * 2 + 1;
	tsc = 1000000;
	mock_tsc_step = 50;
	timed_count = backends_count = 0;
	boot_shared_info = &mock_shared_info;
	memset(&mock_shared_info, 0, sizeof(mock_shared_info));
	mock_vcpus_start();
	time_renew();
	mock_set_wall(1700000000, 500);
	memset(&boot_info, 0, sizeof(boot_info));
	boot_info.pages_count = mock_config.pages_count;
	boot_info.initial_domain = mock_config.initial_domain;
	boot_info.entry_tsc = tsc;
	if (mock_config.cmdline)
		snprintf(boot_info.cmdline, sizeof(boot_info.cmdline), "%s", mock_config.cmdline);
	mock_memory_start();
	mock_evtchn_start();
	mock_console_start();
	mock_store_start();
}
