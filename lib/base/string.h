/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C memory and string functions the kernel uses itself, as ISO C 7.24 says. In a guest the
 * memory functions are arch/x86_64/string.S and shared with the program; on the host they
 * are the host's.
 */
#ifndef LIB_BASE_STRING_H
#define LIB_BASE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);
size_t strlen(const char *text);
int strcmp(const char *left, const char *right);
int strncmp(const char *left, const char *right, size_t bytes_max);
char *strchr(const char *text, int character);

#endif
