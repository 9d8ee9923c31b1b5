/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the replication codec: any bytes give a message or a reason, and a message encodes to
 * bytes that decode to the same. Each input is read as it is, with its length field put right (else
 * hardly a mutation would be looked into), and as an announcement. Layer: fuzz.
 */
#include "fuzz.h"

#include <stdlib.h>

#include "../tests/support/wrepl_same.h"

static void
check_message(const uint8_t *data, size_t len)
{
	struct wrepl_msg m;
	enum wrepl_drop drop = wrepl_decode(data, len, &m);

	must(drop < WREPL_DROP_COUNT && *wrepl_drop_text(drop));
	if (!drop)
		must(wrepl_survives(&m, len));
}

static void
check_discovery(const uint8_t *data, size_t len)
{
	uint8_t out[WREPL_DISCOVERY_MAX];
	struct wrepl_discovery d, again;

	if (wrepl_discovery_decode(data, len, &d))
		return;
	len = wrepl_discovery_encode(&d, out);
	must(wrepl_discovery_decode(out, len, &again) == WREPL_DROP_NONE);
	must(d.up == again.up && d.naddr == again.naddr && d.naddr <= REC_ADDR_MAX);
	for (unsigned i = 0; i < d.naddr; i++)
		must(ip4_eq(d.addr[i], again.addr[i]));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t *copy;
	struct wr w;

	check_message(data, len);
	check_discovery(data, len);
	if (len < WREPL_LENGTH_SIZE)
		return 0;
	copy = malloc(len); /* of exactly that size, so that a sanitizer sees one byte too many */
	if (!copy)
		abort();
	memcpy(copy, data, len);
	w = wr_init(copy, WREPL_LENGTH_SIZE);
	wr_u32(&w, (uint32_t)(len - WREPL_LENGTH_SIZE));
	check_message(copy, len);
	free(copy);
	return 0;
}
