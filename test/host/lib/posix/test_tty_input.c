/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line discipline over a console made of two arrays: editing, echo, signals, and that nothing
 * is lost however slowly the program reads or the other end takes the echo.
 */
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Names our <termios.h> has and the machine's has not. */
#ifndef VERASE2
#define VERASE2 20
#endif
#define _POSIX_VDISABLE_OURS 0xff
#undef _POSIX_VDISABLE
#define _POSIX_VDISABLE _POSIX_VDISABLE_OURS

#include "lib/posix/tty_input.c"
#include "test/host/check_main.h"

static struct console console;
static struct tty tty;
static char input[100000], output[400000];
static size_t input_bytes, input_taken, output_bytes, output_room;
static int signals_sent, last_signal;

void waitq_wake_all(struct waitq *queue)
{
	(void)queue;
}

void sig_send(int signal, int si_code)
{
	(void)si_code;
	signals_sent++;
	last_signal = signal;
}

static size_t console_read(struct console *from, void *bytes_out, size_t bytes_max)
{
	size_t count = input_bytes - input_taken;

	(void)from;
	if (count > bytes_max)
		count = bytes_max;
	memcpy(bytes_out, input + input_taken, count);
	input_taken += count;
	return count;
}

static size_t console_write(struct console *to, const void *bytes, size_t bytes_count)
{
	(void)to;
	if (bytes_count > output_room)
		bytes_count = output_room;
	memcpy(output + output_bytes, bytes, bytes_count);
	output_bytes += bytes_count;
	output_room -= bytes_count;
	return bytes_count;
}

static const struct console_ops ops = {.read = console_read, .write = console_write};

static void start(void)
{
	memset(&tty, 0, sizeof(tty));
	console.ops = &ops;
	tty.console = &console;
	tty.attr.c_iflag = ICRNL;
	tty.attr.c_oflag = OPOST | ONLCR;
	tty.attr.c_lflag = ICANON | ISIG | IEXTEN | ECHO | ECHOE | ECHOK | ECHOKE | ECHOCTL;
	memset(tty.attr.c_cc, 0xff, sizeof(tty.attr.c_cc));
	tty.attr.c_cc[VEOF] = 4;
	tty.attr.c_cc[VERASE] = 0x7f;
	tty.attr.c_cc[VERASE2] = '\b';
	tty.attr.c_cc[VKILL] = 0x15;
	tty.attr.c_cc[VWERASE] = 0x17;
	tty.attr.c_cc[VREPRINT] = 0x12;
	tty.attr.c_cc[VLNEXT] = 0x16;
	tty.attr.c_cc[VINTR] = 3;
	tty.attr.c_cc[VQUIT] = 0x1c;
	tty.attr.c_cc[VSTOP] = 0x13;
	tty.attr.c_cc[VSTART] = 0x11;
	input_bytes = input_taken = output_bytes = 0;
	output_room = sizeof(output);
}

static void type(const char *bytes)
{
	memcpy(input + input_bytes, bytes, strlen(bytes));
	input_bytes += strlen(bytes);
	tty_pump(&tty);
}

/* What a read finds: up to the end of the first line, which `$` stands for when it is ^D. */
static const char *line(void)
{
	static char text[TTY_INPUT_BYTES + 2];
	size_t count = 0;

	while (tty.tail != tty.ready) {
		unsigned int at = tty.tail++ & INPUT_MASK;
		bool ends = tty.ends[at >> 3] & (1U << (at & 7));

		text[count++] = ends && tty.input[at] == 0xff ? '$' : (char)tty.input[at];
		if (ends)
			break;
	}
	text[count] = '\0';
	return text;
}

static const char *shown(void)
{
	output[output_bytes] = '\0';
	return output;
}

START_TEST(lines)
{
	start();
	type("on");
	ck_assert_str_eq(line(), "");
	type("e\rtwo\nthr");
	ck_assert_str_eq(line(), "one\n");
	ck_assert_str_eq(line(), "two\n");
	ck_assert_str_eq(line(), "");
	type("\004\004");
	ck_assert_str_eq(line(), "thr$");
	ck_assert_str_eq(line(), "$");
	ck_assert_str_eq(shown(), "one\r\ntwo\r\nthr");
}
END_TEST

