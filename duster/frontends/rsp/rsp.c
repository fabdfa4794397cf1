/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/frontends/rsp/rsp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duster/engine/run.h"
#include "duster/engine/threads.h"
#include "duster/frontends/rsp/rsp_agent.h"
#include "duster/frontends/rsp/rsp_wire.h"

#define PACKET_BYTES   4096u
#define MEMORY_BYTES   ((PACKET_BYTES - 16) / 2)
#define BREAKS_MAX     256u
#define THREADS_LISTED 300u /* fit in a packet */
#define INTERRUPT      0x03
#define SIGNAL_INT     2
#define SIGNAL_TRAP    5
#define SLICE_MS       200 /* how often the client of a running guest is asked to stop */

#define CONDITION_BYTES 256u
#define CONDITIONS_MAX  8u
#define FS_BASE         58u /* numbers of registers in the protocol, as target.xml counts */
#define GS_BASE         59u
#define GUEST_THREADS   0x10000u /* guest thread n that does not run is gdb's thread n + this */

struct server {
	struct session *session;
	struct rsp_wire wire;
	unsigned int general;  /* vCPU of g, m … */
	uint64_t guest_thread; /* its registers instead, 0: none */
	rsp_monitor_fn *monitor;
	void *context;
	bool ended, detached;
	/* Breakpoints and watchpoints by what gdb calls them. */
	struct entry {
		char kind; /* 0: free */
		uint64_t addr, bytes;
		unsigned int number;
		/* Of gdb's conditions one must be true; none: always. */
		struct condition {
			unsigned int bytes;
			uint8_t code[CONDITION_BYTES];
		} conditions[CONDITIONS_MAX];
		unsigned int conditions_count;
		struct server *server;
	} entries[BREAKS_MAX];
};

/* In the order of target.xml. */
static const struct {
	uint8_t reg, bytes;
} layout[] = {{CPU_RAX, 8}, {CPU_RBX, 8}, {CPU_RCX, 8}, {CPU_RDX, 8}, {CPU_RSI, 8}, {CPU_RDI, 8},
	      {CPU_RBP, 8}, {CPU_RSP, 8}, {CPU_R8, 8},  {CPU_R9, 8},  {CPU_R10, 8}, {CPU_R11, 8},
	      {CPU_R12, 8}, {CPU_R13, 8}, {CPU_R14, 8}, {CPU_R15, 8}, {CPU_RIP, 8}, {CPU_RFLAGS, 4},
	      {CPU_CS, 4},  {CPU_SS, 4},  {CPU_DS, 4},  {CPU_ES, 4},  {CPU_FS, 4},  {CPU_GS, 4}};
#define LAYOUT_COUNT (sizeof(layout) / sizeof(layout[0]))

static void describe_target(struct text *text)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi",    "rbp", "rsp", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "rip", "eflags", "cs",  "ss",  "ds", "es", "fs",  "gs"};

	text_add(text, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
		       "<target version=\"1.0\"><architecture>i386:x86-64</architecture>"
		       "<feature name=\"org.gnu.gdb.i386.core\">");
	for (unsigned int i = 0; i < LAYOUT_COUNT; i++)
		text_add(text, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", names[i],
			 layout[i].bytes * 8,
			 layout[i].reg == CPU_RIP                               ? "code_ptr"
			 : layout[i].reg == CPU_RSP || layout[i].reg == CPU_RBP ? "data_ptr"
			 : layout[i].bytes == 8                                 ? "int64"
										: "int32");
	/* gdb wants the floating-point part to be there. */
	for (unsigned int i = 0; i < 8; i++)
		text_add(text, "<reg name=\"st%u\" bitsize=\"80\" type=\"i387_ext\"/>", i);
	for (unsigned int i = 0; i < 8; i++) {
		static const char *const control[] = {"fctrl", "fstat", "ftag",  "fiseg",
						      "fioff", "foseg", "fooff", "fop"};

		text_add(text, "<reg name=\"%s\" bitsize=\"32\" type=\"int\" group=\"float\"/>",
			 control[i]);
	}
	text_add(text, "</feature><feature name=\"org.gnu.gdb.i386.sse\">"
		       "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
		       "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
		       "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
		       "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
		       "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
		       "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
		       "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
		       "<field name=\"v2_double\" type=\"v2d\"/>"
		       "<field name=\"v16_int8\" type=\"v16i8\"/>"
		       "<field name=\"v8_int16\" type=\"v8i16\"/>"
		       "<field name=\"v4_int32\" type=\"v4i32\"/>"
		       "<field name=\"v2_int64\" type=\"v2i64\"/>"
		       "<field name=\"uint128\" type=\"uint128\"/></union>");
	for (unsigned int i = 0; i < REGS_XMM_COUNT; i++)
		text_add(text, "<reg name=\"xmm%u\" bitsize=\"128\" type=\"vec128\"/>", i);
	text_add(text, "<reg name=\"mxcsr\" bitsize=\"32\" type=\"int\" group=\"vector\"/>"
		       "</feature><feature name=\"org.gnu.gdb.i386.linux\">"
		       "<reg name=\"orig_rax\" bitsize=\"64\" type=\"int\"/></feature>"
		       "<feature name=\"org.gnu.gdb.i386.segments\">"
		       "<reg name=\"fs_base\" bitsize=\"64\" type=\"int\"/>"
		       "<reg name=\"gs_base\" bitsize=\"64\" type=\"int\"/></feature></target>");
}

