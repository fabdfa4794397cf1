/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86_64/pv/boot.h"
#include "arch/x86_64/pv/pt.h"
#include "core/events.h"
#include "core/page.h"
#include "core/time.h"
#include "lib/base/string.h"
#include "xen/evtchn.h"

static struct timer eoi_timer;

static void eoi_timer_fired(struct timer *timer)
{
	(void)timer;
	evtchn_eoi_expire(time_monotonic_ns());
}

/* True when the command line has this word (up to the `--` that ends the kernel's part). */
static bool cmdline_has(const char *word)
{
	size_t length = strlen(word);
	const char *at = boot_info.cmdline;

	for (;;) {
		while (*at == ' ')
			at++;
		if (!*at || (at[0] == '-' && at[1] == '-' && (!at[2] || at[2] == ' ')))
			return false;
		if (strncmp(at, word, length) == 0 && (!at[length] || at[length] == ' '))
			return true;
		while (*at && *at != ' ')
			at++;
	}
}

int events_init(void)
{
	timer_init(&eoi_timer, eoi_timer_fired);
	return evtchn_init(boot_shared_info, cmdline_has("evtchn=2l"));
}

void *core_evtchn_pages(unsigned int order)
{
	return page_alloc(order, PAGE_ZERO);
}

uint64_t core_evtchn_mfn(const void *vaddr)
{
	struct pt_walk walk;

	pt_walk((uintptr_t)vaddr, &walk);
	return walk.mfn;
}

uint64_t core_evtchn_now_ns(void)
{
	return time_monotonic_ns();
}

void core_evtchn_eoi_at(uint64_t due_ns)
{
	if (!eoi_timer.armed || due_ns < eoi_timer.deadline_ns)
		timer_arm(&eoi_timer, due_ns);
}
