/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mock hypervisor: Xen as C functions behind arch_hypercall(), for tests on the host.
 *
 * It has one vCPU, or several of which one runs at a time (mock_vcpu_run), and a virtual clock that
 * moves only when the guest reads the time-stamp counter (a little) or blocks (to the next thing
 * that happens). Back ends are functions that run when the guest notifies them or blocks.
 * Everything is decided by the seed: a run repeats exactly.
 *
 * Kernel modules keep their state in static variables: run each test in a process of its own
 * (Check does by default).
 */
#ifndef TEST_MOCK_MOCK_H
#define TEST_MOCK_MOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/abi.h"
#include "xen/vcpu.h"

struct mock_config {
	uint64_t seed;
	uint64_t pages_count; /* of the guest; 0: 16 */
	bool initial_domain;  /* no xenstore, console by hypercall */
	bool no_fifo;         /* EVTCHNOP_init_control fails */
	bool lazy_backends;   /* they run when the guest blocks, not when it notifies */
	uint32_t tsc_mul;     /* vcpu_time_info's factor; 0: a 2.4 GHz counter */
	int8_t tsc_shift;
	const char *cmdline;
	unsigned int vcpus; /* that the domain has; 0: 1 */
};

/* A fresh domain: memory, shared info, boot_info, console on port 1, xenstore on port 2. NULL: all
 * defaults. */
void mock_start(const struct mock_config *config);

/* --- randomness, by the seed --- */
uint64_t mock_random(void);
/* 0 … bound - 1. */
uint64_t mock_random_below(uint64_t bound);

/* --- the clock --- */
uint64_t mock_now_ns(void);
/* Moves the clock, doing on the way what is due. */
void mock_advance_ns(uint64_t ns);
/* Calls fn(arg) at a time of the virtual clock. */
void mock_at(uint64_t ns, void (*fn)(void *arg), void *arg);
/* The wall clock as Xen shows it, at virtual time 0. */
void mock_set_wall(uint64_t seconds, uint32_t ns);
/* Ticks of the time-stamp counter that one reading costs; default 50. */
extern uint64_t mock_tsc_step;
/* When Xen's one-shot timer of the running vCPU goes off, UINT64_MAX when it is not armed. */
uint64_t mock_timer_deadline_ns(void);

/* --- vCPUs --- */
/* Makes *vcpu another vCPU of the guest, its vcpu_info registered and up; it is never started. */
void mock_vcpu_add(struct vcpu *vcpu, uint32_t id);
/* Delivers what is pending for vCPU id, runs fn(arg), NULL for nothing, on it, and goes back to the
 * vCPU that ran. */
void mock_vcpu_run(uint32_t id, void (*fn)(void *arg), void *arg);
/* The vCPU that gets a port's events. */
uint32_t mock_evtchn_vcpu(evtchn_port_t port);

/* --- hypercalls --- */
/* Counts of hypercalls so far, by number; and of blocks, upcalls. */
struct mock_counts {
	unsigned int hypercalls[64];
	unsigned int blocks, upcalls, virq_timer;
};
extern struct mock_counts mock_counts;
/* The nth hypercall from now (0: the next) of this number (-1: any) fails with -error (Xen's errno)
 * and does nothing. */
void mock_fail_hypercall(int number, unsigned int nth, int error);
/* Called instead of ending the test when the guest shuts the domain down. May longjmp. */
extern void (*mock_on_shutdown)(unsigned int reason);
/* Called instead of failing the test when the guest blocks and nothing will ever wake it. May
 * longjmp. */
extern void (*mock_on_stuck)(void);

