/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets as files. What a socket does is an ops table for each family; nothing there waits: what
 * is not possible yet is -EAGAIN, and the head is woken when that may have changed. Waiting,
 * time-outs, signals and cancellation are socket_file.c's.
 */
#ifndef LIB_POSIX_SOCKET_H
#define LIB_POSIX_SOCKET_H

#include <fcntl.h>
#include <sys/socket.h>

#include "core/pollhead.h"
#include "lib/posix/fd.h"

struct socket;

/* One sendmsg or recvmsg. */
struct socket_message {
	struct msghdr *header; /* receiving fills in name, control and their lengths, msg_flags */
	size_t bytes_total;    /* of the parts */
	int flags;             /* MSG_* */
};

struct socket_ops {
	int (*bind)(struct socket *socket, const struct sockaddr *address, socklen_t bytes);
	/* 0, -EINPROGRESS, or for good -errno. Datagrams: an address of AF_UNSPEC ends it. */
	int (*connect)(struct socket *socket, const struct sockaddr *address, socklen_t bytes);
	int (*listen)(struct socket *socket, int backlog);
	int (*accept)(struct socket *socket, struct socket **socket_out);
	ssize_t (*send)(struct socket *socket, struct socket_message *message);
	ssize_t (*receive)(struct socket *socket, struct socket_message *message);
	int (*shutdown)(struct socket *socket, bool reading, bool writing);
	short (*poll)(struct socket *socket); /* POLL*; events may be disabled */
	/* Fills at most *bytes of address; *bytes becomes its whole length. */
	int (*name)(struct socket *socket, bool peer, struct sockaddr *address, socklen_t *bytes);
	/* -ENOPROTOOPT: not an option of this family. *bytes: room, then length. */
	int (*set)(struct socket *socket, int level, int option, const void *value,
		   socklen_t bytes);
	int (*get)(struct socket *socket, int level, int option, void *value, socklen_t *bytes);
	int (*take_error)(struct socket *socket);     /* -errno or 0 */
	int (*readable_bytes)(struct socket *socket); /* FIONREAD */
	void (*close)(struct socket *socket);         /* frees it; may wait (SO_LINGER) */
};

struct socket {
	const struct socket_ops *ops;
	struct pollhead *head; /* the family's */
	int domain, type, protocol;
	bool listens;
	bool timestamps; /* SO_TIMESTAMP */
	struct linger linger;
	uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none */
};

/* The family's creators, called by socket(): 0 or -errno. */
int socket_inet_create(int domain, int type, int protocol, struct socket **socket_out);
/* Absent in programs that name no AF_UNIX… so they all have it; small. */
int socket_unix_create(int type, struct socket **socket_out);

/* The socket of a descriptor, with a reference to its file in file_out. 0, -EBADF, -ENOTSOCK. */
int socket_get(int fd, struct file **file_out, struct socket **socket_out);
/* A descriptor for a socket, which is closed when there is none. flags: SOCK_NONBLOCK,
 * SOCK_CLOEXEC. */
int socket_install(struct socket *socket, int flags);

/* Calls attempt(socket, arg) until it yields something else than -EAGAIN: a cancellation point,
 * handlers run. timeout_ns 0: none; nonblocking: once. */
ssize_t socket_retry(struct socket *socket, bool nonblocking, uint64_t timeout_ns,
		     ssize_t (*attempt)(struct socket *socket, void *arg), void *arg);

static inline bool socket_nonblocking(const struct file *file, int flags)
{
	return (flags & MSG_DONTWAIT) || (file->flags & O_NONBLOCK);
}

/* Of a message: one element of control data, cut (MSG_CTRUNC) when there is no room. used: so far.
 */
void socket_put_control(struct socket_message *message, size_t room, int level, int type,
			const void *data, size_t data_bytes);

/* Sends with a SIGPIPE when that is due. Bytes or -errno. */
ssize_t socket_send(struct file *file, struct socket *socket, struct socket_message *message);
ssize_t socket_receive(struct file *file, struct socket *socket, struct socket_message *message);

/* Copies an address out as accept() and its relatives do. */
void socket_copy_name(const void *from, socklen_t from_bytes, struct sockaddr *address,
		      socklen_t *bytes);

#endif
