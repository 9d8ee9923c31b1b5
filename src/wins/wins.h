/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WINS server engine: packets and ticks in, packets and events out. No socket, no clock, no
 * thread, no log. Layer: wins.
 *
 * Two ways in. wins_query answers queries from any reader thread, without a lock, an allocation or
 * a system call. Everything that changes state goes through one thread, the registrar: wins_in for
 * each waiting packet, then wins_commit, then wins_out until it is empty. No answer leaves before
 * what it promises is durable.
 */
#pragma once

#include "event/event.h"
#include "rules/rules.h"
#include "store/store.h"
#include "wire/ns.h"
#include "wins/stats.h"

struct wins;

/* What the doctor does about a host that gave up only some of its addresses (KB Q184832). */
enum wins_half_release { WINS_HALF_OFF, WINS_HALF_LOG, WINS_HALF_REPAIR };

struct wins_conf {
	struct rule_intervals intervals; /* wishes; clamped at start */
	uint32_t chl_interval_ms, chl_tries;
	uint32_t challenges_max;    /* open at once */
	uint64_t names_max;         /* records held; no new one past it */
	uint32_t names_per_address; /* likewise registered by one address; 0 = any number */
	uint32_t names_local_share; /* percent of names_max that replicas cannot take */
	uint32_t scavenge_slice;    /* records per step of the scavenger */
	bool burst_handling;        /* 2.11 */
	bool migrate_on, propagate_releases, strict_source, challenge_released, prepend_1b,
	    randomize_1c;
	bool
	    settle_conflicts; /* two living computers of one name at two servers: one gives it up */
	struct ip4 server;    /* under which partners know this server's records */
	bool verify_replicas; /* replicas whose time came are verified with their owner (3.10) */
	uint8_t half_release; /* enum wins_half_release */
	uint32_t half_release_delay; /* seconds */
	uint32_t doctor_max;         /* names watched at once */
	uint8_t nexcluded;
	struct ip4_net excluded[16]; /* networks of whose addresses nobody has any use */
	uint8_t nself;
	struct ip4 self[16];
	uint8_t nblocked;
	uint8_t blocked[32][15];
};

/* Where a packet came from and where its answer leaves; the engine hands it back as it was. */
struct wins_path {
	struct ip4 peer, local; /* the client; our address that it asked */
	uint16_t port;          /* of the client */
	uint16_t socket;        /* the host's own number */
};

struct wins_host {
	void *arg;
	uint32_t (*random)(void *arg); /* unpredictable: transaction ids of challenges */
	void (*event)(void *arg, const struct event *ev); /* ->when is set */
	/*
	 * What this machine's own node says of a unique name (netbt 1.6): the addresses on which it
	 * has it or is registering it, and in *ret_defended whether it has it. Returns how many, at
	 * most REC_ADDR_MAX. On the registrar's thread. NULL: there is no node.
	 */
	unsigned (*held)(
	    void *arg, const struct nb_key *key, struct ip4 ret[REC_ADDR_MAX], bool *ret_defended);
};

/* Makes an engine on an open store, which it borrows. The caller's thread is the registrar. */
int wins_new(const struct wins_conf *conf, struct store *store, const struct wins_host *host,
    struct wall now, struct wins **ret);
void wins_free(struct wins *w); /* accepts NULL */
/* Takes over what may change while running (not scavenge_slice); the same clamps as at start. */
int wins_reconf(struct wins *w, const struct wins_conf *conf, struct wall now);

/* ---- query path: any registered reader ---- */

/* What the query path reads; replaced as a whole by wins_reconf and valid until wins_free, so a
 * worker fetches it once a batch. */
struct wins_view {
	struct rule_env env; /* now is not set in it */
	bool randomize_1c;
};
const struct wins_view *wins_view(const struct wins *w);

/*
 * Answers a query. Returns the length of the answer in out, or 0 with *ret_drop set; NB_DROP_NONE
 * there means "for the registrar: give it to wins_in". No lock, no allocation, no system call.
 */
size_t wins_query(const struct store *store, const struct wins_view *view, struct wins_stats *stats,
    const uint8_t *packet, size_t len, uint8_t out[static NB_UDP_MAX], enum nb_drop *ret_drop);

/* The same in three steps, for a worker who takes each with a group of packets before the next: the names'
 * waits for memory overlap. */
struct wins_packet {
	struct nb_msg m;
	enum nb_drop drop; /* other than NONE: m is not whole */
	uint64_t hash;     /* store_hash of its name */
};
void wins_read(
    const struct store *store, const uint8_t *packet, size_t len, struct wins_packet *ret);