/* ---- Registers and memory ---- */

static void add_unknown(struct text *text, unsigned int bytes)
{
	for (unsigned int i = 0; i < 2 * bytes; i++)
		text_add(text, "x");
}

static int selected_regs(struct server *server, struct regs *regs_out)
{
	struct guest_thread thread;
	int error;

	if (!server->guest_thread)
		return target_regs_get(server->session->target, server->general, regs_out);
	session_begin_command(server->session);
	error = threads_find(server->session, server->guest_thread, &thread, NULL);
	if (!error)
		*regs_out = thread.regs;
	return error;
}

static void add_register(struct text *reply, const struct regs *regs, unsigned int reg,
			 unsigned int bytes)
{
	if (regs_known(regs, reg))
		rsp_add_hex(reply, &regs->value[reg], bytes);
	else
		add_unknown(reply, bytes);
}

static void read_registers(struct server *server, struct text *reply)
{
	struct regs regs = {0};

	if (selected_regs(server, &regs)) {
		text_add(reply, "E01");
		return;
	}
	for (unsigned int i = 0; i < LAYOUT_COUNT; i++)
		add_register(reply, &regs, layout[i].reg, layout[i].bytes);
	add_unknown(reply, 8 * 10 + 8 * 4);
	for (unsigned int i = 0; i < REGS_XMM_COUNT; i++)
		if (regs.xmm_known)
			rsp_add_hex(reply, regs.xmm[i], 16);
		else
			add_unknown(reply, 16);
	add_unknown(reply, 4 + 8); /* mxcsr, orig_rax */
	add_register(reply, &regs, CPU_FS_BASE, 8);
	add_register(reply, &regs, CPU_GS_BASE, 8);
}

/* For conditions: of the vCPU that stopped. */
static bool agent_register(void *context, unsigned int number, uint64_t *value_out)
{
	struct session *session = ((struct server *)context)->session;
	unsigned int reg = number < LAYOUT_COUNT ? layout[number].reg
			   : number == FS_BASE   ? CPU_FS_BASE
			   : number == GS_BASE   ? CPU_GS_BASE
						 : REGS_COUNT;
	struct regs regs = {0};

	/* At a glance those of the thread's frame are all there are. */
	if (session->glancing)
		regs = session->start_regs;
	else if (target_regs_get(session->target, session->vcpu, &regs))
		return false;
	if (!regs_known(&regs, reg))
		return false;
	*value_out = regs.value[reg];
	return true;
}

/* What cannot be evaluated stops: gdb then looks itself, and says what is wrong. */
static bool conditions_hold(void *context, struct session *session)
{
	const struct entry *entry = context;
	struct rsp_agent agent = {session, agent_register, entry->server};

	for (unsigned int i = 0; i < entry->conditions_count; i++) {
		uint64_t value;

		if (rsp_agent_run(&agent, entry->conditions[i].code, entry->conditions[i].bytes,
				  &value) ||
		    value)
			return true;
	}
	return entry->conditions_count == 0;
}

