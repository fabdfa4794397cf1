/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live target at a domain that is played: what it refuses, what it does when the domain goes
 * away under it, and that it can be killed at each of its calls without a trace in the guest.
 * Links: duster/target/live.c duster/target/live_break.c duster/target/live_glance.c
 * Links: duster/target/live_guard.c duster/target/live_condition.c duster/target/live_echo.c
 * Links: duster/target/live_run.c duster/target/live_vectors.c duster/target/target.c
 * Links: duster/target/walk.c duster/target/xen_regs.c duster/util/map.c duster/util/problem.c
 * Links: test/host/duster/target/fake_xen.c
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duster/util/privileges.h"
#include "test/host/check_main.h"
#include "test/host/duster/target/fake_xen.h"

#define HERE      (FAKE_CODE + 10)
#define THERE     (FAKE_CODE + 20)
#define CALLS_MAX 2000u

static const struct live_stub stub = {
	.block = FAKE_BLOCK, .start = FAKE_STUB, .end = FAKE_STUB + 100};
static char locks[] = "/tmp/duster-locks-XXXXXX";
static struct problem problem;

/* Of duster/util: the guardian of a test has nothing to give up. */
int privileges_drop(const char *user, bool reads, struct problem *its_problem)
{
	(void)user;
	(void)reads;
	(void)its_problem;
	return 0;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(locks));
	live_locks = locks;
	problem = (struct problem){.column = -1};
	fake_xen_start();
	fake->debugger_pid = getpid();
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", locks);
	(void)!system(command);
}

static struct target *attach(unsigned int flags)
{
	struct target *target = NULL;

	ck_assert_msg(live_open(FAKE_DOMID, flags, &target, &problem) == 0, "%s", problem.text);
	return target;
}

/* The guest is as it was, and runs. */
static void check_untouched(const char *when, unsigned int call)
{
	const struct block *block = (const struct block *)fake_memory(FAKE_BLOCK);

	fake_run();
	fake_run();
	ck_assert_msg(!fake->crashed, "%s %u: the guest has crashed", when, call);
	ck_assert_msg(fake->pauses == 0, "%s %u: %d pauses", when, call, fake->pauses);
	ck_assert_msg(block->port == 0, "%s %u: a debugger in the block", when, call);
	ck_assert_msg(block->condition == 0, "%s %u: a condition in the block", when, call);
	for (unsigned int i = 0; i < FAKE_CODE_BYTES; i++)
		ck_assert_msg(*fake_memory(FAKE_CODE + i) == 0x90, "%s %u: code at %u", when, call,
			      i);
	for (unsigned int v = 0; v < FAKE_VCPUS; v++) {
		const vcpu_guest_context_t *context = &fake->contexts[v].c;

		ck_assert_msg(fake->in_slot[v] < 0, "%s %u: vCPU %u in the stub", when, call, v);
		ck_assert_msg(context->flags & VGCF_online, "%s %u: vCPU %u is off", when, call, v);
		ck_assert_msg(!(context->user_regs.rflags & 0x100), "%s %u: TF", when, call);
		ck_assert_msg(context->debugreg[7] == 0 && context->debugreg[0] == 0,
			      "%s %u: debug registers", when, call);
		for (unsigned int i = 0; i < FAKE_YMM_BYTES; i++)
			ck_assert_msg(fake->ymm[v][i] == 0xa0 + v, "%s %u: ymm of vCPU %u", when,
				      call, v);
	}
}

/* A bit of everything. Its asserts hold when nobody is killed. */
static void debug(void)
{
	struct target *target = attach(0);
	struct target_event event = {0};
	struct regs regs = {0};
	uint64_t word = 0;

	ck_assert_int_eq(live_arm(target, &stub, &problem), 0);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), 0);
	ck_assert_int_eq(target_break_set(target, THERE, &problem), 0);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, FAKE_STACK, 8), 0);
	ck_assert_int_eq(target_read(target, 0, FAKE_CODE + 8, &word, 8), 0);
	ck_assert_uint_eq(word, 0x9090909090909090); /* breakpoints are not shown */
	ck_assert_int_eq(target_resume(target), 0);
	ck_assert_int_eq(target_wait(target, 1000, &event), 0);
	ck_assert_int_eq(event.kind, TARGET_EVENT_BREAKPOINT);
	ck_assert_uint_eq(event.addr, HERE);
	ck_assert_int_eq(target_regs_get(target, event.vcpu, &regs), 0);
	regs.value[CPU_RAX] = 77;
	ck_assert_int_eq(target_regs_set(target, event.vcpu, &regs), 0);
	ck_assert_int_eq(target_step(target, event.vcpu, &event), 0);
	ck_assert_int_eq(event.kind, TARGET_EVENT_STEP);
	ck_assert_uint_eq(event.addr, HERE + 1);
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(target_resume(target), 0);
		ck_assert_int_eq(target_wait(target, 1000, &event), 0);
		ck_assert_int_eq(event.kind, TARGET_EVENT_BREAKPOINT);
	}
	ck_assert_int_eq(target_break_clear(target, HERE), 0);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, 0, 0), 0);
	target_close(target);
}

