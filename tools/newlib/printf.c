/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One formatter for the whole printf family. newlib builds its vfprintf.c four times (to a stream
 * or a string, with and without floats) and uses several of them itself, 14 kB each; a stream
 * marked as a string works in the general one just as well.
 */
#include <errno.h>
#include <reent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fvwrite.h" /* newlib's own, in its libc/stdio */

#define ALLOCATED_BYTES_FIRST 64 /* asprintf's buffer to begin with; it grows by itself */

int _vfprintf_r(struct _reent *, FILE *, const char *, va_list);
int _svfprintf_r(struct _reent *, FILE *, const char *, va_list);
int _svfiprintf_r(struct _reent *, FILE *, const char *, va_list);
int _vfiprintf_r(struct _reent *, FILE *, const char *, va_list);
int vfiprintf(FILE *, const char *, va_list);
int __sfputs_r(struct _reent *, FILE *, const char *, size_t);

/* The formatter's output, piece by piece: to a stream, or to a string that may grow. */
int __sfputs_r(struct _reent *reent, FILE *file, const char *text, size_t bytes)
{
	struct __siov piece = {text, bytes};
	struct __suio pieces = {&piece, 1, bytes};

	return bytes ? __sfvwrite_r(reent, file, &pieces) : 0;
}

int _svfprintf_r(struct _reent *reent, FILE *string, const char *format, va_list args)
{
	if ((string->_flags & __SMBF) && !string->_bf._base) {
		string->_bf._base = string->_p = _malloc_r(reent, ALLOCATED_BYTES_FIRST);
		if (!string->_p) {
			reent->_errno = ENOMEM;
			return EOF;
		}
		string->_bf._size = ALLOCATED_BYTES_FIRST;
	}
	return _vfprintf_r(reent, string, format, args);
}

int _svfiprintf_r(struct _reent *reent, FILE *string, const char *format, va_list args)
{
	return _svfprintf_r(reent, string, format, args);
}

int _vfiprintf_r(struct _reent *reent, FILE *file, const char *format, va_list args)
{
	return _vfprintf_r(reent, file, format, args);
}

int vfiprintf(FILE *file, const char *format, va_list args)
{
	return _vfprintf_r(_REENT, file, format, args);
}
