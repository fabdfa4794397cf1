/* SPDX-License-Identifier: BSD-2-Clause */
#include "duster/engine/session.h"

#include <dwarf.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_BYTES_MAX ((size_t)256 << 20)
#define KEPT_BYTES_MAX    ((size_t)256 << 20)
#define FRAMES_BYTES_MAX  ((size_t)512 << 20)
#define VERIFY_BYTES      65536u /* of code, compared at once */

void session_init(struct session *session, struct target *target, struct image *image)
{
	memset(session, 0, sizeof(*session));
	session->target = target;
	session->image = image;
	arena_init(&session->arena, COMMAND_BYTES_MAX);
	arena_init(&session->kept, KEPT_BYTES_MAX);
	arena_init(&session->frames_arena, FRAMES_BYTES_MAX);
	session->settings = (struct session_settings){
		.elements_max = 200, .repeats = 10, .frames_max = FRAMES_MAX, .timeout_ms = -1};
	/* Below main of an ordinary program there is only its C library. */
	session->settings.past_main = image && image_symbol_named(image, "hypercall_page", NULL);
}

void session_close(struct session *session)
{
	session_forget_frames(session);
	free(session->frames);
	free(session->history);
	arena_reset(&session->arena);
	arena_reset(&session->kept);
	arena_reset(&session->frames_arena);
	target_close(session->target);
	image_close(session->image);
}

void session_begin_command(struct session *session)
{
	session->tracing = false;
	arena_empty(&session->arena);
	/* Where it was a moment ago is not where it is. */
	if (session->target && session->target->running)
		session_forget_frames(session);
}

int session_guard(struct session *session, int (*fn)(void *context), void *context,
		  struct problem *problem)
{
	struct image *image = session->image;
	volatile int result = -ENOMEM;

	if (setjmp(session->guard)) {
		result = problem_set(problem, -ENOMEM, "the command needs too much memory");
	} else {
		session->arena.full = session->kept.full = &session->guard;
		session->frames_arena.full = &session->guard;
		if (image)
			image->arena.full = &session->guard;
		result = fn(context);
	}
	session->arena.full = session->kept.full = session->frames_arena.full = NULL;
	if (image)
		image->arena.full = NULL;
	return result;
}

/* ---- Memory ---- */

int session_read_some(struct session *session, uint64_t addr, void *to, size_t bytes,
		      size_t *done_out)
{
	int error = -ENODEV;

	*done_out = 0;
	if (session->target)
		error = target_read_some(session->target, session->vcpu, addr, to, bytes, done_out);
	if (!error || !session->image)
		return error;
	/* A dump may lack the code; without any target the image's own data is all there is. */
	if (image_read(session->image, addr + *done_out, (uint8_t *)to + *done_out,
		       bytes - *done_out, !session->target) == 0) {
		*done_out = bytes;
		return 0;
	}
	return error;
}

int session_read(struct session *session, uint64_t addr, void *to, size_t bytes)
{
	size_t done;

	return session_read_some(session, addr, to, bytes, &done);
}

int session_write(struct session *session, uint64_t addr, const void *from, size_t bytes,
		  struct problem *problem)
{
	int error = !session->target ? -EOPNOTSUPP
		    : session->glancing
			    ? -EBUSY /* then it is asked when the guest stands still */
			    : target_write(session->target, session->vcpu, addr, from, bytes);

	if (error == -EOPNOTSUPP)
		return problem_set(problem, error, "memory of this target cannot be changed");
	if (error)
		return problem_set(problem, error, "cannot write memory at address 0x%llx",
				   (unsigned long long)addr);
	return 0;
}

/* ---- Frames ---- */

void session_forget_frames(struct session *session)
{
	arena_empty(&session->frames_arena);
	session->frames_count = 0;
	session->frames_complete = false;
	session->level = 0;
}

int session_select_vcpu(struct session *session, unsigned int vcpu, struct problem *problem)
{
	if (!session->target || vcpu >= session->target->vcpus_count)
		return problem_set(problem, -ENOENT, "there is no vCPU %u", vcpu);
	session_forget_frames(session);
	session->has_start_regs = false;
	session->vcpu = vcpu;
	return 0;
}