START_TEST(everything_is_undone)
{
	debug();
	ck_assert(fake->calls > 50 && fake->calls < CALLS_MAX);
	check_untouched("closed", fake->calls);
	ck_assert(fake->contexts[0].c.user_regs.rax == 77 ||
		  fake->contexts[1].c.user_regs.rax == 77);
}
END_TEST

/* The lock is the guardian's too: when it is free, the guardian is done. */
static void wait_for_guardian(void)
{
	struct target *target = attach(LIVE_RUNNING | LIVE_WAIT);

	target_close(target);
}

/* A debugger that is killed at its n-th call, for each n from `first` on in steps. */
static void kill_at_each(const char *when, unsigned int first, bool guardian_too,
			 void (*after)(unsigned int call))
{
	unsigned int call = first;
	int status = 0;

	for (;; call += 3) {
		pid_t child;

		fake_xen_start();
		fake->die_at = call;
		fake->guardian_too = guardian_too;
		child = fork();
		if (child == 0) {
			fake->debugger_pid = getpid();
			debug();
			_exit(0);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		fake->die_at = 0;
		fake->debugger_pid = getpid();
		if (!WIFSIGNALED(status))
			break;
		test_require(call < CALLS_MAX);
		after(call);
		check_untouched(when, call);
	}
	/* It was never killed: so many calls there are. */
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ck_assert(call > 50);
}

static void by_guardian(unsigned int call)
{
	(void)call;
	wait_for_guardian();
}

START_TEST(killed_anywhere_the_guardian_mends)
{
	for (unsigned int first = 1; first <= 3; first++)
		kill_at_each("killed alone", first, false, by_guardian);
}
END_TEST

/* A process that was killed is not gone at once, and the lock with it. */
static void wait_for_lock(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%032d", locks, 0); /* of the domain's UUID */
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return; /* killed before it was made */
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	close(fd);
}

static void by_recover(unsigned int call)
{
	unsigned int undone;

	(void)call;
	wait_for_lock();
	ck_assert_msg(live_recover(FAKE_DOMID, &stub, false, &undone, &problem) == 0, "%s",
		      problem.text);
}

START_TEST(killed_anywhere_with_its_guardian_recover_mends)
{
	for (unsigned int first = 1; first <= 3; first++)
		kill_at_each("recovered", first, true, by_recover);
}
END_TEST

static void by_next(unsigned int call)
{
	struct target *target;

	wait_for_lock();
	target = attach(0);
	ck_assert_msg(live_mend(target, &stub, &problem) == 0, "%s", problem.text);
	for (unsigned int i = 0; i < FAKE_CODE_BYTES; i++)
		ck_assert_uint_eq(*fake_memory(FAKE_CODE + i), 0x90);
	ck_assert_msg(fake->pauses == 1, "call %u: %d pauses", call, fake->pauses);
	ck_assert_msg(live_arm(target, &stub, &problem) == 0, "%s", problem.text);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), 0);
	target_close(target);
}

/* Each call: what one of them leaves is not what the next one leaves. */
START_TEST(killed_anywhere_with_its_guardian_the_next_debugger_mends)
{
	for (unsigned int first = 1; first <= 3; first++)
		kill_at_each("attached again", first, true, by_next);
}
END_TEST

/* ---- Bad input ---- */

static void check_refused(unsigned int domid, int error, const char *words)
{
	struct target *target;

	problem.text[0] = '\0';
	ck_assert_int_eq(live_open(domid, 0, &target, &problem), error);
	ck_assert_msg(strstr(problem.text, words) != NULL, "%s", problem.text);
	ck_assert_int_eq(fake->pauses, 0);
}

