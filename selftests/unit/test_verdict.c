// SPDX-License-Identifier: Apache-2.0
/* The compiled tables against the policy read literally. */
#include <arpa/inet.h>

#include "random_policy.h"
#include "util.h"

#define POLICIES	400
#define QUESTIONS	250

static int tests, failures;

/* ---- The comparison ---- */

static void differ(const char *policy, const struct person *p, const struct target *to, bool want)
{
	char text[INET6_ADDRSTRLEN], *copy = xstrdup(policy), *line;
	unsigned int i;

	inet_ntop(AF_INET6, to->addr, text, sizeof(text));
	printf("# %s/%s under", p->self[0], p->self[1]);
	for (i = 0; i < p->nancestors; i++)
		printf(" %s", p->ancestors[i]);
	printf(" to %s port %u: wanted %s of\n", text, to->port, want ? "pass" : "block");
	for (line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
		printf("#\t%s\n", line);
	free(copy);
}

/* One policy, many questions; returns the first answer that is wrong, if any. */
static bool policy_agrees(const char *text, size_t len)
{
	struct policy_src src;
	struct tables t;
	bool same = true;
	int i;

	policy_init(&src);
	if (policy_read_buffer(&src, "random", text, len, stdout) ||
	    compile(&src, seed, &t, stdout))
		same = false;
	for (i = 0; i < QUESTIONS && same; i++) {
		struct identity id;
		struct rule_ref rule;
		struct person p;
		struct target to;
		bool want;

		random_person(&p);
		random_target(&to);
		identify(&id, &p);
		want = reading(&src, &p, &to);
		same = tables_verdict(&t, &id, &to, NULL, &rule) == want;
		if (!same)
			differ(text, &p, &to, want);
	}
	tables_free(&t);
	policy_free(&src);
	return same;
}

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

static void test_random(void)
{
	int i, wrong = 0;

	for (i = 0; i < POLICIES && wrong < 3; i++) {
		size_t len;
		char *text;
		FILE *f = open_memstream(&text, &len);

		write_policy(f);
		fclose(f);
		wrong += !policy_agrees(text, len);
		free(text);
	}
	ok(!wrong, "100,000 random questions are answered as the policy reads");
}

/* ---- What random cases do not reach ---- */

static bool ask(const char *policy, const struct identity *id, const char *addr, __u16 port,
		enum rule_kind *kind)
{
	struct target to = { .port = port, .proto = PROTO_TCP };
	struct rule_ref rule;
	struct policy_src src;
	struct tables t;
	bool pass;

	policy_init(&src);
	if (policy_read_buffer(&src, "case", policy, strlen(policy), stdout) ||
	    compile(&src, seed, &t, stdout) || parse_address(addr, to.addr))
		abort();
	pass = tables_verdict(&t, id, &to, NULL, &rule);
	*kind = rule.kind;
	tables_free(&t);
	policy_free(&src);
	return pass;
}

static void test_lineage_full(void)
{
	static const char chains[] =
		"mode: trace\nrules: {process: {blocked_chains: [{process: curl, ancestors: [npm]}]}}";
	static const char contained[] =
		"mode: trace\nrules: {network: {allowed_ips: [203.0.113.7],"
		" profiles: [{process: npm, children: true}]}}";
	struct identity id = { .nself = 3, .flags = IDENT_LINEAGE_FULL };
	enum rule_kind kind;

	id.self[2] = tables_name_hash(seed, "curl");
	ok(!ask(chains, &id, "10.1.1.1", 80, &kind) && kind == RULE_CHAIN,
	   "a lineage cut short is taken to hold the ancestor that a chain denies");
	ok(!ask(contained, &id, "203.0.113.7", 80, &kind) && kind == RULE_LINEAGE,
	   "and may be contained by a profile of its children");
	id.self[2] = tables_name_hash(seed, "git");
	ok(ask(chains, &id, "10.1.1.1", 80, &kind), "but another process passes");
}

static void test_unknown(void)
{
	static const char any[] = "mode: trace\nrules: {network: {allowed_ips: [203.0.113.7]}}";
	static const char some[] =
		"mode: trace\nrules: {network: {allowed_ips: [203.0.113.7], allowed_processes: [git]}}";
	enum rule_kind kind;

	ok(ask(any, NULL, "203.0.113.7", 80, &kind), "nobody may what everybody may");
	ok(!ask(some, NULL, "203.0.113.7", 80, &kind) && kind == RULE_ALLOWED_PROCESSES,
	   "nobody may not what only some may");
}

int main(void)
{
	test_random();
	test_lineage_full();
	test_unknown();
	printf("1..%d\n", tests);
	return failures > 0;
}
