/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/run.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "duster/arch/x86_64.h"
#include "duster/engine/eval.h"
#include "duster/engine/trace.h"

#define STEPS_MAX 1000000u

/* Where a step or finish wants to get to: internal breakpoints of one vCPU and of frames not
 * further in. */
struct goal {
	uint64_t addrs[BREAKPOINT_PLACES];
	size_t count;
	uint64_t rsp_min;
	unsigned int vcpu; /* of what has no thread pointer */
	uint64_t fs_base;
};

static int read_code(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(context, addr, to, bytes);
}

static int current_regs(struct session *session, struct regs *regs_out, struct problem *problem)
{
	int error = session->target && session->target->live
			    ? target_regs_get(session->target, session->vcpu, regs_out)
			    : -EOPNOTSUPP;

	if (error == -EOPNOTSUPP)
		return problem_set(problem, error, "this target does not run");
	if (error)
		return problem_set(problem, error, "the vCPU's registers cannot be read");
	return 0;
}

/* ---- Events ---- */

/* From `at` on in the table: an enabled one in the code at addr. */
static struct breakpoint *find_next(struct breakpoint *at, uint64_t addr)
{
	for (; at; at = at->next) {
		if (!at->enabled || at->slot >= 0)
			continue;
		for (size_t i = 0; i < at->addrs_count; i++)
			if (at->addrs[i] == addr)
				return at;
	}
	return NULL;
}

static struct breakpoint *find_at(struct session *session, uint64_t addr)
{
	return find_next(run_breakpoints(session), addr);
}

static bool any_condition(struct session *session)
{
	for (struct breakpoint *at = run_breakpoints(session); at; at = at->next)
		if (at->enabled && at->slot < 0 && (at->condition || at->filter))
			return true;
	return false;
}

/* The only breakpoint at an address; NULL: there are more. */
static struct breakpoint *find_sole(struct session *session, uint64_t addr)
{
	struct breakpoint *first = find_at(session, addr);

	return first && !find_next(first->next, addr) ? first : NULL;
}

static struct condition_code *code_of(struct session *session, struct breakpoint *breakpoint,
				      uint64_t addr)
{
	if (!breakpoint->compiled)
		breakpoint->compiled = arena_alloc(
			&session->kept, breakpoint->addrs_count * sizeof(*breakpoint->compiled));
	if (breakpoint->compiled_from != breakpoint->condition)
		memset(breakpoint->compiled, 0,
		       breakpoint->addrs_count * sizeof(*breakpoint->compiled));
	breakpoint->compiled_from = breakpoint->condition;
	for (size_t i = 0; i < breakpoint->addrs_count; i++)
		if (breakpoint->addrs[i] == addr)
			return &breakpoint->compiled[i];
	return NULL;
}

/* What the guest may run itself at addr, compiled or not yet; NULL: each hit there is looked at. */
static struct condition_code *guest_code(struct session *session, struct breakpoint *breakpoint,
					 uint64_t addr)
{
	if (!breakpoint->condition || breakpoint->filter || find_sole(session, addr) != breakpoint)
		return NULL;
	return code_of(session, breakpoint, addr);
}

static bool wants_compiling(const struct condition_code *code)
{
	return code && code->state == CONDITION_UNTRIED;
}

static int evaluate(struct session *session, struct breakpoint *breakpoint, uint64_t addr,
		    bool *true_out, struct problem *problem)
{
	struct condition_code *code = addr ? guest_code(session, breakpoint, addr) : NULL;
	bool compiles = wants_compiling(code);
	struct value *value;
	int error;

	session->tracing = compiles;
	session->changed = false;
	error = eval_expression(session, breakpoint->condition, &value, problem);
	if (!error)
		error = value_is_true(session, value, true_out, problem);
	if (!error && compiles) {
		code->state = CONDITION_NOT;
		if (!session->changed && trace_compile(session, value, code->code,
						       sizeof(code->code), &code->bytes) == 0)
			code->state = CONDITION_COMPILED;
	}
	session->tracing = false;
	return error;
}

