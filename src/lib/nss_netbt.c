/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libnss_netbt: host names by NetBIOS for "hosts: ... netbt" in nsswitch.conf. Asks the node daemon's
 * socket for everybody and nobody else, for at most TIMEOUT_MS; without a daemon the name is not
 * found. Layer: lib. glibc's interface: no state, results in the caller's buffer.
 *
 * A host name of at most 15 characters without a dot is asked for as NAME<00> in upper case, the name
 * that every Windows and Samba computer registers.
 */
#include <errno.h>
#include <netdb.h>
#include <nss.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netbt/netbt.h>

#include "lib/daemon.h"
#include "wire/name.h"

#define TIMEOUT_MS 3000

/* What glibc wants to know beside the status. */
struct why {
	int *errnop, *h_errnop;
};

struct found {
	unsigned n;
	struct in_addr address[NBT_ANSWER_MAX];
};

static enum nss_status
end(struct why w, enum nss_status status, int error, int h_error)
{
	*w.errnop = error;
	*w.h_errnop = h_error;
	return status;
}

/* False: no computer can have this name. */
static bool
key_of(const char *host, struct nb_key *ret)
{
	size_t n = strlen(host);

	if (n == 0 || n >= NB_NAME_LEN || host[0] == '*' || strchr(host, '.'))
		return false;
	memset(ret, 0, sizeof(*ret));
	memset(ret->name.b, ' ', NB_NAME_LEN - 1);
	for (size_t i = 0; i < n; i++)
		ret->name.b[i] =
		    (uint8_t)(host[i] >= 'a' && host[i] <= 'z' ? host[i] - 'a' + 'A' : host[i]);
	return true;
}

/* The addresses of hosts in the daemon's answer; 255.255.255.255 stands for a group. */
static void
take(struct span result, struct found *ret)
{
	struct span list = span_member(result, "addresses");
	char text[INET_ADDRSTRLEN];

	for (unsigned i = 0; ret->n < NBT_ANSWER_MAX; i++) {
		struct in_addr *a = &ret->address[ret->n];

		if (!span_text(span_element(list, i), text, sizeof(text)))
			return;
		if (inet_pton(AF_INET, text, a) == 1 && a->s_addr != INADDR_NONE)
			ret->n++;
	}
}

/* Asks the daemon. NSS_STATUS_SUCCESS with at least one address. */
static enum nss_status
ask(const char *host, struct found *ret, struct why w)
{
	struct daemon_answer answer;
	char line[DAEMON_LINE_MAX], text[NB_KEY_STRLEN];
	struct nb_key key;
	int r;

	if (!key_of(host, &key))
		return end(w, NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	daemon_line(line, "node-resolve", nb_key_print(&key, text), "");
	r = daemon_ask(DAEMON_RESOLVE, line, daemon_now() + TIMEOUT_MS, &answer);
	if (r == NBT_ERR_TIMEOUT)
		return end(w, NSS_STATUS_TRYAGAIN, ETIMEDOUT, TRY_AGAIN);
	ret->n = 0;
	if (!r)
		take(daemon_result(&answer), ret);
	if (!ret->n)
		return end(w, NSS_STATUS_NOTFOUND, ENOENT, HOST_NOT_FOUND);
	return NSS_STATUS_SUCCESS;
}

/* ---- results in the caller's buffer ---- */

struct room {
	char *p;
	size_t left;
};

/* Aligned bytes of the buffer, or NULL when it is too small: glibc then comes with a larger one. */
static void *
take_room(struct room *r, size_t n)
{
	size_t pad = -(uintptr_t)r->p % sizeof(void *);
	char *p = r->p + pad;

	if (r->left < pad || r->left - pad < n)
		return NULL;
	r->p = p + n;
	r->left -= pad + n;
	return p;
}

static char *
take_name(struct room *r, const char *host)
{
	size_t n = strlen(host) + 1;
	char *copy = take_room(r, n);

	return copy ? memcpy(copy, host, n) : NULL;
}

static enum nss_status
too_small(struct why w)
{
	return end(w, NSS_STATUS_TRYAGAIN, ERANGE, NETDB_INTERNAL);
}

static enum nss_status
fill(const char *host, const struct found *f, struct room *r, struct hostent *ret, struct why w)
{
	struct in_addr *address;
	char **list;

	ret->h_name = take_name(r, host);
	address = take_room(r, f->n * sizeof(*address));
	/* The addresses, their NULL, and a NULL of no aliases. */
	list = take_room(r, (f->n + 2) * sizeof(*list));
	if (!ret->h_name || !address || !list)
		return too_small(w);
	for (unsigned i = 0; i < f->n; i++) {
		address[i] = f->address[i];
		list[i] = (char *)&address[i];
	}
	list[f->n] = list[f->n + 1] = NULL;
	ret->h_addr_list = list;
	ret->h_aliases = list + f->n + 1;
	ret->h_addrtype = AF_INET;
	ret->h_length = sizeof(*address);
	return end(w, NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS);
}

/* ---- glibc's interface ---- */

enum nss_status _nss_netbt_gethostbyname3_r(const char *name, int af, struct hostent *result,
    char *buffer, size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp, char **canonp);
enum nss_status _nss_netbt_gethostbyname2_r(const char *name, int af, struct hostent *result,
    char *buffer, size_t buflen, int *errnop, int *h_errnop);
enum nss_status _nss_netbt_gethostbyname_r(const char *name, struct hostent *result, char *buffer,
    size_t buflen, int *errnop, int *h_errnop);
enum nss_status _nss_netbt_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat,
    char *buffer, size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp);

