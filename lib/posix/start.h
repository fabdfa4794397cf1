/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program as the kernel sees it: its name, its main function, and where the image begins.
 */
#ifndef LIB_POSIX_START_H
#define LIB_POSIX_START_H

/* What argv[0] says: weak here, stardust-cc may define it as the name of the image. */
extern const char __program_name[];

/* The program's. */
int main(int argc, char **argv, char **envp);

/* arch/x86_64/pv/head.S: the first instruction. */
void _start(void);

#endif