START_TEST(what_cannot_be_attached_to)
{
	struct target *target;
	unsigned int domid;

	check_refused(77, -ENOENT, "no domain 77");
	check_refused(0, -EINVAL, "dom0 cannot stop itself");
	fake->is_hvm = true;
	check_refused(FAKE_DOMID, -EINVAL, "not paravirtualised");
	fake->is_hvm = false;
	fake->refuses = true;
	check_refused(FAKE_DOMID, -EPERM, "as root");
	ck_assert_int_eq(live_find_domain("guest", &domid, &problem), -EPERM);
	fake->refuses = false;
	ck_assert_int_eq(live_find_domain("no-such", &domid, &problem), -ENOENT);
	ck_assert_int_eq(live_find_domain("", &domid, &problem), -ENOENT);
	ck_assert_int_eq(live_find_domain("5", &domid, &problem), 0);
	ck_assert_int_eq(live_find_domain("guest", &domid, &problem), 0);
	ck_assert_uint_eq(domid, FAKE_DOMID);
	target = attach(0);
	problem.text[0] = '\0';
	{
		struct target *second;

		ck_assert_int_eq(live_open(FAKE_DOMID, 0, &second, &problem), -EBUSY);
		ck_assert_msg(strstr(problem.text, "another debugger") != NULL, "%s", problem.text);
	}
	ck_assert_int_eq(fake->pauses, 1);
	target_close(target);
	check_untouched("refused", 0);
}
END_TEST

START_TEST(a_guest_without_a_stub_can_be_looked_at)
{
	struct live_stub nothing = {0}, odd = {.block = FAKE_BLOCK + 8, .start = 1, .end = 2},
			 elsewhere = {.block = 0x1000, .start = 1, .end = 2};
	struct target *target = attach(0);
	struct block *block = (struct block *)fake_memory(FAKE_BLOCK);
	struct target_event event;
	struct regs regs = {0};
	uint8_t byte;

	ck_assert_int_eq(live_arm(target, &nothing, &problem), -EOPNOTSUPP);
	ck_assert_int_eq(live_arm(target, &odd, &problem), -EOPNOTSUPP);
	ck_assert_int_eq(live_arm(target, &elsewhere, &problem), -EFAULT);
	block->magic = 12345;
	ck_assert_int_eq(live_arm(target, &stub, &problem), -EINVAL);
	ck_assert_uint_eq(block->magic, 12345);
	block->magic = 0;
	ck_assert_int_eq(target_regs_get(target, 1, &regs), 0);
	ck_assert_uint_eq(regs.value[CPU_RIP], FAKE_CODE + 1);
	ck_assert_int_eq(target_read(target, 0, FAKE_CODE, &byte, 1), 0);
	ck_assert_int_eq(target_read(target, 0, 0, &byte, 1), -EFAULT);
	ck_assert_int_eq(target_read(target, 0, FAKE_STACK + 2 * PAGE_BYTES - 1, &byte, 1),
			 -EFAULT);
	ck_assert_int_eq(target_write(target, 0, 0xdead000, &byte, 1), -EFAULT);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), -EOPNOTSUPP);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, FAKE_STACK, 8), -EOPNOTSUPP);
	ck_assert_int_eq(target_step(target, 0, &event), -EOPNOTSUPP);
	target_close(target);
	check_untouched("looked at", 0);
}
END_TEST

START_TEST(breakpoints_stand_in_code_alone)
{
	struct target *target = attach(0);

	ck_assert_int_eq(live_arm(target, &stub, &problem), 0);
	ck_assert_int_eq(target_break_set(target, FAKE_STUB + 5, &problem), -EPERM);
	ck_assert_int_eq(target_break_set(target, 0x1234, &problem), -EFAULT);
	ck_assert_int_eq(target_watch_set(target, 4, WATCH_WRITE, FAKE_STACK, 8), -EINVAL);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, FAKE_STACK + 1, 8), -EINVAL);
	ck_assert_int_eq(target_watch_set(target, 0, WATCH_WRITE, FAKE_STACK, 3), -EINVAL);
	for (unsigned int i = 0; i < JOURNAL_MAX; i++)
		ck_assert_int_eq(target_break_set(target, FAKE_CODE + i, &problem), 0);
	ck_assert_int_eq(target_break_set(target, FAKE_CODE + JOURNAL_MAX, &problem), -ENOSPC);
	ck_assert_int_eq(target_break_clear(target, FAKE_CODE + JOURNAL_MAX), -ENOENT);
	target_close(target);
	check_untouched("full", 0);
}
END_TEST

