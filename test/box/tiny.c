/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A guest to test the box with, independent of Stardust: one file, no library. Its
 * command line says what it does:
 *
 *	args		print the command line
 *	exit N		leave status N in xenstore and on the console
 *	quiet N		leave status N in xenstore only
 *	signal N	leave signal N, then crash
 *	crash		crash without a word
 *	hang		print a line and stop there
 *	flood N		print N KiB in numbered lines of 64 bytes, then exit 0
 *	cat		print <input> until ^D, then exit 0
 *	reboot		ask for a reboot
 */
#include <stdint.h>
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/sched.h>
#include <xen/io/console.h>
#include <xen/io/xs_wire.h>

#include "tiny.h"

static struct start_info *start;
static struct xencons_interface *console;
static struct xenstore_domain_interface *store;

static long hypercall(unsigned int number, long a, const void *b, const void *c)
{
	register long rdi __asm__("rdi") = a;
	register const void *rsi __asm__("rsi") = b;
	register const void *rdx __asm__("rdx") = c;
	long result;

	__asm__ volatile("call *%[entry]"
			 : "=a"(result), "+r"(rdi), "+r"(rsi), "+r"(rdx)
			 : [entry] "r"(hypercall_page + 32 * number)
			 : "rcx", "r8", "r9", "r10", "r11", "memory");
	return result;
}

static void barrier(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

static void notify(evtchn_port_t port)
{
	struct evtchn_send send = {port};

	hypercall(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &send, 0);
}

/* Lets others run. Pending bits stay set (shared_info is not mapped), so this is a busy wait. */
static void await(evtchn_port_t port)
{
	struct sched_poll poll = {.nr_ports = 1};

	set_xen_guest_handle(poll.ports, &port);
	poll.timeout = 1;
	hypercall(__HYPERVISOR_sched_op, SCHEDOP_poll, &poll, 0);
	hypercall(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
}

static void put(const char *text, unsigned int bytes)
{
	if (!console) {
		hypercall(__HYPERVISOR_console_io, CONSOLEIO_write, (void *)(uintptr_t)bytes, text);
		return;
	}
	for (unsigned int i = 0; i < bytes; i++) {
		while (console->out_prod - console->out_cons == sizeof(console->out)) {
			notify(start->console.domU.evtchn);
			await(start->console.domU.evtchn);
			barrier();
		}
		console->out[MASK_XENCONS_IDX(console->out_prod, console->out)] = text[i];
		barrier();
		console->out_prod++;
	}
	notify(start->console.domU.evtchn);
}

static unsigned int length(const char *s)
{
	unsigned int n = 0;

	while (s[n])
		n++;
	return n;
}

static void say(const char *s)
{
	put(s, length(s));
}

static char get(void)
{
	char c;

	while (console->in_cons == console->in_prod) {
		await(start->console.domU.evtchn);
		barrier();
	}
	c = console->in[MASK_XENCONS_IDX(console->in_cons, console->in)];
	barrier();
	console->in_cons++;
	notify(start->console.domU.evtchn);
	return c;
}

static void store_put(const void *data, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		store->req[MASK_XENSTORE_IDX(store->req_prod + i)] = ((const char *)data)[i];
	barrier();
	store->req_prod += bytes;
}

/* Writes the status node and waits for the answer. */
static void store_status(const char *text)
{
	static const char path[] = "data/stardust/status";
	struct xsd_sockmsg head = {.type = XS_WRITE, .len = sizeof(path) + length(text)};

	if (!store)
		return;
	store_put(&head, sizeof(head));
	store_put(path, sizeof(path));
	store_put(text, length(text));
	notify(start->store_evtchn);
	while (store->rsp_prod == store->rsp_cons) {
		await(start->store_evtchn);
		barrier();
	}
}

static void shut_down(unsigned int reason)
{
	struct sched_shutdown shutdown = {reason};

	hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, &shutdown, 0);
	for (;;)
		;
}

static char *number(char *to, unsigned int n)
{
	if (n >= 10)
		to = number(to, n / 10);
	*to = (char)('0' + n % 10);
	return to + 1;
}

static void flood(unsigned int kib)
{
	char line[64];

	for (unsigned int i = 0; i < kib * 16; i++) {
		for (unsigned int j = 0; j < 63; j++)
			line[j] = '.';
		*number(line, i) = ' ';
		line[63] = '\n';
		put(line, 64);
	}
}

static void cat(void)
{
	char c;

	say("<");
	while ((c = get()) != 4)
		put(&c, 1);
	say(">\n");
}

static int is(const char *word, const char *line)
{
	while (*word && *word == *line) {
		word++;
		line++;
	}
	return !*word && (*line == ' ' || !*line);
}

static unsigned int value(const char *line)
{
	unsigned int n = 0;

	while (*line && *line != ' ')
		line++;
	while (*line == ' ')
		line++;
	while (*line >= '0' && *line <= '9')
		n = 10 * n + (unsigned int)(*line++ - '0');
	return n;
}

/* `word N` in xenstore, and with its prefix as the last line. */
static void leave(const char *word, const char *prefix, unsigned int n)
{
	char text[32], *to = text;

	while (*word)
		*to++ = *word++;
	*number(to, n) = 0;
	store_status(text);
	if (!prefix)
		return;
	to = number(text, n);
	*to++ = '\n';
	*to = 0;
	say(prefix);
	say(text);
}

static void perform(const char *line)
{

	if (is("args", line)) {
		say(line);
		say("\n");
		leave("exit ", "stardust: exit ", 0);
	} else if (is("exit", line)) {
		leave("exit ", "stardust: exit ", value(line));
	} else if (is("quiet", line)) {
		leave("exit ", 0, value(line));
	} else if (is("signal", line)) {
		leave("signal ", "stardust: killed by signal ", value(line));
		shut_down(SHUTDOWN_crash);
	} else if (is("crash", line)) {
		*(volatile int *)0 = 0;
	} else if (is("hang", line)) {
		say("hanging\n");
		for (;;)
			await(start->console.domU.evtchn);
	} else if (is("flood", line)) {
		flood(value(line));
		leave("exit ", "stardust: exit ", 0);
	} else if (is("cat", line)) {
		cat();
		leave("exit ", "stardust: exit ", 0);
	} else if (is("reboot", line)) {
		shut_down(SHUTDOWN_reboot);
	}
}

void tiny_main(struct start_info *si)
{
	start = si;
	if (!(si->flags & SIF_INITDOMAIN)) {
		/* The domain builder maps these two right behind start_info. */
		store = (void *)((char *)si + 4096);
		console = (void *)((char *)si + 8192);
	}
	say("tiny: hello\n");
	perform((const char *)si->cmd_line);
	shut_down(SHUTDOWN_poweroff);
}