void session_select_regs(struct session *session, const struct regs *regs)
{
	session_forget_frames(session);
	session->start_regs = *regs;
	session->has_start_regs = true;
}

static int append_frame(struct session *session, const struct frame *frame)
{
	struct frame *kept;

	if (session->frames_count == session->frames_room) {
		size_t room = session->frames_room ? 2 * session->frames_room : 64;
		struct frame **more = realloc(session->frames, room * sizeof(struct frame *));

		if (!more)
			return -ENOMEM;
		session->frames = more;
		session->frames_room = room;
	}
	kept = arena_alloc(&session->frames_arena, sizeof(*kept));
	*kept = *frame;
	kept->level = (unsigned int)session->frames_count;
	session->frames[session->frames_count++] = kept;
	return 0;
}

#define PLACE_FUNCTIONS 4u

/* What debug information says of a code address; looked up once for the addresses of breakpoints.
 */
struct code_place {
	uint64_t addr;
	struct scope_chain chain;
	const struct symbol *symbol;
	bool has_line;
	struct line line;
	struct {
		bool known, is_one;
		struct function function;
	} functions[PLACE_FUNCTIONS]; /* of the chain's first */
};

#define CODE_PLACES 256u

static struct code_place *look_up(struct session *session, uint64_t addr)
{
	struct code_place **slot, *place;

	if (!session->code_places)
		session->code_places =
			arena_array(&session->kept, CODE_PLACES, sizeof(*session->code_places));
	slot = &session->code_places[(addr ^ addr >> 8) % CODE_PLACES];
	place = *slot;
	if (place && place->addr == addr)
		return place;
	if (!place)
		place = arena_alloc(&session->kept, sizeof(*place));
	*slot = NULL;
	scope_chain_at(session->image, addr, &place->chain);
	place->symbol = image_symbol_at(session->image, addr);
	place->has_line = line_at(session->image, addr, &place->line);
	memset(place->functions, 0, sizeof(place->functions));
	place->addr = addr;
	*slot = place;
	return place;
}

/* scope_function(), asked once. */
static bool function_at(struct code_place *place, unsigned int index, struct function *function_out)
{
	if (index >= PLACE_FUNCTIONS)
		return scope_function(&place->chain, index, function_out);
	if (!place->functions[index].known) {
		place->functions[index].is_one =
			scope_function(&place->chain, index, &place->functions[index].function);
		place->functions[index].known = true;
	}
	*function_out = place->functions[index].function;
	return place->functions[index].is_one;
}

/* A frame of the code at pc becomes one for each inlined function and one for the function. */
static int append_physical(struct session *session, struct frame *frame)
{
	struct code_place *place;
	bool has_line;
	struct line line;
	int error = 0;

	if (!session->image)
		return append_frame(session, frame);
	place = look_up(session, frame->lookup_pc);
	frame->chain = place->chain;
	frame->symbol = place->symbol;
	has_line = place->has_line;
	line = place->line;
	for (unsigned int i = frame->chain.count; i-- > 0 && !error;) {
		struct frame part = *frame;

		if (!function_at(place, i, &part.function))
			continue;
		part.has_function = true;
		part.scope = i;
		part.is_inlined = part.function.is_inlined;
		part.has_line = has_line;
		part.line = line;
		error = append_frame(session, &part);
		frame->begins_trap = false;
		/* The next one out stands at the place it was inlined. */
		has_line = part.function.call_file && part.function.call_line;
		line = (struct line){.file = part.function.call_file,
				     .number = part.function.call_line};
		if (!part.function.is_inlined)
			return error;
	}
	frame->has_line = has_line;
	frame->line = line;
	return error ? error : append_frame(session, frame);
}

