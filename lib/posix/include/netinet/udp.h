/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _NETINET_UDP_H_
#define _NETINET_UDP_H_

#include <stdint.h>

struct udphdr {
	uint16_t uh_sport, uh_dport, uh_ulen, uh_sum;
};

#endif
