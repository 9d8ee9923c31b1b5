/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as one plain value: defaults, YAML file, -o key=value, printer, and what changed
 * at a reload. Everything comes from the table options.def. Layer: conf, above base. Keeps no state
 * of its own and holds no pointers: a struct conf may be copied and compared. Decides nothing that
 * needs another option's value or the protocol: such clamps are the rules'.
 */
#pragma once

#include <stdio.h>

#include "base/err.h"
#include "base/ip4.h"

#define CONF_TEXT_MAX      256 /* with its NUL */
#define CONF_ADDRESSES_MAX 99  /* most options take fewer */
#define CONF_NAMES_MAX     32
#define CONF_NAME_LEN      15 /* a NetBIOS name without its suffix */
#define CONF_NETWORKS_MAX  16
#define CONF_TEXTS_MAX     64
#define CONF_ENTRY_MAX     64 /* of a list of texts, with its NUL */
#define CONF_PARTNERS_MAX  200
#define CONF_NO_CLOCK      UINT32_MAX /* a time of day that is not given */
#define CONF_FILE_MAX      262144     /* bytes; a file with every option is a fiftieth of it */
#define CONF_ERRORS_MAX    50         /* told of one file */

struct conf_addresses {
	uint8_t n;
	struct ip4 a[CONF_ADDRESSES_MAX];
};

/* Upper case, padded with spaces: as the rules compare them. */
struct conf_names {
	uint8_t n;
	uint8_t name[CONF_NAMES_MAX][CONF_NAME_LEN];
};

struct conf_texts {
	uint8_t n;
	char t[CONF_TEXTS_MAX][CONF_ENTRY_MAX];
};

struct conf_networks {
	uint8_t n;
	struct ip4_net net[CONF_NETWORKS_MAX];
};

/* What a field of each option type is. */
#define CONF_FIELD_NUMBER(f)    uint64_t f
#define CONF_FIELD_SECONDS(f)   uint64_t f
#define CONF_FIELD_MILLIS(f)    uint64_t f
#define CONF_FIELD_SIZE(f)      uint64_t f /* bytes */
#define CONF_FIELD_CHOICE(f)    uint64_t f /* 0 = the first word */
#define CONF_FIELD_CHOICES(f)   uint64_t f /* bit 0 = the first word */
#define CONF_FIELD_BOOL(f)      bool f
#define CONF_FIELD_TEXT(f)      char f[CONF_TEXT_MAX]
#define CONF_FIELD_ADDRESS(f)   struct ip4 f /* IP4_ANY = empty */
#define CONF_FIELD_ADDRESSES(f) struct conf_addresses f
#define CONF_FIELD_NAMES(f)     struct conf_names f
#define CONF_FIELD_NETWORKS(f)  struct conf_networks f
#define CONF_FIELD_TEXTS(f)     struct conf_texts f
#define CONF_FIELD_CLOCK(f)     uint64_t f /* seconds after midnight, or CONF_NO_CLOCK */
#define CONF_FIELD_PARTNERS(f)  struct conf_partners f

/* A map of the option replication.partners. */
struct conf_partner {
#define X(field, key, type, default, min, max, text) CONF_FIELD_##type(field);
#include "conf/partners.def"
#undef X
};

struct conf_partners {
	uint8_t n;
	struct conf_partner v[CONF_PARTNERS_MAX];
};

struct conf {
#define X(field, key, type, default, min, max, reload, text) CONF_FIELD_##type(field);
#include "conf/options.def"
#undef X
};

enum conf_id {
#define X(field, key, type, default, min, max, reload, text) CONF_##field,
#include "conf/options.def"
#undef X
	CONF_COUNT
};

/* One option of the table, for whoever shows it. */
struct conf_option {
	const char *key;
	const char *preset; /* the default, written as in the file */
	const char *min, *max;
	const char *text;
	uint16_t offset; /* of its field in struct conf */
	uint8_t type;    /* enum value_type */
	bool reload;
};
const struct conf_option *conf_option(int id);

/* Who is told what is wrong: whole sentences that name file, line and option, without newline. */
struct conf_say {
	void (*fn)(void *arg, const char *sentence);
	void *arg;
};

/* All defaults; bytes between fields are zero. */
void conf_init(struct conf *conf);

/*
 * Takes over what the file says; options it does not name keep what they are. All errors are told,
 * not only the first; *conf is changed only on 0. NBT_EINVAL: the file says something wrong.
 * NBT_ENOENT, NBT_EDENIED, NBT_EIO: it cannot be read, also told.
 */
int conf_load(struct conf *conf, const char *path, const struct conf_say *say);
/* The same for text in memory; name stands for the path in sentences. */
int conf_parse(
    struct conf *conf, const char *name, const char *text, size_t len, const struct conf_say *say);
/* What -o takes: "key=value", lists written a,b or [a, b], maps {a: 1, b: 2}. 0 or NBT_EINVAL, told; *conf is changed
 * only on 0. */
int conf_override(struct conf *conf, const char *assignment, const struct conf_say *say);

/* The whole configuration as a file that conf_load reads back to the same. */
void conf_print(const struct conf *conf, FILE *to);

/* Calls changed for each option whose value differs; option->reload says whether it counts without
 * a restart. Returns how many differ. */
typedef void conf_changed(void *arg, const struct conf_option *option);
int conf_diff_reload(
    const struct conf *old, const struct conf *new, conf_changed *changed, void *arg);
/* Copies the options that count without a restart. */
void conf_take_reloadable(struct conf *conf, const struct conf *from);