void wins_fetch(const struct store *store, const struct wins_packet *p);
/* Uses p up, unless it is for the registrar. */
size_t wins_answer(const struct store *store, const struct wins_view *view,
    struct wins_stats *stats, struct wins_packet *p, uint8_t out[static NB_UDP_MAX]);

#define WINS_BURST_TTL_MIN 300 /* seconds: first step of the ladder of 2.11 */

/* How many answers of burst handling (2.11) went out since the queue was calm. */
struct wins_burst {
	uint32_t answered;
};

/*
 * Burst handling: a positive answer to a registration or refresh without looking or storing, with a
 * short lifetime from the ladder of 2.11. Returns its length, 0 when the packet is neither.
 */
size_t wins_burst_answer(struct wins_burst *b, struct wins_stats *stats, const uint8_t *packet,
    size_t len, uint8_t out[static NB_UDP_MAX]);

/* ---- registrar ---- */

/* Feeds a packet. Its answer may be ready only after wins_commit. */
void wins_in(struct wins *w, const uint8_t *packet, size_t len, const struct wins_path *path,
    struct mono mnow, struct wall now);
/* Retries, challenge ends, a slice of scavenging. Call when wins_next is reached. */
void wins_tick(struct wins *w, struct mono mnow, struct wall now);
struct mono wins_next(const struct wins *w, struct mono mnow, struct wall now);
/* Makes all that was decided since the last call durable, and its answers ready; those that could
 * not be made durable become SRV_ERR, and the reason is returned. */
int wins_commit(struct wins *w, struct wall now);
/*
 * The same, but while the disk works the next packets are fed: ends what was begun if it is durable by now, and
 * if nothing is on its way any more begins with what was decided since. wins_out until it is empty before the
 * next call. True: something is on its way; store_commit_await waits for it. Between such calls versions were
 * given that nobody may be told of, so administration and replication come after wins_commit.
 */
bool wins_commit_step(struct wins *w, struct wall now);

struct wins_out {
	struct wins_path path;
	uint16_t len;
	uint8_t data[NB_UDP_MAX + 64];
};
/* The next packet to send, or NULL. Valid until the next call of any of these. */
const struct wins_out *wins_out(struct wins *w);

/* ---- administration, on the registrar's thread; each is durable when it returns 0 ---- */

struct wins_explain {
	struct verdict verdict;
	bool found;
	struct rec cur;
};
/* The verdict that a packet would get, without any effect. */
void wins_explain_register(
    struct wins *w, const struct reg_in *in, struct wall now, struct wins_explain *ret);
void wins_explain_release(
    struct wins *w, const struct release_in *in, struct wall now, struct wins_explain *ret);

/* uid: who wants it, for the event. */
int wins_admin_add(
    struct wins *w, const struct rec *rec, uint32_t uid, struct wall now); /* static */
int wins_admin_delete(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now);
int wins_admin_tombstone(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now);
/* The scavenger works whenever something is due; this makes it look now, and tells the end. */
void wins_admin_scavenge(struct wins *w, struct wall now);

/* ---- the doctor's findings (src/wins/doctor.h) ---- */

enum wins_finding_kind {
	WINS_HALF_RELEASED, /* one address was released, these stayed; not asked yet, or being asked */
	WINS_HALF_REFRESHED, /* one address was refreshed, these lag behind; likewise */
	WINS_EXAMINED,       /* being asked because an administrator said so */
	WINS_DOUBTFUL,       /* asked, and nobody there answered */
	WINS_DISPUTED,       /* two hosts claim the name by turns */
	WINS_STATIC_CLASH,   /* a living host is refused because of a static record */
};

struct wins_finding {
	uint8_t kind; /* enum wins_finding_kind */
	struct nb_key key;
	struct wall since, last; /* of the trouble */
	struct ip4 cause; /* the address that was released or refreshed; disputes: the claimant */
	uint32_t count;   /* disputes: how often */
	uint8_t naddr;    /* the addresses in question; disputes: the holder's; 0 = it is settled */
	struct ip4 addr[REC_ADDR_MAX];
};
enum wins_findings { WINS_PATIENTS, WINS_DISPUTES };
/* The first finding of one of the two lists whose name comes behind *at (or is *at, with incl), in an
 * order of the engine's own; *at becomes its name. Settled ones come too, so that a step is a step.
 * False: there is none. */
bool wins_finding_next(struct wins *w, enum wins_findings list, struct nb_key *at, bool incl,
    struct wall now, struct wins_finding *ret);
