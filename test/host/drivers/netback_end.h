/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of each test of netfront: the device is gone, and with it all it had. */
#ifndef TEST_HOST_DRIVERS_NETBACK_END_H
#define TEST_HOST_DRIVERS_NETBACK_END_H

#include <check.h>

#include "test/mock/mock_netback.h"

static inline void netback_end(struct netfront *front)
{
	netback_disconnect(front);
	ck_assert_uint_eq(netback_counts.grants_open, 0);
	ck_assert_uint_eq(netback_counts.grants_used, 0);
	ck_assert_uint_eq(netback_counts.pages, 0);
	netback_remove(front);
}

#endif
