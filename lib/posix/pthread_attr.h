/* SPDX-License-Identifier: BSD-2-Clause */
/* What pthread_create() wants to know of attributes. */
#ifndef LIB_POSIX_PTHREAD_ATTR_H
#define LIB_POSIX_PTHREAD_ATTR_H

#include <pthread.h>
#include <stdbool.h>

#define ATTR_MAGIC 0x61747472u

static inline bool attr_valid(const pthread_attr_t *attr)
{
	return attr && attr->__magic == ATTR_MAGIC;
}

/* Those of a thread created without any. */
void attr_get_standard(pthread_attr_t *attr_out);

#endif