/* Before the guest runs: it evaluates itself what it can. */
static void hand_conditions(struct session *session)
{
	for (struct breakpoint *at = run_breakpoints(session); at; at = at->next) {
		if (!at->enabled || at->slot >= 0)
			continue;
		for (size_t i = 0; i < at->addrs_count; i++) {
			const struct condition_code *code = guest_code(session, at, at->addrs[i]);
			bool compiled = code && code->state == CONDITION_COMPILED;

			target_condition_set(session->target, at->addrs[i],
					     compiled ? code->code : NULL,
					     compiled ? code->bytes : 0);
		}
	}
}

/* Condition, ignore count. True: stop. addr: of a breakpoint in the code; 0: none. */
static bool wants_stop(struct session *session, struct breakpoint *breakpoint, uint64_t addr,
		       struct stop *stop)
{
	bool is_true;

	session_begin_command(session);
	if (breakpoint->filter && !breakpoint->filter(breakpoint->filter_context, session))
		return false;
	if (breakpoint->condition) {
		int error = evaluate(session, breakpoint, addr, &is_true, &stop->problem);

		if (error) {
			breakpoint->hits++;
			return true; /* told with the stop */
		}
		stop->problem.text[0] = '\0';
		if (!is_true)
			return false;
	}
	breakpoint->hits++;
	if (breakpoint->ignore) {
		breakpoint->ignore--;
		return false;
	}
	return true;
}

/* For the target: most conditions are false, and that can be seen while the guest runs. What is
 * true is asked again when it stands still (wants_stop). */
static bool glance(void *context, const struct regs *regs)
{
	struct session *session = context;
	struct breakpoint *breakpoint = find_sole(session, regs->value[CPU_RIP]);
	struct problem problem = {.column = -1};
	struct value *value;
	bool is_true, dismissed = false;

	/* Names with a dollar may be of what is not known here. */
	if (!breakpoint || (!breakpoint->condition && !breakpoint->filter) ||
	    (breakpoint->condition && strchr(breakpoint->condition, '$')))
		return false;
	/* The first time it is compiled, which wants the guest to stand still. */
	if (wants_compiling(guest_code(session, breakpoint, regs->value[CPU_RIP])))
		return false;
	session_begin_command(session);
	session_select_regs(session, regs);
	session->glancing = true;
	if (breakpoint->filter)
		dismissed = !breakpoint->filter(breakpoint->filter_context, session);
	if (!dismissed && breakpoint->condition &&
	    eval_expression(session, breakpoint->condition, &value, &problem) == 0 &&
	    value_is_true(session, value, &is_true, &problem) == 0)
		dismissed = !is_true;
	session->glancing = false;
	session->has_start_regs = false;
	session_forget_frames(session);
	return dismissed;
}

static bool reached(struct session *session, const struct goal *goal,
		    const struct target_event *event)
{
	struct regs regs;

	if (!goal || target_regs_get(session->target, event->vcpu, &regs) ||
	    regs.value[CPU_RSP] < goal->rsp_min || regs.value[CPU_FS_BASE] != goal->fs_base ||
	    (!goal->fs_base && event->vcpu != goal->vcpu))
		return false;
	for (size_t i = 0; i < goal->count; i++)
		if (goal->addrs[i] == event->addr)
			return true;
	return false;
}

static bool is_goal_address(const struct goal *goal, uint64_t addr)
{
	for (size_t i = 0; goal && i < goal->count; i++)
		if (goal->addrs[i] == addr)
			return true;
	return false;
}

/* The watchpoint of a debug register that fired; unchanged values of write watches do not count. */
static bool watch_fired(struct session *session, const struct target_event *event,
			struct stop *stop)
{
	for (struct breakpoint *at = run_breakpoints(session); at; at = at->next) {
		uint8_t now[8];

		if (at->slot < 0 || !(event->dr6 >> at->slot & 1))
			continue;
		if (at->type) {
			if (session_read(session, at->addrs[0], now, at->bytes))
				continue;
			if (at->kind == WATCH_WRITE && memcmp(now, at->old, at->bytes) == 0)
				continue;
			memcpy(stop->old, at->old, at->bytes);
			memcpy(at->old, now, at->bytes);
		}
		if (!wants_stop(session, at, 0, stop))
			continue;
		stop->breakpoint = at;
		stop->reason = at->type ? STOP_WATCHPOINT : STOP_BREAKPOINT;
		return true;
	}
	return false;
}

