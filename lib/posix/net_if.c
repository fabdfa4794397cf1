/* SPDX-License-Identifier: BSD-2-Clause */
/* Interfaces by name and number. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/interface.h"
#include "lib/posix/net_start.h"

unsigned int if_nametoindex(const char *name)
{
	unsigned int index;

	net_start();
	index = net_interface_find(name);
	if (!index)
		errno = ENODEV;
	return index;
}

char *if_indextoname(unsigned int index, char *name_out)
{
	struct net_interface_info info;

	net_start();
	if (index == 0 || !net_interface_get(index, &info) || info.index != index) {
		errno = ENXIO;
		return NULL;
	}
	return strcpy(name_out, info.name);
}

struct if_nameindex *if_nameindex(void)
{
	struct net_interface_info info;
	struct if_nameindex *list = NULL, *more;
	size_t count = 0;

	net_start();
	for (uint32_t index = 1;; index = info.index + 1) {
		bool any = net_interface_get(index, &info);

		more = realloc(list, (count + 1) * sizeof(*list));
		if (!more)
			break;
		list = more;
		list[count] = (struct if_nameindex){0, NULL};
		if (!any)
			return list;
		list[count].if_name = strdup(info.name);
		if (!list[count].if_name)
			break;
		list[count++].if_index = info.index;
	}
	if_freenameindex(list);
	errno = ENOBUFS;
	return NULL;
}

void if_freenameindex(struct if_nameindex *list)
{
	for (struct if_nameindex *at = list; at && at->if_name; at++)
		free(at->if_name);
	free(list);
}
