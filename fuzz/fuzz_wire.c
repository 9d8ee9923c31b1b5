/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the name service codec: any bytes give a message or a reason, and a message encodes
 * to a packet that decodes to the same message; its key prints to text that reads back as the key.
 * Cut to a datagram it is still a packet, or none. Layer: fuzz.
 */
#include "fuzz.h"

#include "../tests/support/ns_same.h"

static void
check_key(const struct nb_key *key)
{
	char text[NB_KEY_STRLEN];
	struct nb_key back;

	must(nb_key_parse(nb_key_print(key, text), 0, &back) == 0);
	must(!memcmp(key, &back, sizeof(back)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t buf[65535];
	struct nb_msg m, again;
	enum nb_drop drop = nb_decode(data, len, &m);
	size_t cut;

	must(drop < NB_DROP_COUNT);
	if (drop)
		return 0;
	must(m.naddr <= NB_ADDR_MAX && m.stats_len <= NB_STATS_LEN);
	check_key(&m.key);
	must(ns_survives(&m, buf));
	cut = nb_encode(&m, buf, NB_UDP_MAX);
	must(cut <= NB_UDP_MAX);
	if (cut)
		must(nb_decode(buf, cut, &again) == NB_DROP_NONE);
	return 0;
}