/* True when the event is a stop to be told. */
static bool is_stop(struct session *session, const struct goal *goal,
		    const struct target_event *event, struct stop *stop)
{
	struct breakpoint *breakpoint;
	uint8_t byte;

	stop->vcpu = event->vcpu;
	switch (event->kind) {
	case TARGET_EVENT_ENDED:
		stop->reason = STOP_ENDED;
		return true;
	case TARGET_EVENT_CRASHED:
		stop->reason = STOP_CRASHED;
		return true;
	case TARGET_EVENT_SUSPENDED:
		stop->reason = STOP_SUSPENDED;
		return true;
	case TARGET_EVENT_NONE:
		stop->reason = STOP_TIMEOUT;
		return true;
	case TARGET_EVENT_WATCH:
		return watch_fired(session, event, stop);
	case TARGET_EVENT_STEP:
		return false;
	default:
		break;
	}
	breakpoint = find_at(session, event->addr);
	/* The first of those at one address that wants to. */
	for (struct breakpoint *at = breakpoint; at; at = find_next(at->next, event->addr))
		if (wants_stop(session, at, event->addr, stop)) {
			stop->reason = STOP_BREAKPOINT;
			stop->breakpoint = at;
			return true;
		}
	if (reached(session, goal, event)) {
		stop->reason = STOP_REACHED;
		return true;
	}
	if (breakpoint || is_goal_address(goal, event->addr))
		return false;
	/* Neither ours: taken away a moment ago, or the program's own. */
	if (session_read(session, event->addr, &byte, 1) || byte != ARCH_BREAKPOINT_BYTE)
		return false;
	stop->reason = STOP_TRAP;
	return true;
}

/* Behind an int3 of the program's own, on which the vCPU stands. */
static int leave_own_trap(struct session *session)
{
	struct regs regs;
	uint8_t byte;

	if (target_regs_get(session->target, session->vcpu, &regs) ||
	    find_at(session, regs.value[CPU_RIP]) ||
	    session_read(session, regs.value[CPU_RIP], &byte, 1) || byte != ARCH_BREAKPOINT_BYTE)
		return 0;
	regs_set(&regs, CPU_RIP, regs.value[CPU_RIP] + 1);
	return target_regs_set(session->target, session->vcpu, &regs);
}

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What is left of the time the user gave; conditions that are false again and again do not begin it
 * anew. */
static int time_left(const struct session *session, uint64_t started_ms)
{
	uint64_t gone = clock_ms() - started_ms;

	if (session->settings.timeout_ms < 0)
		return -1;
	return gone < (uint64_t)session->settings.timeout_ms
		       ? session->settings.timeout_ms - (int)gone
		       : 0;
}

/* Runs until a stop. The guest is paused afterwards. */
static int go(struct session *session, const struct goal *goal, struct stop *stop,
	      struct problem *problem)
{
	struct target_event event;
	uint64_t started_ms = clock_ms();
	int error = leave_own_trap(session);

	*stop = (struct stop){.problem = {.column = -1}};
	session->has_start_regs = false;
	while (!error) {
		session_forget_frames(session);
		session->target->glance_context = session;
		session->target->glance = goal || !any_condition(session) ? NULL : glance;
		if (!goal)
			hand_conditions(session);
		error = target_resume(session->target);
		if (!error)
			error = target_wait(session->target, time_left(session, started_ms),
					    &event);
		session->target->glance = NULL;
		session_forget_frames(session);
		if (error)
			break;
		session->vcpu = event.kind == TARGET_EVENT_NONE ? session->vcpu : event.vcpu;
		if (is_stop(session, goal, &event, stop))
			break;
	}
	if (error == -EINTR) {
		stop->reason = STOP_INTERRUPTED;
		stop->vcpu = session->vcpu;
		error = 0;
	}
	if (error)
		return problem_set(problem, error, "the guest cannot be run: %s", strerror(-error));
	if (stop->reason != STOP_ENDED && stop->reason != STOP_SUSPENDED) {
		error = target_pause(session->target);
		session_forget_frames(session);
	}
	return error;
}

static void set_thread(struct session *session, struct goal *goal)
{
	struct regs regs;

	goal->vcpu = session->vcpu;
	if (target_regs_get(session->target, session->vcpu, &regs) == 0)
		goal->fs_base = regs.value[CPU_FS_BASE];
}