/* The domain ends, crashes, is suspended, while the debugger waits for it. */
static void end_while_attached(void (*end)(void), enum target_event_kind kind)
{
	struct target *target = attach(0);
	struct target_event event;
	struct regs regs;
	uint8_t byte;

	ck_assert_int_eq(live_arm(target, &stub, &problem), 0);
	ck_assert_int_eq(target_break_set(target, FAKE_CODE + 60, &problem), 0);
	fake->contexts[0].c.flags = fake->contexts[1].c.flags = 0; /* nobody gets there */
	ck_assert_int_eq(target_resume(target), 0);
	end();
	ck_assert_int_eq(target_wait(target, 10, &event), 0);
	ck_assert_int_eq(event.kind, kind);
	if (kind == TARGET_EVENT_ENDED && fake->is_gone) {
		ck_assert_int_eq(target_regs_get(target, 0, &regs), -ENODEV);
		ck_assert_int_eq(target_read(target, 0, FAKE_CODE, &byte, 1), -ENODEV);
		ck_assert_int_eq(target_resume(target), -ENODEV);
		ck_assert_int_eq(target_wait(target, 10, &event), -ENODEV);
	}
	target_close(target);
}

static void destroy(void)
{
	fake->is_gone = true;
}

static void shut_down(void)
{
	fake->shutdown = true;
	fake->shutdown_reason = SHUTDOWN_poweroff;
}

static void crash(void)
{
	fake->shutdown = true;
	fake->shutdown_reason = SHUTDOWN_crash;
}

START_TEST(a_guest_that_goes_away)
{
	end_while_attached(destroy, TARGET_EVENT_ENDED);
	fake_xen_start();
	fake->debugger_pid = getpid();
	end_while_attached(shut_down, TARGET_EVENT_ENDED);
	ck_assert_uint_eq(*fake_memory(FAKE_CODE + 60), 0x90);
	fake_xen_start();
	fake->debugger_pid = getpid();
	end_while_attached(crash, TARGET_EVENT_CRASHED);
	ck_assert_uint_eq(*fake_memory(FAKE_CODE + 60), 0x90);
	ck_assert_int_eq(fake->pauses, 0);
}
END_TEST

START_TEST(a_guest_that_is_saved_is_let_go_of)
{
	struct target *target = attach(0);
	struct target_event event = {0};
	struct live *live = (struct live *)target;

	ck_assert_int_eq(live_arm(target, &stub, &problem), 0);
	ck_assert_int_eq(target_break_set(target, FAKE_CODE + 60, &problem), 0);
	fake->suspend_wanted = true;
	ck_assert(live_look_for_suspend(live, &event));
	ck_assert_int_eq(event.kind, TARGET_EVENT_SUSPENDED);
	check_untouched("saved", 0);
	ck_assert_int_eq(target_resume(target), -ENODEV);
	target_close(target);
	check_untouched("saved and closed", 0);
}
END_TEST

/* A nop and a jump behind the original. */
static int displace_nop(const uint8_t *code, uint64_t from, uint64_t to, struct displaced *out)
{
	uint64_t next = from + 1 == FAKE_CODE + FAKE_CODE_BYTES ? FAKE_CODE : from + 1;

	(void)to;
	if (code[0] != 0x90)
		return -EOPNOTSUPP;
	*out = (struct displaced){.code = {0x90, FAKE_JUMP}, .done = 1, .next = next};
	memcpy(out->code + 2, &next, sizeof(next));
	return 0;
}

static unsigned int glances, glances_false;

static bool is_false(void *context, const struct regs *regs)
{
	uint64_t word = 0;

	/* Memory can be read, and nobody was paused for it. */
	ck_assert_int_eq(target_read(context, 0, FAKE_CODE + 8, &word, 8), 0);
	ck_assert_uint_eq(word, 0x9090909090909090);
	ck_assert_int_eq(fake->pauses, 0);
	ck_assert(regs->value[CPU_RIP] == HERE && regs_known(regs, CPU_RAX));
	ck_assert(!regs_known(regs, CPU_FS_BASE));
	return glances++ < glances_false;
}

