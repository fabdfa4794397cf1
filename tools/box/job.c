/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* A job that was told to end has this long; a guest being run must be destroyed meanwhile. */
#define JOB_GRACE_S 10

#define JOB_STRINGS_MAX 4096

struct request {
	uint16_t flags, rows, columns, argc, envc;
};

static char *put_temporary; /* in the PUT child: what a signal must remove */

void job_init(struct job *job)
{
	memset(job, 0, offsetof(struct job, input));
	job->in = job->out = job->err = -1;
}

/* Child side, after fork: what every job starts with. */
static void child_reset(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	umask(022);
	close_range(3, ~0U, 0);
}

static void set_window(int fd, uint16_t rows, uint16_t columns)
{
	struct winsize size = {.ws_row = rows, .ws_col = columns};

	if (rows && columns)
		ioctl(fd, TIOCSWINSZ, &size);
}

/* Fork with a new terminal as standard input, output and error. 0 in the child. */
static pid_t fork_on_tty(struct job *job, uint16_t rows, uint16_t columns)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	pid_t pid;

	if (master < 0)
		return -1;
	if (grantpt(master) || unlockpt(master))
		goto fail;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		goto fail;
	set_window(master, rows, columns);
	pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		child_reset();
		return 0;
	}
	close(slave);
	if (pid < 0)
		goto fail;
	fcntl(master, F_SETFL, O_NONBLOCK);
	job->tty = true;
	job->in = master;
	job->out = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return pid;
fail:
	close(master);
	return -1;
}

/* Fork with three pipes. 0 in the child. */
static pid_t fork_on_pipes(struct job *job)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
	pid_t pid = -1;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		goto out;
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		child_reset();
		return 0;
	}
	if (pid < 0)
		goto out;
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETPIPE_SZ, 256 << 10);
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
	in[1] = out[0] = err[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
		close(err[i]);
	}
	return pid;
}

/* The next string of a request, or NULL when it is cut short. */
static const char *next_string(const uint8_t **at, const uint8_t *end)
{
	const char *s = (const char *)*at;
	const uint8_t *zero = memchr(*at, 0, (size_t)(end - *at));

	if (!zero)
		return NULL;
	*at = zero + 1;
	return s;
}

