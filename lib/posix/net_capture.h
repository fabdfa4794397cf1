/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `capture=` of the command line: capture=console or capture=FILE, then words separated by commas:
 * an interface (eth0), snap=BYTES of each packet, bytes=BYTES of memory. A file is written when the
 * program ends, by itself or by a signal. On the console each record comes as lines `pcap HEX`:
 *
 *	sed -n 's/^pcap //p' CONSOLE | xxd -r -p >FILE
 */
#ifndef LIB_POSIX_NET_CAPTURE_H
#define LIB_POSIX_NET_CAPTURE_H

/* text: what follows `capture=`; borrowed for good. 0 or -EINVAL. Thread context. */
int net_capture_configure(const char *text);

/* When the program ends, before the file systems do (mounts_end()). Thread context. */
void net_capture_end(void) __attribute__((weak));

#endif