START_TEST(a_glance_stops_nobody)
{
	struct live_stub displacing = stub;
	struct target *target = attach(0);
	struct target_event event;
	unsigned int pauses;

	displacing.hypercall_page = FAKE_COPIES;
	displacing.displace = displace_nop;
	ck_assert_int_eq(live_arm(target, &displacing, &problem), 0);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), 0);
	glances_false = 1000;
	target->glance = is_false;
	target->glance_context = target;
	ck_assert_int_eq(target_resume(target), 0);
	pauses = fake->pauses_made;
	for (unsigned int i = 0; i < 100; i++) {
		ck_assert_int_eq(target_wait(target, 0, &event), 0);
		ck_assert_int_eq(event.kind, TARGET_EVENT_NONE);
		fake_run(); /* past the breakpoint, and to it again */
	}
	ck_assert_uint_ge(glances, 100);
	ck_assert_uint_eq(fake->pauses_made, pauses);
	/* True at last: all stands still. */
	glances_false = 0;
	ck_assert_int_eq(target_wait(target, 1000, &event), 0);
	ck_assert_int_eq(event.kind, TARGET_EVENT_BREAKPOINT);
	ck_assert_uint_eq(event.addr, HERE);
	ck_assert_int_eq(fake->pauses, 1);
	target_close(target);
	check_untouched("glanced at", 0);
}
END_TEST

static uint64_t copy_of(struct target *target, uint64_t addr)
{
	uint64_t to = 0;

	ck_assert_int_eq(target_break_set(target, addr, &problem), 0);
	(void)live_displaced(live_of(target), addr, &to);
	ck_assert_int_eq(target_break_clear(target, addr), 0);
	return to;
}

/* A thread may sleep in one of them for long: another breakpoint, or another debugger, does not
 * change it. */
START_TEST(a_copy_stays_what_it_is)
{
	struct live_stub displacing = stub;
	const uint64_t copies = FAKE_COPIES + 56 * DISPLACED_BYTES;
	uint8_t before[DISPLACED_BYTES];
	struct target *target;

	displacing.hypercall_page = FAKE_COPIES;
	displacing.displace = displace_nop;
	for (unsigned int round = 0; round < 3; round++) {
		target = attach(0);
		ck_assert_int_eq(live_arm(target, &displacing, &problem), 0);
		ck_assert_uint_eq(copy_of(target, HERE), copies);
		if (!round)
			memcpy(before, fake_memory(copies), sizeof(before));
		ck_assert_uint_eq(copy_of(target, THERE), copies + DISPLACED_BYTES);
		ck_assert_uint_eq(copy_of(target, HERE), copies);
		ck_assert_mem_eq(before, fake_memory(copies), sizeof(before));
		target_close(target);
	}
	/* Until there is no place left: then they are lifted for a step. */
	target = attach(0);
	ck_assert_int_eq(live_arm(target, &displacing, &problem), 0);
	for (unsigned int i = 0; i < FAKE_CODE_BYTES; i++)
		(void)copy_of(target, FAKE_CODE + i);
	ck_assert_uint_eq(copy_of(target, HERE), copies);
	ck_assert_mem_eq(before, fake_memory(copies), sizeof(before));
	ck_assert_uint_eq(copy_of(target, FAKE_CODE + FAKE_CODE_BYTES - 1), 0);
	ck_assert_uint_eq(*fake_memory(copies + JOURNAL_MAX * DISPLACED_BYTES), 0);
	target_close(target);
	check_untouched("copied", 0);
}
END_TEST

/* ---- Conditions the guest evaluates ---- */

/* As debug.S calls it. True: the vCPU goes on, from *rip. */
static bool run_program(uint64_t *rip, uint64_t rax)
{
	uint64_t at = ((const struct block *)fake_memory(FAKE_BLOCK))->condition;
	uint64_t *words, changed;
	uint8_t *pages, carry;

	pages = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(pages != MAP_FAILED);
	ck_assert_uint_eq(at, FAKE_COPIES + 3584);
	memcpy(pages, fake_memory(at), 512);
	words = (uint64_t *)(pages + PAGE_BYTES + 1024);
	words[LIVE_FRAME_RIP] = *rip;
	words[0] = rax;
	changed = (uintptr_t)words;
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "leaq -8(%%rdi), %%rsp\n\t"
			 "call *%[code]\n\t"
			 "setc %%al\n\t"
			 "movq %%rbx, %%rsp"
			 : "=a"(carry), "+D"(changed)
			 : [code] "r"(pages)
			 : "rbx", "rcx", "rdx", "memory", "cc");
	ck_assert_uint_eq(changed, (uintptr_t)words);
	*rip = words[LIVE_FRAME_RIP];
	munmap(pages, 2 * PAGE_BYTES);
	return carry;
}

