/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of bytes that whole records go into and come out of. All under net_lock. */
#include "lib/net/capture.h"

#include <lwip/pbuf.h>

#include "core/heap.h"
#include "core/time.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "lib/net/stack.h"

#define PCAP_MAGIC_NS    0xa1b23c4du
#define PCAP_MAJOR       2
#define PCAP_MINOR       4
#define PCAP_ETHERNET    1
#define BUFFER_BYTES_MIN 256u

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, accuracy, snap_bytes, link_type;
};

struct record_header {
	uint32_t seconds, nanoseconds, kept_bytes, packet_bytes;
};

_Static_assert(sizeof(struct file_header) == 24, "the pcap format");
_Static_assert(sizeof(struct record_header) == 16, "the pcap format");

bool net_capturing;

static struct {
	const char *interface;
	uint32_t snap_bytes;
	uint8_t *ring;
	size_t ring_bytes, first, last; /* free-running */
	bool header_read;
	struct net_capture_counts counts;
	void (*reader)(void);
} capture;

int net_capture_start(const char *interface, size_t snap_bytes, size_t buffer_bytes)
{
	uint8_t *ring, *old;
	bool enabled;

	if (buffer_bytes < BUFFER_BYTES_MIN || snap_bytes == 0)
		return -EINVAL;
	ring = heap_alloc(buffer_bytes);
	if (!ring)
		return -ENOMEM;
	if (snap_bytes > NET_CAPTURE_SNAP_MAX)
		snap_bytes = NET_CAPTURE_SNAP_MAX;
	enabled = net_lock();
	old = capture.ring;
	capture.interface = interface;
	capture.snap_bytes = (uint32_t)snap_bytes;
	capture.ring = ring;
	capture.ring_bytes = buffer_bytes;
	capture.first = capture.last = 0;
	capture.header_read = false;
	capture.counts = (struct net_capture_counts){.captured = 0};
	net_capturing = true;
	net_unlock(enabled);
	heap_free(old);
	return 0;
}

void net_capture_stop(void)
{
	bool enabled = net_lock();

	net_capturing = false;
	net_unlock(enabled);
}

void net_capture_set_reader(void (*reader)(void))
{
	capture.reader = reader;
}

static void put(const void *bytes, size_t bytes_count)
{
	size_t at = capture.last % capture.ring_bytes, part = capture.ring_bytes - at;

	if (part > bytes_count)
		part = bytes_count;
	memcpy(capture.ring + at, bytes, part);
	memcpy(capture.ring, (const uint8_t *)bytes + part, bytes_count - part);
	capture.last += bytes_count;
}

static void get(void *bytes_out, size_t bytes_count)
{
	size_t at = capture.first % capture.ring_bytes, part = capture.ring_bytes - at;

	if (part > bytes_count)
		part = bytes_count;
	memcpy(bytes_out, capture.ring + at, part);
	memcpy((uint8_t *)bytes_out + part, capture.ring, bytes_count - part);
	capture.first += bytes_count;
}

void net_capture_packet(const char *interface, const struct pbuf *p)
{
	uint64_t now_ns = time_wall_ns();
	struct record_header header = {.seconds = (uint32_t)(now_ns / NS_PER_S),
				       .nanoseconds = (uint32_t)(now_ns % NS_PER_S),
				       .packet_bytes = p->tot_len};
	uint32_t left = p->tot_len < capture.snap_bytes ? p->tot_len : capture.snap_bytes;

	if (capture.interface && strcmp(capture.interface, interface) != 0)
		return;
	if (capture.last - capture.first + sizeof(header) + left > capture.ring_bytes) {
		capture.counts.left_out++;
		return;
	}
	header.kept_bytes = left;
	put(&header, sizeof(header));
	for (; left > 0; p = p->next) {
		uint32_t part = p->len < left ? p->len : left;

		put(p->payload, part);
		left -= part;
	}
	capture.counts.captured++;
	if (capture.reader)
		capture.reader();
}

/* Records from the ring on, as many as fit. */
static size_t read_records(uint8_t *bytes_out, size_t bytes_max)
{
	size_t done = 0;

	while (capture.first != capture.last) {
		struct record_header header;
		size_t first = capture.first;

		get(&header, sizeof(header));
		if (done + sizeof(header) + header.kept_bytes > bytes_max) {
			capture.first = first;
			break;
		}
		memcpy(bytes_out + done, &header, sizeof(header));
		get(bytes_out + done + sizeof(header), header.kept_bytes);
		done += sizeof(header) + header.kept_bytes;
	}
	return done;
}

size_t net_capture_read(void *bytes_out, size_t bytes_max)
{
	const struct file_header header = {.magic = PCAP_MAGIC_NS,
					   .major = PCAP_MAJOR,
					   .minor = PCAP_MINOR,
					   .snap_bytes = NET_CAPTURE_SNAP_MAX,
					   .link_type = PCAP_ETHERNET};
	bool enabled = net_lock();
	size_t done = 0;

	if (capture.ring && !capture.header_read && bytes_max >= sizeof(header)) {
		memcpy(bytes_out, &header, sizeof(header));
		capture.header_read = true;
		done = sizeof(header);
	}
	if (capture.ring && capture.header_read)
		done += read_records((uint8_t *)bytes_out + done, bytes_max - done);
	net_unlock(enabled);
	return done;
}

void net_capture_get_counts(struct net_capture_counts *counts_out)
{
	bool enabled = net_lock();

	*counts_out = capture.counts;
	net_unlock(enabled);
}
