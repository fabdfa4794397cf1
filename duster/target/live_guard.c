/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaving no trace: arming, undoing, and the guardian, a process that does nothing until its pipe
 * closes without a word, which means that the debugger was killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "duster/target/live_parts.h"
#include "duster/util/privileges.h"

#define UNPAUSES_MAX 16u

/* What the debugger tells its guardian. */
enum guard_word {
	GUARD_ARMED,    /* from now on the block says what is to be undone */
	GUARD_FAREWELL, /* nothing is left to do */
};

struct guard_message {
	uint32_t word;
	struct live_stub stub;
};

static int tell_guardian(struct live *live, enum guard_word word)
{
	struct guard_message message = {.word = word, .stub = live->stub};

	if (live->guardian_fd < 0 ||
	    write(live->guardian_fd, &message, sizeof(message)) != sizeof(message))
		return -EPIPE;
	return 0;
}

void live_note_pause(struct live *live, bool paused)
{
	char mark = paused ? 'P' : '-';

	if (live->lock_fd >= 0 && pwrite(live->lock_fd, &mark, 1, 0) != 1)
		return; /* then a killed debugger may leave the domain paused: no reason not to
			   debug */
}

bool live_pause_noted(struct live *live)
{
	char mark = '-';

	return live->lock_fd >= 0 && pread(live->lock_fd, &mark, 1, 0) == 1 && mark == 'P';
}

/* ---- Undoing ---- */

static int clear_watches(struct live *live, unsigned int *undone)
{
	uint32_t flags;
	int error = live_block_read(live, BLOCK_AT(live, flags), &flags, sizeof(flags));

	if (error || !(flags & BLOCK_WATCH))
		return error;
	memset(live->watches, 0, sizeof(live->watches));
	*undone += 1;
	return live_apply_watches(live);
}

static int clear_stepping(struct live *live, unsigned int *undone)
{
	uint64_t stepping, none = 0;
	int error = live_block_read(live, BLOCK_AT(live, stepping), &stepping, sizeof(stepping));

	if (error || !stepping || stepping > live->target.vcpus_count)
		return error;
	*undone += 1;
	error = live_clear_step(live, (unsigned int)stepping - 1);
	return error ? error : live_write_raw(live, 0, BLOCK_AT(live, stepping), &none, 8);
}

int live_undo(struct live *live, unsigned int *undone)
{
	int error = live_op_pause(&live->target), next;
	uint64_t none = 0;

	if (error)
		return error;
	error = live_scan(live);
	next = live_write_raw(live, 0, BLOCK_AT(live, condition), &none, sizeof(none));
	error = error ? error : next;
	next = live_remove_all(live, undone);
	error = error ? error : next;
	next = clear_stepping(live, undone);
	error = error ? error : next;
	next = live_thaw(live);
	error = error ? error : next;
	next = clear_watches(live, undone);
	error = error ? error : next;
	next = live_release_slots(live, undone);
	error = error ? error : next;
	/* A vCPU between a breakpoint and the stub finds no port, and no breakpoint: it goes back.
	 */
	next = live_block_write32(live, BLOCK_AT(live, port), 0);
	error = error ? error : next;
	next = live_unpause(live);
	return error ? error : next;
}

/* The pause of a debugger that is dead: it belongs to no process. */
static void unpause_left(struct live *live, uint32_t flags, unsigned int *undone)
{
	xc_dominfo_t info;

	if (!(flags & BLOCK_PAUSED))
		return;
	for (unsigned int i = 0; i < UNPAUSES_MAX; i++) {
		if (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 ||
		    info.domid != live->domid || !info.paused)
			return;
		if (xc_domain_unpause(live->xc, live->domid))
			return;
		*undone += 1;
	}
}

static int recover_with(struct live *live, unsigned int *undone, struct problem *problem)
{
	struct block block;
	xc_dominfo_t info;
	int error;

	*undone = 0;
	/* Killed between two calls: the domain is paused still. */
	(void)live_vectors_recover(live);
	if (live_pause_noted(live)) {
		if (xc_domain_unpause(live->xc, live->domid) == 0)
			*undone += 1;
		live_note_pause(live, false);
	}
	if (!live->stub.block)
		return 0;
	if (xc_domain_getinfo(live->xc, live->domid, 1, &info) != 1 || info.domid != live->domid)
		return problem_set(problem, -ENOENT, "the domain is gone");
	live->target.vcpus_count =
		info.max_vcpu_id + 1 < VCPUS_MAX ? info.max_vcpu_id + 1 : VCPUS_MAX;
	error = live_block_read(live, live->stub.block, &block, offsetof(struct block, debug));
	if (error)
		return problem_set(problem, error, "the guest's block cannot be read");
	if (block.magic != BLOCK_MAGIC || (!block.port && !(block.flags & BLOCK_PAUSED)))
		return 0;
	/* Our own pause on top of the one that was left. */
	if (xc_domain_pause(live->xc, live->domid))
		return problem_set(problem, -errno, "the domain cannot be paused");
	live->paused = live->armed = true;
	error = live_undo(live, undone);
	unpause_left(live, block.flags, undone);
	return error ? problem_set(problem, error, "not everything could be undone: %s",
				   strerror(-error))
		     : 0;
}

