/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The multihome doctor: what Windows NT's hosts did wrong in KB Q184832, seen from the server. A host
 * with several addresses that releases or refreshes only some of them leaves the others behind, owned
 * by nobody; later claims collide with them. After a while the doctor asks the addresses that stayed:
 * "not mine" from the host itself takes the address away (rules), silence makes it doubtful.
 * Layer: wins. Bounded.
 */
#pragma once

#include "wins/engine.h"

void doctor_init(struct wins *w);
void doctor_release(struct wins *w);

/* One address of next went by release, others stayed. path: how the releasing host was reached. */
void doctor_half_released(struct wins *w, const struct rec *next, struct ip4 gone,
    const struct wins_path *path, struct mono mnow, struct wall now);
/* ip of next was registered or refreshed: its siblings may lag, and ip itself is doubtful no more. */
void doctor_refreshed(struct wins *w, const struct rec *next, struct ip4 ip,
    const struct wins_path *path, struct mono mnow, struct wall now);

/* The answer to a question of the doctor's. */
void doctor_answer(
    struct wins *w, struct txn *x, const struct nb_msg *m, struct mono mnow, struct wall now);
/* A wait of the doctor's is over: ask again, or give up on this address. */
void doctor_waited(struct wins *w, struct txn *x, bool again, struct mono mnow, struct wall now);
/* Begins what is due. */
void doctor_tick(struct wins *w, struct mono mnow, struct wall now);
struct mono doctor_next(const struct wins *w);
/* As wins_finding_next. */
bool doctor_patient_next(
    struct wins *w, struct nb_key *at, bool incl, struct wall now, struct wins_finding *ret);
