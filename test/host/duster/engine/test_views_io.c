/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What duster's views say of event channels, grants, xenstore and devices, which the kernel itself
 * has here, over the mock hypervisor with a disk; and when that is damaged.
 * Links: xen/vcpu.c xen/spinlock.c xen/spinlock_slow.c test/mock/mock_vcpu.c
 * Links: xen/evtchn.c xen/evtchn_fifo.c xen/evtchn_2l.c xen/hypercall.c core/events.c core/time.c
 * Links: core/timer.c core/wait.c test/mock/mock.c test/mock/mock_evtchn.c test/mock/mock_console.c
 * Links: test/mock/mock_store.c test/mock/mock_memory.c test/mock/mock_core.c
 * Links: xen/ring.c xen/xswire.c lib/base/parse.c lib/base/format.c drivers/xenstore.c
 * Links: drivers/xenstore_sync.c core/suspend.c xen/grant.c test/mock/mock_grant.c
 * Links: drivers/xenbus.c drivers/xenbus_io.c drivers/xenbus_state.c drivers/xenbus_ring.c
 * Links: drivers/blkfront.c drivers/blkfront_setup.c drivers/blkfront_io.c drivers/blkfront_pages.c
 * Links: core/blkdev.c core/blkdev_sync.c test/mock/mock_blkback.c test/mock/mock_blkback_states.c
 * Links: test/host/duster/engine/self.c
 * Links: duster/engine/convenience.c duster/engine/eval.c duster/engine/format.c
 * Links: duster/engine/format_type.c duster/engine/lexer.c duster/engine/parse_type.c
 * Links: duster/engine/print.c duster/engine/session.c duster/engine/unwind.c duster/engine/value.c
 * Links: duster/engine/value_ops.c duster/engine/walkers.c duster/engine/trace.c
 * Links: duster/engine/view.c duster/engine/view_io.c duster/engine/view_locks.c
 * Links: duster/engine/view_memory.c duster/engine/heap.c duster/engine/look.c
 * Links: duster/engine/threads.c
 * Links: duster/symbols/cfi.c duster/arch/compile.c
 * Links: duster/symbols/image.c duster/symbols/lines.c duster/symbols/location.c
 * Links: duster/symbols/names.c duster/symbols/scope.c duster/symbols/symtab.c
 * Links: duster/symbols/type.c duster/symbols/type_name.c duster/arch/x86_64.c
 * Links: duster/target/target.c duster/util/arena.c duster/util/map.c
 * Links: duster/util/problem.c duster/util/text.c
 */
#include "core/page.h"
#include "test/host/drivers/blkfront_bench.h"
/* The kernel's and the debugger's number are the same. */
#undef PAGE_BYTES
#include "test/host/duster/engine/self.h"

static void begin(bool no_fifo)
{
	bench_guest.no_fifo = no_fifo;
	bench_start(&(struct mock_disk_config){.flush = true, .persistent = true, .queues = 2});
	self_start(2);
}

static void handler(evtchn_port_t port, void *arg)
{
	(void)port;
	(void)arg;
}

