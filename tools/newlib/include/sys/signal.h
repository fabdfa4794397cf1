/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * <sys/signal.h>: signals of Stardust.
 *
 * Numbers, flags and codes are those of Linux on x86_64, so that a status of 128 + signal means
 * the same to the shell that started the guest. A sigset_t is one word; bit n-1 is signal n.
 */
#ifndef _SYS_SIGNAL_H
#define _SYS_SIGNAL_H

#include "_ansi.h"
#include <sys/cdefs.h>
#include <sys/features.h>
#include <sys/types.h>
#include <sys/_sigset.h>
#include <sys/_timespec.h>

_BEGIN_STD_C

#ifndef _SIGSET_T_DECLARED
#define _SIGSET_T_DECLARED
typedef __sigset_t sigset_t;
#endif

#define SIGHUP    1 /* hang-up */
#define SIGINT    2 /* Ctrl-C */
#define SIGQUIT   3 /* Ctrl-\ */
#define SIGILL    4 /* illegal instruction */
#define SIGTRAP   5 /* breakpoint, single step */
#define SIGABRT   6 /* abort() */
#define SIGIOT    SIGABRT
#define SIGBUS    7 /* alignment, no memory behind a mapping */
#define SIGFPE    8 /* arithmetic */
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11 /* invalid memory reference */
#define SIGUSR2   12
#define SIGPIPE   13 /* write without a reader */
#define SIGALRM   14 /* alarm() */
#define SIGTERM   15 /* the toolstack's shutdown request */
#define SIGSTKFLT 16
#define SIGCHLD   17
#define SIGCLD    SIGCHLD
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28 /* the console's size changed */
#define SIGIO     29
#define SIGPOLL   SIGIO
#define SIGPWR    30
#define SIGSYS    31

#define SIGRTMIN 34
#define SIGRTMAX 64
#define NSIG     65 /* one more than the greatest signal */
#define _NSIG    NSIG

union sigval {
	int sival_int;
	void *sival_ptr;
};

#define SIGEV_SIGNAL	0
#define SIGEV_NONE	1
#define SIGEV_THREAD	2
#define SIGEV_THREAD_ID 4 /* as SIGEV_SIGNAL, to the thread gettid() named */

struct sigevent {
	int sigev_notify;
	int sigev_signo;
	union sigval sigev_value;
#if defined(_POSIX_THREADS)
	void (*sigev_notify_function)(union sigval);
	pthread_attr_t *sigev_notify_attributes;
#endif
	pid_t sigev_notify_thread_id;
};

typedef struct {
	int si_signo;
	int si_errno;
	int si_code; /* SI_* or, for a fault, SEGV_*, FPE_*, ILL_*, BUS_*, TRAP_* */
	pid_t si_pid;
	uid_t si_uid;
	int si_status; /* SIGCHLD only: never sent here */
	void *si_addr; /* faults: the address referred to (SIGILL, SIGFPE: of the code) */
	union sigval si_value;
	long si_band;
	int si_timerid;
	int si_overrun;
} siginfo_t;

#define si_int si_value.sival_int
#define si_ptr si_value.sival_ptr

#define SI_USER    0 /* kill, raise */
#define SI_KERNEL  0x80
#define SI_QUEUE   (-1) /* sigqueue */
#define SI_TIMER   (-2)
#define SI_MESGQ   (-3)
#define SI_ASYNCIO (-4)
#define SI_SIGIO   (-5)
#define SI_TKILL   (-6) /* pthread_kill */

#define ILL_ILLOPC    1
#define ILL_ILLOPN    2
#define ILL_ILLADR    3
#define ILL_ILLTRP    4
#define ILL_PRVOPC    5
#define ILL_PRVREG    6
#define ILL_COPROC    7
#define ILL_BADSTK    8
#define FPE_INTDIV    1
#define FPE_INTOVF    2
#define FPE_FLTDIV    3
#define FPE_FLTOVF    4
#define FPE_FLTUND    5
#define FPE_FLTRES    6
#define FPE_FLTINV    7
#define FPE_FLTSUB    8
#define SEGV_MAPERR   1 /* nothing is mapped there */
#define SEGV_ACCERR   2 /* mapped, but not for this access */
#define BUS_ADRALN    1
#define BUS_ADRERR    2
#define BUS_OBJERR    3
#define TRAP_BRKPT    1
#define TRAP_TRACE    2
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_DUMPED    3
#define CLD_TRAPPED   4
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
#define POLL_IN       1
#define POLL_OUT      2
#define POLL_MSG      3
#define POLL_ERR      4
#define POLL_PRI      5
#define POLL_HUP      6