START_TEST(editing)
{
	static const struct {
		const char *typed, *line, *shown;
	} cases[] = {
		{"ab\177c\r", "ac\n", "ab\b \bc\r\n"},
		{"a\b\b\bb\r", "b\n", "a\b \bb\r\n"},
		{"one two  \027x\r", "one x\n", "one two  \b \b\b \b\b \b\b \b\b \bx\r\n"},
		{"abc\025d\r", "d\n", "abc\b \b\b \b\b \bd\r\n"},
		{"\303\244\177b\r", "b\n", "\303\244\b \bb\r\n"},
		{"\001\177b\r", "b\n", "^A\b \b\b \bb\r\n"},
		{"a\026\177\r", "a\177\n", "a^?\r\n"},
		{"\026\003\r", "\003\n", "^C\r\n"},
		{"ab\022c\r", "abc\n", "ab^R\r\nabc\r\n"},
	};

	start();
	type(cases[_i].typed);
	ck_assert_str_eq(line(), cases[_i].line);
	ck_assert_str_eq(shown(), cases[_i].shown);
}
END_TEST

START_TEST(signals)
{
	start();
	type("half\003");
	ck_assert_int_eq(signals_sent, 1);
	ck_assert_int_eq(last_signal, SIGINT);
	type("whole\r\034");
	ck_assert_int_eq(last_signal, SIGQUIT);
	/* Both flushed what was there. */
	ck_assert_str_eq(line(), "");
	tty.attr.c_lflag &= ~(tcflag_t)ISIG;
	type("\003\r");
	ck_assert_int_eq(signals_sent, 2);
	ck_assert_str_eq(line(), "\003\n");
}
END_TEST

START_TEST(raw)
{
	struct termios attr;

	start();
	type("half");
	attr = tty.attr;
	attr.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG | IEXTEN);
	attr.c_iflag = 0;
	tty_set_attr(&tty, &attr);
	type("\r\003\177\004");
	ck_assert_str_eq(line(), "half\r\003\177\004");
	ck_assert_str_eq(shown(), "half");
}
END_TEST

START_TEST(output_is_stopped)
{
	start();
	tty.attr.c_iflag |= IXON;
	type("a");
	type("\023b");
	ck_assert(tty.stopped);
	ck_assert_str_eq(shown(), "a");
	type("\021");
	ck_assert(!tty.stopped);
	ck_assert_str_eq(shown(), "ab");
}
END_TEST

/* A line longer than the buffer: the end is cut off, the line ends all the same. */
START_TEST(too_long)
{
	const char *got;

	start();
	memset(input, 'x', 3 * TTY_INPUT_BYTES);
	input_bytes = 3 * TTY_INPUT_BYTES;
	tty_pump(&tty);
	ck_assert_uint_eq(input_taken, input_bytes);
	type("\rnext\r");
	got = line();
	ck_assert_uint_eq(strlen(got), TTY_INPUT_BYTES);
	ck_assert_int_eq(got[TTY_INPUT_BYTES - 1], '\n');
	tty_pump(&tty);
	ck_assert_str_eq(line(), "next\n");
}
END_TEST

/* Whatever the pace of the reader and of the echo, lines arrive as they were typed. */
START_TEST(nothing_is_lost)
{
	size_t compared = 0;

	start();
	for (input_bytes = 0; input_bytes < 60000;) {
		unsigned int length = test_random() % 200;

		while (length--)
			input[input_bytes++] = (char)('a' + test_random() % 26);
		input[input_bytes++] = '\n';
	}
	output_room = 0;
	while (compared < input_bytes) {
		if (test_random() % 3 == 0)
			output_room = test_random() % 300;
		tty_pump(&tty);
		for (unsigned int i = test_random() % 4; i > 0; i--) {
			const char *got = line();

			ck_assert(memcmp(got, input + compared, strlen(got)) == 0);
			compared += strlen(got);
		}
	}
	output_room = sizeof(output) - output_bytes;
	tty_pump(&tty);
	/* And so does the echo: each newline shows as two bytes. */
	for (size_t i = 0, at = 0; i < input_bytes; i++, at++) {
		if (input[i] == '\n')
			ck_assert_int_eq(output[at++], '\r');
		ck_assert_int_eq(output[at], input[i]);
	}
}
END_TEST

Suite *test_suite(void)
{
	Suite *suite = suite_create("tty_input");
	TCase *all = tcase_create("all");

	tcase_add_test(all, lines);
	tcase_add_loop_test(all, editing, 0, 9);
	tcase_add_test(all, signals);
	tcase_add_test(all, raw);
	tcase_add_test(all, output_is_stopped);
	tcase_add_test(all, too_long);
	tcase_add_loop_test(all, nothing_is_lost, 0, 20);
	suite_add_tcase(suite, all);
	return suite;
}
