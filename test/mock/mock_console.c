/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console's other end: xenconsoled, or Xen itself for an initial domain.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/pv/boot.h"
#include "test/mock/mock_private.h"

size_t mock_console_take_max;

static char *output;
static size_t output_bytes;
static char input[65536];
static size_t input_start, input_end;

struct xencons_interface *mock_console_page(void)
{
	return mock_pfn_page(MOCK_CONSOLE_PFN);
}

static void output_append(char byte)
{
	if (output_bytes % 65536 == 0)
		output = realloc(output, output_bytes + 65537);
	output[output_bytes++] = byte;
	output[output_bytes] = '\0';
}

const char *mock_console_output(void)
{
	return output ? output : "";
}

static void backend(void *arg)
{
	struct xencons_interface *ring = mock_console_page();
	bool moved = false;

	(void)arg;
	for (size_t i = 0; i < mock_console_take_max && ring->out_cons != ring->out_prod &&
			   ring->out_prod - ring->out_cons <= sizeof(ring->out);
	     i++) {
		output_append(ring->out[MASK_XENCONS_IDX(ring->out_cons, ring->out)]);
		ring->out_cons++;
		moved = true;
	}
	while (input_start < input_end && ring->in_prod - ring->in_cons < sizeof(ring->in)) {
		ring->in[MASK_XENCONS_IDX(ring->in_prod, ring->in)] = input[input_start++];
		ring->in_prod++;
		moved = true;
	}
	if (moved)
		mock_evtchn_set_pending(MOCK_CONSOLE_PORT);
}

void mock_console_input(const char *text)
{
	size_t bytes = strlen(text);

	if (input_end + bytes > sizeof(input))
		mock_die("too much console input");
	memcpy(input + input_end, text, bytes);
	input_end += bytes;
	if (mock_config.initial_domain)
		mock_virq_raise(VIRQ_CONSOLE);
}

long mock_console_io(int command, unsigned int bytes_count, char *text)
{
	unsigned int taken = 0;

	if (!mock_config.initial_domain)
		return -EPERM;
	if (command == CONSOLEIO_write) {
		for (unsigned int i = 0; i < bytes_count; i++)
			output_append(text[i]);
		return 0;
	}
	while (taken < bytes_count && input_start < input_end)
		text[taken++] = input[input_start++];
	return taken;
}

static char emergency[65536];

void boot_emergency_write(const char *text, size_t text_bytes)
{
	size_t used = strlen(emergency);

	if (text_bytes > sizeof(emergency) - 1 - used)
		text_bytes = sizeof(emergency) - 1 - used;
	memcpy(emergency + used, text, text_bytes);
}

const char *mock_emergency_output(void)
{
	return emergency;
}

void mock_console_start(void)
{
	output_bytes = input_start = input_end = 0;
	mock_console_take_max = SIZE_MAX;
	memset(emergency, 0, sizeof(emergency));
	if (mock_config.initial_domain)
		return;
	memset(mock_console_page(), 0, 4096);
	boot_info.console_port = mock_evtchn_create(backend, NULL);
	mock_backend_add(backend, NULL);
}
