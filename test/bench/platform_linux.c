/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program is the guest's process 1, alone in its initrd. Started as anything else, on the build
 * machine, it just exits.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/bench/bench.h"

uint64_t platform_entry_ticks(void)
{
	return 0;
}

static void load_module(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		perror(path);
	close(fd);
}

/* The initrd has the kernel's modules, in the order in which they load. */
void platform_devices(void)
{
	FILE *order = fopen("/modules/order", "r");
	char name[128];

	while (order && fgets(name, sizeof(name), order)) {
		name[strcspn(name, "\n")] = '\0';
		load_module(name);
	}
	if (order)
		fclose(order);
	if (mount("dev", "/dev", "devtmpfs", 0, NULL))
		perror("/dev");
}

void platform_end(int status)
{
	/* The kernel does not wait for its console when it powers off. */
	const struct timespec drain = {.tv_nsec = 200 * 1000 * 1000};

	fflush(stdout);
	if (getpid() != 1)
		exit(status);
	nanosleep(&drain, NULL);
	reboot(RB_POWER_OFF);
	_exit(status);
}
