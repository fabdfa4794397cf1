/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>

/* There is one process for ever: what should happen at a fork never has to. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	(void)prepare;
	(void)parent;
	(void)child;
	return 0;
}
