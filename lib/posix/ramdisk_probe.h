/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain's ramdisk= looked at from outside: is it an archive at all? Cheap enough for every
 * start, whether or not the program can open files.
 */
#ifndef LIB_POSIX_RAMDISK_PROBE_H
#define LIB_POSIX_RAMDISK_PROBE_H

#include <stdbool.h>

/* True when the module of boot_info begins like a cpio (newc) or tar (ustar) archive, or when it
 * could not be mapped: then opening files will say so. boot_info.module_bytes > 0. */
bool ramdisk_probe(void);

#endif