static int set_goal(struct session *session, const struct goal *goal, bool *mine,
		    struct problem *problem)
{
	for (size_t i = 0; i < goal->count; i++) {
		int error;

		mine[i] = !find_at(session, goal->addrs[i]);
		error = mine[i] ? target_break_set(session->target, goal->addrs[i], problem) : 0;
		if (error) {
			while (i--)
				if (mine[i])
					(void)target_break_clear(session->target, goal->addrs[i]);
			return error;
		}
	}
	return 0;
}

/* Runs to the goal or another stop. */
static int go_to(struct session *session, struct goal *goal, struct stop *stop,
		 struct problem *problem)
{
	bool mine[BREAKPOINT_PLACES];
	int error = set_goal(session, goal, mine, problem);

	set_thread(session, goal);

	if (error)
		return error;
	error = go(session, goal, stop, problem);
	for (size_t i = 0; i < goal->count; i++)
		if (mine[i] && stop->reason != STOP_ENDED && stop->reason != STOP_SUSPENDED)
			(void)target_break_clear(session->target, goal->addrs[i]);
	return error;
}

static void forget_temporary(struct session *session, struct stop *stop)
{
	if (stop->breakpoint && stop->breakpoint->temporary && stop->reason == STOP_BREAKPOINT)
		(void)run_delete(session, stop->breakpoint->number, NULL);
}

int run_continue(struct session *session, struct stop *stop_out, struct problem *problem)
{
	struct regs regs;
	int error = current_regs(session, &regs, problem);

	if (error == -EOPNOTSUPP)
		return error;
	error = go(session, NULL, stop_out, problem);
	if (!error)
		forget_temporary(session, stop_out);
	return error;
}

/* ---- Instructions ---- */

/* Events of other threads while one of them steps: told if they are stops, passed if not. */
static int until_stepped(struct session *session, const struct regs *before,
			 struct target_event *event, struct stop *stop, bool *finished)
{
	int error = 0;

	while (!error) {
		struct regs regs = {0};

		session_forget_frames(session);
		if (event->kind != TARGET_EVENT_NONE && event->kind != TARGET_EVENT_ENDED)
			(void)target_regs_get(session->target, event->vcpu, &regs);
		if (regs.value[CPU_FS_BASE] == before->value[CPU_FS_BASE] &&
		    (event->kind == TARGET_EVENT_STEP || event->kind == TARGET_EVENT_BREAKPOINT)) {
			session->vcpu = event->vcpu;
			if (event->kind == TARGET_EVENT_STEP)
				return 0;
			/* It was away before it could step, and met its breakpoint once more. */
			if (regs.value[CPU_RIP] == before->value[CPU_RIP]) {
				error = target_step(session->target, session->vcpu, event);
				continue;
			}
		}
		*stop = (struct stop){.problem = {.column = -1}};
		if (event->kind != TARGET_EVENT_NONE)
			session->vcpu = event->vcpu;
		*finished = is_stop(session, NULL, event, stop);
		if (*finished)
			return target_pause(session->target);
		error = target_resume(session->target);
		if (!error)
			error = target_wait(session->target, session->settings.timeout_ms, event);
	}
	return error;
}

/* One instruction; *finished: stop holds a stop of another kind. */
static int one_instruction(struct session *session, struct stop *stop, bool *finished,
			   struct problem *problem)
{
	struct target_event event;
	struct regs regs;
	int error = current_regs(session, &regs, problem);

	*finished = false;
	if (error)
		return error;
	error = target_step(session->target, session->vcpu, &event);
	if (!error)
		error = until_stepped(session, &regs, &event, stop, finished);
	session_forget_frames(session);
	if (error == -EINTR) {
		*stop = (struct stop){.reason = STOP_INTERRUPTED, .vcpu = session->vcpu};
		*finished = true;
		return target_pause(session->target);
	}
	if (error == -EOPNOTSUPP)
		return problem_set(problem, error, "this target cannot step");
	return error ? problem_set(problem, error, "the step failed: %s", strerror(-error)) : 0;
}

