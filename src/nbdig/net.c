/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbdig on the network: ask, wait, ask again, obey WACK, over UDP or TCP, and tell each packet as it
 * comes. Layer: program. An answer counts only from the address asked and with our id; what else comes
 * is shown and passed over. Facts: netbt-name-service.md 1.5, 1.8.11, 8.2.
 */
#include "nbdig/nbdig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct talk {
	const struct dig *dig;
	FILE *out;
	json_t *packets; /* told at the end; NULL without --json */
	struct sockaddr_in server;
	int fd;
	struct nb_msg request;
	int64_t sent_ns;
	char
	    error[256]; /* why the world, not the server, gave us no answer; "" = it did not fail */
	uint8_t buf[65535];
};

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct ip4
ip_of(const struct sockaddr_in *a)
{
	return (struct ip4){ ntohl(a->sin_addr.s_addr) };
}

static void
tell_bytes(struct talk *t, json_t *entry, size_t len)
{
	char hex[2 * sizeof(t->buf) + 1];

	if (!t->dig->hex)
		return;
	if (!entry) {
		dig_show_hex(t->out, t->buf, len);
		return;
	}
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", t->buf[i]);
	hex[2 * len] = 0;
	json_object_set_new(entry, "hex", json_string(hex));
}

static void
tell_sent(struct talk *t, size_t len)
{
	char ip[IP4_STRLEN];
	json_t *entry = NULL;

	ip4_print(ip_of(&t->server), ip);
	if (t->packets) {
		entry = json_pack("{s:s, s:s, s:i, s:o}", "direction", "sent", "to", ip, "port",
		    ntohs(t->server.sin_port), "message", dig_json(&t->request));
		json_array_append_new(t->packets, entry);
	} else {
		fprintf(t->out, ";; to %s port %u over %s, %zu bytes: ", ip,
		    ntohs(t->server.sin_port), t->dig->tcp ? "TCP" : "UDP", len);
		dig_show(t->out, &t->request);
	}
	tell_bytes(t, entry, len);
	if (!entry)
		fprintf(t->out, "\n");
}

/* m: NULL when the packet did not decode. why: why it does not count, NULL when it does. */
static void
tell_received(struct talk *t, const struct sockaddr_in *from, size_t len, const struct nb_msg *m,
    const char *why)
{
	double ms = (double)(now_ns() - t->sent_ns) / 1e6;
	char ip[IP4_STRLEN];
	json_t *entry = NULL;

	ip4_print(ip_of(from), ip);
	if (t->packets) {
		entry = json_pack("{s:s, s:s, s:i, s:f, s:b, s:s*, s:o*}", "direction", "received",
		    "from", ip, "port", ntohs(from->sin_port), "milliseconds", ms, "counts", !why,
		    "ignored", why, "message", m ? dig_json(m) : NULL);
		json_array_append_new(t->packets, entry);
	} else {
		fprintf(t->out, ";; from %s port %u, %zu bytes, %.1f ms%s%s: ", ip,
		    ntohs(from->sin_port), len, ms, why ? ", ignored: " : "", why ? why : "");
		if (m)
			dig_show(t->out, m);
		else
			fprintf(t->out, "not a name service packet\n");
	}
	tell_bytes(t, entry, len);
	if (!entry)
		fprintf(t->out, "\n");
	(void)fflush(t->out); /* a WACK may keep us waiting; nothing is lost when it fails */
}

/* 1: ready before the deadline, 0: not, or the error negated. */
static int
wait_for(int fd, short events, int64_t deadline_ns)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline_ns - now_ns();
		int n;

		if (left <= 0)
			return 0;
		n = poll(&p, 1, (int)((left + 999999) / 1000000));
		if (n > 0)
			return 1;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static bool
failed(struct talk *t, const char *what, const char *why)
{
	snprintf(t->error, sizeof(t->error), "%s %s port %u: %s", what, t->dig->server,
	    t->dig->port, why);
	return false;
}

static bool
resolve(struct talk *t)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_DGRAM }, *found;
	int err = getaddrinfo(t->dig->server, NULL, &hints, &found);

	if (err)
		return failed(t, "cannot find", gai_strerror(err));
	memcpy(&t->server, found->ai_addr, sizeof(t->server));
	t->server.sin_port = htons(t->dig->port);
	freeaddrinfo(found);
	return true;
}

