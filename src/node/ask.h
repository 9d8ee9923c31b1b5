/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question of ours on its way: its id, when it is sent again, and which packets answer it
 * (netbt-name-service.md 8.2 rules 1, 3, 8). Also the timers and the packets that wait to be sent,
 * which everything else here uses. Layer: node.
 *
 * Ids and matching are txn's. Its schedule is not: servers double their waits, end nodes repeat
 * steadily and are told to wait by WACKs (2.2), so each ask has a timer of its own.
 */
#pragma once

#include "node/node.h"
#include "txn/txn.h"

struct timer;
typedef void (*timer_fire)(struct node *n, struct timer *t, struct mono now);

/* Stays in the node's heap from init to release, so that setting it cannot fail. */
struct timer {
	struct heap_item item;
	timer_fire fire;
};

int timer_init(struct node *n, struct timer *t, timer_fire fire);
void timer_set(struct node *n, struct timer *t, struct mono when); /* MONO_NEVER: stopped */
struct mono timer_when(const struct timer *t);
void timer_release(struct node *n, struct timer *t);
/* The struct that a member is in. */
#define OWNER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* What to say, and to whom. */
struct ask_what {
	const struct nb_key *key; /* borrowed while the ask is open */
	uint8_t kind;             /* enum nb_kind */
	uint16_t flags;
	uint16_t nb_flags; /* claims and releases: about addr */
	struct ip4 addr;
	uint32_t ttl;
	uint32_t if_key;
	struct ip4 from, to;
	bool broadcast;
	uint32_t interval_ms, tries;
};

struct ask;
/*
 * An answer that may count (sender, id, kind and name are checked), or m NULL: the last try ended in
 * silence, and the ask is closed. With m it is still open and goes on unless ask_close is called; a
 * broadcast may have several answers.
 */
typedef void (*ask_heard)(struct node *n, struct ask *a, const struct nb_msg *m,
    const struct node_path *path, struct mono now);

struct ask {
	struct txn txn;
	struct timer timer;
	struct ask_what what;
	ask_heard heard;
	uint32_t tries_left;
	uint8_t wacks;
	bool open, has_id;
	struct mono sent;      /* last time; stays when it is closed */
	const uint8_t *packet; /* the answer as it came in, during heard */
	size_t packet_len;
};

int ask_init(struct node *n, struct ask *a);
/* Closes what a was asking and asks this. Never fails: without id, memory or room in the queue it is
 * sent a little later. */
void ask_open(
    struct node *n, struct ask *a, const struct ask_what *what, ask_heard heard, struct mono now);
void ask_close(struct node *n, struct ask *a);
/* Sends nothing more, but takes answers until then; its end is heard as silence. */
void ask_linger(struct node *n, struct ask *a, struct mono until);
void ask_release(struct node *n, struct ask *a);

/* Gives a response to the ask it answers. False: nobody asked. */
bool ask_in(struct node *n, const struct nb_msg *m, const uint8_t *packet, size_t len,
    const struct node_path *path, struct mono now);

/* Queues a packet; false: the queue is full. */
bool node_send(struct node *n, const struct nb_msg *m, const struct node_path *path);
/* Answers a request that came in on path: back to where it came from, from the address asked or, if
 * that was a broadcast, from the interface's. */
void node_reply(struct node *n, const struct nb_msg *m, const struct node_path *path);