static int first_frame(struct session *session)
{
	struct frame frame = {.is_interrupted = true};
	int error;

	if (session->has_start_regs) {
		frame.regs = session->start_regs;
	} else {
		error = session->target
				? target_regs_get(session->target, session->vcpu, &frame.regs)
				: -ENODEV;
		if (error)
			return error;
	}
	if (!regs_known(&frame.regs, CPU_RIP))
		return -ENODATA;
	frame.pc = frame.lookup_pc = frame.regs.value[CPU_RIP];
	return append_physical(session, &frame);
}

static bool is_main(const struct frame *frame)
{
	return !frame->is_inlined && frame->has_function &&
	       strcmp(frame->function.name, "main") == 0;
}

/* Adds the frames of one more call; sets frames_complete at the end. */
static int more_frames(struct session *session)
{
	struct frame *last, next = {0};
	uint64_t cfa;

	if (!session->frames_count)
		return first_frame(session);
	last = session->frames[session->frames_count - 1];
	if ((is_main(last) && !session->settings.past_main) ||
	    !unwind_next(session, last, &next.regs, &next.is_interrupted, &next.trap_vector,
			 &cfa) ||
	    next.regs.value[CPU_RIP] == 0 ||
	    session->frames_count >= session->settings.frames_max) {
		session->frames_complete = true;
		return 0;
	}
	next.pc = next.regs.value[CPU_RIP];
	next.begins_trap = next.is_interrupted;
	next.lookup_pc = next.is_interrupted ? next.pc : next.pc - 1;
	return append_physical(session, &next);
}

int session_frame(struct session *session, unsigned int level, struct frame **frame_out)
{
	while (session->frames_count <= level && !session->frames_complete) {
		int error = more_frames(session);

		if (error)
			return error;
	}
	if (level >= session->frames_count)
		return -ENOENT;
	*frame_out = session->frames[level];
	return 0;
}

struct frame *session_selected_frame(struct session *session)
{
	struct frame *frame;

	return session_frame(session, session->level, &frame) == 0 ? frame : NULL;
}

bool session_symbolize(struct session *session, uint64_t addr, char *text_out, size_t text_bytes)
{
	const struct symbol *symbol = session->image ? image_symbol_at(session->image, addr) : NULL;
	int name_bytes;

	/* Data names what it covers, and a label like __rodata_start only itself. */
	if (!symbol || (addr != symbol->addr && addr - symbol->addr >= symbol->bytes &&
			!image_is_code(session->image, addr)))
		return false;
	name_bytes = (int)symbol_name_bytes(symbol->name);
	if (addr == symbol->addr)
		snprintf(text_out, text_bytes, "%.*s", name_bytes, symbol->name);
	else
		snprintf(text_out, text_bytes, "%.*s+%llu", name_bytes, symbol->name,
			 (unsigned long long)(addr - symbol->addr));
	return true;
}

/* ---- The machine of location expressions ---- */

struct machine_context {
	struct session *session;
	struct frame *frame;
	struct location_machine machine;
	unsigned int depth; /* of expressions that need expressions */
};

static int machine_read(void *context, uint64_t addr, void *to, size_t bytes)
{
	return session_read(((struct machine_context *)context)->session, addr, to, bytes);
}

static int machine_reg(void *context, unsigned int number, uint64_t *value_out)
{
	const struct frame *frame = ((struct machine_context *)context)->frame;

	if (number > REGS_DWARF_LAST || !regs_known(&frame->regs, number))
		return -ENODATA;
	*value_out = frame->regs.value[number];
	return 0;
}

static int machine_cfa(void *context, uint64_t *addr_out)
{
	struct machine_context *machine = context;
	struct frame *frame = machine->frame;
	struct regs regs;
	uint64_t vector;
	bool interrupted;

	if (!frame->cfa)
		(void)unwind_next(machine->session, frame, &regs, &interrupted, &vector,
				  &frame->cfa);
	*addr_out = frame->cfa;
	return frame->cfa ? 0 : -ENODATA;
}

