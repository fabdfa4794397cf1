/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console is the ring xenconsoled serves or, in the initial domain, Xen's own console by
 * hypercall.
 *
 * Lock: xencons.lock, of the ring and all that stands beside it; held over notifying the other end
 * and over nothing else. The log, which writes here, and the line discipline, which reads, are
 * called without it.
 */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/console.h"
#include "core/log.h"
#include "core/suspend.h"
#include "drivers/xencons.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/evtchn.h"
#include "xen/hypercall.h"
#include "xen/ring.h"

_Static_assert(sizeof(struct xencons_interface) == 3088, "Xen: public/io/console.h");

static struct xencons {
	struct console console;
	struct spinlock lock;
	struct ring_in in;
	struct ring_out out;
	evtchn_port_t port;
	uint32_t told_cons; /* how far the other side had read when it was last told of output */
	/* the other side's indices at the last event: it was spurious if none moved since */
	uint32_t event_prod, event_cons;
	bool broken_reported;
} xencons;

static bool lock(void)
{
	return spin_lock_events(&xencons.lock);
}

/* Unlocks, and says once that the ring is broken. */
static void unlock(bool enabled)
{
	bool report = !xencons.broken_reported && (xencons.in.broken || xencons.out.broken);

	xencons.broken_reported |= report;
	spin_unlock_events(&xencons.lock, enabled);
	if (report)
		log_error("console: the back end set an impossible ring index; console stopped");
}

/* There is output for the other side to take. Locked. */
static void tell(void)
{
	xencons.told_cons = xencons.out.cons_seen;
	(void)evtchn_notify(xencons.port);
}

/* A broken console swallows output: the program must be able to go on.
 *
 * While the other end has taken nothing since it was told of output, it is not told again: it is
 * still to look. (xenconsoled takes 30 events in 200 ms and rests after that, so an event for each
 * line would make long output slow.) If it takes all it saw before we write, the next
 * write finds that, or ring_event(): a report runs with events disabled and has only the former. */
static size_t ring_write(struct console *console, const void *bytes, size_t bytes_count)
{
	bool enabled = lock();
	size_t written = ring_out_write(&xencons.out, bytes, bytes_count);

	(void)console;
	if (written && xencons.out.cons_seen != xencons.told_cons)
		tell();
	if (xencons.out.broken)
		written = bytes_count;
	unlock(enabled);
	return written;
}

/* The other side waits for room only when the ring was full, but that cannot be known without a
 * race: tell it whenever something was taken. */
static size_t ring_read(struct console *console, void *bytes_out, size_t bytes_max)
{
	bool enabled = lock();
	size_t taken = ring_in_read(&xencons.in, bytes_out, bytes_max);

	(void)console;
	if (taken)
		(void)evtchn_notify(xencons.port);
	unlock(enabled);
	return taken;
}

static bool ring_drained(struct console *console)
{
	bool enabled = lock();
	bool drained = ring_out_empty(&xencons.out);

	(void)console;
	unlock(enabled);
	return drained;
}

static const struct console_ops ring_ops = {
	.write = ring_write,
	.read = ring_read,
	.drained = ring_drained,
};

static void ring_event(evtchn_port_t port, void *arg)
{
	struct console *console = &xencons.console;
	bool enabled = lock(), has_input = ring_in_available(&xencons.in), spurious;
	uint32_t prod, cons;

	(void)arg;
	unlock(enabled);
	if (has_input && console->input)
		console->input(console, console->input_arg);
	enabled = lock();
	(void)ring_out_room(&xencons.out);
	/* Written while the other end was taking what came before. */
	if (!ring_out_empty(&xencons.out))
		tell();
	prod = xencons.in.prod_seen;
	cons = xencons.out.cons_seen;
	spurious = prod == xencons.event_prod && cons == xencons.event_cons;
	xencons.event_prod = prod;
	xencons.event_cons = cons;
	unlock(enabled);
	waitq_wake_all(&console->queue);
	evtchn_eoi(port, spurious);
}

static int ring_attach(void)
{
	pfn_t pfn = pt_mfn_to_pfn(boot_info.console_mfn);
	struct xencons_interface *shared;

	if (pfn == PFN_NONE || pt_dmap_add(pfn, 1))
		return -ENODEV;
	shared = pt_dmap_vaddr(pfn);
	ring_in_init(&xencons.in, shared->in, sizeof(shared->in), &shared->in_cons,
		     &shared->in_prod);
	ring_out_init(&xencons.out, shared->out, sizeof(shared->out), &shared->out_prod,
		      &shared->out_cons);
	xencons.event_prod = xencons.in.prod_seen;
	xencons.event_cons = xencons.out.cons_seen;
	xencons.port = boot_info.console_port;
	xencons.told_cons = xencons.out.cons_seen - 1;
	/* What early boot wrote there may not have been announced. */
	if (!ring_out_empty(&xencons.out))
		tell();
	return evtchn_bind_handler(xencons.port, ring_event, NULL, EVTCHN_LATE_EOI);
}

static size_t xen_write(struct console *console, const void *bytes, size_t bytes_count)
{
	(void)console;
	(void)hypercall_console_write(bytes, bytes_count);
	return bytes_count;
}

static size_t xen_read(struct console *console, void *bytes_out, size_t bytes_max)
{
	int taken = hypercall_console_read(bytes_out, bytes_max);

	(void)console;
	return taken > 0 ? taken : 0;
}

static bool xen_drained(struct console *console)
{
	(void)console;
	return true;
}

static const struct console_ops xen_ops = {
	.write = xen_write,
	.read = xen_read,
	.drained = xen_drained,
};

static void xen_event(evtchn_port_t port, void *arg)
{
	struct console *console = &xencons.console;

	(void)port;
	(void)arg;
	if (console->input)
		console->input(console, console->input_arg);
	waitq_wake_all(&console->queue);
}

/* Output works without the event; only input needs it. */
static int xen_attach(void)
{
	int error = evtchn_bind_virq(VIRQ_CONSOLE, 0, xen_event, NULL, &xencons.port);

	if (error)
		log_warn("console: no input: error %d", error);
	return 0;
}

/* The page keeps its contents; its machine frame and port are new, and what was unread then is
 * unread still. Both sides are woken to look. */
static void xencons_resume(void)
{
	int error;

	xencons.broken_reported = false;
	error = boot_info.initial_domain ? xen_attach() : ring_attach();
	if (error)
		log_error("console: lost after resume: error %d", error);
	else if (!boot_info.initial_domain)
		(void)evtchn_notify(xencons.port);
	waitq_wake_all(&xencons.console.queue);
}

int xencons_init(void)
{
	static struct suspend_client client = {.name = "console", .resume = xencons_resume};
	int error;

	xencons.console.ops = boot_info.initial_domain ? &xen_ops : &ring_ops;
	error = boot_info.initial_domain ? xen_attach() : ring_attach();
	if (error)
		return error;
	console_register(&xencons.console);
	suspend_register(&client);
	return 0;
}
