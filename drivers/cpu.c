/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/cpu.h"

#include "arch/x86_64/fpu.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/thread.h"
#include "core/vm.h"
#include "core/wait.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"

#define STACK_BYTES 16384U

static struct thread thread;
static struct waitq queue; /* both of: */
static bool is_due;        /* something below `cpu` changed */
static bool is_settled;    /* what was wanted at first is done */

static void note_change(void)
{
	WRITE_ONCE(is_due, true);
	waitq_wake_all(&queue);
}

static void changed(struct xenstore_watch *watch, const char *path)
{
	(void)watch;
	(void)path;
	note_change();
}

static struct xenstore_watch watch = {.path = "cpu", .fn = changed};

/* What nobody says anything about should be up. Anything but the two words changes nothing. */
static bool should_be_up(unsigned int id)
{
	char path[32], value[16];
	int error;

	format_text(path, sizeof(path), "cpu/%u/availability", id);
	error = xenstore_read(0, path, value, sizeof(value));
	if (error == -ENOENT || error == -ENODEV || (!error && strcmp(value, "online") == 0))
		return true;
	if (!error && strcmp(value, "offline") == 0)
		return false;
	return smp_online() >> id & 1;
}

static void follow(unsigned int id)
{
	bool up = should_be_up(id);
	int error;

	if (up == (smp_online() >> id & 1))
		return;
	error = up ? smp_vcpu_up(id) : smp_vcpu_down(id);
	if (error)
		log_error("cpu: vCPU %u cannot go %s: error %d", id, up ? "up" : "down", error);
	else
		log_info("cpu: vCPU %u is %s", id, up ? "up" : "down");
}

static void follow_all(void *arg)
{
	(void)arg;
	for (;;) {
		(void)waitq_wait(&queue, READ_ONCE(is_due), TIME_NEVER, false);
		WRITE_ONCE(is_due, false);
		for (unsigned int id = 1; id < VCPUS_MAX; id++)
			if (smp_possible() >> id & 1)
				follow(id);
		WRITE_ONCE(is_settled, true);
		waitq_wake_all(&queue);
	}
}

/* It stays on vCPU 0, which never goes, and is more important than any thread of the program. */
static int start_thread(void)
{
	struct thread_attr attr = {
		.stack_bytes = STACK_BYTES,
		.policy = THREAD_FIFO,
		.priority = THREAD_PRIORITY_MAX,
		.affinity = 1,
		.name = "vCPUs",
	};
	int error;

	attr.fpu_area = heap_alloc_aligned(FPU_STATE_ALIGN, thread_fpu_bytes());
	if (!attr.fpu_area)
		return -ENOMEM;
	error = vm_alloc(STACK_BYTES, 0, PT_PROT_READ | PT_PROT_WRITE, "vCPUs stack", &attr.stack);
	if (!error)
		error = thread_create(&thread, &attr, follow_all, NULL);
	if (!error)
		thread_start(&thread);
	return error;
}

void core_smp_follow(void)
{
	int error = start_thread();

	if (error) {
		log_error("cpu: one vCPU only: error %d", error);
		return;
	}
	/* The watch fires once when it is set. Without xenstore all vCPUs are wanted. */
	if (xenstore_watch_add(&watch))
		note_change();
	(void)waitq_wait(&queue, READ_ONCE(is_settled), TIME_NEVER, false);
}
