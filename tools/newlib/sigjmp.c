/* SPDX-License-Identifier: BSD-2-Clause */
/* What sigsetjmp does beside setjmp, and siglongjmp (tools/newlib/include/machine/setjmp.h). */
#include <setjmp.h>
#include <signal.h>
#include <string.h>

_Static_assert(sizeof(sigset_t) == sizeof(long), "the mask fits one word of the buffer");

int __sigjmp_save(sigjmp_buf env, int savemask)
{
	sigset_t mask = 0;

	if (savemask)
		sigprocmask(SIG_SETMASK, NULL, &mask);
	env[_JB_MASK_SAVED] = savemask != 0;
	memcpy(&env[_JB_MASK], &mask, sizeof(mask));
	return 0;
}

void siglongjmp(sigjmp_buf env, int value)
{
	if (env[_JB_MASK_SAVED]) {
		sigset_t mask;

		memcpy(&mask, &env[_JB_MASK], sizeof(mask));
		sigprocmask(SIG_SETMASK, &mask, NULL);
	}
	longjmp(env, value);
}
