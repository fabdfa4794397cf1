/* SPDX-License-Identifier: BSD-2-Clause */
/* mmap: areas of the kernel's virtual memory. A file is copied in, which is what MAP_PRIVATE means;
 * mman_shared.c has what is shared. MAP_FIXED replaces what is mapped, and places nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/x86_64/cpu.h"
#include "core/vm.h"
#include "lib/posix/cancel.h"
#include "lib/posix/fd.h"
#include "lib/posix/mman_shared.h"
#include "lib/posix/posix.h"
#include "lib/posix/sig.h"

#define OFFSET_MAX ((uint64_t)INT64_MAX)

static bool all_locked; /* mlockall() */

static size_t whole_pages(size_t bytes)
{
	return (bytes + PAGE_BYTES - 1) & PAGE_MASK;
}

/* -EACCES for write with exec: there is no such page here. */
static int prot_of(int prot, unsigned int *prot_out)
{
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
		return -EINVAL;
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return -EACCES;
	*prot_out = (prot & PROT_READ ? PT_PROT_READ : 0) |
		    (prot & PROT_WRITE ? PT_PROT_READ | PT_PROT_WRITE : 0) |
		    (prot & PROT_EXEC ? PT_PROT_READ | PT_PROT_EXEC : 0);
	return 0;
}

static int fill(char *area, size_t bytes, int fd, off_t offset)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t got = pread(fd, area + done, bytes - done, offset + (off_t)done);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return 0;
}

static int check_file(int fd, size_t bytes, int prot, int flags, off_t offset)
{
	struct file *file = fd_get(fd);
	int result = 0;

	if (!file)
		return -EBADF;
	if (!file->ops->size || !file->ops->read)
		result = -ENODEV;
	else if ((file->flags & O_ACCMODE) == O_WRONLY ||
		 ((flags & MAP_SHARED) && (prot & PROT_WRITE) &&
		  (file->flags & O_ACCMODE) != O_RDWR))
		result = -EACCES;
	else if ((uint64_t)offset & ~PAGE_MASK)
		result = -EINVAL;
	else if ((uint64_t)offset > OFFSET_MAX || bytes > OFFSET_MAX - (uint64_t)offset)
		result = -EOVERFLOW;
	file_put(file);
	return result;
}

/* Files and disks are shared; a device is read once, as it always was. */
static bool is_shared(int fd, int flags)
{
	struct file *file = flags & MAP_SHARED ? fd_get(fd) : NULL;
	bool result = false;

	if (!file)
		return false;
	result = file->node && (node_is(file->node, NODE_FILE) || node_is(file->node, NODE_BLOCK));
	file_put(file);
	return result;
}

static int map_shared(int fd, off_t offset, size_t bytes, unsigned int prot, void **area_out)
{
	struct file *file = fd_get(fd);
	int result;

	if (!file)
		return -EBADF;
	sig_hold();
	result = shared_map(file->node, (uint64_t)offset, bytes, prot,
			    (file->flags & O_ACCMODE) == O_RDWR, area_out);
	sig_release();
	file_put(file);
	return result;
}

static bool copy_area(struct vm_area *area, void *copy_out)
{
	*(struct vm_area *)copy_out = *area;
	return true;
}

/* MAP_FIXED: fresh contents in place of a part of a mapping. Elsewhere areas stand where the kernel
 * wants them, and what is shared belongs to a file. fd: -1 for zeros. */
static int map_over(void *start, size_t bytes, unsigned int prot, bool shared, int fd, off_t offset)
{
	struct vm_area area;
	int result;

	if ((uintptr_t)start & ~PAGE_MASK)
		return -EINVAL;
	bytes = whole_pages(bytes);
	if (shared || !vm_with((uintptr_t)start, copy_area, &area) || shared_is(&area) ||
	    (uintptr_t)start < area.start || (uintptr_t)start - area.start > area.bytes ||
	    bytes > area.bytes - ((uintptr_t)start - area.start))
		return -ENOTSUP;
	result = vm_protect(start, bytes, PT_PROT_READ | PT_PROT_WRITE);
	if (result)
		return result;
	memset(start, 0, bytes);
	if (fd >= 0)
		result = fill(start, bytes, fd, offset);
	if (result == 0 && prot != (PT_PROT_READ | PT_PROT_WRITE))
		result = vm_protect(start, bytes, prot);
	return result;
}

static int map(size_t bytes, int prot, int flags, int fd, off_t offset, void **area_out)
{
	unsigned int area_prot;
	int result = prot_of(prot, &area_prot);
	bool is_file = !(flags & MAP_ANON);

	if (result)
		return result;
	if (bytes == 0 || !(flags & MAP_SHARED) == !(flags & MAP_PRIVATE))
		return -EINVAL;
	if (is_file)
		result = check_file(fd, bytes, prot, flags, offset);
	if (result == 0 && bytes > PTRDIFF_MAX)
		result = -ENOMEM;
	if (result == 0 && flags & MAP_FIXED)
		return map_over(*area_out, bytes, area_prot, is_file && is_shared(fd, flags),
				is_file ? fd : -1, offset);
	if (result == 0 && is_file && is_shared(fd, flags))
		return map_shared(fd, offset, bytes, area_prot, area_out);
	if (result == 0)
		result = vm_alloc(bytes, 0, PT_PROT_READ | PT_PROT_WRITE, "mmap", area_out);
	if (result)
		return result;
	if (is_file)
		result = fill(*area_out, bytes, fd, offset);
	if (result == 0 && area_prot != (PT_PROT_READ | PT_PROT_WRITE))
		result = vm_protect(*area_out, whole_pages(bytes), area_prot);
	if (result)
		vm_free(*area_out);
	return result;
}

