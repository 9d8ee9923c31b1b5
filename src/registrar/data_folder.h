/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening the data folder: whose it is, what was found, and where versions go on. Layer: program.
 */
#pragma once

#include "store/store.h"

struct winsd;

/*
 * Opens the store of d->conf.data_dir; how says all but folder and size. Decides d->server_address. What was found
 * and why it failed is told. *ret_fresh: it holds nothing and never did, so another server's address can be
 * taken over. *ret is set also when the store opened but cannot be used; whoever calls closes it.
 */
int data_open(struct winsd *d, const struct store_opts *how, struct store **ret, bool *ret_fresh);
