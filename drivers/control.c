/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One request at a time walks through the steps below, each begun by the reply to the one before.
 * Reading and emptying the node happen in one transaction, so that a second request written in
 * between is not wiped out unseen: the commit then fails with EAGAIN and we look again.
 *
 * Lock: control.lock, held over the calls of the xenstore client, which never call back, and over
 * timers. The request is performed without it.
 */
#include "core/log.h"
#include "core/panic.h"
#include "core/suspend.h"
#include "core/time.h"
#include "drivers/control.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define SHUTDOWN_PATH "control/shutdown"
#define STATUS_PATH   "data/stardust/status"
#define RETRY_NS      100000000ULL
#define STALL_NS      (10 * NS_PER_S)

enum step {
	STEP_IDLE,
	STEP_LOOK,  /* reading, outside a transaction: is there anything? */
	STEP_START, /* the transaction */
	STEP_READ,
	STEP_EMPTY,
	STEP_COMMIT,
};

static struct control {
	struct spinlock lock;
	control_handler_t handler;
	void *arg;
	struct xenstore_watch watch;
	struct xenstore_request request;
	enum step step;
	uint32_t transaction;
	bool waiting; /* for the reply to step */
	uint64_t begun_ns;
	bool changed; /* the watch fired since the last look */
	bool features_written;
	char value[16];     /* of the node, or the transaction's number */
	char command[16];   /* what STEP_READ found */
	bool committed;     /* it is to be performed now */
	struct timer timer; /* to send a step again, or for its reply to be late */
} control;

static const struct {
	char name[9];
	enum control_request request;
} commands[] = {
	{"poweroff", CONTROL_POWEROFF},
	{"reboot", CONTROL_REBOOT},
	{"halt", CONTROL_HALT},
};

/* Asks for one step. Without room in the ring it is tried again a little later; a reply that does
 * not come is not waited for longer than STALL_NS. For a mere look that is left to the next change
 * of the node, so that most guests never need a timer. */
static void step_begin(enum step step)
{
	static const struct {
		unsigned int type;
		const char *payload;
		size_t payload_bytes;
	} messages[] = {
		[STEP_LOOK] = {XS_READ, SHUTDOWN_PATH, sizeof(SHUTDOWN_PATH)},
		[STEP_START] = {XS_TRANSACTION_START, "", 1},
		[STEP_READ] = {XS_READ, SHUTDOWN_PATH, sizeof(SHUTDOWN_PATH)},
		[STEP_EMPTY] = {XS_WRITE, SHUTDOWN_PATH, sizeof(SHUTDOWN_PATH)},
		[STEP_COMMIT] = {XS_TRANSACTION_END, "T", 2},
	};
	int error;

	control.step = step;
	control.request.transaction = step > STEP_START ? control.transaction : 0;
	error = xenstore_submit(&control.request, messages[step].type, messages[step].payload,
				messages[step].payload_bytes);
	control.waiting = !error;
	control.begun_ns = time_monotonic_ns();
	if (error && error != -EAGAIN && error != -ENOMEM)
		control.step = STEP_IDLE;
	else if (error || step != STEP_LOOK)
		timer_arm(&control.timer, control.begun_ns + (error ? RETRY_NS : STALL_NS));
}

/* A stalled step gives way to a new look from the start; xenstored ends the transaction. */
static void stalled(void)
{
	/* Else the reply is here just now, and step_done() waits for the lock. */
	if (!xenstore_cancel(&control.request))
		return;
	log_warn("control: xenstore does not answer");
	control.changed = false;
	step_begin(STEP_LOOK);
}

static void timer_fired(struct timer *timer)
{
	bool enabled = spin_lock_events(&control.lock);
	uint64_t elapsed_ns = time_monotonic_ns() - control.begun_ns;

	(void)timer;
	/* It is never cancelled, so it may have been armed for an earlier step. */
	if (control.waiting && elapsed_ns >= STALL_NS)
		stalled();
	else if (!control.waiting && control.step != STEP_IDLE && elapsed_ns >= RETRY_NS)
		step_begin(control.step);
	spin_unlock_events(&control.lock, enabled);
}

/* Says what we understand; nobody waits for it, and the replies are not looked at. */
static void write_features(void)
{
	static struct xenstore_request requests[2];
	static const char poweroff[] = "control/feature-poweroff\0001";
	static const char reboot[] = "control/feature-reboot\0001";

	if (control.features_written)
		return;
	control.features_written = true;
	(void)xenstore_submit(&requests[0], XS_WRITE, poweroff, sizeof(poweroff) - 1);
	(void)xenstore_submit(&requests[1], XS_WRITE, reboot, sizeof(reboot) - 1);
}

