/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that are sent (SCM_RIGHTS). */
#include <errno.h>
#include <string.h>

#include "core/heap.h"
#include "lib/posix/socket_unix.h"

int unix_take_files(const struct msghdr *header, struct unix_packet *packet)
{
	struct cmsghdr *cmsg;

	for (cmsg = header->msg_control ? CMSG_FIRSTHDR(header) : NULL; cmsg;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t count;

		if (cmsg->cmsg_len < CMSG_LEN(0))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (count > UNIX_FDS_MAX - packet->files_count)
			return -EINVAL;
		for (size_t i = 0; i < count; i++) {
			struct file *file;
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			file = fd_get(fd);
			if (!file)
				return -EBADF;
			packet->files[packet->files_count++] = file;
		}
	}
	return 0;
}

void unix_give_files(struct socket_message *message, size_t room, struct unix_packet *packet)
{
	bool close_on_exec = message->flags & MSG_CMSG_CLOEXEC;
	int fds[UNIX_FDS_MAX];
	unsigned int count = 0;

	while (count < packet->files_count && CMSG_LEN((count + 1) * sizeof(int)) <= room) {
		fds[count] = fd_install(packet->files[count], 0, close_on_exec);
		if (fds[count] < 0)
			break;
		count++;
	}
	if (count > 0)
		socket_put_control(message, room, SOL_SOCKET, SCM_RIGHTS, fds, count * sizeof(int));
	if (count < packet->files_count)
		message->header->msg_flags |= MSG_CTRUNC;
	/* The references of those given are the descriptors'. */
	memmove(packet->files, packet->files + count,
		(packet->files_count - count) * sizeof(packet->files[0]));
	packet->files_count -= count;
}

void unix_packet_free(struct unix_packet *packet)
{
	while (packet->files_count > 0)
		file_put(packet->files[--packet->files_count]);
	heap_free(packet);
}