void *mmap(void *hint, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	void *area = hint;
	int result = map(bytes, prot, flags, fd, offset, &area);

	return posix_result(result) ? MAP_FAILED : area;
}

/* A whole area is given back; a part of one only becomes inaccessible until the rest goes. */
static int unmap(uintptr_t start, size_t bytes)
{
	struct vm_area area;

	if ((start & ~PAGE_MASK) || bytes == 0)
		return -EINVAL;
	bytes = whole_pages(bytes);
	if (!vm_with(start, copy_area, &area))
		return 0;
	if (area.start == start && area.bytes <= bytes) {
		int result;

		if (!shared_is(&area))
			return vm_free((void *)start);
		sig_hold();
		result = shared_unmap(start);
		sig_release();
		return result;
	}
	if (bytes > area.start + area.bytes - start)
		bytes = area.start + area.bytes - start;
	return vm_protect((void *)start, bytes, PT_PROT_NONE);
}

int munmap(void *start, size_t bytes)
{
	return (int)posix_result(unmap((uintptr_t)start, bytes));
}

int mprotect(void *start, size_t bytes, int prot)
{
	unsigned int area_prot;
	int result = (uintptr_t)start & ~PAGE_MASK ? -EINVAL : prot_of(prot, &area_prot);
	struct vm_area area;

	/* What the file was not opened for, a mapping of it cannot do. */
	if (result == 0 && (prot & PROT_WRITE) && vm_with((uintptr_t)start, copy_area, &area) &&
	    shared_is(&area) && !shared_may_write(&area))
		result = -EACCES;

	if (result == 0 && bytes > 0)
		result = vm_protect(start, whole_pages(bytes), area_prot);
	/* Nothing mapped there is ENOMEM to POSIX. */
	return (int)posix_result(result == -EINVAL && !((uintptr_t)start & ~PAGE_MASK) ? -ENOMEM
										       : result);
}

/* Each area that the range touches; all of it must be in areas. */
static int sync_range(uintptr_t start, size_t bytes, bool sync)
{
	uintptr_t end = start + whole_pages(bytes);
	int result = 0;

	while (start < end && result == 0) {
		struct vm_area area;

		if (!vm_with(start, copy_area, &area) || start < area.start ||
		    start >= area.start + area.bytes)
			return -ENOMEM;
		if (shared_is(&area)) {
			sig_hold();
			result = shared_write_back(area.start, sync);
			sig_release();
		}
		start = area.start + area.bytes;
	}
	return result;
}

int msync(void *start, size_t bytes, int flags)
{
	int result = -EINVAL;

	cancel_test();
	/* Nothing is invalidated, but POSIX wants it said. */
	if ((flags & MS_INVALIDATE) && READ_ONCE(all_locked))
		result = -EBUSY;
	else if (!((uintptr_t)start & ~PAGE_MASK) &&
		 !(flags & ~(MS_ASYNC | MS_SYNC | MS_INVALIDATE)))
		result = sync_range((uintptr_t)start, bytes, !(flags & MS_ASYNC));
	return (int)posix_result(result);
}

int madvise(void *start, size_t bytes, int advice)
{
	(void)start;
	(void)bytes;
	(void)advice;
	return 0;
}

int posix_madvise(void *start, size_t bytes, int advice)
{
	(void)start;
	(void)bytes;
	(void)advice;
	return 0;
}

/* Memory of a guest is never paged out. */
/* All memory is resident. What is not mapped cannot be locked. */
static int check_mapped(const void *start, size_t bytes)
{
	uintptr_t page = (uintptr_t)start & PAGE_MASK, end = (uintptr_t)start + bytes;
	struct pt_walk walk;

	if (end < (uintptr_t)start)
		return -ENOMEM;
	for (; page < end; page += PAGE_BYTES) {
		pt_walk(page, &walk);
		if (!walk.present)
			return -ENOMEM;
	}
	return 0;
}

int mlock(const void *start, size_t bytes)
{
	return (int)posix_result(check_mapped(start, bytes));
}

int munlock(const void *start, size_t bytes)
{
	return (int)posix_result(check_mapped(start, bytes));
}

int mlockall(int flags)
{
	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE)))
		return (int)posix_result(-EINVAL);
	WRITE_ONCE(all_locked, true);
	return 0;
}

int munlockall(void)
{
	WRITE_ONCE(all_locked, false);
	return 0;
}
