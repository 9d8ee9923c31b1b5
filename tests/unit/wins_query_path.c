/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a query costs besides its look-up: nothing. A child that may make no system call but exit answers queries
 * of all kinds; the calls for memory and locks are counted by the linker's wrapping (meson.build).
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../support/wrapped.h"
#include "wins_net.h"

static unsigned calls; /* of what a query must not call */

static bool
on_alloc(void)
{
	calls++;
	return true;
}

static void
on_free_or_lock(void)
{
	calls++;
}

struct asked {
	uint8_t packet[NB_UDP_MAX];
	size_t len;
	bool found;
};

/* Answered as a worker does it: all read and fetched first. False: an answer is not the expected one. */
static bool
answer_all(const struct net *n, const struct asked *ask, unsigned count, struct wins_stats *stats)
{
	uint8_t out[NB_UDP_MAX];
	struct wins_packet read[16];

	for (unsigned i = 0; i < count; i++)
		wins_read(n->store, ask[i].packet, ask[i].len, &read[i]);
	for (unsigned i = 0; i < count; i++)
		wins_fetch(n->store, &read[i]);
	for (unsigned i = 0; i < count; i++) {
		size_t len = wins_answer(n->store, wins_view(n->w), stats, &read[i], out);

		if (!len || ((out[3] & 15) == NB_RC_OK) != ask[i].found)
			return false;
	}
	store_reader_quiescent(); /* what a worker calls between batches */
	return true;
}

static void
ask_for(struct asked *a, const char *name, bool found)
{
	struct nb_msg m = {
		.id = 77, .kind = NB_QUERY_REQ, .flags = NB_F_RD, .rr_type = NB_TYPE_NB
	};

	m.key = net_key(name);
	a->len = nb_encode(&m, a->packet, sizeof(a->packet));
	a->found = found;
}

static unsigned
set_up(struct net *n, struct asked ask[16])
{
	unsigned count = 0;
	struct nb_msg m;

	net_init(n);
	n->conf.randomize_1c = true;
	assert_int_equal(wins_reconf(n->w, &n->conf, n->now), 0);
	net_registers(n, NB_OP_REGISTER, "UNIQUE<20>", 0, HOST(1));
	net_registers(n, NB_OP_REGISTER, "GROUP<00>", NB_G, HOST(1));
	net_registers(n, NB_OP_MULTIHOMED, "MULTI<20>", 0, HOST(1));
	for (unsigned i = 1; i <= 20; i++)
		net_registers(n, NB_OP_REGISTER, "DOMAIN<1C>", NB_G, HOST(i));
	net_registers(n, NB_OP_REGISTER, "DOMAIN<1B>", 0, HOST(1));
	net_registers(n, NB_OP_REGISTER, "GONE<20>", 0, HOST(1));
	net_ask(n, NB_OP_RELEASE, 9, "GONE<20>", 0, HOST(1));
	(void)net_expect(n, NB_RELEASE_RESP, NB_RC_OK, HOST(1));
	assert_int_equal(net_query(n, "UNIQUE<20>", &m), 1);
	ask_for(&ask[count++], "UNIQUE<20>", true);
	ask_for(&ask[count++], "GROUP<00>", true);
	ask_for(&ask[count++], "MULTI<20>", true);
	ask_for(&ask[count++], "DOMAIN<1C>", true);
	ask_for(&ask[count++], "DOMAIN<1B>", true);
	ask_for(&ask[count++], "GONE<20>", false);
	ask_for(&ask[count++], "ABSENT<20>", false);
	return count;
}

/* Every system call but exit_group ends the process. */
static void
forbid_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		syscall(SYS_exit_group, 2);
}

static void
queries_are_answered_without_any_system_call(void **state)
{
	static struct wins_stats stats;
	struct asked ask[16];
	struct net n;
	unsigned count = set_up(&n, ask);
	int status;
	pid_t pid;

	assert_true(answer_all(&n, ask, count, &stats)); /* what only the first one does is done */
	pid = fork();
	if (!pid) {
		bool good = true;

		forbid_system_calls();
		for (int i = 0; i < 1000 && good; i++)
			good = answer_all(&n, ask, count, &stats);
		syscall(SYS_exit_group, good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	net_end(&n);
}

static void
queries_are_answered_without_memory_or_locks(void **state)
{
	static struct wins_stats stats;
	struct asked ask[16];
	struct net n;
	unsigned count = set_up(&n, ask), before = calls;

	assert_true(before > 0); /* the wrapping works */
	for (int i = 0; i < 1000; i++)
		assert_true(answer_all(&n, ask, count, &stats));
	assert_int_equal(calls, before);
	net_end(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries_are_answered_without_any_system_call),
		cmocka_unit_test(queries_are_answered_without_memory_or_locks),
	};

	return cmocka_run_group_tests_name("wins_query_path", tests, NULL, NULL);
}