/* `;X5,0123456789X…` behind a Z packet. */
static int take_conditions(struct entry *entry, const char *at)
{
	entry->conditions_count = 0;
	while (*at == ';' || *at == 'X') {
		struct condition *condition = &entry->conditions[entry->conditions_count];
		char *end;

		if (*at == ';') {
			at++;
			continue;
		}
		if (entry->conditions_count == CONDITIONS_MAX)
			return -E2BIG;
		condition->bytes = (unsigned int)strtoul(at + 1, &end, 16);
		at = end + 1;
		if (*end != ',' || condition->bytes > CONDITION_BYTES ||
		    !rsp_take_hex(&at, condition->code, condition->bytes))
			return -EINVAL;
		entry->conditions_count++;
	}
	return 0;
}

static void write_registers(struct server *server, const char *hex, struct text *reply)
{
	struct regs regs;
	int error = server->guest_thread ? -EOPNOTSUPP : selected_regs(server, &regs);

	for (unsigned int i = 0; i < LAYOUT_COUNT && !error; i++) {
		uint64_t word = 0;

		if (*hex != 'x' && rsp_take_hex(&hex, &word, layout[i].bytes))
			regs_set(&regs, layout[i].reg, word);
		else
			hex += strlen(hex) < 2u * layout[i].bytes ? strlen(hex)
								  : 2u * layout[i].bytes;
	}
	if (!error)
		error = target_regs_set(server->session->target, server->general, &regs);
	session_forget_frames(server->session);
	text_add(reply, error ? "E01" : "OK");
}

static void write_register(struct server *server, const char *words, struct text *reply)
{
	struct regs regs;
	char *at;
	unsigned long number = strtoul(words, &at, 16);
	const char *hex = at + 1;
	uint64_t word = 0;

	if (number >= LAYOUT_COUNT || *at != '=' || server->guest_thread ||
	    !rsp_take_hex(&hex, &word, layout[number].bytes) ||
	    target_regs_get(server->session->target, server->general, &regs)) {
		text_add(reply, "E01");
		return;
	}
	regs_set(&regs, layout[number].reg, word);
	text_add(reply,
		 target_regs_set(server->session->target, server->general, &regs) ? "E01" : "OK");
	session_forget_frames(server->session);
}

static void read_memory(struct server *server, const char *words, struct text *reply)
{
	char *at;
	uint64_t addr = strtoull(words, &at, 16), bytes = *at ? strtoull(at + 1, NULL, 16) : 0;
	uint8_t memory[MEMORY_BYTES];
	size_t done;

	if (bytes > sizeof(memory))
		bytes = sizeof(memory);
	(void)session_read_some(server->session, addr, memory, bytes, &done);
	if (done || !bytes)
		rsp_add_hex(reply, memory, done);
	else
		text_add(reply, "E14");
}

static void write_memory(struct server *server, const char *words, struct text *reply)
{
	char *at;
	uint64_t addr = strtoull(words, &at, 16), bytes = *at ? strtoull(at + 1, &at, 16) : 0;
	uint8_t memory[MEMORY_BYTES];
	const char *hex = *at == ':' ? at + 1 : "";

	if (bytes > sizeof(memory) || !rsp_take_hex(&hex, memory, bytes) ||
	    session_write(server->session, addr, memory, bytes, NULL))
		text_add(reply, "E14");
	else
		text_add(reply, "OK");
	session_forget_frames(server->session);
}

/* ---- Breakpoints ---- */

static struct entry *find_entry(struct server *server, char kind, uint64_t addr, uint64_t bytes)
{
	for (unsigned int i = 0; i < BREAKS_MAX; i++) {
		struct entry *entry = &server->entries[i];

		if (entry->kind == kind &&
		    (!kind || (entry->addr == addr && entry->bytes == bytes)))
			return entry;
	}
	return NULL;
}

static int insert(struct server *server, struct entry *entry)
{
	struct breakpoint *breakpoint;
	char text[96];
	int error;

	session_begin_command(server->session);
	if (entry->kind <= '1') {
		snprintf(text, sizeof(text), "*0x%llx", (unsigned long long)entry->addr);
		error = run_break(server->session, text, false, entry->kind == '1', &breakpoint,
				  NULL);
	} else {
		snprintf(text, sizeof(text), "*(%s *)0x%llx",
			 entry->bytes == 8   ? "long"
			 : entry->bytes == 4 ? "int"
			 : entry->bytes == 2 ? "short"
					     : "char",
			 (unsigned long long)entry->addr);
		error = run_watch(server->session, text,
				  entry->kind == '2' ? WATCH_WRITE : WATCH_ACCESS, &breakpoint,
				  NULL);
	}
	if (!error) {
		entry->number = breakpoint->number;
		breakpoint->filter = conditions_hold;
		breakpoint->filter_context = entry;
	}
	return error;
}