static int classify(struct session *session, uint64_t pc, enum arch_kind *kind_out,
		    unsigned int *bytes_out, struct problem *problem)
{
	struct arch_reader reader = {session, read_code, NULL, false};

	if (arch_classify(&reader, pc, kind_out, bytes_out))
		return problem_set(problem, -EFAULT, "no code at 0x%llx", (unsigned long long)pc);
	return 0;
}

/* A call as one instruction: runs to where it comes back. */
static int over_call(struct session *session, const struct regs *regs, unsigned int bytes,
		     struct stop *stop, bool *finished, struct problem *problem)
{
	struct goal goal = {.addrs = {regs->value[CPU_RIP] + bytes},
			    .count = 1,
			    .rsp_min = regs->value[CPU_RSP]};
	int error = go_to(session, &goal, stop, problem);

	*finished = !error && stop->reason != STOP_REACHED;
	return error;
}

static int advance(struct session *session, bool over, struct stop *stop, bool *finished,
		   struct problem *problem)
{
	enum arch_kind kind;
	struct regs regs;
	unsigned int bytes;
	int error = current_regs(session, &regs, problem);

	if (!error && over)
		error = classify(session, regs.value[CPU_RIP], &kind, &bytes, problem);
	if (error)
		return error;
	if (over && kind == ARCH_CALL)
		return over_call(session, &regs, bytes, stop, finished, problem);
	return one_instruction(session, stop, finished, problem);
}

int run_step_instruction(struct session *session, bool over, struct stop *stop_out,
			 struct problem *problem)
{
	bool finished;
	int error = advance(session, over, stop_out, &finished, problem);

	if (error || finished) {
		if (!error)
			forget_temporary(session, stop_out);
		return error;
	}
	*stop_out = (struct stop){.reason = STOP_STEPPED, .vcpu = session->vcpu};
	return 0;
}

/* ---- Lines ---- */

/* Just called: the first instruction of a function. With lines: on to its body. Without: back out.
 */
static int enter_function(struct session *session, const struct function *function,
			  const struct regs *regs, struct stop *stop, bool *finished,
			  struct problem *problem)
{
	struct goal goal = {.count = 1};
	struct line line;
	int error;

	if (function && line_at(session->image, function->low, &line)) {
		goal.addrs[0] = line_behind_prologue(session->image, function->low, function->high);
		if (goal.addrs[0] == regs->value[CPU_RIP]) {
			*finished = true;
			stop->reason = STOP_STEPPED;
			return 0;
		}
		error = go_to(session, &goal, stop, problem);
		*finished = true;
		if (!error && stop->reason == STOP_REACHED)
			stop->reason = STOP_STEPPED;
		return error;
	}
	if (session_read(session, regs->value[CPU_RSP], &goal.addrs[0], 8))
		return problem_set(problem, -EFAULT, "the return address cannot be read");
	goal.rsp_min = regs->value[CPU_RSP] + 8;
	error = go_to(session, &goal, stop, problem);
	*finished = !error && stop->reason != STOP_REACHED;
	return error;
}

static bool same_place(const struct line *a, const struct line *b)
{
	return a->number == b->number && strcmp(a->file, b->file) == 0;
}

/* After one instruction of a line step: done, or on with *line? */
static int look(struct session *session, uint64_t pc_before, bool over, struct line *line,
		struct stop *stop, bool *finished, struct problem *problem)
{
	struct function function;
	struct line now;
	struct regs regs;
	int error = current_regs(session, &regs, problem);
	uint64_t pc = regs.value[CPU_RIP];
	bool known;

	if (error)
		return error;
	known = scope_function_at(session->image, pc, &function);
	if (!over && (!known || function.low == pc)) {
		enum arch_kind kind;
		unsigned int bytes;

		error = classify(session, pc_before, &kind, &bytes, problem);
		if (!error && kind == ARCH_CALL)
			return enter_function(session, known ? &function : NULL, &regs, stop,
					      finished, problem);
		if (error)
			return error;
	}
	if (!line_at(session->image, pc, &now))
		return 0;
	if (same_place(&now, line))
		return 0;
	if (now.low == pc && now.is_statement) {
		*stop = (struct stop){.reason = STOP_STEPPED, .vcpu = session->vcpu};
		*finished = true;
	}
	*line = now; /* in the middle of a line: to its end */
	return 0;
}

