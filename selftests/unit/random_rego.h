/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random rules in Rego, within the part of the language that becomes clauses, and
 * random input documents.  What the rules say of one is what the interpreter says.
 */
#ifndef RANDOM_REGO_H
#define RANDOM_REGO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "hosts.h"
#include "policy_internal.h"
#include "random.h"
#include "rego/rego.h"
#include "target.h"

static const char *const domains[] = {
	"a.org", "x.a.org", "y.x.a.org", "b.net", "evil-a.org", "x.b.net",
};

#define DOMAINS (sizeof(domains) / sizeof(*domains))

static unsigned int serial;	/* of variables */

static const char *name_any(void)
{
	return names[roll(NAMES)];
}

static const char *range_any(void)
{
	static const char *const ranges[] = {
		"203.0.0.0/16", "203.0.1.0/24", "203.0.0.2/32", "203.0.0.0/15", "0.0.0.0/0",
		"2001:db8::/32", "2001:db8:1::/48", "::/0", "2001:db8::2/128", "10.0.0.0/8",
	};

	return ranges[roll(sizeof(ranges) / sizeof(*ranges))];
}

static unsigned int port_any(void)
{
	static const unsigned int ports[] = { 80, 443, 22, 1024, 0, 65535, 444 };

	return ports[roll(sizeof(ports) / sizeof(*ports))];
}

static void write_set(FILE *f)
{
	fprintf(f, "{\"%s\", \"%s\"}", name_any(), name_any());
}

static void write_about_process(FILE *f)
{
	static const char *const orders[] = { "==", "!=", "<", "<=", ">", ">=" };

	switch (roll(13)) {
	case 0:
		fprintf(f, "input.task_name %s \"%s\"\n", roll(3) ? "==" : "!=", name_any());
		break;
	case 1:
		fprintf(f, "%sinput.task_name in ", roll(2) ? "not " : "");
		write_set(f);
		fputc('\n', f);
		break;
	case 2:
		fprintf(f, "%sinput.dport %s %u\n", roll(4) ? "" : "not ", orders[roll(6)], port_any());
		break;
	case 3:
		fprintf(f, "input.dport in [%u, %u]\n", port_any(), port_any());
		break;
	case 4:
		fprintf(f, "input.proto %s \"%s\"\n", roll(2) ? "==" : "!=", roll(2) ? "tcp" : "udp");
		break;
	case 5:
		serial++;
		fprintf(f, "some a%u in input.ancestors\na%u in ", serial, serial);
		write_set(f);
		fputc('\n', f);
		fprintf(f, "\"%s\" in input.ancestors\n", name_any());
		break;
	case 6:
		fprintf(f, "not \"%s\" in input.ancestors\n", name_any());
		break;
	case 7:
		fprintf(f, "every a in input.ancestors { a != \"%s\" }\n", name_any());
		break;
	case 8:
		fputs("input.ancestors[_] == ", f);
		fprintf(f, "\"%s\"\n", name_any());
		break;
	case 9:
		fprintf(f, "not input.exe == \"/opt/none/%s\"\n", name_any());
		break;
	case 10:
		fprintf(f, "is_one(input.task_name, \"%s\")\n", name_any());
		break;
	case 11:
		fprintf(f, "every n in [\"%s\", \"%s\"] { n in input.ancestors }\n", name_any(), name_any());
		break;
	default:
		fprintf(f, "%shelper%u\n", roll(2) ? "not " : "", roll(3));
	}
}

static void write_about_address(FILE *f)
{
	switch (roll(4)) {
	case 0:
		fprintf(f, "net.cidr_contains(\"%s\", input.daddr)\n", range_any());
		break;
	case 1:
		fprintf(f, "not net.cidr_contains(\"%s\", input.daddr)\n", range_any());
		break;
	case 2:
		fprintf(f, "input.daddr %s \"203.0.%u.%u\"\n", roll(2) ? "==" : "!=", roll(2), roll(3));
		break;
	default:
		serial++;
		fprintf(f, "some r%u in [\"%s\", \"%s\"]\nnet.cidr_contains(r%u, input.daddr)\n", serial,
			range_any(), range_any(), serial);
	}
}

static void write_about_name(FILE *f)
{
	switch (roll(5)) {
	case 0:
		fprintf(f, "\"%s\" in input.domains\n", domains[roll(DOMAINS)]);
		break;
	case 1:
		fprintf(f, "endswith(input.domains[_], \".%s\")\n", domains[roll(DOMAINS)]);
		break;
	case 2:
		fprintf(f, "some d in input.domains\nlower(d) in {\"%s\", \"%s\"}\nd != \"%s\"\n",
			domains[roll(DOMAINS)], domains[roll(DOMAINS)], domains[roll(DOMAINS)]);
		break;
	case 3:
		fprintf(f, "some d in input.domains\nis_host(d, \"%s\")\n", domains[roll(DOMAINS)]);
		break;
	default:
		fprintf(f, "some d in input.domains\nstrings.any_suffix_match(d, [\".%s\", \".%s\"])\n",
			domains[roll(DOMAINS)], domains[roll(DOMAINS)]);
	}
}

static void write_body(FILE *f, const char *head, unsigned int n)
{
	fprintf(f, "%s if {\n", head);
	while (n--)
		write_about_process(f);
}

