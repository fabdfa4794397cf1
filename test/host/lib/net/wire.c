/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/lib/net/wire.h"

#include <string.h>

#include "test/host/check_main.h"
#include "test/host/lib/net/frames.h"

#define FRAMES 64u

static struct {
	size_t bytes_count;
	uint8_t bytes[FRAME_MAX];
} sent[FRAMES];
static size_t sent_count;
static void (*peer)(const uint8_t *frame, size_t bytes_count);

static void on_frame(const uint8_t *frame, size_t bytes_count)
{
	ck_assert_uint_lt(sent_count, FRAMES);
	memcpy(sent[sent_count].bytes, frame, bytes_count);
	sent[sent_count++].bytes_count = bytes_count;
}

void wire_start(void (*hear)(const uint8_t *frame, size_t bytes_count))
{
	peer = hear;
	netstack_on_frame = on_frame;
}

void wire_pass(uint64_t ns)
{
	for (uint64_t passed = 0; passed <= ns; passed += WIRE_STEP_NS) {
		size_t count = sent_count;

		for (size_t i = 0; i < count; i++)
			peer(sent[i].bytes, sent[i].bytes_count);
		sent_count -= count;
		memmove(sent, sent + count, sent_count * sizeof(sent[0]));
		netstack_advance(WIRE_STEP_NS);
	}
}
