/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/pollhead.h"

#include "xen/spinlock.h"

void pollhead_init(struct pollhead *head)
{
	*head = (struct pollhead){.queue = WAITQ_INIT};
}

/* owner: whose watchers; NULL: all. */
static void tell(struct pollhead *head, bool gone, const void *owner)
{
	struct list_node *node, *after;
	bool enabled;

	/* Most heads are never watched. Whoever begins to looks at the state afterwards. */
	if (!READ_ONCE(head->watchers.next))
		return;
	enabled = spin_lock_events(&head->lock);
	list_for_each_safe (node, after, &head->watchers) {
		struct pollwatch *watch = container_of(node, struct pollwatch, node);

		if (owner && watch->owner != owner)
			continue;
		if (gone)
			list_remove(&watch->node);
		watch->fn(watch, gone);
	}
	spin_unlock_events(&head->lock, enabled);
}

void pollhead_wake(struct pollhead *head)
{
	waitq_wake_all(&head->queue);
	tell(head, false, NULL);
}

void pollhead_close(struct pollhead *head)
{
	tell(head, true, NULL);
}

void pollhead_forget(struct pollhead *head, const void *owner)
{
	tell(head, true, owner);
}

void pollhead_watch(struct pollhead *head, struct pollwatch *watch)
{
	bool enabled = spin_lock_events(&head->lock);

	if (!head->watchers.next)
		list_init(&head->watchers);
	list_append(&head->watchers, &watch->node);
	spin_unlock_events(&head->lock, enabled);
}

void pollhead_unwatch(struct pollhead *head, struct pollwatch *watch)
{
	bool enabled = spin_lock_events(&head->lock);

	list_remove(&watch->node);
	spin_unlock_events(&head->lock, enabled);
}
