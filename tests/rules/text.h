/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records, events and verdicts as short texts, so that a test row is one readable line. Layer: tests.
 * A word that is not understood ends the program: a row never means something else than it says.
 *
 *   record    "none" or TYPE STATE [!] OWNER VERSION NODE due=TIME ADDRESS...
 *             U unique, G group, S special, M multihomed, X no type at all; a active, r released, t tombstone, d deleted;
 *             ! static; own, rep, rep2, rep3; v7 or v+ (the next version); B P M H
 *             "Ma own v7 H due=60 A/due=60 B/rep/due=900/new"
 *   address   A..Z 192.0.2.1..26, self (the server's), lo 127.64.64.1, any 0.0.0.0, mc 224.0.0.1,
 *             bcast; "A..C" is three. Behind it owner (the record's unless told), due (the record's),
 *             new = first registered now (else 1000 s ago), heard = REC_HEARSAY
 *   time      seconds from now, renew, ext, tmo, ver, their sum with +, or never
 *   claim     OP SUFFIX[g] ADDRESS [B|P|M|H] [from=ADDRESS] [name=TEXT] [scope=LENGTH] [pdc=ADDRESS]
 *             OP reg, mh, ref8, ref9, rel; SUFFIX in hex, g is the group bit
 *   probe     silent, neg or pos ADDRESS..., then seen=VERSION, by=OWNER and state=a if not as in the record
 *   verdict   reply RCODE; write RECORD; chal ADDRESS... [wack=SECONDS];
 *             delete; keep. Behind the first word: tell (propagate), ask (verify), refuse (the claim, ACT),
 *             demand=ADDRESS...
 *   answer    neg; pos FLAGS ADDRESS...
 *   env       askrel (a name released a moment ago is asked for)
 *             migrate strict propagate verify no1b up=SECONDS noself noblock block=NAME tries=N interval=MS
 *             settle, low, high (settle conflicts; this server's address is lower, higher than rep's)
 *             near (rep3 tells us of its records itself)
 *             held (our own node has the name) held=ADDRESS... (where)
 */
#pragma once

#include <stdio.h>

#include "rules/rules.h"
#include "wire/ns.h"

#define TEXT_NOW     1000000000u
#define TEXT_NEXT    100u
#define TEXT_RENEW   518400u
#define TEXT_EXT     400000u
#define TEXT_TMO     600000u
#define TEXT_VERIFY  2073600u
#define TEXT_PARTNER IP4(198, 51, 100, 9)

void text_env(const char *text, struct rule_env *ret);
/* False for "none". The key is the caller's to set. */
bool text_rec(const char *text, struct rec *ret);
void text_claim(const char *text, struct reg_in *ret);
void text_release(const char *text, struct release_in *ret);
void text_probe(const char *text, const struct rec *cur, struct probe_in *ret);
/* The verdict with all but its rule; key is that of the next record, ok_ttl the TTL of a yes. */
void text_verdict(const char *text, const struct nb_key *key, uint32_t ok_ttl, struct verdict *ret);
void text_answer(const char *text, struct answer *ret);
/* The name of claims: NAME, or TEXT, padded, with suffix. */
void text_key(const char *name, uint8_t suffix, unsigned scope_text, struct nb_key *ret);

void text_print_verdict(FILE *to, const struct verdict *v);
void text_print_answer(FILE *to, const struct answer *a);
