/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPUs should be up: the toolstack says so in xenstore, cpu/N/availability, and changes its
 * mind with `xl vcpu-set`. Linked with the scheduler, which starts it: core_smp_follow() of
 * core/smp.h.
 */
#ifndef DRIVERS_CPU_H
#define DRIVERS_CPU_H

#include "core/smp.h"

#endif
