/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Front end of the PV console ring (Xen: public/io/console.h). Indices from the other side are
 * bounded; one violation marks the console broken (output is then dropped, input ends).
 */
#ifndef DRIVERS_XENCONS_H
#define DRIVERS_XENCONS_H

/* Registers the console of boot_info (ring, or CONSOLEIO for an initial domain), for suspend and
 * resume too. 0 or -errno. */
int xencons_init(void);

#endif