typedef void (*_sig_func_ptr)(int);

#define SA_NOCLDSTOP 0x00000001
#define SA_NOCLDWAIT 0x00000002
#define SA_SIGINFO   0x00000004 /* call sa_sigaction(signal, info, ucontext_t *) */
#define SA_ONSTACK   0x08000000 /* run the handler on the stack of sigaltstack() */
#define SA_RESTART   0x10000000 /* interrupted calls go on instead of failing with EINTR */
#define SA_NODEFER   0x40000000 /* do not block the signal while its handler runs */
#define SA_RESETHAND 0x80000000 /* back to SIG_DFL before the handler runs */
#define SA_NOMASK    SA_NODEFER
#define SA_ONESHOT   SA_RESETHAND

struct sigaction {
	union {
		_sig_func_ptr _handler;
		void (*_sigaction)(int, siginfo_t *, void *);
	} _signal_handlers;
	sigset_t sa_mask;
	int sa_flags;
};

#define sa_handler   _signal_handlers._handler
#define sa_sigaction _signal_handlers._sigaction

#define MINSIGSTKSZ 8192 /* holds the signal frame with the widest FPU state */
#define SIGSTKSZ    32768
#define SS_ONSTACK  1
#define SS_DISABLE  2

typedef struct sigaltstack {
	void *ss_sp;
	int ss_flags;
	size_t ss_size;
} stack_t;

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#if __POSIX_VISIBLE
int kill(pid_t, int);
int sigaction(int, const struct sigaction *__restrict, struct sigaction *__restrict);
int sigaddset(sigset_t *, int);
int sigdelset(sigset_t *, int);
int sigemptyset(sigset_t *);
int sigfillset(sigset_t *);
int sigismember(const sigset_t *, int);
int sigpending(sigset_t *);
int sigprocmask(int, const sigset_t *__restrict, sigset_t *__restrict);
int sigsuspend(const sigset_t *);
int sigwait(const sigset_t *__restrict, int *__restrict);
#endif
#if __POSIX_VISIBLE >= 199309
int sigqueue(pid_t, int, const union sigval);
int sigtimedwait(const sigset_t *__restrict, siginfo_t *__restrict,
		 const struct timespec *__restrict);
int sigwaitinfo(const sigset_t *__restrict, siginfo_t *__restrict);
#endif
#if __POSIX_VISIBLE >= 199506
int pthread_kill(pthread_t, int);
int pthread_sigmask(int, const sigset_t *__restrict, sigset_t *__restrict);
#endif
#if __BSD_VISIBLE || __XSI_VISIBLE >= 4 || __POSIX_VISIBLE >= 200809
int killpg(pid_t, int);
int sigaltstack(const stack_t *__restrict, stack_t *__restrict);
int siginterrupt(int, int);
void psiginfo(const siginfo_t *, const char *);
#endif
#if __BSD_VISIBLE || __XSI_VISIBLE >= 4
#define SIG_HOLD ((_sig_func_ptr)2)
int sighold(int);
int sigignore(int);
int sigpause(int);
int sigrelse(int);
_sig_func_ptr sigset(int, _sig_func_ptr);
#endif
#if __GNU_VISIBLE
int pthread_sigqueue(pthread_t, int, const union sigval);
#endif
#ifdef _COMPILING_NEWLIB
int _kill(pid_t, int);
#endif

_END_STD_C

#ifndef _SIGNAL_H_
/* <sys/signal.h> and <signal.h> are the same to many programs. */
#include <signal.h>
#endif

#endif