static void breakpoint(struct server *server, const char *packet, struct text *reply)
{
	char kind = packet[1], *at;
	uint64_t addr = strtoull(packet + 3, &at, 16), bytes = *at ? strtoull(at + 1, &at, 16) : 0;
	struct entry *entry = find_entry(server, kind, addr, bytes);
	int error = 0;

	if (kind < '0' || kind > '4') /* an empty reply: not supported */
		return;
	if (packet[0] == 'Z' && !entry) {
		entry = find_entry(server, 0, 0, 0);
		if (entry) {
			*entry = (struct entry){
				.kind = kind, .addr = addr, .bytes = bytes, .server = server};
			error = take_conditions(entry, at);
			error = error ? error : insert(server, entry);
			if (error)
				entry->kind = 0;
		} else {
			error = -ENOSPC;
		}
	} else if (packet[0] == 'Z') {
		error = take_conditions(entry, at); /* the same place with another condition */
	} else if (entry) {
		error = run_delete(server->session, entry->number, NULL);
		entry->kind = 0;
	}
	text_add(reply, error ? "E16" : "OK");
}

/* ---- Running ---- */

static const struct entry *entry_of(const struct server *server, const struct breakpoint *of)
{
	for (unsigned int i = 0; i < BREAKS_MAX; i++)
		if (server->entries[i].kind && server->entries[i].number == of->number)
			return &server->entries[i];
	return NULL;
}

static void say_stop(struct server *server, const struct stop *stop, struct text *reply)
{
	const struct entry *entry;

	server->general = stop->vcpu;
	switch (stop->reason) {
	case STOP_ENDED:
	case STOP_SUSPENDED:
		server->ended = true;
		text_add(reply, "W00");
		return;
	case STOP_INTERRUPTED:
		text_add(reply, "T%02xthread:%x;", SIGNAL_INT, stop->vcpu + 1);
		return;
	case STOP_CRASHED:
		text_add(reply, "T0bthread:%x;", stop->vcpu + 1);
		return;
	default:
		break;
	}
	text_add(reply, "T%02x", SIGNAL_TRAP);
	entry = stop->breakpoint ? entry_of(server, stop->breakpoint) : NULL;
	if (stop->reason == STOP_WATCHPOINT && entry)
		text_add(reply, "%s:%llx;", entry->kind == '2' ? "watch" : "awatch",
			 (unsigned long long)entry->addr);
	text_add(reply, "thread:%x;", stop->vcpu + 1);
}

/* Runs in slices, so that the client's interrupt is heard. */
static void run(struct server *server, bool step, struct text *reply)
{
	struct session *session = server->session;
	struct stop stop = {.reason = STOP_TIMEOUT};
	int kept = session->settings.timeout_ms, error = 0;

	session_begin_command(session);
	server->guest_thread = 0;
	(void)session_select_vcpu(session, server->general, NULL);
	if (step) {
		error = run_step_instruction(session, false, &stop, NULL);
	} else {
		session->settings.timeout_ms = SLICE_MS;
		while (!error && stop.reason == STOP_TIMEOUT) {
			error = run_continue(session, &stop, NULL);
			if (rsp_wire_interrupted(&server->wire) && stop.reason == STOP_TIMEOUT)
				stop.reason = STOP_INTERRUPTED;
		}
		session->settings.timeout_ms = kept;
	}
	if (error)
		text_add(reply, "E01");
	else
		say_stop(server, &stop, reply);
}

static void run_vcont(struct server *server, const char *actions, struct text *reply)
{
	const char *step = strstr(actions, ";s");

	if (step) {
		const char *thread = strchr(step, ':');
		unsigned long number = thread ? strtoul(thread + 1, NULL, 16) : 0;

		if (number && number <= server->session->target->vcpus_count)
			server->general = (unsigned int)number - 1;
	}
	run(server, step != NULL, reply);
}

