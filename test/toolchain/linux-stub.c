/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stand-in for lib/posix over Linux system calls: enough to run the sysroot's libc, libm and
 * libgccsafe on the build machine in milliseconds. Tests only.
 */
#include <errno.h>
#include <fcntl.h>
#include <reent.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/lock.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp);
void __libc_init_array(void);
void __libc_fini_array(void);

uintptr_t __stack_chk_guard = 0x595e9fbd94fda700;
char **environ;

static long call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static long result_of(long result)
{
	if (result < 0) {
		errno = EIO;
		return -1;
	}
	return result;
}

void _exit(int status)
{
	for (;;)
		call(231, status, 0, 0);
}

void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
	call(1, 2, (long)"stack smashed\n", 14);
	_exit(134);
}

__attribute__((noreturn, used, no_stack_protector)) static void start(long *stack)
{
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1);

	environ = argv + argc + 1;
	atexit(__libc_fini_array);
	__libc_init_array();
	exit(main(argc, argv, environ));
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall "
	"start\n");

struct _reent *__getreent(void)
{
	return _GLOBAL_REENT;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
	return result_of(call(1, fd, (long)bytes, (long)count));
}

ssize_t read(int fd, void *bytes, size_t count)
{
	return result_of(call(0, fd, (long)bytes, (long)count));
}

int close(int fd)
{
	return (int)result_of(call(3, fd, 0, 0));
}

off_t lseek(int fd, off_t offset, int whence)
{
	return result_of(call(8, fd, offset, whence));
}

int fstat(int fd, struct stat *st)
{
	(void)fd;
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFCHR;
	return 0;
}

int open(const char *path, int flags, ...)
{
	(void)path;
	(void)flags;
	errno = ENOENT;
	return -1;
}

int stat(const char *restrict path, struct stat *restrict st)
{
	(void)path;
	(void)st;
	errno = ENOENT;
	return -1;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	return (int)result_of(call(96, (long)tv, (long)zone, 0));
}

clock_t times(struct tms *t)
{
	memset(t, 0, sizeof(*t));
	return 0;
}

int getentropy(void *bytes, size_t count)
{
	return result_of(call(318, (long)bytes, (long)count, 0)) < 0 ? -1 : 0;
}

pid_t getpid(void)
{
	return 1;
}

int kill(pid_t pid, int sig)
{
	(void)pid;
	_exit(128 + sig);
}

int raise(int sig)
{
	_exit(128 + sig);
}

void __assert_func(const char *file, int line, const char *function, const char *text);
void __assert_func(const char *file, int line, const char *function, const char *text)
{
	(void)line;
	(void)function;
	write(2, file, strlen(file));
	write(2, ": assert: ", 10);
	write(2, text, strlen(text));
	write(2, "\n", 1);
	_exit(134);
}

/* Memory is handed out in order and never taken back; each block is preceded by its length. */
static char arena[64 << 20] __attribute__((aligned(64)));
static size_t arena_used;

void *malloc(size_t bytes)
{
	size_t room = (bytes + 16 + 15) & ~(size_t)15;

	if (bytes > sizeof(arena) || arena_used + room > sizeof(arena)) {
		errno = ENOMEM;
		return NULL;
	}
	char *block = arena + arena_used + 16;

	arena_used += room;
	memcpy(block - 16, &bytes, sizeof(bytes));
	return block;
}

void free(void *block)
{
	(void)block;
}

void *calloc(size_t count, size_t bytes)
{
	return malloc(count * bytes);
}

void *realloc(void *old, size_t bytes)
{
	size_t had = 0;
	void *block = malloc(bytes);

	if (old)
		memcpy(&had, (char *)old - 16, sizeof(had));
	if (block && old)
		memcpy(block, old, had < bytes ? had : bytes);
	return block;
}

void *_malloc_r(struct _reent *r, size_t bytes)
{
	(void)r;
	return malloc(bytes);
}
void _free_r(struct _reent *r, void *block)
{
	(void)r;
	free(block);
}
void *_calloc_r(struct _reent *r, size_t n, size_t bytes)
{
	(void)r;
	return calloc(n, bytes);
}
void *_realloc_r(struct _reent *r, void *old, size_t bytes)
{
	(void)r;
	return realloc(old, bytes);
}

void __libc_lock(struct __lock *lock)
{
	(void)lock;
}
int __libc_trylock(struct __lock *lock)
{
	(void)lock;
	return 0;
}
void __libc_unlock(struct __lock *lock)
{
	(void)lock;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *result = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
	return result;
}

void *memset(void *to, int byte, size_t bytes)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(byte) : "memory");
	return result;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	char *t = to;
	const char *f = from;

	if (t <= f || t >= f + bytes)
		return memcpy(to, from, bytes);
	while (bytes--)
		__asm__ volatile("movb %1, %%al\n\tmovb %%al, %0"
				 : "=m"(t[bytes])
				 : "m"(f[bytes])
				 : "al");
	return to;
}

int memcmp(const void *left, const void *right, size_t bytes)
{
	const unsigned char *l = left, *r = right;

	for (size_t i = 0; i < bytes; i++)
		if (l[i] != r[i])
			return l[i] - r[i];
	return 0;
}

void abort(void)
{
	_exit(128 + SIGABRT);
}

int isatty(int fd)
{
	(void)fd;
	return 0;
}

int _isatty(int fd);
int _isatty(int fd)
{
	return isatty(fd);
}

int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	(void)how;
	(void)set;
	if (old)
		*old = 0;
	return 0;
}
