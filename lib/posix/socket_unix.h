/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of AF_UNIX sockets share. */
#ifndef LIB_POSIX_SOCKET_UNIX_H
#define LIB_POSIX_SOCKET_UNIX_H

#include <sys/un.h>

#include "lib/base/list.h"
#include "lib/posix/socket.h"

#define UNIX_BYTES_MAX 212992u /* that wait in one direction; Linux's */
#define UNIX_FDS_MAX   64u     /* of one SCM_RIGHTS */

/* Bytes on their way: of a stream any number, of others one datagram. */
struct unix_packet {
	struct list_node node;
	size_t bytes_count, read;
	struct sockaddr_un from;
	socklen_t from_bytes;
	unsigned int files_count;
	struct file *files[UNIX_FDS_MAX]; /* references */
	char bytes[];
};

struct unix_socket {
	struct socket base; /* first */
	struct pollhead head;
	unsigned int refs; /* atomic: its file, its peer, names */
	/* unix_lock: */
	struct unix_socket *peer; /* connected to; a reference */
	struct list_node queue;   /* struct unix_packet, oldest first */
	size_t queue_bytes;
	struct sockaddr_un name;
	socklen_t name_bytes; /* 0: none */
	bool bound, closed, read_shut, write_shut, was_connected;
	struct list_node waiting; /* listening: struct unix_socket node */
	unsigned int waiting_count, backlog;
	struct list_node node, name_node;
};

/* Control data of what is sent: descriptors become files. 0, -EBADF, -EINVAL. */
int unix_take_files(const struct msghdr *header, struct unix_packet *packet);
/* Of what is received: files become descriptors. Takes the references. */
void unix_give_files(struct socket_message *message, size_t room, struct unix_packet *packet);
void unix_packet_free(struct unix_packet *packet);

/* socketpair()'s part. */
int socket_unix_pair(int type, struct socket *sockets_out[2]);

#endif
