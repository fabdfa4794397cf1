/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions as text, by libopcodes. */
#define PACKAGE         "duster" /* bfd.h wants to be included by a configured program */
#define PACKAGE_VERSION "0"
#include <dis-asm.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "duster/arch/x86_64.h"

struct printer {
	const struct arch_reader *reader;
	struct text *text;
	bool unreadable;
};

static int print(void *stream, const char *format, ...)
{
	struct printer *printer = stream;
	va_list arguments;

	va_start(arguments, format);
	text_add_v(printer->text, format, arguments);
	va_end(arguments);
	return 0;
}

static int print_styled(void *stream, enum disassembler_style style, const char *format, ...)
{
	struct printer *printer = stream;
	va_list arguments;

	(void)style;
	va_start(arguments, format);
	text_add_v(printer->text, format, arguments);
	va_end(arguments);
	return 0;
}

static int read_memory(bfd_vma addr, bfd_byte *to, unsigned int bytes,
		       struct disassemble_info *info)
{
	struct printer *printer = info->stream;

	return printer->reader->read(printer->reader->context, addr, to, bytes) ? EIO : 0;
}

static void memory_error(int status, bfd_vma addr, struct disassemble_info *info)
{
	(void)status;
	(void)addr;
	((struct printer *)info->stream)->unreadable = true;
}

static void print_address(bfd_vma addr, struct disassemble_info *info)
{
	struct printer *printer = info->stream;

	text_add(printer->text, "0x%llx", (unsigned long long)addr);
	if (printer->reader->symbolize)
		printer->reader->symbolize(printer->reader->context, addr, printer->text);
}

int arch_disassemble(const struct arch_reader *reader, uint64_t addr, struct text *text,
		     unsigned int *bytes_out)
{
	struct printer printer = {.reader = reader, .text = text};
	struct disassemble_info info;
	disassembler_ftype disassemble;
	int bytes;

	init_disassemble_info(&info, &printer, print, print_styled);
	info.arch = bfd_arch_i386;
	info.mach = bfd_mach_x86_64;
	info.endian = BFD_ENDIAN_LITTLE;
	info.read_memory_func = read_memory;
	info.memory_error_func = memory_error;
	info.print_address_func = print_address;
	info.disassembler_options = reader->intel ? "intel" : NULL;
	disassemble_init_for_target(&info);
	disassemble = disassembler(info.arch, false, info.mach, NULL);
	if (!disassemble)
		return -EOPNOTSUPP;
	bytes = disassemble(addr, &info);
	disassemble_free_target(&info);
	if (printer.unreadable || bytes <= 0 || bytes > (int)ARCH_INSTRUCTION_BYTES_MAX)
		return -EFAULT;
	*bytes_out = (unsigned int)bytes;
	return 0;
}

int arch_classify(const struct arch_reader *reader, uint64_t addr, enum arch_kind *kind_out,
		  unsigned int *bytes_out)
{
	struct arch_reader plain = *reader;
	struct text text = {0};
	int error;

	plain.symbolize = NULL;
	plain.intel = false;
	error = arch_disassemble(&plain, addr, &text, bytes_out);
	if (!error) {
		const char *name = text_get(&text);

		*kind_out = strncmp(name, "call", 4) == 0 ? ARCH_CALL
			    : strncmp(name, "ret", 3) == 0 || strncmp(name, "iret", 4) == 0
				    ? ARCH_RETURN
				    : ARCH_OTHER;
	}
	text_free(&text);
	return error;
}
