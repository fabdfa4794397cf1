/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/net_start.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/time.h"
#include "core/wait.h"
#include "drivers/netfront.h"
#include "drivers/sysrq.h"
#include "lib/net/config.h"
#include "lib/net/interface.h"
#include "lib/net/report.h"
#include "lib/net/stack.h"
#include "lib/posix/net_capture.h"

/* How long a call waits for the network that has none yet, counted from the start. */
#define READY_NS (15 * NS_PER_S)

/* So long a domain's first interface may take. */
#define FIRST_NS (5 * NS_PER_S)

static bool no_devices;

/* `ip=` of the command line stands in the environment, where it does not belong. */
static void configure(void)
{
	static char hostname[64];
	const char *ip = getenv("ip"), *wrong, *text;
	char *kept = ip ? strdup(ip) : NULL;

	if (gethostname(hostname, sizeof(hostname)))
		hostname[0] = '\0';
	if (net_config_set(kept, hostname[0] ? hostname : NULL, &wrong))
		log_error("ip=: \"%s\" is no address, gw=, dns=, ip6=, gw6=, dhcp or none", wrong);
	if (ip)
		unsetenv("ip");
	text = getenv("capture");
	if (text && net_capture_configure(text))
		log_error("capture=: \"%s\" is not console or a file, an interface, snap=, bytes=",
			  text);
	if (text)
		unsetenv("capture");
}

/* Says it when there is nobody to talk to but ourselves. */
static void first_is_due(struct timer *timer)
{
	struct net_interface_info info;

	(void)timer;
	/* The loopback interface has number 1. */
	if (!net_interface_get(2, &info))
		log_warn("network: this domain has no vif (yet)");
}

/* Before main(), so that the guest can be reached while the program prepares itself. */
__attribute__((constructor)) void net_start(void)
{
	static struct sysrq_key key = {.key = 'n', .what = "the network", .fn = net_report};
	static struct timer first;
	static bool started;

	if (__atomic_exchange_n(&started, true, __ATOMIC_ACQ_REL))
		return;
	net_init();
	configure();
	(void)sysrq_add(&key);
	net_interfaces_init();
	no_devices = netfront_init() != 0;
	timer_init(&first, first_is_due);
	timer_arm(&first, time_monotonic_ns() + FIRST_NS);
}

bool net_start_wait(void)
{
	uint64_t deadline_ns = time_boot_ns() + READY_NS;

	if (no_devices || time_monotonic_ns() >= deadline_ns)
		return false;
	if (netfront_wait(deadline_ns))
		return false;
	return !waitq_wait(&net_config_queue, !net_config_pending(), deadline_ns, true);
}