static void write_rules(FILE *f)
{
	unsigned int i, n;

	fputs("package kntrl.network[\"random\"]\nimport rego.v1\n"
	      "default policy := false\ndefault helper0 := false\n"
	      "is_one(x, y) if x == y\nis_one(x, y) if { x in {\"sh\", \"git\"}; y == \"npm\" }\n"
	      "is_host(d, h) if d == h\nis_host(d, h) if endswith(d, concat(\"\", [\".\", h]))\n"
	      "helper0 if { input.task_name == \"npm\"; input.dport > 100 }\n"
	      "helper0 if \"pip\" in input.ancestors\n"
	      "helper1 if { not helper0; input.task_name != \"sh\" }\n"
	      "helper2 := true if input.dport == 443\nelse := false if input.task_name == \"sh\"\n"
	      "else := true if \"npm\" in input.ancestors\n", f);
	n = 1 + roll(4);
	for (i = 0; i < n; i++) {
		unsigned int kind = roll(3);

		write_body(f, "policy", roll(4) + !kind);
		if (kind == 1)
			write_about_name(f);
		if (kind == 2) {
			write_about_address(f);
			if (roll(2))
				write_about_address(f);
		}
		fputs("}\n", f);
	}
}

static void write_denials(FILE *f)
{
	fputs("package kntrl\nimport rego.v1\n", f);
	if (roll(2))
		fprintf(f, "ancestry_denied if {\ninput.task_name == \"%s\"\nevery a in [\"%s\", \"%s\"] "
			"{ a in input.ancestors }\n}\n", name_any(), name_any(), name_any());
	if (!roll(3))
		fprintf(f, "ancestry_denied if {\nsome a in input.ancestors\na in {\"%s\", \"git\"}\n"
			"not input.task_name in {\"sh\", \"%s\"}\n}\n", name_any(), name_any());
}

/* ---- Documents ---- */

struct question {
	struct identity id;
	struct target to;
	struct host_key keys[3];
	struct host_names known;
	char document[1024];
};

static void random_question(struct question *q)
{
	static const unsigned int ports[] = { 80, 443, 22, 1024, 1023, 65535, 444, 1 };
	const char *self = name_any(), *comma = "";
	char addr[64], path[64];
	unsigned int i, n;
	FILE *f = fmemopen(q->document, sizeof(q->document), "w");

	memset(&q->id, 0, sizeof(q->id));
	memset(&q->to, 0, sizeof(q->to));
	q->id.nself = IDENT_FILES;
	q->id.self[q->id.nself++] = tables_name_hash(seed, self);
	snprintf(path, sizeof(path), "/opt/none/%s", self);
	q->id.self[q->id.nself++] = tables_path_hash(seed, path);
	q->to.port = ports[roll(8)];
	q->to.proto = roll(2) ? PROTO_TCP : PROTO_UDP;
	if (roll(3))
		snprintf(addr, sizeof(addr), "203.%u.%u.%u", roll(2), roll(2), roll(4));
	else
		snprintf(addr, sizeof(addr), "2001:db8:%u::%u", 1 + roll(2), 1 + roll(3));
	if (parse_address(addr, q->to.addr))
		abort();
	fprintf(f, "{\"task_name\":\"%s\",\"exe\":\"%s\",\"dport\":%u,\"proto\":\"%s\",\"daddr\":\"%s\","
		"\"mode\":\"trace\",\"ancestors\":[", self, path, q->to.port,
		q->to.proto == PROTO_TCP ? "tcp" : "udp", addr);
	for (i = 0, n = 1 + roll(3); i < n; i++) {
		const char *name = name_any();

		q->id.ancestry[q->id.nancestry++] = tables_name_hash(seed, name);
		fprintf(f, "%s\"%s\"", comma, name);
		comma = ",";
	}
	fputs("],\"domains\":[", f);
	q->known = (struct host_names){ .v = q->keys, .n = roll(3) };
	for (i = 0; i < q->known.n; i++) {
		const char *name = domains[roll(DOMAINS)];

		host_key_make(&q->keys[i], name);
		fprintf(f, "%s\"%s\"", i ? "," : "", name);
	}
	fputs("]}", f);
	fclose(f);
}

/* What the interpreter says. */
static bool rule_holds(struct rego *r, const char *rule, const char *document)
{
	char *value = rego_value(r, rule, document, stdout);
	bool holds = value && !strcmp(value, "true");

	free(value);
	return holds;
}

static bool interpreter_says(struct rego *r, const char *document)
{
	return rule_holds(r, "data.kntrl.network.random.policy", document) &&
	       !rule_holds(r, "data.kntrl.ancestry_denied", document);
}

/* A policy of random rules; false: refused, as @err says. */
static bool rego_policy(struct policy_src *src, struct tables *t, char **rules, FILE *err)
{
	static const char yaml[] =
		"mode: trace\nrules: {network: {allow_local_ranges: false}, tls: {block_quic: false}}";
	size_t len, deny_len;
	char *denials;
	FILE *f = open_memstream(rules, &len), *g = open_memstream(&denials, &deny_len);
	bool good;

	write_rules(f);
	write_denials(g);
	fclose(f);
	fclose(g);
	policy_init(src);
	src->rego = rego_new();
	if (policy_read_buffer(src, "random.yaml", yaml, strlen(yaml), stdout) ||
	    policy_add_source(src, "random.rego", stdout) < 0 ||
	    rego_add(src->rego, "random.rego", *rules, len, stdout) ||
	    rego_add(src->rego, "random.rego", denials, deny_len, stdout))
		abort();
	good = !compile(src, seed, t, err);
	*rules = realloc(*rules, len + deny_len + 1);
	memcpy(*rules + len, denials, deny_len + 1);
	free(denials);
	return good;
}

#endif
