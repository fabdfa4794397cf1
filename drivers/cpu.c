/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/cpu.h"

#include "arch/x86_64/fpu.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/thread.h"
#include "core/time.h"
#include "core/vm.h"
#include "core/wait.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define STACK_BYTES 16384U
#define ANSWER_NS   (10 * NS_PER_S)

static struct thread thread;
static struct waitq queue; /* both of: */
static bool is_due;        /* something below `cpu` changed */
static bool is_settled;    /* what was wanted at first is done */

/* The toolstack's word on each vCPU. All are asked for at once: a reply takes dom0 a while. */
static struct {
	struct xenstore_request request;
	char value[16];
} wishes[VCPUS_MAX];

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

static void answered(struct xenstore_request *request)
{
	(void)request;
	waitq_wake_all(&queue);
}

static bool is_answered(unsigned int id)
{
	return __atomic_load_n(&wishes[id].request.completed, __ATOMIC_ACQUIRE);
}

static void ask(unsigned int id)
{
	struct xenstore_request *request = &wishes[id].request;
	char path[32];
	int length = format_text(path, sizeof(path), "cpu/%u/availability", id), error;

	*request = (struct xenstore_request){
		.reply = wishes[id].value,
		.reply_max = sizeof(wishes[id].value),
		.done = answered,
	};
	error = xenstore_submit(request, XS_READ, path, (size_t)length + 1);
	/* No room for it: then it is asked for alone. */
	if (error == -EAGAIN)
		error = xenstore_read(0, path, request->reply, request->reply_max);
	else if (!error)
		return;
	request->result = error;
	request->completed = true;
}

static void wait_for_answer(unsigned int id)
{
	struct xenstore_request *request = &wishes[id].request;

	if (waitq_wait(&queue, is_answered(id), time_monotonic_ns() + ANSWER_NS, false) == 0)
		return;
	if (xenstore_cancel(request))
		request->result = -ETIMEDOUT;
	else
		/* It just came. */
		(void)waitq_wait(&queue, is_answered(id), TIME_NEVER, false);
}

/* What nobody says anything about should be up. Anything but the two words changes nothing: the
 * next change of what is below `cpu` asks again. */
static bool should_be_up(unsigned int id)
{
	int error = wishes[id].request.result;
	const char *value = wishes[id].value;

	if (error == -ENOENT || error == -ENODEV || (!error && strcmp(value, "online") == 0))
		return true;
	if (!error && strcmp(value, "offline") == 0)
		return false;
	if (error)
		log_warn("cpu: whether vCPU %u should be up cannot be read: error %d", id, error);
	else
		log_warn("cpu: vCPU %u should be \"%s\": not known", id, value);
	return smp_online() >> id & 1;
}

static void follow(unsigned int id, bool up)
{
	int error = up ? smp_vcpu_up(id) : smp_vcpu_down(id);

	if (error)
		log_error("cpu: vCPU %u cannot go %s: error %d", id, up ? "up" : "down", error);
	else
		log_info("cpu: vCPU %u is %s", id, up ? "up" : "down");
}

/* Asks for all, starts all that come, and only then waits for each. */
static void follow_all(void)
{
	uint64_t others = smp_possible() & ~1ULL, before = smp_online(), up = 0;

	for (uint64_t left = others; left; left &= left - 1)
		ask((unsigned int)__builtin_ctzll(left));
	for (uint64_t left = others; left; left &= left - 1) {
		unsigned int id = (unsigned int)__builtin_ctzll(left);

		wait_for_answer(id);
		if (!should_be_up(id))
			continue;
		up |= 1ULL << id;
		/* What goes wrong is said when it is waited for. */
		(void)smp_vcpu_start(id);
	}
	for (uint64_t left = others & (before ^ up); left; left &= left - 1) {
		unsigned int id = (unsigned int)__builtin_ctzll(left);

		follow(id, up >> id & 1);
	}
}

static _Noreturn void serve(void *arg)
{
	(void)arg;
	for (;;) {
		(void)waitq_wait(&queue, READ_ONCE(is_due), TIME_NEVER, false);
		WRITE_ONCE(is_due, false);
		follow_all();
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
	if (error) {
		heap_free(attr.fpu_area);
		return error;
	}
	error = thread_create(&thread, &attr, serve, NULL);
	if (error) {
		vm_free(attr.stack);
		heap_free(attr.fpu_area);
		return error;
	}
	thread_start(&thread);
	return 0;
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
