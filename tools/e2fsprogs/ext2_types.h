/* SPDX-License-Identifier: BSD-2-Clause */
/* The types e2fsprogs' configure writes down. Its headers know them by these two macros. */
#ifndef TOOLS_E2FSPROGS_EXT2_TYPES_H
#define TOOLS_E2FSPROGS_EXT2_TYPES_H

#if !defined(_LINUX_TYPES_H) && !defined(_EXT2_TYPES_H)
#define _EXT2_TYPES_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef signed short __s16;
typedef unsigned int __u32;
typedef signed int __s32;
typedef unsigned long long __u64;
typedef signed long long __s64;

#endif

#define __bitwise
#define __force
typedef __u16 __le16;
typedef __u32 __le32;
typedef __u64 __le64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;

#endif
