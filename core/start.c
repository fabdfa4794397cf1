/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/start.h"

#include "arch/x86_64/pv/boot.h"
#include "core/events.h"
#include "core/heap.h"
#include "core/page.h"
#include "core/panic.h"
#include "core/random.h"
#include "core/thread.h"
#include "core/time.h"
#include "core/vm.h"
#include "xen/evtchn.h"

_Noreturn void core_start(void)
{
	thread_first.id = 1;
	VCPU(current) = &thread_first;
	heap_init();
	random_init();
	page_init();
	boot_publish_p2m();
	vm_init();
	if (events_init())
		panic("no event channels");
	time_init();
	if (sched_boot && sched_boot())
		panic("no memory for threads");
	boot_seal();
	events_restore(true);
	core_program_start();
}