static bool nothing(void *context, const struct regs *regs)
{
	(void)context;
	(void)regs;
	return false;
}

/* The word at rdi: mov (%rdi), %rax */
static const uint8_t first_word[] = {0x48, 0x8b, 0x07};
/* Its opposite: mov (%rdi), %rax; xor $1, %rax */
static const uint8_t not_first_word[] = {0x48, 0x8b, 0x07, 0x48, 0x83, 0xf0, 0x01};

static struct target *with_conditions(void)
{
	struct live_stub displacing = stub;
	struct target *target = attach(0);

	displacing.hypercall_page = FAKE_COPIES;
	displacing.displace = displace_nop;
	ck_assert_int_eq(live_arm(target, &displacing, &problem), 0);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), 0);
	ck_assert_int_eq(target_break_set(target, THERE, &problem), 0);
	/* Nobody runs on his own. */
	fake->contexts[0].c.flags = fake->contexts[1].c.flags = 0;
	return target;
}

/* The guest is let go, and stopped again. */
static uint64_t condition_while_running(struct target *target)
{
	struct target_event event;
	uint64_t condition;

	ck_assert_int_eq(target_resume(target), 0);
	ck_assert_int_eq(target_wait(target, 0, &event), 0);
	condition = ((const struct block *)fake_memory(FAKE_BLOCK))->condition;
	ck_assert_int_eq(target_pause(target), 0);
	return condition;
}

START_TEST(the_guest_evaluates_conditions)
{
	struct target *target = with_conditions();
	const uint64_t copies = FAKE_COPIES + 56 * 32, program = FAKE_COPIES + 3584;
	uint64_t rip;

	target_condition_set(target, HERE, first_word, sizeof(first_word));
	ck_assert_uint_eq(condition_while_running(target), 0); /* each stop is wanted */
	target->glance = nothing;
	ck_assert_uint_eq(condition_while_running(target), program);
	rip = HERE;
	ck_assert(run_program(&rip, 0));
	ck_assert_uint_eq(rip, copies);
	rip = HERE;
	ck_assert(!run_program(&rip, 5));
	ck_assert_uint_eq(rip, HERE);
	rip = THERE; /* has none */
	ck_assert(!run_program(&rip, 0));
	ck_assert_uint_eq(rip, THERE);
	/* Two, and one of them is another then. */
	target_condition_set(target, THERE, not_first_word, sizeof(not_first_word));
	ck_assert_uint_eq(condition_while_running(target), program);
	rip = THERE;
	ck_assert(!run_program(&rip, 0));
	ck_assert(run_program(&rip, 1));
	ck_assert_uint_eq(rip, copies + 32);
	rip = HERE;
	ck_assert(run_program(&rip, 0));
	target_condition_set(target, HERE, not_first_word, sizeof(not_first_word));
	ck_assert_uint_eq(condition_while_running(target), program);
	rip = HERE;
	ck_assert(!run_program(&rip, 0));
	/* A breakpoint that is set anew has none. */
	ck_assert_int_eq(target_break_clear(target, HERE), 0);
	ck_assert_int_eq(target_break_set(target, HERE, &problem), 0);
	ck_assert_uint_eq(condition_while_running(target), program);
	rip = HERE;
	ck_assert(!run_program(&rip, 1));
	target_condition_set(target, THERE, NULL, 0);
	ck_assert_uint_eq(condition_while_running(target), 0);
	target_close(target);
}
END_TEST