int run_step_line(struct session *session, bool over, struct stop *stop_out,
		  struct problem *problem)
{
	struct regs regs;
	struct line line;
	bool finished = false;
	int error = current_regs(session, &regs, problem);

	if (error)
		return error;
	*stop_out = (struct stop){.problem = {.column = -1}};
	if (!session->image || !line_at(session->image, regs.value[CPU_RIP], &line)) {
		/* Without lines a step leaves the function. */
		session->level = 0;
		return run_finish(session, stop_out, problem);
	}
	for (unsigned int steps = 0; !error && !finished && steps < STEPS_MAX; steps++) {
		error = current_regs(session, &regs, problem);
		if (!error)
			error = advance(session, over, stop_out, &finished, problem);
		if (!error && !finished)
			error = look(session, regs.value[CPU_RIP], over, &line, stop_out, &finished,
				     problem);
	}
	if (!error && !finished)
		*stop_out = (struct stop){.reason = STOP_TIMEOUT, .vcpu = session->vcpu};
	if (!error)
		forget_temporary(session, stop_out);
	return error;
}

/* ---- Frames ---- */

/* The frame that gets control back from the selected one, over inlined ones. */
static int find_caller(struct session *session, struct frame **frame_out, struct frame **caller_out,
		       struct problem *problem)
{
	unsigned int level = session->level;

	if (session_frame(session, level, frame_out))
		return problem_set(problem, -ENODATA, "No frame selected.");
	while ((*frame_out)->is_inlined && session_frame(session, level + 1, frame_out) == 0)
		level++;
	if (session_frame(session, level + 1, caller_out))
		return problem_set(problem, -ENODATA,
				   "\"finish\" not meaningful in the outermost frame.");
	return 0;
}

/* What the function returned, by its type (System V ABI, AMD64, 3.2.3). */
static struct value *returned_value(struct session *session, struct type *type)
{
	struct type *plain = type_strip(type);
	struct frame *frame;
	struct value *value;

	session->level = 0;
	frame = session_selected_frame(session);
	if (!frame || plain->kind == TYPE_VOID || type_bytes(type) > 8)
		return NULL;
	value = value_new(session, type);
	if (plain->kind == TYPE_FLOAT) {
		if (!frame->regs.xmm_known)
			return NULL;
		memcpy(value->bytes, frame->regs.xmm[0], value->bytes_count);
	} else if (plain->kind == TYPE_INT || plain->kind == TYPE_POINTER ||
		   plain->kind == TYPE_ENUM) {
		memcpy(value->bytes, &frame->regs.value[CPU_RAX], value->bytes_count);
	} else {
		return NULL;
	}
	return value;
}

int run_finish(struct session *session, struct stop *stop_out, struct problem *problem)
{
	struct frame *frame, *caller;
	struct goal goal = {.count = 1};
	struct type *type = NULL;
	uint64_t cfa;
	const struct location_machine *machine;
	int error = find_caller(session, &frame, &caller, problem);

	if (error)
		return error;
	machine = session_machine(session, frame);
	goal.addrs[0] = caller->pc;
	if (machine->cfa(machine->context, &cfa) == 0)
		goal.rsp_min = cfa;
	if (frame->has_function) {
		Dwarf_Die die = frame->chain.dies[frame->scope];

		type = type_attribute(session->image, &die);
	}
	error = go_to(session, &goal, stop_out, problem);
	if (!error && stop_out->reason == STOP_REACHED && type)
		stop_out->returned = returned_value(session, type);
	if (!error)
		forget_temporary(session, stop_out);
	return error;
}

int run_until(struct session *session, const char *text, struct stop *stop_out,
	      struct problem *problem)
{
	struct frame *frame, *caller;
	struct goal goal = {.count = 0};
	struct place place;
	int error = inspect_place(session, text, true, &place, problem);

	if (error)
		return error;
	goal.count = place.addrs_count < BREAKPOINT_PLACES - 1 ? place.addrs_count
							       : BREAKPOINT_PLACES - 1;
	memcpy(goal.addrs, place.addrs, goal.count * sizeof(goal.addrs[0]));
	if (find_caller(session, &frame, &caller, NULL) == 0)
		goal.addrs[goal.count++] = caller->pc;
	error = go_to(session, &goal, stop_out, problem);
	if (!error)
		forget_temporary(session, stop_out);
	return error;
}
