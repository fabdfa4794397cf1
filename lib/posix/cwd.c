/* SPDX-License-Identifier: BSD-2-Clause */
/* The working directory, and absolute paths. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/heap.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"
#include "lib/posix/vfs.h"

int chdir(const char *path)
{
	struct vfs_path found;
	int result;

	sig_hold();
	result = vfs_walk(AT_FDCWD, path, 0, NULL, &found);
	if (result == 0) {
		result = vfs_set_cwd(found.node);
		vfs_path_put(&found);
	}
	sig_release();
	return (int)posix_result(result);
}

int fchdir(int fd)
{
	struct node *node;
	int result;

	sig_hold();
	result = vfs_node_of(fd, &node);
	if (result == 0) {
		result = vfs_set_cwd(node);
		node_put(node);
	}
	sig_release();
	return (int)posix_result(result == -EINVAL ? -ENOTDIR : result);
}

static ssize_t cwd_path(char *path_out, size_t bytes_max)
{
	struct node *node;
	ssize_t bytes;

	sig_hold();
	node = vfs_cwd();
	bytes = vfs_path_of(node, path_out, bytes_max);
	node_put(node);
	sig_release();
	return bytes;
}

char *getcwd(char *path_out, size_t bytes_max)
{
	char path[PATH_MAX];
	ssize_t bytes = path_out && bytes_max == 0 ? -EINVAL : cwd_path(path, sizeof(path));

	if (path_out && bytes > 0 && (size_t)bytes > bytes_max)
		bytes = -ERANGE;
	if (posix_result(bytes) < 0)
		return NULL;
	/* NULL asks for memory, as in BSD and glibc. */
	if (!path_out) {
		path_out = malloc(bytes_max > (size_t)bytes ? bytes_max : (size_t)bytes);
		if (!path_out)
			return NULL;
	}
	return memcpy(path_out, path, (size_t)bytes);
}

char *get_current_dir_name(void)
{
	return getcwd(NULL, 0);
}

char *realpath(const char *path, char *resolved_out)
{
	struct vfs_path found;
	char *buffer;
	int result = -EINVAL;

	if (!path) {
		errno = EINVAL;
		return NULL;
	}
	buffer = malloc(PATH_MAX);
	if (!buffer)
		return NULL;
	sig_hold();
	result = vfs_walk(AT_FDCWD, path, 0, buffer, &found);
	if (result == 0)
		vfs_path_put(&found);
	sig_release();
	if (posix_result(result) < 0) {
		free(buffer);
		return NULL;
	}
	if (!resolved_out)
		return buffer;
	memcpy(resolved_out, buffer, found.path_bytes + 1);
	free(buffer);
	return resolved_out;
}