/* A second set of handles, for the guardian and `duster recover`. */
static struct live *reopen(unsigned int domid, const struct live_stub *stub,
			   struct problem *problem)
{
	struct live *live = calloc(1, sizeof(*live));

	if (!live)
		return NULL;
	live->domid = domid;
	live->stub = *stub;
	live->lock_fd = live->guardian_fd = -1;
	live_init_memory(live);
	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		live->slot_of[i] = -1;
	if (live_open_handles(live, problem)) {
		free(live);
		return NULL;
	}
	return live;
}

/* debugger: holds the lock, and what is kept in its file; NULL: the lock is to be taken; if wait,
 * when whoever has it leaves. */
static int recover_domain(unsigned int domid, const struct live_stub *stub,
			  const struct live *debugger, bool wait, unsigned int *undone_out,
			  struct problem *problem)
{
	struct live *live = reopen(domid, stub, problem);
	int error = 0;

	if (!live)
		return -EPERM;
	if (debugger)
		live->vectors = debugger->vectors;
	else
		error = live_take_lock(live, wait, problem);
	if (!error && !debugger && live_vectors_open(live))
		error = problem_set(problem, -ENOMEM, "out of memory");
	if (!error)
		error = recover_with(live, undone_out, problem);
	live_close_handles(live);
	if (!debugger)
		live_vectors_close(live);
	if (live->lock_fd >= 0)
		close(live->lock_fd);
	free(live);
	return error;
}

int live_recover(unsigned int domid, const struct live_stub *stub, bool wait,
		 unsigned int *undone_out, struct problem *problem)
{
	return recover_domain(domid, stub, NULL, wait, undone_out, problem);
}

/* ---- Arming ---- */

static int open_channel(struct live *live, uint32_t *port, struct problem *problem)
{
	int allocated;

	if (*port) {
		live->local_port = xenevtchn_bind_interdomain(live->events, live->domid, *port);
		if (live->local_port >= 0)
			return 0;
	}
	allocated = xc_evtchn_alloc_unbound(live->xc, live->domid, 0);
	if (allocated < 0)
		return problem_set(problem, -errno, "no event channel: %s", strerror(errno));
	*port = (uint32_t)allocated;
	live->local_port = xenevtchn_bind_interdomain(live->events, live->domid, *port);
	if (live->local_port < 0)
		return problem_set(problem, -errno, "the event channel cannot be bound: %s",
				   strerror(errno));
	return 0;
}

static int write_block(struct live *live, const struct block *block)
{
	/* The port last: with it the stub takes part. */
	int error = live_write_raw(live, 0, live->stub.block, block, offsetof(struct block, port));

	if (!error)
		error = live_block_write32(live, BLOCK_AT(live, flags), block->flags);
	if (!error)
		error = live_block_write32(live, BLOCK_AT(live, kept_port), block->kept_port);
	if (!error)
		error = live_write_raw(live, 0, BLOCK_AT(live, condition), &block->condition,
				       sizeof(block->condition));
	if (!error)
		error = live_block_write32(live, BLOCK_AT(live, port), block->port);
	return error;
}

int live_mend(struct target *target, const struct live_stub *stub, struct problem *problem)
{
	struct live *live = live_of(target);
	struct block block;
	unsigned int undone;
	int error;

	/* What cannot be read, or is not ours, holds nothing that we left. */
	if (!stub->block || live->armed ||
	    live_read_raw(live, 0, stub->block, &block, offsetof(struct block, debug)) ||
	    block.magic != BLOCK_MAGIC || block.version != BLOCK_VERSION ||
	    (!block.port && !(block.flags & BLOCK_PAUSED)))
		return 0;
	/* We hold the lock: whoever this was is dead, and so is its guardian. */
	error = recover_domain(live->domid, stub, live, false, &undone, problem);
	if (!error && live->paused)
		error = live_pause_again(live);
	return error;
}