/* The line of self_text that begins with `name=number|`. */
static const char *line_of(const char *name, unsigned int number)
{
	static char line[512];
	char words[64];
	const char *at;

	snprintf(words, sizeof(words), "%s=%u|", name, number);
	for (at = self_text; at && strncmp(at, words, strlen(words)) != 0;) {
		at = strchr(at, '\n');
		at = at && at[1] ? at + 1 : NULL;
	}
	ck_assert_msg(at != NULL, "no line of %s in:\n%s", words, self_text);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

static int event_arg;

START_TEST(event_channels)
{
	evtchn_port_t port;

	begin(_i);
	mock_evtchn_next_port(100); /* not among the first words */
	ck_assert_int_eq(evtchn_alloc_unbound(3, handler, &event_arg, 0, &port), 0);
	evtchn_unmask(port);
	ck_assert_int_eq(self_view("events", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("port", port),
				     "|handler=handler|arg=event_arg|vcpu=0|state=|notes=|"));
	evtchn_mask(port);
	ck_assert_int_eq(self_view("events", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("port", port), "|state=masked|"));
	mock_evtchn_raise(port);
	ck_assert_int_eq(self_view("events", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("port", port), "|state=pending masked|"));
	/* xenstore's and the disk's answer late. */
	self_shows("notes=late-eoi |");
	evtchn_unbind(port);
	ck_assert_int_eq(self_view("events", ""), 0);
	self_hides("handler=handler|");
	ck_assert_int_eq(self_view("events", "all"), 0);
	ck_assert_ptr_nonnull(strstr(line_of("port", 0), "|handler=-|"));
}
END_TEST

START_TEST(grants)
{
	struct grant_stats stats;
	grant_ref_t ref;
	char *page;

	begin(false);
	page = page_alloc(0, PAGE_ZERO);
	ck_assert_int_eq(grant_alloc(&ref, 1), 0);
	grant_set(ref, 5, mock_page_to_mfn(page), true);
	grant_get_stats(&stats);
	ck_assert_int_eq(self_view("grants", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("reference", ref), "|domain=5|"));
	ck_assert_ptr_nonnull(strstr(line_of("reference", ref), "|access=read|in use=|"));
	ck_assert_ptr_nonnull(mock_grant_map(5, ref, false));
	ck_assert_int_eq(self_view("grants", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("reference", ref), "|in use=reading|"));
	mock_grant_unmap(ref, false);
	grant_set(ref, 6, mock_page_to_mfn(page), false);
	ck_assert_ptr_nonnull(mock_grant_map(6, ref, true));
	ck_assert_int_eq(self_view("grants", ""), 0);
	ck_assert_ptr_nonnull(strstr(line_of("reference", ref), "|domain=6|"));
	ck_assert_ptr_nonnull(
		strstr(line_of("reference", ref), "|access=read, write|in use=writing|"));
	self_shows("note: 1 frames, ");
	self_shows(" references free, 0 in quarantine\n");
	/* The table is Xen's memory: a dump is without it. */
	self.hidden_addr = self_number("(unsigned long)'xen/grant.c'::grant.entries");
	self.hidden_bytes = 4096;
	ck_assert_int_eq(self_view("grants", ""), 0);
	self_shows("note: the table itself is Xen's memory, and not here\n");
	self_hides("reference=");
}
END_TEST

START_TEST(xenstore_and_devices)
{
	begin(false);
	ck_assert_int_eq(self_view("xenbus", ""), 0);
	self_shows("note: xenstore: ready, port ");
	self_shows("kind=device|at=0x");
	self_shows("|path=vbd/51712 of domain ");
	self_shows("|function=connected|\n");
	self_shows("kind=watch|at=0x");
	self_shows("|path=device/vbd|");
}
END_TEST

START_TEST(damaged_rings)
{
	uint64_t head, first, nowhere = 0x10;

	begin(false);
	head = self_number("(unsigned long)&'drivers/xenstore.c'::store.watches");
	memcpy(&first, (void *)head, 8);
	/* A watch that follows itself. */
	memcpy((void *)first, &first, 8);
	ck_assert_int_eq(self_view("xenbus", ""), -ELOOP);
	ck_assert_ptr_nonnull(
		strstr(self_problem.text, "the list of watches is damaged: it goes in a circle"));
	memcpy((void *)first, &nowhere, 8);
	ck_assert_int_eq(self_view("xenbus", ""), -EFAULT);
	ck_assert_ptr_nonnull(strstr(self_problem.text, "leads to memory that is not there"));
	self.target.running = true;
	ck_assert_int_eq(self_view("xenbus", ""), -EAGAIN);
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("views of devices");
	TCase *tests = tcase_create("views of devices");

	tcase_set_timeout(tests, 120);
	tcase_add_loop_test(tests, event_channels, 0, 2);
	tcase_add_test(tests, grants);
	tcase_add_test(tests, xenstore_and_devices);
	tcase_add_test(tests, damaged_rings);
	suite_add_tcase(suite, tests);
	return suite;
}