/* --- event channels --- */
/* A port of the guest whose other end is fn. */
evtchn_port_t mock_evtchn_create(void (*fn)(void *arg), void *arg);
/* Binds the other end of a port that the guest left unbound, as a back end does. */
void mock_evtchn_connect(evtchn_port_t port, void (*fn)(void *arg), void *arg);
/* Xen's EVTCHNOP_send from the other end; delivers the upcall unless masked. */
void mock_evtchn_raise(evtchn_port_t port);
/* The same without delivery: as if another processor had done it just now. */
void mock_evtchn_set_pending(evtchn_port_t port);
/* VIRQ if bound. */
void mock_virq_raise(uint32_t virq);
/* Delivers an upcall if one is pending and events are not masked. */
void mock_deliver(void);
/* The next port handed out, to reach high ones. */
void mock_evtchn_next_port(evtchn_port_t port);
/* EVTCHNSTAT_*. */
unsigned int mock_evtchn_status(evtchn_port_t port);
bool mock_evtchn_is_fifo(void);
/* The event word of a port under the FIFO ABI, NULL when Xen has no such page. */
event_word_t *mock_fifo_word(evtchn_port_t port);
/* Cuts all ports, as restoring on another host does, and goes back to the 2-level ABI. */
void mock_evtchn_reset(void);

/* Runs fn(arg) one instruction at a time; before instruction `at` calls inject() (not inside a
 * hypercall: then right after it) and delivers the upcall. Returns false when fn ended first. */
bool mock_inject(void (*fn)(void *arg), void *arg, unsigned long at, void (*inject)(void));

/* --- back ends --- */
/* fn runs each time the guest blocks (and by mock_run_backends()). */
void mock_backend_add(void (*fn)(void *arg), void *arg);
void mock_run_backends(void);

/* The console's other end: takes output up to a bound, offers input. */
#define MOCK_CONSOLE_PORT 1
struct xencons_interface *mock_console_page(void);
/* Everything the guest wrote, NUL-terminated. */
const char *mock_console_output(void);
void mock_console_input(const char *text);
/* How many bytes it takes each time it runs; default all. 0: it is dead. */
extern size_t mock_console_take_max;
/* What boot_emergency_write() got. */
const char *mock_emergency_output(void);

/* xenstored. Paths are absolute or relative to /local/domain/1. */
#define MOCK_STORE_PORT 2
#define MOCK_HOME       "/local/domain/1"
struct xenstore_domain_interface *mock_store_page(void);
/* As the toolstack: no permissions, watches fire. value NULL removes. */
void mock_store_write(const char *path, const char *value);
/* Borrowed until the next write; NULL when there is no node. */
const char *mock_store_read(const char *path);
/* The guest may read but not write at and below path. */
void mock_store_readonly(const char *path);
/* Takes requests and sends what is to be sent, now: after a back end wrote something, before time
 * passes. */
void mock_store_run(void);
/* Bytes moved each way at a time; default all. Small ones split messages anywhere. */
extern size_t mock_store_chunk_max;
/* Replies are sent in random order. */
extern bool mock_store_reorder;
/* Requests are taken but not answered. */
extern bool mock_store_mute;
unsigned int mock_store_watches_count(void);
/* Puts bytes into the reply ring as they are. */
void mock_store_inject(const void *bytes, size_t bytes_count);

/* --- the adversary: scribbles over the shared pages of console and xenstore at every
 * opportunity. one_in: how seldom. Prints the seed. --- */
void mock_adversary(uint64_t seed, unsigned int one_in);

/* --- what core provides --- */
void *mock_mfn_to_pointer(uint64_t mfn);
uint64_t mock_pointer_to_mfn(const void *pointer);
/* A number of 32 bits for a page, as grants name it; mock_mfn_to_pointer() knows it. */
uint64_t mock_page_to_mfn(const void *page);
/* Pages page_alloc() still gives out; default 4096. */
extern uint64_t mock_page_budget;
/* The nth allocation of pages or heap blocks from now (0: the next) fails; UINT64_MAX: none. */
extern uint64_t mock_fail_allocation;
/* Pages and blocks given out and not given back. */
extern uint64_t mock_pages_used, mock_blocks_used;
/* Called with the text instead of ending the test when the guest panics. May longjmp. */
extern void (*mock_on_panic)(const char *text);
/* Every line logged, each ended by a newline. */
const char *mock_log(void);

#endif
