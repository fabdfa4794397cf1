/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/posix/net_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stardust/net.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/heap.h"
#include "core/log.h"
#include "core/report.h"
#include "core/time.h"
#include "lib/base/format.h"
#include "lib/base/parse.h"
#include "lib/net/capture.h"
#include "lib/net/report.h"
#include "lib/posix/net_start.h"
#include "xen/vcpu.h"

#define BUFFER_BYTES_DEFAULT (1u << 20)
#define LINE_BYTES           80u /* of the packet, in one line of the console */

static const char *path;      /* NULL: none */
static struct timer reader;   /* of the console's */
static uint8_t *reader_bytes; /* NET_CAPTURE_RECORD_MAX of them */

void stardust_net_report(void)
{
	net_start();
	net_report();
}

int stardust_capture_start(const char *interface, size_t snap_bytes, size_t buffer_bytes)
{
	int error;

	net_start();
	error = net_capture_start(interface, snap_bytes ? snap_bytes : NET_CAPTURE_SNAP_MAX,
				  buffer_bytes ? buffer_bytes : BUFFER_BYTES_DEFAULT);
	errno = -error;
	return error ? -1 : 0;
}

void stardust_capture_stop(void)
{
	net_capture_stop();
}

static int write_all(int fd, const uint8_t *bytes, size_t bytes_count)
{
	while (bytes_count > 0) {
		ssize_t done = write(fd, bytes, bytes_count);

		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			bytes += done;
			bytes_count -= (size_t)done;
		}
	}
	return 0;
}

int stardust_capture_save(const char *to)
{
	uint8_t *bytes = malloc(NET_CAPTURE_RECORD_MAX);
	int fd = bytes ? open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1, error = 0;
	size_t done;

	if (fd >= 0) {
		while (error == 0 && (done = net_capture_read(bytes, NET_CAPTURE_RECORD_MAX)) > 0)
			error = write_all(fd, bytes, done);
		error |= close(fd);
	}
	free(bytes);
	return fd < 0 || error ? -1 : 0;
}

void net_capture_end(void)
{
	net_capture_stop();
	if (path && stardust_capture_save(path))
		log_error("capture=: %s could not be written: error %d", path, errno);
}

/* ---- The console ---- */

static bool write_record(const uint8_t *bytes, size_t bytes_count)
{
	static const char digits[] = "0123456789abcdef";
	char line[2 * LINE_BYTES + 1];
	bool heard = true;

	while (bytes_count > 0 && heard) {
		size_t part = bytes_count < LINE_BYTES ? bytes_count : LINE_BYTES;

		for (size_t i = 0; i < part; i++) {
			line[2 * i] = digits[bytes[i] >> 4];
			line[2 * i + 1] = digits[bytes[i] & 15];
		}
		line[2 * part] = '\0';
		heard = report_line("pcap %s", line);
		bytes += part;
		bytes_count -= part;
	}
	return heard;
}

/* Event context, without the stack's lock. */
static void read_to_console(struct timer *timer)
{
	bool enabled = events_disable(), heard = true;
	size_t done;

	if (!report_begin()) {
		timer_arm(timer, time_monotonic_ns() + NS_PER_S / 100);
	} else {
		while (heard && (done = net_capture_read(reader_bytes, NET_CAPTURE_RECORD_MAX)) > 0)
			heard = write_record(reader_bytes, done);
		report_end();
	}
	if (!heard) {
		net_capture_stop();
		log_warn("capture=console: nobody reads the console");
	}
	events_restore(enabled);
}

static void wake_reader(void)
{
	timer_arm(&reader, time_monotonic_ns());
}

/* ---- The command line ---- */

struct plan {
	const char *interface;
	size_t snap_bytes, buffer_bytes;
};

static int parse_word(char *word, struct plan *plan)
{
	uint64_t value;

	if (strncmp(word, "snap=", 5) == 0) {
		if (parse_u64(word + 5, &value) || value == 0 || value > NET_CAPTURE_SNAP_MAX)
			return -EINVAL;
		plan->snap_bytes = value;
	} else if (strncmp(word, "bytes=", 6) == 0) {
		if (parse_u64(word + 6, &value) || value == 0)
			return -EINVAL;
		plan->buffer_bytes = value;
	} else {
		plan->interface = word;
	}
	return 0;
}

int net_capture_configure(const char *text)
{
	struct plan plan = {.interface = NULL};
	char *words = strdup(text), *rest = words, *first, *word;
	int error = 0;

	if (!words)
		return -ENOMEM;
	first = strsep(&rest, ",");
	while (error == 0 && (word = strsep(&rest, ",")))
		error = parse_word(word, &plan);
	if (error || !*first)
		return -EINVAL;
	if (strcmp(first, "console") == 0) {
		reader_bytes = heap_alloc(NET_CAPTURE_RECORD_MAX);
		if (!reader_bytes)
			return -ENOMEM;
		timer_init(&reader, read_to_console);
		net_capture_set_reader(wake_reader);
	} else {
		path = first;
	}
	return stardust_capture_start(plan.interface, plan.snap_bytes, plan.buffer_bytes) ? -errno
											  : 0;
}
