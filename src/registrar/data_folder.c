/* SPDX-License-Identifier: Apache-2.0 */
/* See data.h. Layer: program. */
#include "registrar/data_folder.h"

#include <stdio.h>

#include "winsd/winsd.h"

/*
 * The store remembers whose it is, because versions are only good together with their owner's
 * address. An address in the configuration must be that one.
 */
static int
check_owner(struct winsd *d, struct store *s)
{
	struct ip4 wanted = d->conf.server_address;
	char is[IP4_STRLEN], want[IP4_STRLEN], text[200];
	uint64_t kept;

	if (store_meta_get(s, "server-address", &kept)) {
		if (!wanted.v || wanted.v == kept) {
			d->server_address.v = (uint32_t)kept;
			return 0;
		}
		snprintf(text, sizeof(text),
		    "the data folder belongs to the WINS server %s, but server-address says %s",
		    ip4_print((struct ip4){ (uint32_t)kept }, is), ip4_print(wanted, want));
		teller_say(&d->teller, EV_STORE_REFUSED, 0, text);
		return NBT_EOWNER;
	}
	if (!wanted.v && d->nself)
		wanted = d->self[0];
	d->server_address = wanted;
	if (!wanted.v)
		return 0; /* a machine without an address, today: decided at a later start */
	return store_meta_set(s, "server-address", wanted.v);
}

static int
open_store(struct winsd *d, const struct store_opts *how, struct store **ret)
{
	struct store_opts opts = *how;
	struct store_report report = { 0 };
	char text[sizeof(((struct event *)0)->text)];
	int err;

	opts.journal_max = d->conf.snapshot_journal_size;
	err = vfs_posix_open(d->conf.data_dir, &opts.vfs);
	if (err) {
		snprintf(text, sizeof(text), "%.90s: %s", d->conf.data_dir, nbt_strerror(err));
		teller_say(&d->teller, EV_STORE_REFUSED, 0, text);
		return err;
	}
	err = store_open(&opts, ret, &report);
	if (err) {
		snprintf(text, sizeof(text), "%.90s: %s", d->conf.data_dir, report.sentence);
		teller_say(&d->teller, EV_STORE_REFUSED, 0, text);
		return err;
	}
	if (report.cut_bytes)
		teller_say(&d->teller, EV_JOURNAL_TAIL_CUT, report.cut_bytes, report.sentence);
	snprintf(text, sizeof(text), "%llu from the snapshot, %llu batches replayed",
	    (unsigned long long)report.snapshot_records, (unsigned long long)report.frames);
	teller_say(&d->teller, EV_STORE_LOADED, report.records, text);
	return 0;
}

int
data_open(struct winsd *d, const struct store_opts *how, struct store **ret, bool *ret_fresh)
{
	struct store *s = NULL;
	int err = open_store(d, how, &s);

	*ret = s;
	if (err)
		return err;
	*ret_fresh = store_next_version(s).v <= 1 && !store_records(s);
	err = check_owner(d, s);
	if (err)
		return err;
	if (d->conf.version_start > store_next_version(s).v) {
		store_raise_version(s, (struct version){ d->conf.version_start });
		teller_say(&d->teller, EV_ADJ_VERS_NO, d->conf.version_start,
		    "the option version-start says so");
	}
	err = store_commit(s);
	if (err)
		teller_say(&d->teller, EV_STORE_REFUSED, 0, store_last_error(s));
	return err;
}