enum nss_status
_nss_netbt_gethostbyname3_r(const char *name, int af, struct hostent *result, char *buffer,
    size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp, char **canonp)
{
	struct why w = { errnop, h_errnop };
	struct room room = { buffer, buflen };
	enum nss_status status;
	struct found found;

	if (af != AF_INET) /* NetBIOS knows no others */
		return end(w, NSS_STATUS_NOTFOUND, EAFNOSUPPORT, NO_DATA);
	status = ask(name, &found, w);
	if (status == NSS_STATUS_SUCCESS)
		status = fill(name, &found, &room, result, w);
	if (status == NSS_STATUS_SUCCESS && canonp)
		*canonp = result->h_name;
	if (ttlp)
		*ttlp = 0;
	return status;
}

enum nss_status
_nss_netbt_gethostbyname2_r(const char *name, int af, struct hostent *result, char *buffer,
    size_t buflen, int *errnop, int *h_errnop)
{
	return _nss_netbt_gethostbyname3_r(
	    name, af, result, buffer, buflen, errnop, h_errnop, NULL, NULL);
}

enum nss_status
_nss_netbt_gethostbyname_r(const char *name, struct hostent *result, char *buffer, size_t buflen,
    int *errnop, int *h_errnop)
{
	return _nss_netbt_gethostbyname3_r(
	    name, AF_INET, result, buffer, buflen, errnop, h_errnop, NULL, NULL);
}

/* What getaddrinfo asks with: *pat may be a first tuple to fill, the others come from the buffer. */
enum nss_status
_nss_netbt_gethostbyname4_r(const char *name, struct gaih_addrtuple **pat, char *buffer,
    size_t buflen, int *errnop, int *h_errnop, int32_t *ttlp)
{
	struct why w = { errnop, h_errnop };
	struct room room = { buffer, buflen };
	struct found found;
	enum nss_status status = ask(name, &found, w);
	char *copy;

	if (status != NSS_STATUS_SUCCESS)
		return status;
	copy = take_name(&room, name);
	for (unsigned i = 0; i < found.n; i++) {
		if (!*pat)
			*pat = take_room(&room, sizeof(**pat));
		if (!*pat || !copy)
			return too_small(w);
		**pat = (struct gaih_addrtuple){ .name = copy, .family = AF_INET };
		memcpy((*pat)->addr, &found.address[i], sizeof(found.address[i]));
		pat = &(*pat)->next;
	}
	if (ttlp)
		*ttlp = 0;
	return end(w, NSS_STATUS_SUCCESS, 0, NETDB_SUCCESS);
}