/* Asks the addresses of a name now, whatever was found of it, and repairs on "not mine" whatever the
 * option says. NBT_ENOENT: no active unique or multihomed record that is not static; NBT_ENOMEM. */
int wins_admin_examine(struct wins *w, const struct nb_key *key, struct mono mnow, struct wall now);
bool wins_is_excluded(const struct wins *w, struct ip4 ip);
/* Takes the addresses of excluded networks away from a record that is not static, durably; which ones
 * it says also on failure. NBT_ENOENT: no such record is active. */
struct wins_removed {
	uint8_t naddr;
	struct ip4 addr[REC_ADDR_MAX];
};
int wins_admin_exclude(struct wins *w, const struct nb_key *key, uint32_t uid, struct wall now,
    struct wins_removed *ret);

/* ---- replication (src/wins/replica.c), on the registrar's thread ---- */

/*
 * A replica from a partner, owners in our terms (rule_replica). Decided and staged; wins_commit makes
 * it durable. pull: the number of the pull that brought it, for wins_pull; 0 = nobody wants to know.
 * NBT_ELIMIT: the batch is full, commit and give it again. NBT_EBUSY: no room to wait for a challenge
 * now, give it again later. NBT_EFULL: it is a new name and names_max are held; stop the pull, nothing
 * is lost when its range is pulled again once there is room. Any other error: it could not be staged.
 */
int wins_replica(
    struct wins *w, const struct rec *in, uint32_t pull, struct mono mnow, struct wall now);
/* A record of our own origin from a partner (rule_returned); errors as above. */
int wins_returned(struct wins *w, const struct rec *in, struct wall now);
/* What the owner has under this replica's name, or NULL (rule_verified); errors as above. */
int wins_verified(
    struct wins *w, const struct nb_key *key, const struct rec *found, struct wall now);

/* The servers that tell this one of their own records themselves (rule_env), up to WINS_NEAR_MAX, until
 * this is called again. */
#define WINS_NEAR_MAX 256
void wins_near(struct wins *w, const struct ip4 *list, unsigned n);

/* How far a pull's challenges are. Ask after wins_commit; forget it when it is of no interest: one that
 * failed is kept until then. No number serves twice. */
struct wins_pull {
	size_t open; /* challenges that still wait for their end, or for its commit */
	bool failed; /* the end of one could not be kept: the range must be pulled again */
};
struct wins_pull wins_pull(const struct wins *w, uint32_t pull);
void wins_pull_forget(struct wins *w, uint32_t pull);

/* What partners should be told of since this was last asked; counts of changes are the versions'. */
enum {
	WINS_PUSH_ADDRESS = 1,   /* a name's address changed (3.7) */
	WINS_PUSH_PROPAGATE = 2, /* a conflict or a dead 1C: tell it on at once (1.5, 3.9) */
};
unsigned wins_take_push(struct wins *w);
/* The next owner with replicas whose time came and that are to be verified; each is named once until
 * it was taken. False: none. */
bool wins_take_verify(struct wins *w, struct ip4 *ret_owner);

/* While paused (1.6), registrations, refreshes and releases are dropped and counted: nothing is
 * promised, no version handed out; queries go on, time does nothing to records. What partners bring is
 * decided all the same, and a conflict may hand out a version: wins_renumber mends that. */
void wins_pause(struct wins *w, bool paused);
bool wins_paused(const struct wins *w);
/* Gives own records with versions up to upto new ones, because partners believe to know them (1.6):
 * a slice a call, staged. *ret_more: call again after wins_commit. Errors as wins_replica. */
int wins_renumber(struct wins *w, struct version upto, bool *ret_more);
/*
 * A server is gone for good (3.14): a slice of its records a call, staged, then of ours that may have
 * members of it (rule_owner_removed). Zeroed but for owner (not OWNER_SELF) and tombstone before the
 * first call; how far it is moves on with the batch, so keep a copy, and go on with that when
 * wins_commit fails. *ret_n: how many were staged. *ret_more: call again after wins_commit. Errors as
 * wins_replica.
 */
struct wins_removal {
	struct ip4 owner;
	bool tombstone;
	bool of_ours; /* its own records are gone */
	struct store_place at;
	struct version upto;
};
int wins_delete_owner(
    struct wins *w, struct wins_removal *r, struct wall now, size_t *ret_n, bool *ret_more);

const struct wins_stats *wins_registrar_stats(const struct wins *w); /* workers keep their own */
bool wins_writable(const struct wins *w); /* were the last changes kept, or would be next ones */
size_t wins_open_challenges(const struct wins *w);
