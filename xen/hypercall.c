/* SPDX-License-Identifier: BSD-2-Clause */
#include "xen/hypercall.h"

/* Xen and the C library agree up to ERANGE (the historic Unix values), not above. */
int hypercall_errno(long xen_result)
{
	switch (-xen_result) {
	case XEN_EPERM:
		return -EPERM;
	case XEN_ENOENT:
	case XEN_ESRCH:
		return -ENOENT;
	case XEN_ENXIO:
		return -ENXIO;
	case XEN_E2BIG:
		return -E2BIG;
	case XEN_ENOEXEC:
		return -ENOEXEC;
	case XEN_EBADF:
		return -EBADF;
	case XEN_EAGAIN:
		return -EAGAIN;
	case XEN_ENOMEM:
		return -ENOMEM;
	case XEN_EACCES:
		return -EACCES;
	case XEN_EFAULT:
		return -EFAULT;
	case XEN_EBUSY:
		return -EBUSY;
	case XEN_EEXIST:
		return -EEXIST;
	case XEN_ENODEV:
		return -ENODEV;
	case XEN_EINVAL:
		return -EINVAL;
	case XEN_ENOSPC:
		return -ENOSPC;
	case XEN_EROFS:
		return -EROFS;
	case XEN_EDOM:
		return -EDOM;
	case XEN_ERANGE:
		return -ERANGE;
	case XEN_ENOSYS:
		return -ENOSYS;
	case XEN_EOVERFLOW:
		return -EOVERFLOW;
	case XEN_EOPNOTSUPP:
		return -EOPNOTSUPP;
	case XEN_ETIMEDOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}
