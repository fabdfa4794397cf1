/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end: panic, crash reports, assertions, shutdown. Any context.
 *
 * A crash report goes out by boot_emergency_write() only: no lock, no event, no memory. It names
 * the cause, prints registers, explains the faulting address (NULL, guard page of what, text,
 * rodata, unmapped …) and a backtrace with function names; then SCHEDOP_shutdown(crash) so that `xl
 * list` and on_crash= work. A fault inside the report ends it with one line and the same shutdown.
 * The first vCPU that panics stops the others: there is one report, and it is whole.
 */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

struct trap_frame;

_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The crash report of a trap nobody handled; signal_number (0: none) goes into the last line
 * `stardust: killed by signal N` and to xenstore where that still works. */
_Noreturn void panic_trap(const struct trap_frame *frame, int signal_number);
/* The same without a trap: abort(), a smashed stack, a corrupt heap. reason is one line. */
_Noreturn void panic_signal(const char *reason, int signal_number);

#define assert(condition)                                                                          \
	((condition) ? (void)0                                                                     \
		     : panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition))

/* From here on no other vCPU runs, so that what this one writes without locks stays in one piece.
 * Does not return on a vCPU that is not the first to call it. Events are disabled afterwards. */
void panic_alone(void);

/* SCHEDOP_shutdown with SHUTDOWN_poweroff, _reboot, _crash … */
_Noreturn void panic_shutdown(unsigned int reason);

/* Provided by drivers/control.c: leaves `signal N` in xenstore if the ring is in a sane state.
 * No lock, no memory, no event; does not wait for long. */
void panic_report_status(int signal_number);

#endif