/* ---- Questions ---- */

static void transfer(const char *words, const struct text *whole, struct text *reply)
{
	char *at;
	uint64_t offset = strtoull(words, &at, 16), bytes = *at ? strtoull(at + 1, NULL, 16) : 0;

	if (offset >= whole->bytes) {
		text_add(reply, "l");
		return;
	}
	if (bytes > PACKET_BYTES - 16)
		bytes = PACKET_BYTES - 16;
	if (bytes > whole->bytes - offset)
		bytes = whole->bytes - offset;
	text_add(reply, "%c", offset + bytes < whole->bytes ? 'm' : 'l');
	text_add_bytes(reply, whole->data + offset, bytes);
}

static void monitor(struct server *server, const char *hex, struct text *reply)
{
	char line[1024];
	size_t bytes = strlen(hex) / 2;
	struct text out = {0};

	if (bytes >= sizeof(line) || !rsp_take_hex(&hex, line, bytes)) {
		text_add(reply, "E01");
		return;
	}
	line[bytes] = '\0';
	if (!server->guest_thread)
		(void)session_select_vcpu(server->session, server->general, NULL);
	server->monitor(server->context, line, &out);
	if (out.bytes)
		rsp_add_hex(reply, out.data,
			    out.bytes < PACKET_BYTES * 8 ? out.bytes : PACKET_BYTES * 8);
	else
		text_add(reply, "OK");
	text_free(&out);
}

struct listing {
	struct text *text;
	unsigned int count;
};

static bool list_thread(void *context, const struct guest_thread *thread)
{
	struct listing *listing = context;

	if (!thread->is_running && regs_known(&thread->regs, CPU_RIP))
		text_add(listing->text, ",%llx", (unsigned long long)(thread->id + GUEST_THREADS));
	return ++listing->count < THREADS_LISTED;
}

/* The vCPUs, then the guest's threads that do not run. */
static void list_threads(struct server *server, struct text *reply)
{
	struct listing listing = {reply, 0};

	for (unsigned int i = 0; i < server->session->target->vcpus_count; i++)
		text_add(reply, "%c%x", i ? ',' : 'm', i + 1);
	session_begin_command(server->session);
	(void)threads_each(server->session, list_thread, &listing, NULL);
}

static bool name_running(void *context, const struct guest_thread *thread)
{
	struct guest_thread *wanted = context;

	if (!thread->is_running || thread->vcpu != wanted->vcpu)
		return true;
	*wanted = *thread;
	return false;
}

static void describe_thread(struct server *server, uint64_t number, struct text *reply)
{
	struct guest_thread thread = {.vcpu = (unsigned int)number - 1};
	char name[256];
	int bytes;

	session_begin_command(server->session);
	if (number > GUEST_THREADS) {
		if (threads_find(server->session, number - GUEST_THREADS, &thread, NULL))
			thread.state = "gone";
		bytes = snprintf(name, sizeof(name), "thread %llu %s, %s%s%s",
				 (unsigned long long)(number - GUEST_THREADS), thread.name,
				 thread.state, thread.wait[0] ? " for " : "", thread.wait);
	} else {
		(void)threads_each(server->session, name_running, &thread, NULL);
		bytes = snprintf(name, sizeof(name), "vCPU %llu", (unsigned long long)number - 1);
		if (thread.id)
			bytes += snprintf(name + bytes, sizeof(name) - (size_t)bytes,
					  ", thread %llu %s", (unsigned long long)thread.id,
					  thread.name);
	}
	rsp_add_hex(reply, name, (size_t)bytes);
}

