/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What exit() calls at the program's end, instead of newlib's __call_atexit.c: that keeps the lock
 * of the list while the functions run, and one that waits for a thread which registers another
 * would wait for ever (POSIX.1-2017 atexit: a function may register others). And it forgets that a
 * place was once on_exit()'s when an atexit() function comes to stand there.
 */
#include <reent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/lock.h>

void __call_exitprocs(int code, void *dso);

/* newlib's __atexit.c and others know both. */
_LOCK_RECURSIVE_T __atexit_recursive_mutex;
struct _atexit *_global_atexit;

struct exit_call {
	void (*fn)(void);
	void *arg;
	bool has_arg, is_cxa;
};

/* Takes the newest one out of a block that is to be called; false when there is none. Locked. */
static bool take_from(struct _atexit *block, void *dso, struct exit_call *call_out)
{
	struct _on_exit_args *args = &block->_on_exit_args;

	for (int n = block->_ind - 1; n >= 0; n--) {
		unsigned int bit = 1U << n;

		if (dso && args->_dso_handle[n] != dso)
			continue;
		*call_out = (struct exit_call){block->_fns[n], args->_fnargs[n],
					       args->_fntypes & bit, args->_is_cxa & bit};
		block->_fns[n] = NULL;
		args->_fntypes &= ~bit;
		args->_is_cxa &= ~bit;
		if (n == block->_ind - 1)
			block->_ind--;
		if (call_out->fn)
			return true;
	}
	return false;
}

static bool take(void *dso, struct exit_call *call_out)
{
	bool found = false;

	__lock_acquire_recursive(__atexit_recursive_mutex);
	/* Blocks stay: the program is about to end. */
	for (struct _atexit *block = _global_atexit; block && !found; block = block->_next)
		found = take_from(block, dso, call_out);
	__lock_release_recursive(__atexit_recursive_mutex);
	return found;
}

/* All functions, or those of one shared object; newest first, those registered meanwhile too. */
void __call_exitprocs(int code, void *dso)
{
	struct exit_call call;

	while (take(dso, &call)) {
		if (!call.has_arg)
			call.fn();
		else if (call.is_cxa)
			((void (*)(void *))call.fn)(call.arg);
		else
			((void (*)(int, void *))call.fn)(code, call.arg);
	}
}