static bool
bind_source(struct talk *t)
{
	struct sockaddr_in local = { .sin_family = AF_INET,
		.sin_port = htons(t->dig->source_port),
		.sin_addr.s_addr = htonl(t->dig->source.v) };
	char ip[IP4_STRLEN];

	if (!t->dig->source.v && !t->dig->source_port)
		return true;
	if (!bind(t->fd, (struct sockaddr *)&local, sizeof(local)))
		return true;
	snprintf(t->error, sizeof(t->error), "cannot send from %s port %u: %s",
	    ip4_print(t->dig->source, ip), t->dig->source_port, strerror(errno));
	return false;
}

static bool
connect_tcp(struct talk *t)
{
	int64_t deadline = now_ns() + (int64_t)t->dig->timeout_ms * 1000000;
	socklen_t size = sizeof(int);
	int err = 0, ready;

	if (!connect(t->fd, (struct sockaddr *)&t->server, sizeof(t->server)))
		return true;
	if (errno != EINPROGRESS)
		return failed(t, "cannot connect to", strerror(errno));
	ready = wait_for(t->fd, POLLOUT, deadline);
	if (ready > 0 && getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &err, &size))
		err = errno;
	if (ready <= 0)
		err = ready ? -ready : ETIMEDOUT;
	return err ? failed(t, "cannot connect to", strerror(err)) : true;
}

static bool
open_socket(struct talk *t)
{
	int type = t->dig->tcp ? SOCK_STREAM : SOCK_DGRAM, on = 1;

	t->fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return failed(t, "cannot make a socket for", strerror(errno));
	if (!bind_source(t))
		return false;
	if (t->dig->tcp)
		return connect_tcp(t);
	/* Not connected, so that answers from a wrong address can be shown; but told of ICMP. */
	(void)setsockopt(t->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	return true;
}

static bool
send_request(struct talk *t)
{
	const struct sockaddr *to = t->dig->tcp ? NULL : (const struct sockaddr *)&t->server;
	size_t prefix = t->dig->tcp ? 2 : 0, len;
	uint8_t frame[2 + NB_UDP_MAX];
	ssize_t sent;

	len = nb_encode(&t->request, frame + prefix, NB_UDP_MAX);
	if (prefix) { /* RFC 1002 4.2.1: the length stands before the packet */
		frame[0] = (uint8_t)(len >> 8);
		frame[1] = (uint8_t)len;
	}
	memcpy(t->buf, frame + prefix, len);
	t->sent_ns = now_ns();
	sent = sendto(t->fd, frame, prefix + len, MSG_NOSIGNAL, to, to ? sizeof(t->server) : 0);
	if (sent < 0)
		return failed(t, "cannot send to", strerror(errno));
	if ((size_t)sent != prefix + len)
		return failed(t, "cannot send to", strerror(EIO));
	tell_sent(t, len);
	return true;
}

/* 1: n bytes are there; 0: not in time; or the error negated. */
static int
read_tcp(struct talk *t, uint8_t *buf, size_t n, int64_t deadline_ns)
{
	for (size_t have = 0; have < n;) {
		int ready = wait_for(t->fd, POLLIN, deadline_ns);
		ssize_t got = ready > 0 ? recv(t->fd, buf + have, n - have, 0) : 0;

		if (ready <= 0)
			return ready;
		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && errno != EAGAIN)
			return -errno;
		have += got > 0 ? (size_t)got : 0;
	}
	return 1;
}

