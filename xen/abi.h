/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only door to Xen's public headers (Debian package libxen-dev). They are not
 * self-contained: fixed-width types and the interface version come first.
 * Source: Xen public/xen.h and friends, 4.17.
 */
#ifndef XEN_ABI_H
#define XEN_ABI_H

#ifndef __ASSEMBLY__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#endif

#include <xen/xen.h>
#include <xen/elfnote.h>

/* For assembly that is all: numbers of hypercalls and notes. */
#ifndef __ASSEMBLY__
#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/features.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>
#include <xen/io/blkif.h>
#include <xen/io/console.h>
#include <xen/io/netif.h>
#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>
/* With EINVAL defined this header grows a table that wants more errno names than we have. */
#pragma push_macro("EINVAL")
#undef EINVAL
#include <xen/io/xs_wire.h>
#pragma pop_macro("EINVAL")

#endif

/* Xen's errno values equal Linux's; xen/hypercall.h translates them, nothing else may. */

#endif