static int machine_frame_base(void *context, uint64_t *addr_out)
{
	struct machine_context *machine = context;
	struct frame *frame = machine->frame;
	struct location location;
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t count;
	int error;

	if (!frame->chain.count || machine->depth++ > 4 ||
	    !dwarf_attr_integrate(&frame->chain.dies[0], DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, frame->lookup_pc, &ops, &count, 1) != 1)
		return -ENODATA;
	error = location_eval(ops, count, &attr, &machine->machine, &machine->session->arena,
			      &location);
	machine->depth--;
	if (error)
		return error;
	if (location.kind == LOCATION_REGISTER)
		return machine_reg(machine, (unsigned int)location.value, addr_out);
	*addr_out = location.value;
	return location.kind == LOCATION_MEMORY || location.kind == LOCATION_VALUE ? 0 : -ENODATA;
}

static int machine_tls(void *context, uint64_t offset, uint64_t *addr_out)
{
	struct machine_context *machine = context;
	struct regs regs;
	int error = -ENODATA;

	if (regs_known(&machine->session->frames[0]->regs, CPU_FS_BASE)) {
		regs = machine->session->frames[0]->regs;
		error = 0;
	} else if (machine->session->target && !machine->session->glancing) {
		error = target_regs_get(machine->session->target, machine->session->vcpu, &regs);
	}
	if (error)
		return error;
	*addr_out = regs.value[CPU_FS_BASE] - machine->session->image->tls_bytes + offset;
	return 0;
}

/* The call site the frame was entered through: the caller's DIE for a call that returns to its pc.
 */
static bool find_call_site(struct frame *caller, Dwarf_Die *scope, Dwarf_Die *site_out,
			   unsigned int depth)
{
	Dwarf_Die child;

	if (depth > SCOPE_DEPTH_MAX || dwarf_child(scope, &child))
		return false;
	do {
		int tag = dwarf_tag(&child);
		Dwarf_Attribute attr;
		Dwarf_Addr addr;

		if ((tag == DW_TAG_call_site || tag == DW_TAG_GNU_call_site) &&
		    (dwarf_attr(&child, DW_AT_call_return_pc, &attr) ||
		     dwarf_attr(&child, DW_AT_low_pc, &attr)) &&
		    dwarf_formaddr(&attr, &addr) == 0 && addr == caller->pc) {
			*site_out = child;
			return true;
		}
		if ((tag == DW_TAG_lexical_block || tag == DW_TAG_inlined_subroutine) &&
		    find_call_site(caller, &child, site_out, depth + 1))
			return true;
	} while (dwarf_siblingof(&child, &child) == 0);
	return false;
}

static int call_site_value(struct machine_context *machine, struct frame *caller, Dwarf_Die *site,
			   unsigned int number, uint64_t *value_out)
{
	Dwarf_Die parameter;

	if (dwarf_child(site, &parameter))
		return -ENODATA;
	do {
		const struct location_machine *outer;
		Dwarf_Attribute attr;
		Dwarf_Op *ops;
		size_t count;

		if (!dwarf_attr(&parameter, DW_AT_location, &attr) ||
		    dwarf_getlocation(&attr, &ops, &count) || count != 1 ||
		    ops[0].atom != DW_OP_reg0 + number ||
		    (!dwarf_attr(&parameter, DW_AT_call_value, &attr) &&
		     !dwarf_attr(&parameter, DW_AT_GNU_call_site_value, &attr)))
			continue;
		outer = session_machine(machine->session, caller);
		return location_number(&attr, caller->lookup_pc, outer, &machine->session->arena,
				       value_out);
	} while (dwarf_siblingof(&parameter, &parameter) == 0);
	return -ENODATA;
}

static int machine_entry_reg(void *context, unsigned int number, uint64_t *value_out)
{
	struct machine_context *machine = context;
	struct frame *caller = NULL;
	Dwarf_Die site;

	if (machine->depth > 16 || number > 31)
		return -ENODATA;
	/* Inlined functions share the registers of the function around them. */
	for (unsigned int level = machine->frame->level; machine->frame->has_function; level++) {
		bool inlined = level == machine->frame->level ? machine->frame->is_inlined
							      : caller->is_inlined;

		if (session_frame(machine->session, level + 1, &caller))
			return -ENODATA;
		if (!inlined)
			break;
	}
	if (!caller || caller->is_interrupted || !caller->chain.count ||
	    !find_call_site(caller, &caller->chain.dies[0], &site, 0))
		return -ENODATA;
	return call_site_value(machine, caller, &site, number, value_out);
}