/* 1: a packet is in buf; 0: none in time; or the error negated. */
static int
receive(struct talk *t, int64_t deadline_ns, struct sockaddr_in *ret_from, size_t *ret_len)
{
	socklen_t size = sizeof(*ret_from);
	uint8_t prefix[2] = { 0 };
	ssize_t got;
	int ready;

	*ret_from = t->server;
	if (t->dig->tcp) {
		ready = read_tcp(t, prefix, sizeof(prefix), deadline_ns);
		if (ready <= 0)
			return ready;
		*ret_len = (size_t)(prefix[0] << 8 | prefix[1]);
		return read_tcp(t, t->buf, *ret_len, deadline_ns);
	}
	do {
		ready = wait_for(t->fd, POLLIN, deadline_ns);
		if (ready <= 0)
			return ready;
		got =
		    recvfrom(t->fd, t->buf, sizeof(t->buf), 0, (struct sockaddr *)ret_from, &size);
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	*ret_len = got < 0 ? 0 : (size_t)got;
	return got < 0 ? -errno : 1;
}

/* Decodes and tells what came. */
static enum dig_answer
take(struct talk *t, const struct sockaddr_in *from, size_t len, struct nb_msg *ret)
{
	enum nb_drop drop = nb_decode(t->buf, len, ret);
	enum dig_answer answer = DIG_OTHER_KIND;
	const char *why = drop ? nb_drop_text(drop) : NULL;

	if (!drop) {
		answer = dig_judge(&t->request, ret);
		why = dig_answer_text(answer);
	}
	if (from->sin_addr.s_addr != t->server.sin_addr.s_addr) {
		answer = DIG_OTHER_KIND;
		why = "not from the server asked";
	}
	tell_received(t, from, len, drop ? NULL : ret, why);
	return answer;
}

/* 1: ret is the answer; 0: silence; or the error negated. A WACK moves the deadline. */
static int
await(struct talk *t, unsigned *wacks, struct nb_msg *ret)
{
	int64_t deadline = t->sent_ns + (int64_t)t->dig->timeout_ms * 1000000;

	for (;;) {
		struct sockaddr_in from;
		size_t len;
		int got = receive(t, deadline, &from, &len);
		uint32_t wait;

		if (got <= 0)
			return got;
		switch (take(t, &from, len, ret)) {
		case DIG_ANSWER:
			return 1;
		case DIG_WAIT:
			if (++*wacks > DIG_WACKS || !ret->ttl)
				break; /* 0: the server does not know how long */
			wait = ret->ttl < DIG_WACK_SECONDS ? ret->ttl : DIG_WACK_SECONDS;
			deadline = now_ns() + (int64_t)wait * 1000000000;
			break;
		default:
			break;
		}
	}
}

/* One that cannot be guessed: an answer must come from somebody who saw the question. */
static bool
choose_id(struct talk *t, uint16_t *ret)
{
	*ret = t->dig->id;
	if (t->dig->has_id || getrandom(ret, sizeof(*ret), 0) == sizeof(*ret))
		return true;
	return failed(t, "cannot ask", "no random number");
}

/* Asks, and again after silence, with the same id (RFC 1002 5.1). False: no answer. */
static bool
converse(struct talk *t, uint16_t id, struct nb_msg *ret)
{
	unsigned tries = t->dig->tcp ? 1 : t->dig->retries + 1, wacks = 0;

	dig_request(t->dig, id, &t->request);
	while (tries--) {
		int got;

		if (!send_request(t))
			return false;
		got = await(t, &wacks, ret);
		if (got > 0)
			return true;
		if (got < 0)
			return failed(t, "no answer from", strerror(-got));
	}
	return false;
}

static void
tell_end(struct talk *t, enum dig_end end, const struct nb_msg *answer)
{
	if (t->error[0])
		fprintf(stderr, "nbdig: %s\n", t->error);
	else if (end == DIG_END_SILENT)
		fprintf(t->out, ";; no answer\n");
	else if (end == DIG_END_POSITIVE)
		fprintf(t->out, ";; positive\n");
	else if (nb_rcode(answer))
		fprintf(t->out, ";; negative: %s\n", dig_rcode_meaning(nb_rcode(answer)));
	else
		fprintf(t->out, ";; negative: ask the one named in the answer instead\n");
	if (end != DIG_END_SILENT && (answer->flags & NB_F_TC))
		fprintf(t->out, ";; truncated; --tcp may give the whole answer\n");
}

static void
tell_json(struct talk *t, enum dig_end end)
{
	const char *word = end == DIG_END_SILENT ? "none" : end ? "negative" : "positive";
	json_t *all = json_pack("{s:s, s:i, s:s, s:o, s:s, s:s*}", "server", t->dig->server, "port",
	    t->dig->port, "transport", t->dig->tcp ? "tcp" : "udp", "packets", t->packets, "result",
	    word, "error", t->error[0] ? t->error : NULL);

	json_dumpf(all, t->out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	fprintf(t->out, "\n");
	json_decref(all);
}

enum dig_end
dig_run(const struct dig *d, FILE *out)
{
	struct talk t = { .dig = d, .out = out, .fd = -1 };
	enum dig_end end = DIG_END_SILENT;
	struct nb_msg answer;
	uint16_t id;

	if (d->json)
		t.packets = json_array();
	if (choose_id(&t, &id) && resolve(&t) && open_socket(&t) && converse(&t, id, &answer))
		end = dig_positive(&answer) ? DIG_END_POSITIVE : DIG_END_NEGATIVE;
	if (t.fd >= 0)
		close(t.fd);
	if (d->json)
		tell_json(&t, end);
	else
		tell_end(&t, end, &answer);
	return end;
}
