/* SPDX-License-Identifier: BSD-2-Clause */
/* A look at the node for each change; one that comes during a look makes another one. */
#include "drivers/sysrq.h"

#include "core/log.h"
#include "core/suspend.h"
#include "drivers/xenstore.h"
#include "lib/base/error.h"
#include "lib/base/string.h"
#include "xen/xswire.h"

#define SYSRQ_PATH "control/sysrq"

/* Called by one vCPU at a time: xenstore's promise. */
static struct {
	struct sysrq_key *keys; /* atomic: only ever longer */
	struct xenstore_watch watch;
	struct xenstore_request read, empty;
	char value[8];
	bool looking, changed;
} sysrq;

static void look(void)
{
	sysrq.changed = false;
	sysrq.looking = xenstore_submit(&sysrq.read, XS_READ, SYSRQ_PATH, sizeof(SYSRQ_PATH)) == 0;
	if (!sysrq.looking)
		log_warn("sysrq: a key could not be read");
}

static void obey(char pressed)
{
	struct sysrq_key *key;

	for (key = __atomic_load_n(&sysrq.keys, __ATOMIC_ACQUIRE); key; key = key->next) {
		if (key->key == pressed) {
			key->fn();
			return;
		}
	}
	log_warn("sysrq: unknown key '%c'; these print something:", pressed);
	for (key = __atomic_load_n(&sysrq.keys, __ATOMIC_ACQUIRE); key; key = key->next)
		log_warn("sysrq: %c: %s", key->key, key->what);
}

/* The node is read by its change and empty again by ours, which makes another change. */
static void was_read(struct xenstore_request *request)
{
	char key = request->result == 0 ? sysrq.value[0] : '\0';

	sysrq.looking = false;
	if (key) {
		int error = xenstore_submit(&sysrq.empty, XS_WRITE, SYSRQ_PATH, sizeof(SYSRQ_PATH));

		if (error)
			log_warn("sysrq: key not acknowledged: error %d", error);
		obey(key);
	} else if (sysrq.changed) {
		look();
	}
}

static void changed(struct xenstore_watch *watch, const char *path)
{
	(void)watch;
	(void)path;
	if (sysrq.looking)
		sysrq.changed = true;
	else
		look();
}

static void resumed(void)
{
	sysrq.looking = false;
}

int sysrq_add(struct sysrq_key *key)
{
	static struct suspend_client client = {.name = "sysrq", .resume = resumed};
	static bool watched;
	int error;

	key->next = __atomic_load_n(&sysrq.keys, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&sysrq.keys, &key->next, key, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		continue;
	if (__atomic_exchange_n(&watched, true, __ATOMIC_ACQ_REL))
		return 0;
	sysrq.read = (struct xenstore_request){
		.reply = sysrq.value, .reply_max = sizeof(sysrq.value), .done = was_read};
	sysrq.watch = (struct xenstore_watch){.path = SYSRQ_PATH, .fn = changed};
	error = xenstore_watch_add(&sysrq.watch);
	if (!error)
		suspend_register(&client);
	return error;
}