static void query(struct server *server, const char *packet, struct text *reply)
{
	static const char features[] = "qXfer:features:read:target.xml:";
	struct text whole = {0};

	if (strncmp(packet, "qSupported", 10) == 0) {
		text_add(reply,
			 "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;"
			 "ConditionalBreakpoints+",
			 PACKET_BYTES);
	} else if (strncmp(packet, features, sizeof(features) - 1) == 0) {
		describe_target(&whole);
		transfer(packet + sizeof(features) - 1, &whole, reply);
		text_free(&whole);
	} else if (strcmp(packet, "qC") == 0) {
		text_add(reply, "QC%x", server->general + 1);
	} else if (strcmp(packet, "qfThreadInfo") == 0) {
		list_threads(server, reply);
	} else if (strcmp(packet, "qsThreadInfo") == 0) {
		text_add(reply, "l");
	} else if (strncmp(packet, "qThreadExtraInfo,", 17) == 0) {
		describe_thread(server, strtoull(packet + 17, NULL, 16), reply);
	} else if (strncmp(packet, "qAttached", 9) == 0) {
		text_add(reply, "1");
	} else if (strncmp(packet, "qRcmd,", 6) == 0) {
		monitor(server, packet + 6, reply);
	} else if (strcmp(packet, "qSymbol::") == 0 || strcmp(packet, "QStartNoAckMode") == 0) {
		text_add(reply, "OK");
	}
}

static void select_thread(struct server *server, const char *packet, struct text *reply)
{
	long number = strtol(packet + 2, NULL, 16);

	if (packet[1] == 'g' && number > (long)GUEST_THREADS) {
		server->guest_thread = (uint64_t)number - GUEST_THREADS;
		(void)threads_select(server->session, server->guest_thread, NULL);
	} else if (packet[1] == 'g' && number > 0 &&
		   number <= (long)server->session->target->vcpus_count) {
		server->guest_thread = 0;
		server->general = (unsigned int)number - 1;
		(void)session_select_vcpu(server->session, server->general, NULL);
	}
	text_add(reply, "OK");
}

static void handle(struct server *server, const char *packet, struct text *reply)
{
	struct stop none = {.reason = STOP_STEPPED, .vcpu = server->general};

	switch (packet[0]) {
	case '?':
		say_stop(server, &none, reply);
		break;
	case 'g':
		read_registers(server, reply);
		break;
	case 'G':
		write_registers(server, packet + 1, reply);
		break;
	case 'P':
		write_register(server, packet + 1, reply);
		break;
	case 'm':
		read_memory(server, packet + 1, reply);
		break;
	case 'M':
		write_memory(server, packet + 1, reply);
		break;
	case 'Z':
	case 'z':
		breakpoint(server, packet, reply);
		break;
	case 'c':
		run(server, false, reply);
		break;
	case 's':
		run(server, true, reply);
		break;
	case 'H':
		select_thread(server, packet, reply);
		break;
	case 'T':
		text_add(reply, "OK");
		break;
	case 'q':
	case 'Q':
		query(server, packet, reply);
		break;
	case 'D':
		server->detached = true;
		text_add(reply, "OK");
		break;
	case 'k':
		server->detached = true;
		break;
	case 'v':
		if (strcmp(packet, "vCont?") == 0)
			text_add(reply, "vCont;c;C;s;S");
		else if (strncmp(packet, "vCont", 5) == 0)
			run_vcont(server, packet + 5, reply);
		break;
	default:
		break;
	}
}

static int serve_client(struct server *server)
{
	char packet[PACKET_BYTES + 1];
	int error = 0;

	while (!error && !server->detached && !server->ended) {
		struct text reply = {0};

		error = rsp_wire_receive(&server->wire, packet, sizeof(packet));
		if (error)
			break;
		handle(server, packet, &reply);
		if (packet[0] != 'k')
			error = rsp_wire_send(&server->wire, text_get(&reply));
		if (strcmp(packet, "QStartNoAckMode") == 0)
			server->wire.no_ack = true;
		text_free(&reply);
	}
	return error;
}

int rsp_serve(struct session *session, const char *address, unsigned int port, rsp_monitor_fn *fn,
	      rsp_ready_fn *ready, void *context, struct problem *problem)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, client;
	static struct server server;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (address && inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return problem_set(problem, -EINVAL, "%s: not an IPv4 address", address);
	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof(at)) ||
	    listen(listener, 1)) {
		int error = errno;

		if (listener >= 0)
			close(listener);
		return problem_set(problem, -error, "port %u: %s", port, strerror(error));
	}
	ready(context, address ? address : "127.0.0.1", port);
	client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	if (client < 0)
		return problem_set(problem, -errno, "no client: %s", strerror(errno));
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	server = (struct server){.session = session,
				 .wire = {.fd = client},
				 .general = session->vcpu,
				 .monitor = fn,
				 .context = context};
	(void)serve_client(&server);
	close(client);
	return 0;
}