const struct location_machine *session_machine(struct session *session, struct frame *frame)
{
	struct machine_context *context = arena_alloc(&session->arena, sizeof(*context));

	*context = (struct machine_context){.session = session, .frame = frame};
	context->machine.context = context;
	context->machine.read = machine_read;
	if (frame) {
		context->machine.reg = machine_reg;
		context->machine.cfa = machine_cfa;
		context->machine.frame_base = machine_frame_base;
		context->machine.tls = machine_tls;
		context->machine.entry_reg = machine_entry_reg;
	}
	return &context->machine;
}

/* ---- The image ---- */

static void write_id(const uint8_t *id, size_t bytes, char *text_out)
{
	for (size_t i = 0; i < bytes && i < 6; i++)
		sprintf(text_out + 2 * i, "%02x", id[i]);
}

/* The build-id in the guest's memory: a few bytes that say at once whose image it is. */
static int verify_build_id(struct session *session, struct problem *problem)
{
	struct image *image = session->image;
	uint8_t id[IMAGE_BUILD_ID_MAX];
	char theirs[16] = "", ours[16] = "";

	if (!image->build_id_addr)
		return 0;
	if (target_read(session->target, session->vcpu, image->build_id_addr, id,
			image->build_id_bytes))
		return problem_set(problem, -ENXIO,
				   "no memory at 0x%llx, where %s has its build-id: another "
				   "program runs there",
				   (unsigned long long)image->build_id_addr, image->path);
	if (memcmp(id, image->build_id, image->build_id_bytes) == 0)
		return 0;
	write_id(id, image->build_id_bytes, theirs);
	write_id(image->build_id, image->build_id_bytes, ours);
	return problem_set(problem, -EINVAL,
			   "the guest's memory differs from %s: it has build-id %s… where the "
			   "file has %s…: it runs another program or another build of it",
			   image->path, theirs, ours);
}

/* The ELF header, where it is loaded: what strips an image changes it. */
static uint64_t header_bytes(const struct segment *segment)
{
	return segment->file_bytes > sizeof(Elf64_Ehdr) &&
			       memcmp(segment->data, ELFMAG, SELFMAG) == 0
		       ? sizeof(Elf64_Ehdr)
		       : 0;
}

/* Up to VERIFY_BYTES at an offset of the segment. */
static int compare(struct session *session, const struct segment *segment, uint64_t at,
		   uint8_t *memory, struct problem *problem)
{
	const struct image *image = session->image;
	uint64_t left = segment->file_bytes - at;
	size_t bytes = left < VERIFY_BYTES ? (size_t)left : VERIFY_BYTES, done = 0;
	int error = target_read_some(session->target, session->vcpu, segment->addr + at, memory,
				     bytes, &done);

	if (!error && memcmp(memory, segment->data + at, bytes) == 0)
		return 0;
	for (size_t i = 0; i < done; i++)
		if (memory[i] != segment->data[at + i])
			return problem_set(problem, -EINVAL,
					   "the guest's memory differs from %s at 0x%llx: it runs "
					   "another program or another build of it",
					   image->path,
					   (unsigned long long)(segment->addr + at + i));
	return problem_set(problem, -EFAULT,
			   "no memory at 0x%llx, where %s has its %s: another program runs there",
			   (unsigned long long)(segment->addr + at + done), image->path,
			   segment->executable ? "code" : "constants");
}

int session_verify_image(struct session *session, struct problem *problem)
{
	struct image *image = session->image;
	int error = verify_build_id(session, problem);

	for (size_t i = 0; i < image->segments_count && !error; i++) {
		const struct segment *segment = &image->segments[i];
		uint8_t memory[VERIFY_BYTES];

		if (segment->writable)
			continue;
		for (uint64_t at = header_bytes(segment); at < segment->file_bytes && !error;
		     at += sizeof(memory))
			error = compare(session, segment, at, memory, problem);
	}
	return error;
}
