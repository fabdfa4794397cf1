/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of xenbus share: drivers/xenbus.c (who is there, whose turn it is),
 * drivers/xenbus_state.c (what one device does next), drivers/xenbus_io.c (its messages).
 *
 * All of it but what says otherwise runs in the worker: on one vCPU at a time, with events
 * disabled and no lock held. What other contexts do is set a flag and kick.
 */
#ifndef DRIVERS_XENBUS_INTERNAL_H
#define DRIVERS_XENBUS_INTERNAL_H

#include "core/time.h"
#include "drivers/xenbus.h"
#include "drivers/xenstore.h"

#define XENBUS_BACKEND_MAX 128 /* of the back end's path */
#define XENBUS_OWN_KEYS    3   /* read along with front_keys */
#define XENBUS_TEXT_MIN    1024
#define XENBUS_SLOTS       (XENBUS_KEYS_MAX + XENBUS_OWN_KEYS)

enum xenbus_phase {
	XENBUS_NEW,       /* nothing known but the name; also after a resume */
	XENBUS_WAITING,   /* for InitWait; we are Initialising */
	XENBUS_PUBLISHED, /* for Connected; connect() was called */
	XENBUS_CONNECTED,
	XENBUS_CLOSING, /* we are Closed; for the back end to let go of what we shared */
	XENBUS_CLOSED,  /* nothing is shared; until it is time to begin again */
	XENBUS_DEAD,    /* given up for good; until the directory goes */
	XENBUS_REMOVED, /* the driver has it */
};

enum xenbus_op {
	XENBUS_OP_NONE,
	XENBUS_OP_FRONT, /* reads front_keys and our own */
	XENBUS_OP_STATE, /* the back end's state */
	XENBUS_OP_BACK,  /* back_keys */
	XENBUS_OP_NEWS,  /* back_news */
	XENBUS_OP_WRITE, /* what was published, and a state */
};

/* A message on its way. */
struct xenbus_slot {
	struct xenstore_request request;
	struct xenbus_inner *inner;
	bool *present; /* where to say that a value came; NULL: a write */
	bool busy;
};

struct xenbus_inner {
	struct list_node node; /* of the devices; changed by the worker under xenbus.lock */
	struct xenbus_device *device;
	enum xenbus_phase phase;
	char dir[32];                     /* "device/vbd/51712" */
	char backend[XENBUS_BACKEND_MAX]; /* its directory; "": not known */
	char backend_read[XENBUS_BACKEND_MAX];
	struct xenstore_watch watch; /* of the back end's state */
	char watch_path[XENBUS_BACKEND_MAX + 8];
	bool watching;
	struct xenstore_watch news_watch; /* of back_news */
	char news_path[XENBUS_BACKEND_MAX + 16];
	bool news_watching;
	struct xenbus_value news_value;
	XenbusState front, back; /* what we wrote last; what we read last */
	bool online;             /* the toolstack wants it to be there */
	bool probed;             /* probe() said yes */
	bool attached;           /* connect() was called, disconnect() not yet */
	bool listed;             /* it is in the directory: by the last scan */
	bool held;               /* closing() said no */
	unsigned int attempts;   /* resets since it last worked for a while */
	uint64_t connected_ns;
	uint64_t due_ns; /* when the phase has lasted too long, or the next attempt is due */
	struct timer timer;

	/* Set by anybody, looked at and cleared by the worker. */
	bool kicked;
	bool front_changed, back_changed, news;
	bool close_now;  /* xenbus_close() */
	bool freed;      /* xenbus_device_free() */
	const char *why; /* xenbus_reset() */

	/* The operation under way. */
	enum xenbus_op op;
	unsigned int total, next; /* messages: in all, submitted */
	unsigned int pending;     /* submitted and not answered; atomic */
	int op_error;             /* the first one */
	struct xenbus_slot slots[XENBUS_SLOTS];
	char state_text[8], online_text[8];     /* of the back end */
	char backend_id_text[8], front_text[8]; /* of ours */
	bool backend_present, backend_id_present, front_present, state_present, online_present;
	/* What is to be written: key NUL value NUL …, the state last, for which there always is
	 * room. */
	char *text;
	size_t text_used, text_max, text_next;
	int publish_error;
};

/* Looks at every device and scan that was kicked; if another vCPU is at it, that one does. Any
 * context. */
void xenbus_work(void);
/* The same for one device. Any context. */
void xenbus_kick(struct xenbus_inner *inner);
/* One message of its operation was answered. Any context. */
void xenbus_answered(struct xenbus_inner *inner);
/* Waiters look again. */
void xenbus_wake(void);

/* Strict decimal. 0 or -EINVAL. */
int xenbus_number(const char *text, uint64_t *value_out);

/* Does what can be done now. */
void xenbus_step(struct xenbus_inner *inner);
/* The watches of the back end, if there are any. */
void xenbus_unwatch(struct xenbus_inner *inner);

/* Begins an operation; the device is kicked when it has ended. */
void xenbus_read_front(struct xenbus_inner *inner);
void xenbus_read_state(struct xenbus_inner *inner);
void xenbus_read_back(struct xenbus_inner *inner);
void xenbus_read_news(struct xenbus_inner *inner);
/* Writes what was published since the last time, and then state. */
void xenbus_write(struct xenbus_inner *inner, XenbusState state);
/* Forgets what was published. */
void xenbus_write_nothing(struct xenbus_inner *inner);
/* Goes on with it. True when it is over, or there is none. */
bool xenbus_io_pump(struct xenbus_inner *inner);

#endif