START_TEST(conditions_are_off_when_each_hit_counts)
{
	struct target *target = with_conditions();
	const uint64_t program = FAKE_COPIES + 3584;

	target->glance = nothing;
	target_condition_set(target, HERE, first_word, sizeof(first_word));
	ck_assert_uint_eq(condition_while_running(target), program);
	target->glance = NULL; /* a step over a call, say */
	ck_assert_uint_eq(condition_while_running(target), 0);
	target->glance = nothing;
	ck_assert_uint_eq(condition_while_running(target), program);
	/* A debug register would see it read. */
	ck_assert_int_eq(target_watch_set(target, 1, WATCH_ACCESS, FAKE_STACK, 8), 0);
	ck_assert_uint_eq(condition_while_running(target), 0);
	ck_assert_int_eq(target_watch_set(target, 1, WATCH_ACCESS, 0, 0), 0);
	ck_assert_uint_eq(condition_while_running(target), program);
	target_close(target);
	ck_assert_uint_eq(((const struct block *)fake_memory(FAKE_BLOCK))->condition, 0);
}
END_TEST

/* Nobody pulls code away from under a vCPU. */
START_TEST(a_condition_that_runs_is_left_alone)
{
	struct target *target = with_conditions();
	const uint64_t program = FAKE_COPIES + 3584;
	uint8_t before[512];

	target->glance = nothing;
	target_condition_set(target, HERE, first_word, sizeof(first_word));
	ck_assert_uint_eq(condition_while_running(target), program);
	memcpy(before, fake_memory(program), sizeof(before));
	fake->contexts[1].c.user_regs.rip = program + 7;
	target_condition_set(target, HERE, not_first_word, sizeof(not_first_word));
	ck_assert_uint_eq(condition_while_running(target), 0);
	ck_assert_mem_eq(before, fake_memory(program), sizeof(before));
	/* When it is out of it. */
	fake->contexts[1].c.user_regs.rip = FAKE_CODE;
	ck_assert_uint_eq(condition_while_running(target), program);
	ck_assert_mem_ne(before, fake_memory(program), sizeof(before));
	target_close(target);
}
END_TEST

/* More than there is room for: those that fit, each as a whole. */
START_TEST(conditions_that_do_not_fit_are_left_out)
{
	struct target *target = with_conditions();
	uint8_t code[TARGET_CONDITION_BYTES];
	uint64_t rip;

	memset(code, 0x90, sizeof(code));
	memcpy(code, first_word, sizeof(first_word));
	target->glance = nothing;
	for (unsigned int i = 0; i < 5; i++) {
		ck_assert_int_eq(target_break_set(target, FAKE_CODE + 2 * i, &problem), 0);
		target_condition_set(target, FAKE_CODE + 2 * i, code, sizeof(code));
	}
	ck_assert_uint_eq(condition_while_running(target), FAKE_COPIES + 3584);
	for (unsigned int i = 0; i < 5; i++) {
		rip = FAKE_CODE + 2 * i;
		ck_assert_int_eq(run_program(&rip, 0), i < 2);
		rip = FAKE_CODE + 2 * i;
		ck_assert(!run_program(&rip, 1));
	}
	target_condition_set(target, FAKE_CODE, code, sizeof(code) + 1); /* refused */
	target_condition_set(target, 0x1234, code, 1);                   /* no breakpoint */
	target_close(target);
	ck_assert_uint_eq(((const struct block *)fake_memory(FAKE_BLOCK))->condition, 0);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("duster/live");
	TCase *tests = tcase_create("live");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 600);
	tcase_add_test(tests, everything_is_undone);
	tcase_add_test(tests, killed_anywhere_the_guardian_mends);
	tcase_add_test(tests, killed_anywhere_with_its_guardian_recover_mends);
	tcase_add_test(tests, killed_anywhere_with_its_guardian_the_next_debugger_mends);
	tcase_add_test(tests, a_glance_stops_nobody);
	tcase_add_test(tests, a_copy_stays_what_it_is);
	tcase_add_test(tests, the_guest_evaluates_conditions);
	tcase_add_test(tests, conditions_are_off_when_each_hit_counts);
	tcase_add_test(tests, a_condition_that_runs_is_left_alone);
	tcase_add_test(tests, conditions_that_do_not_fit_are_left_out);
	tcase_add_test(tests, what_cannot_be_attached_to);
	tcase_add_test(tests, a_guest_without_a_stub_can_be_looked_at);
	tcase_add_test(tests, breakpoints_stand_in_code_alone);
	tcase_add_test(tests, a_guest_that_goes_away);
	tcase_add_test(tests, a_guest_that_is_saved_is_let_go_of);
	suite_add_tcase(suite, tests);
	return suite;
}
