// SPDX-License-Identifier: Apache-2.0
/* Rules in Rego as clauses, against the interpreter; and what is refused. */
#include <time.h>

#include "random_rego.h"

#define POLICIES	1200
#define QUESTIONS	100

static int tests, failures;

static void ok(bool good, const char *name)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tests, name);
	failures += !good;
}

/* ---- Random ---- */

static void show(const char *text)
{
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			putchar('#');
	}
}

static bool policy_agrees(unsigned long *asked, unsigned long *passed)
{
	struct policy_src src;
	struct tables t;
	bool same = true;
	char *rules;
	int i;

	if (!rego_policy(&src, &t, &rules, stdout)) {
		printf("# refused:\n#");
		show(rules);
		puts("");
		same = false;
	}
	for (i = 0; i < QUESTIONS && same; i++) {
		struct rule_ref rule;
		struct question q;
		bool want, got;

		random_question(&q);
		want = interpreter_says(src.rego, q.document);
		got = tables_verdict(&t, &q.id, &q.to, &q.known, &rule);
		same = want == got;
		++*asked;
		*passed += got;
		if (!same) {
			printf("# %s: wanted %s of\n#", q.document, want ? "pass" : "block");
			show(rules);
			puts("");
		}
	}
	free(rules);
	tables_free(&t);
	policy_free(&src);
	return same;
}

static void test_random(void)
{
	unsigned long asked = 0, passed = 0;
	int i, wrong = 0;

	for (i = 0; i < POLICIES && wrong < 3; i++)
		wrong += !policy_agrees(&asked, &passed);
	printf("# %lu questions, %lu passed\n", asked, passed);
	ok(!wrong && asked >= 100000, "100,000 random questions are answered by clauses as by the interpreter");
	ok(passed > asked / 10 && passed < asked * 9 / 10, "some with pass, some with block");
}

/* ---- One by one ---- */

static bool compiled(const char *rules, struct policy_src *src, struct tables *t, char **said)
{
	size_t len;
	FILE *err = open_memstream(said, &len);
	bool good;

	policy_init(src);
	src->rego = rego_new();
	src->mode = MODE_TRACE;
	good = policy_add_source(src, "t.rego", err) >= 0 &&
	       !rego_add(src->rego, "t.rego", rules, strlen(rules), err) &&
	       !compile(src, seed, t, err);
	fclose(err);
	return good;
}

struct refusal {
	const char *body, *said;
};

static const struct refusal refusals[] = {
	{ "input.sni == \"a.org\"", "t.rego:3:" },
	{ "input.pid == 1", "t.rego:3:" },
	{ "input.uid == 0", "t.rego:3:" },
	{ "input.comm == \"x\"", "t.rego:3:" },
	{ "startswith(input.task_name, \"py\")", "t.rego:3:" },
	{ "contains(input.domains[_], \"a\")", "t.rego:3:" },
	{ "endswith(input.domains[_], \"github.com\")", "t.rego:3:" },
	{ "input.domains[0] == \"a.org\"", "t.rego:3:" },
	{ "count(input.ancestors) > 3", "t.rego:3:" },
	{ "input.domains == [\"a.org\"]", "t.rego:3:" },
	{ "some a in input.ancestors", "t.rego:3:" },
	{ "some a in input.ancestors; a != \"npm\"", "t.rego:3:" },
	{ "every d in input.domains { endswith(d, \".a.org\") }", "t.rego:3:" },
	{ "not \"a.org\" in input.domains", "t.rego:3:" },
	{ "\"a.org\" in input.domains; \"b.org\" in input.domains", "t.rego:3:" },
	{ "\"a.org\" in input.domains; input.daddr == \"192.0.2.1\"", "t.rego:3:" },
	{ "\"A.org\" in input.domains", "t.rego:3:" },
	{ "\"a.org:443\" in input.domains", "t.rego:3:" },
	{ "input.daddr == \"2001:DB8::1\"", "t.rego:3:" },
	{ "input.daddr == \"x\"", "t.rego:3:" },
	{ "startswith(input.daddr, \"10.\")", "t.rego:3:" },
	{ "net.cidr_contains(input.daddr, \"10.0.0.0/8\")", "t.rego:3:" },
	{ "input.proto == \"icmp\"", "t.rego:3:" },
	{ "input.dport == 70000", "t.rego:3:" },
	{ "input.task_name == \"/usr/bin/curl\"", "t.rego:3:" },
	{ "input.exe == \"curl\"", "t.rego:3:" },
	{ "input.task_name < \"b\"", "t.rego:3:" },
	{ "[input.dport] == [443]", "t.rego:3:" },
	{ "input[k] == 1", "t.rego:3:" },
	{ "some k, v in input; v == 1", "t.rego:3:" },
	{ "x := {a | some a in input.ancestors; a == \"npm\"}; x != set()", "t.rego:3:" },
	{ "data.process_profiles[input.task_name]", "t.rego:3:" },
	{ "sprintf(\"%s\", [input.task_name]) == \"a\"", "t.rego:3:" },
	{ "input.task_name == input.exe", "t.rego:3:" },
	{ "input.dport == 1 with input.dport as 1", "t.rego:3:" },
	{ "input.task_name in input.ancestors", "t.rego:3:" },
};

