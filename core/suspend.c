/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/suspend.h"

#include "core/log.h"
#include "core/random.h"
#include "core/time.h"
#include "xen/evtchn.h"

static struct list_node clients = LIST_INIT(clients); /* thread context only */

void suspend_register(struct suspend_client *client)
{
	list_append(&clients, &client->node);
}

void suspend_prepare(void)
{
	for (struct list_node *node = clients.prev; node != &clients; node = node->prev) {
		struct suspend_client *client = container_of(node, struct suspend_client, node);

		if (client->suspend)
			client->suspend();
	}
	time_suspend();
	evtchn_suspend();
}

int suspend_finish(void)
{
	struct list_node *node;
	int error = evtchn_resume();

	if (error)
		return error;
	time_resume();
	random_resume();
	list_for_each (node, &clients) {
		struct suspend_client *client = container_of(node, struct suspend_client, node);

		log_debug("resume: %s", client->name);
		if (client->resume)
			client->resume();
	}
	return 0;
}