int live_arm(struct target *target, const struct live_stub *stub, struct problem *problem)
{
	struct live *live = live_of(target);
	struct block block;
	uint32_t port;
	int error;

	if (!stub->block || stub->block % PAGE_BYTES || stub->end <= stub->start)
		return problem_set(problem, -EOPNOTSUPP, "the image has no debugger's stub");
	error = live_mend(target, stub, problem);
	if (error)
		return error;
	live->stub = *stub;
	error = live_block_read(live, stub->block, &block, sizeof(block));
	if (error)
		return problem_set(problem, error, "the guest's block cannot be read");
	if (block.magic != 0 && (block.magic != BLOCK_MAGIC || block.version != BLOCK_VERSION))
		return problem_set(problem, -EINVAL, "the guest's block is of another version");
	port = block.magic == BLOCK_MAGIC ? block.kept_port : 0;
	error = open_channel(live, &port, problem);
	if (error)
		return error;
	block = (struct block){.magic = BLOCK_MAGIC,
			       .version = BLOCK_VERSION,
			       .slots_count = SLOTS_MAX,
			       .port = port,
			       .kept_port = port,
			       .flags = BLOCK_PAUSED};
	error = tell_guardian(live, GUARD_ARMED);
	if (error)
		return problem_set(problem, error, "the guardian process is gone");
	error = write_block(live, &block);
	if (error)
		return problem_set(problem, error, "the guest's block cannot be written");
	live->armed = true;
	live_map_block(live);
	/* From here on the pause stands in the block. */
	live_note_pause(live, false);
	return live_scan(live);
}

int live_release_creator(struct target *target)
{
	struct live *live = live_of(target);

	return xc_domain_unpause(live->xc, live->domid) ? -errno : 0;
}

/* ---- The guardian ---- */

static void be_nobody(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};

	(void)setsid();
	for (unsigned int i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	/* Whoever waits for the end of the debugger's output must not wait for us. */
	for (int i = 0; i < 3; i++)
		(void)dup2(open("/dev/null", O_RDWR), i);
}

/* Until the pipe closes. The lock stays ours too, so that nobody attaches before we are done. */
static _Noreturn void guard(int fd, const struct live *debugger, int ready_fd)
{
	struct live_stub stub = {0};
	struct guard_message message;
	unsigned int undone;
	struct live *live;
	ssize_t count;
	char word;

	be_nobody();
	live = reopen(debugger->domid, &stub, NULL);
	if (live && privileges_drop("nobody", false, NULL) == -ENOENT)
		(void)privileges_drop(NULL, false, NULL);
	word = live ? 'r' : 'f';
	count = write(ready_fd, &word, 1);
	close(ready_fd);
	if (!live || count != 1)
		_exit(1);
	live->lock_fd = debugger->lock_fd;
	live->vectors = debugger->vectors;
	for (;;) {
		count = read(fd, &message, sizeof(message));
		if (count < 0 && errno == EINTR)
			continue;
		if (count != sizeof(message))
			break; /* no word of farewell */
		if (message.word == GUARD_FAREWELL)
			_exit(0);
		live->stub = message.stub;
	}
	(void)recover_with(live, &undone, NULL);
	_exit(0);
}

int live_start_guardian(struct live *live, struct problem *problem)
{
	int fds[2], ready[2];
	char word = 'f';

	if (pipe2(fds, O_CLOEXEC) || pipe2(ready, O_CLOEXEC))
		return problem_set(problem, -errno, "no pipe for the guardian: %s",
				   strerror(errno));
	live->guardian_pid = fork();
	if (live->guardian_pid < 0)
		return problem_set(problem, -errno, "no guardian: %s", strerror(errno));
	if (live->guardian_pid == 0) {
		close(fds[1]);
		close(ready[0]);
		guard(fds[0], live, ready[1]);
	}
	close(fds[0]);
	close(ready[1]);
	live->guardian_fd = fds[1];
	if (read(ready[0], &word, 1) != 1)
		word = 'f';
	close(ready[0]);
	if (word != 'r')
		return problem_set(problem, -EIO, "the guardian process did not start");
	return 0;
}

void live_dismiss_guardian(struct live *live)
{
	if (live->guardian_fd < 0)
		return;
	if (tell_guardian(live, GUARD_FAREWELL) == 0)
		(void)waitpid(live->guardian_pid, NULL, 0);
	close(live->guardian_fd);
	live->guardian_fd = -1;
}
