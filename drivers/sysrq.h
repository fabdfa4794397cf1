/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `xl sysrq DOMAIN KEY`: control/sysrq in xenstore, acknowledged by writing the node empty. Source:
 * Xen docs/misc/xenstore-paths.
 */
#ifndef DRIVERS_SYSRQ_H
#define DRIVERS_SYSRQ_H

/* What is done for one key. */
struct sysrq_key {
	char key;
	const char *what;       /* for people: "the threads" */
	void (*fn)(void);       /* event context */
	struct sysrq_key *next; /* sysrq's */
};

/* From now on; key (borrowed for good) is added once. A second key that comes before the first one
 * was read replaces it. Does not wait for xenstore. 0 or -errno: keys are not watched. */
int sysrq_add(struct sysrq_key *key);

#endif
