/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The remote cache and LMHOSTS as the node uses them: read together, listed together
 * (netbt-name-service.md 5.1, 5.3). Layer: node.
 */
#include <stdio.h>

#include "node/engine.h"

static void
report(void *arg, const char *path, unsigned line, const char *sentence)
{
	char text[200];

	if (line)
		snprintf(text, sizeof(text), "%.120s, line %u: %s", path, line, sentence);
	else
		snprintf(text, sizeof(text), "%.120s: %s", path, sentence);
	node_tell(arg, EV_NODE_LMHOSTS, NULL, IP4_ANY, IP4_ANY, text);
}

static int
read_file(void *arg, const char *path, char **ret, size_t *ret_len, const char **ret_why)
{
	struct node *n = arg;

	return n->host.read_file(n->host.arg, path, ret, ret_len, ret_why);
}

static void
preload(struct node *n)
{
	const struct lmhosts_preload *p;

	for (unsigned i = 0; (p = lmhosts_preload_at(n->lmhosts, i)); i++) {
		struct cache_entry e = { .key = { p->name, n->conf.scope },
			.group = p->group,
			.hidden = p->group,
			.naddr = p->naddr };

		memcpy(e.addr, p->addr, sizeof(p->addr));
		if (cache_preload(n->cache, &e))
			return; /* memory is short: what did not fit is found in the file */
	}
}

void
node_cache_reload(struct node *n, struct mono now)
{
	const struct lmhosts_host host = { .arg = n, .read_file = read_file, .report = report };

	cache_purge(n->cache);
	lmhosts_free(n->lmhosts);
	n->lmhosts = NULL;
	if (!n->conf.lmhosts[0] || !n->host.read_file)
		return;
	/* No file is how most machines are. */
	if (!lmhosts_load(n->conf.lmhosts, &host, &n->lmhosts))
		preload(n);
}

bool
node_cache_at(const struct node *n, unsigned i, struct mono now, struct node_cache_entry *ret)
{
	struct cache_entry e;

	if (!cache_at(n->cache, i, now, &e))
		return false;
	*ret = (struct node_cache_entry){ .key = e.key,
		.if_key = e.if_key,
		.group = e.group,
		.preloaded = e.preloaded,
		.naddr = e.naddr,
		.life_ms = e.life_ms };
	memcpy(ret->addr, e.addr, sizeof(ret->addr));
	return true;
}