/* Nothing is under way now; the next look if the node changed meanwhile. */
static void settle(void)
{
	control.step = STEP_IDLE;
	if (control.changed) {
		control.changed = false;
		step_begin(STEP_LOOK);
	} else {
		write_features();
	}
}

/* Unlocked: command is a copy. */
static void perform(const char *command)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(command, commands[i].name) == 0) {
			log_info("control: %s requested", command);
			control.handler(commands[i].request, control.arg);
			return;
		}
	}
	log_warn("control: unknown request '%s'", command);
}

static bool is_suspend(const char *value)
{
	return strcmp(value, "suspend") == 0;
}

/* What was read outside the transaction. */
static void looked(int result)
{
	if (result || !control.value[0]) {
		settle();
	} else if (is_suspend(control.value)) {
		log_warn("control: suspend is not supported yet; request left alone");
		settle();
	} else {
		step_begin(STEP_START);
	}
}

static void transaction_started(int result)
{
	uint64_t number;

	if (result || parse_u64_bytes(control.value, strlen(control.value), 10, &number) ||
	    number > UINT32_MAX) {
		settle();
		return;
	}
	control.transaction = number;
	step_begin(STEP_READ);
}

/* An empty node, or one that asks for what we leave alone, is committed as it is. */
static void node_read(int result)
{
	control.command[0] = '\0';
	if (!result && control.value[0] && !is_suspend(control.value)) {
		memcpy(control.command, control.value, sizeof(control.command));
		step_begin(STEP_EMPTY);
	} else {
		step_begin(STEP_COMMIT);
	}
}

static void committed(int result)
{
	if (result == -EAGAIN)
		control.changed = true;
	else if (result)
		log_warn("control: request not acknowledged: error %d", result);
	else
		control.committed = control.command[0];
	settle();
}

static void next_step(const struct xenstore_request *request)
{
	control.waiting = false;
	switch (control.step) {
	case STEP_IDLE:
		break;
	case STEP_LOOK:
		looked(request->result);
		break;
	case STEP_START:
		transaction_started(request->result);
		break;
	case STEP_READ:
		node_read(request->result);
		break;
	case STEP_EMPTY:
		if (request->result)
			log_warn("control: request not emptied: error %d", request->result);
		step_begin(STEP_COMMIT);
		break;
	case STEP_COMMIT:
		committed(request->result);
		break;
	}
}

static void step_done(struct xenstore_request *request)
{
	bool enabled = spin_lock_events(&control.lock), committed;
	char command[sizeof(control.command)];

	next_step(request);
	committed = control.committed;
	control.committed = false;
	memcpy(command, control.command, sizeof(command));
	spin_unlock_events(&control.lock, enabled);
	if (committed)
		perform(command);
}

static void node_changed(struct xenstore_watch *watch, const char *changed_path)
{
	bool enabled = spin_lock_events(&control.lock);

	(void)watch;
	(void)changed_path;
	control.changed = true;
	if (control.step == STEP_IDLE)
		settle();
	else if (control.waiting && time_monotonic_ns() - control.begun_ns > STALL_NS)
		stalled();
	spin_unlock_events(&control.lock, enabled);
}

/* The watch is set again by xenstore itself, and fires. */
static void control_resume(void)
{
	(void)timer_cancel(&control.timer);
	control.waiting = false;
	control.features_written = false;
	control.step = STEP_IDLE;
}

int control_init(control_handler_t handler, void *arg)
{
	static struct suspend_client client = {.name = "control", .resume = control_resume};
	int error;

	control.handler = handler;
	control.arg = arg;
	control.request = (struct xenstore_request){
		.reply = control.value,
		.reply_max = sizeof(control.value),
		.done = step_done,
	};
	control.watch = (struct xenstore_watch){.path = SHUTDOWN_PATH, .fn = node_changed};
	timer_init(&control.timer, timer_fired);
	error = xenstore_watch_add(&control.watch);
	if (!error)
		suspend_register(&client);
	return error;
}

int control_report(const char *status, uint64_t deadline_ns)
{
	struct xenstore_request request = {.reply = NULL};
	struct xenstore_part parts[2] = {
		{STATUS_PATH, sizeof(STATUS_PATH)},
		{status, strlen(status)},
	};

	return xenstore_call(&request, XS_WRITE, parts, 2, deadline_ns);
}

void panic_report_status(int signal_number)
{
	char status[24];

	(void)format_text(status, sizeof(status), "signal %d", signal_number);
	(void)xenstore_emergency_write(STATUS_PATH, status);
}
