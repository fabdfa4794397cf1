/* SPDX-License-Identifier: BSD-2-Clause */
#include "test/host/duster/engine/self.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "duster/engine/eval.h"
#include "test/host/check_main.h"

struct self self;
struct session self_session;
struct problem self_problem;
char self_text[SELF_TEXT_BYTES];
static size_t used;

static int op_read(struct target *target, unsigned int vcpu, uint64_t addr, void *to, size_t bytes,
		   size_t *done_out)
{
	ssize_t done;

	(void)target;
	(void)vcpu;
	*done_out = 0;
	if (self.hidden_bytes && addr < self.hidden_addr + self.hidden_bytes &&
	    self.hidden_addr < addr + bytes)
		return -EFAULT;
	/* Past what the sanitizers keep between variables; and an error where there is nothing. */
	done = (int64_t)addr < 0 ? -1 : pread(self.memory_fd, to, bytes, (off_t)addr);
	if (done > 0)
		*done_out = (size_t)done;
	return done == (ssize_t)bytes ? 0 : -EFAULT;
}

static int op_regs_get(struct target *target, unsigned int vcpu, struct regs *regs_out)
{
	(void)target;
	*regs_out = self.regs[vcpu];
	return 0;
}

static int op_walk(struct target *target, unsigned int vcpu, uint64_t addr, struct walk *walk_out)
{
	(void)target;
	(void)vcpu;
	(void)addr;
	*walk_out = self.walk;
	return self.walk_error;
}

static int op_pfn(struct target *target, uint64_t mfn, uint64_t *pfn_out)
{
	(void)target;
	*pfn_out = mfn / 2;
	return mfn % 2 ? -ENOENT : 0;
}

static void op_close(struct target *target)
{
	(void)target;
}

static const struct target_ops ops = {
	.close = op_close,
	.regs_get = op_regs_get,
	.read = op_read,
	.walk = op_walk,
	.pfn = op_pfn,
};

void self_start(unsigned int vcpus_count)
{
	struct image *image;

	self_problem = (struct problem){.column = -1};
	self.target = (struct target){.ops = &ops, .vcpus_count = vcpus_count};
	self.walk_error = -EOPNOTSUPP;
	self.memory_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(self.memory_fd, 0);
	ck_assert_msg(image_open("/proc/self/exe", NULL, &image, &self_problem) == 0, "%s",
		      self_problem.text);
	session_init(&self_session, &self.target, image);
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	used += (size_t)vsnprintf(self_text + used, sizeof(self_text) - used, format, arguments);
	va_end(arguments);
	ck_assert_uint_lt(used, sizeof(self_text));
}

static void take_row(void *context, const struct view_field *fields, size_t count)
{
	(void)context;
	for (size_t i = 0; i < count; i++)
		switch (fields[i].kind) {
		case VIEW_NUMBER:
			say("%s=%llu|", fields[i].name, (unsigned long long)fields[i].number);
			break;
		case VIEW_ADDRESS:
			say("%s=0x%llx|", fields[i].name, (unsigned long long)fields[i].number);
			break;
		case VIEW_TEXT:
			say("%s=%s|", fields[i].name, fields[i].text);
		}
	say("\n");
}

static void take_note(void *context, const char *text)
{
	(void)context;
	say("note: %s\n", text);
}

int self_view(const char *name, const char *words)
{
	static const struct view_sink sink = {.row = take_row, .note = take_note};

	used = 0;
	self_text[0] = '\0';
	self_problem = (struct problem){.column = -1};
	for (const struct view *view = views; view->name; view++)
		if (strcmp(view->name, name) == 0)
			return view->run(&self_session, words, &sink, &self_problem);
	ck_abort_msg("no view %s", name);
}

void self_shows(const char *words)
{
	ck_assert_msg(strstr(self_text, words) != NULL, "\"%s\" is not in:\n%s", words, self_text);
}

void self_hides(const char *words)
{
	ck_assert_msg(strstr(self_text, words) == NULL, "\"%s\" is in:\n%s", words, self_text);
}

uint64_t self_number(const char *expression)
{
	struct value *value;
	uint64_t number = 0;

	ck_assert_msg(eval_expression(&self_session, expression, &value, &self_problem) == 0 &&
			      value_number(&self_session, value, &number, &self_problem) == 0,
		      "%s: %s", expression, self_problem.text);
	return number;
}
