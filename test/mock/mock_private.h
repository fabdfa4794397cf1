/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the mock tell each other. */
#ifndef TEST_MOCK_MOCK_PRIVATE_H
#define TEST_MOCK_MOCK_PRIVATE_H

#include "test/mock/mock.h"

extern struct mock_config mock_config;
extern struct shared_info mock_shared_info;
/* Where Xen writes, for each vCPU: the shared page, or what was registered. */
extern struct vcpu_info *mock_vcpu_info[VCPUS_MAX];
/* Above 0 while Xen works: nothing is injected then. */
extern unsigned int mock_xen_depth;

_Noreturn void mock_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

void mock_memory_start(void);
void mock_evtchn_start(void);
void mock_console_start(void);
void mock_store_start(void);

/* The page of the guest at a fixed pfn, for the mock's own use. */
void *mock_pfn_page(uint64_t pfn);
#define MOCK_CONSOLE_PFN 3
#define MOCK_STORE_PFN   4

void mock_virq_raise_on(uint32_t virq, uint32_t vcpu);
long mock_event_channel_op(int command, void *arg);
long mock_grant_table_op(unsigned int command, void *ops, unsigned int ops_count);
long mock_vcpu_op(int command, unsigned int vcpu, void *arg);
void mock_vcpus_start(void);
void mock_vcpus_reset(void);
/* The earliest one-shot timer; those that went off by now_ns send their event. */
uint64_t mock_timers_next_ns(void);
void mock_timers_expire(uint64_t now_ns);
/* The stamps that all vCPUs see. */
void mock_time_set(const struct vcpu_time_info *time);
/* Some event would be delivered if events were enabled. */
bool mock_event_pending(evtchn_port_t port);
long mock_console_io(int command, unsigned int bytes_count, char *text);

void mock_adversary_step(void);

#endif