static void exec_child(char **argv, char **env, int envc, const char *cwd)
{
	for (int i = 0; i < envc; i++)
		putenv(env[i]);
	if (*cwd && chdir(cwd)) {
		fprintf(stderr, "%s: %s\n", cwd, strerror(errno));
		_exit(125);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0],
		errno == ENOENT ? "no such command in dom0" : strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int job_exec(struct job *job, const uint8_t *request, size_t bytes)
{
	const uint8_t *at = request + sizeof(struct request), *end = request + bytes;
	char *strings[JOB_STRINGS_MAX + 2];
	struct request head;
	const char *cwd, *s;
	int count = 0;
	pid_t pid;

	if (bytes < sizeof(head))
		return -EINVAL;
	memcpy(&head, request, sizeof(head));
	if (head.argc < 1 || head.argc + head.envc > JOB_STRINGS_MAX)
		return -E2BIG;
	cwd = next_string(&at, end);
	if (!cwd)
		return -EINVAL;
	for (int i = 0; i < head.argc + head.envc; i++) {
		s = next_string(&at, end);
		if (!s)
			return -EINVAL;
		if (i == head.argc)
			strings[count++] = NULL;
		strings[count++] = (char *)s;
	}
	strings[count] = NULL;
	pid = head.flags & WIRE_EXEC_TTY ? fork_on_tty(job, head.rows, head.columns)
					 : fork_on_pipes(job);
	if (pid == 0)
		exec_child(strings, strings + head.argc + 1, head.envc, cwd);
	if (pid < 0)
		return -errno;
	job->pid = pid;
	return 0;
}

static void put_cancelled(int number)
{
	unlink(put_temporary);
	_exit(128 + number);
}

static int copy(int from, int to)
{
	static char data[64 << 10];
	ssize_t n, done, m;

	while ((n = read(from, data, sizeof(data))) != 0) {
		if (n < 0)
			return -errno;
		for (done = 0; done < n; done += m) {
			m = write(to, data + done, (size_t)(n - done));
			if (m < 0)
				return -errno;
		}
	}
	return 0;
}

static void child_fail(const char *path, int error)
{
	fprintf(stderr, "%s: %s\n", path, strerror(-error));
	_exit(1);
}

/* The directory of a file, if it is not there; its own parent must be. */
static void make_parent(const char *path)
{
	char *parent = strdup(path), *slash = parent ? strrchr(parent, '/') : NULL;

	if (slash && slash != parent) {
		*slash = 0;
		mkdir(parent, 0755);
	}
	free(parent);
}

/* Input to a file that appears whole or not at all. */
static void put_child(const char *path, mode_t mode)
{
	int fd, error;

	make_parent(path);
	if (asprintf(&put_temporary, "%s.part.%d", path, getpid()) < 0)
		_exit(1);
	signal(SIGTERM, put_cancelled);
	signal(SIGHUP, put_cancelled);
	fd = open(put_temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		child_fail(path, -errno);
	error = copy(0, fd);
	if (!error && (fchmod(fd, mode & 07777) || rename(put_temporary, path)))
		error = -errno;
	if (error) {
		unlink(put_temporary);
		child_fail(path, error);
	}
	_exit(0);
}

/* A file to standard output; its mode goes first to standard error as an octal number. */
static void get_child(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		child_fail(path, -errno);
	if (S_ISDIR(st.st_mode))
		child_fail(path, -EISDIR);
	fprintf(stderr, "%o", (unsigned int)st.st_mode & 07777);
	error = copy(fd, 1);
	if (error)
		child_fail(path, error);
	_exit(0);
}

static int job_file(struct job *job, const uint8_t *request, size_t bytes, bool put)
{
	uint32_t mode;
	pid_t pid;

	if (bytes < sizeof(mode) + 2 || request[bytes - 1])
		return -EINVAL;
	memcpy(&mode, request, sizeof(mode));
	pid = fork_on_pipes(job);
	if (pid == 0) {
		if (put)
			put_child((const char *)request + sizeof(mode), mode);
		get_child((const char *)request + sizeof(mode));
	}
	if (pid < 0)
		return -errno;
	job->pid = pid;
	return 0;
}

int job_put(struct job *job, const uint8_t *request, size_t bytes)
{
	return job_file(job, request, bytes, true);
}

int job_get(struct job *job, const uint8_t *request, size_t bytes)
{
	return job_file(job, request, bytes, false);
}

int job_input(struct job *job, const void *data, size_t bytes)
{
	if (bytes > sizeof(job->input) - job->in_bytes)
		return -ENOBUFS;
	memcpy(job->input + job->in_bytes, data, bytes);
	job->in_bytes += bytes;
	return 0;
}

size_t job_feed(struct job *job)
{
	size_t taken = 0;
	ssize_t n;

	while (job->in >= 0 && taken < job->in_bytes) {
		n = write(job->in, job->input + taken, job->in_bytes - taken);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			/* Nobody reads any more: the rest is taken and forgotten. */
			close(job->in);
			job->in = -1;
			break;
		}
		taken += (size_t)n;
	}
	if (job->in < 0)
		taken = job->in_bytes;
	job->in_bytes -= taken;
	memmove(job->input, job->input + taken, job->in_bytes);
	if (job->in_bytes == 0 && job->in_end && job->in >= 0 && !job->tty) {
		close(job->in);
		job->in = -1;
	}
	return taken;
}

void job_signal(struct job *job, int signal_number)
{
	if (job->pid > 0 && !job->exited)
		kill(-job->pid, signal_number);
}

void job_window(struct job *job, uint16_t rows, uint16_t columns)
{
	if (job->tty && job->in >= 0)
		set_window(job->in, rows, columns);
}

/* Someone must be there to kill what ignores SIGTERM, without keeping the port from its next
 * client. */
static void kill_later(pid_t group)
{
	if (fork() == 0) {
		child_reset();
		setsid();
		sleep(JOB_GRACE_S);
		kill(-group, SIGKILL);
		_exit(0);
	}
}

void job_end(struct job *job)
{
	if (job->pid > 0 && !job->exited) {
		/* Before its input ends: a PUT cut short must not look complete. */
		kill(-job->pid, SIGTERM);
		kill(-job->pid, SIGHUP);
		kill(-job->pid, SIGCONT);
		kill_later(job->pid);
	}
	if (job->in >= 0)
		close(job->in);
	if (job->out >= 0)
		close(job->out);
	if (job->err >= 0)
		close(job->err);
	job_init(job);
}
