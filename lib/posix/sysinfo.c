/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system is and has: uname, sysconf, sysinfo. */
#include <sys/sysinfo.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "arch/x86_64/hypercall.h"
#include "arch/x86_64/pv/boot.h"
#include "core/page.h"
#include "core/sleeplock.h"
#include "core/time.h"
#include "core/vm.h"
#include "drivers/xenstore.h"
#include "lib/base/format.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "xen/abi.h"

#define CLOCK_TICKS_PER_S 100

#pragma weak vm_settle

/* The domain's name, once asked for. */
static struct sleeplock host_name_lock;
static char host_name[HOST_NAME_MAX + 1];

static void get_host_name(char name_out[HOST_NAME_MAX + 1])
{
	/* The request lies on our stack: no handler may leave it behind. */
	sig_hold();
	sleeplock_lock(&host_name_lock);
	if (!host_name[0] &&
	    (!xenstore_available() || xenstore_read(0, "name", host_name, sizeof(host_name)) ||
	     !host_name[0]))
		memcpy(host_name, "stardust", sizeof("stardust"));
	memcpy(name_out, host_name, sizeof(host_name));
	sleeplock_unlock(&host_name_lock);
	sig_release();
}

int gethostname(char *name, size_t name_bytes)
{
	char host[HOST_NAME_MAX + 1];

	get_host_name(host);
	if (strlen(host) >= name_bytes)
		return (int)posix_result(-ENAMETOOLONG);
	strcpy(name, host);
	return 0;
}

int sethostname(const char *name, size_t name_bytes)
{
	if (name_bytes == 0 || name_bytes > HOST_NAME_MAX)
		return (int)posix_result(-EINVAL);
	sig_hold();
	sleeplock_lock(&host_name_lock);
	memcpy(host_name, name, name_bytes);
	host_name[name_bytes] = '\0';
	sleeplock_unlock(&host_name_lock);
	sig_release();
	return 0;
}

int uname(struct utsname *names_out)
{
	unsigned long version =
		(unsigned long)arch_hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
	char host[HOST_NAME_MAX + 1];
	struct xen_extraversion_wrap {
		xen_extraversion_t text;
	} extra;

	memset(names_out, 0, sizeof(*names_out));
	memset(&extra, 0, sizeof(extra));
	arch_hypercall(__HYPERVISOR_xen_version, XENVER_extraversion, (unsigned long)&extra, 0, 0,
		       0);
	extra.text[sizeof(extra.text) - 1] = '\0';
	format_text(names_out->sysname, sizeof(names_out->sysname), "Stardust");
	get_host_name(host);
	format_text(names_out->nodename, sizeof(names_out->nodename), "%s", host);
	format_text(names_out->release, sizeof(names_out->release), "%s", STARDUST_VERSION);
	format_text(names_out->version, sizeof(names_out->version), "Xen %lu.%lu%s", version >> 16,
		    version & 0xffff, extra.text);
	format_text(names_out->machine, sizeof(names_out->machine), "x86_64");
	return 0;
}

int getpagesize(void)
{
	return (int)PAGE_BYTES;
}

int getdtablesize(void)
{
	return OPEN_MAX;
}

static uint64_t free_pages(void)
{
	struct page_stats stats;

	if (vm_settle)
		(void)vm_settle();
	page_get_stats(&stats);
	return stats.free + stats.untouched;
}

int sysinfo(struct sysinfo *info_out)
{
	memset(info_out, 0, sizeof(*info_out));
	info_out->uptime = (long)((time_monotonic_ns() - time_boot_ns()) / NS_PER_S);
	info_out->totalram = boot_info.pages_count;
	info_out->freeram = free_pages();
	info_out->procs = 1;
	info_out->mem_unit = (unsigned int)PAGE_BYTES;
	return 0;
}

static long path_limit(int name)
{
	switch (name) {
	case _PC_NAME_MAX:
		return NAME_MAX;
	case _PC_PATH_MAX:
		return PATH_MAX;
	case _PC_PIPE_BUF:
		return PIPE_BUF;
	case _PC_LINK_MAX:
		return LINK_MAX;
	case _PC_MAX_CANON:
	case _PC_MAX_INPUT:
		return MAX_CANON;
	case _PC_NO_TRUNC:
	case _PC_CHOWN_RESTRICTED:
		return 1;
	case _PC_VDISABLE:
		return 0xff;
	default:
		errno = EINVAL;
		return -1;
	}
}

long pathconf(const char *path, int name)
{
	(void)path;
	return path_limit(name);
}

long fpathconf(int fd, int name)
{
	(void)fd;
	return path_limit(name);
}