static void test_refusals(void)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct policy_src src;
		struct tables t = { 0 };
		char rules[512], name[300], *said;
		bool good;

		snprintf(rules, sizeof(rules), "package kntrl.network[\"t\"]\nimport rego.v1\npolicy if { %s }\n",
			 r->body);
		good = !compiled(rules, &src, &t, &said) && !strncmp(said, r->said, strlen(r->said)) &&
		       strchr(said, '\n') == said + strlen(said) - 1;
		snprintf(name, sizeof(name), "refused: %s", r->body);
		ok(good, name);
		if (!good)
			printf("# said: %s\n", said);
		free(said);
		tables_free(&t);
		policy_free(&src);
	}
}

/* An explosion is an error within a bounded time. */
static void test_explosion(void)
{
	struct policy_src src;
	struct tables t = { 0 };
	char *rules, *said;
	size_t len;
	FILE *f = open_memstream(&rules, &len);
	int i;

	fputs("package kntrl.network[\"t\"]\nimport rego.v1\npolicy if not h\n", f);
	for (i = 0; i < 20; i++)
		fprintf(f, "h if { input.task_name == \"a%d\"; \"b%d\" in input.ancestors; input.dport == %d }\n",
			i, i, i);
	fclose(f);
	ok(!compiled(rules, &src, &t, &said) && strstr(said, "t.rego:") == said &&
	   strstr(said, "combinations"), "too many combinations are an error with a place");
	free(said);
	free(rules);
	tables_free(&t);
	policy_free(&src);
}

/* 1,000 rules of 10 conditions. */
static void test_many(void)
{
	struct timespec from, to;
	struct policy_src src;
	struct tables t = { 0 };
	char *rules, *said;
	size_t len;
	FILE *f = open_memstream(&rules, &len);
	double took;
	int i;

	fputs("package kntrl.network[\"t\"]\nimport rego.v1\n", f);
	for (i = 0; i < 1000; i++)
		fprintf(f, "policy if {\ninput.task_name == \"a%d\"\n\"b%d\" in input.ancestors\n"
			"\"c%d\" in input.ancestors\nnot \"d\" in input.ancestors\ninput.proto == \"tcp\"\n"
			"input.dport > %d\ninput.dport < 60000\ninput.mode == \"trace\"\n"
			"net.cidr_contains(\"10.%d.0.0/16\", input.daddr)\ninput.daddr == \"10.%d.%d.1\"\n}\n",
			i % 20, i % 7, i % 3, i % 50, i % 250, i % 250, i / 250);
	fclose(f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	ok(compiled(rules, &src, &t, &said), "1,000 rules of 10 conditions compile");
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	took = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	printf("# in %.3f s with the sanitizers; %u conditions, %u grants %s\n", took, t.policy.nconds,
	       t.policy.ngrants, said);
	free(said);
	free(rules);
	tables_free(&t);
	policy_free(&src);
}

int main(void)
{
	test_refusals();
	test_explosion();
	test_many();
	test_random();
	printf("1..%d\n", tests);
	return failures > 0;
}
