/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies, processes and destinations, and what a policy says of them
 * by the plainest reading of the contract in kntrl-policy(5), entry by entry.
 */
#ifndef RANDOM_POLICY_H
#define RANDOM_POLICY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "compile.h"
#include "policy.h"
#include "random.h"
#include "resolvers.h"
#include "target.h"

/* Addresses and prefixes that lie close enough together to nest. */
static void random_prefix(char *buf, size_t size)
{
	static const char *const fixed[] = {
		"10.0.0.0/8", "0.0.0.0/0", "::/0", "169.254.169.254", "169.254.0.0/16",
		"192.168.0.0/16", "fd00:ec2::254", "2001:db8::/32", "::/64", "64:ff9b::/96",
	};
	unsigned int len;

	switch (roll(4)) {
	case 0:
		snprintf(buf, size, "%s", fixed[roll(sizeof(fixed) / sizeof(*fixed))]);
		return;
	case 1:
		len = 16 + roll(8) / 4 * 8;
		snprintf(buf, size, "203.%u.%u.0/%u", roll(2), len == 24 ? roll(2) : 0, len);
		return;
	case 2:
		snprintf(buf, size, "203.%u.%u.%u", roll(2), roll(2), roll(3));
		return;
	default:
		snprintf(buf, size, "2001:db8:%u::%u", roll(2), roll(3));
	}
}

static void random_entry(char *buf, size_t size)
{
	char prefix[64];

	random_prefix(prefix, sizeof(prefix));
	if (roll(3))
		snprintf(buf, size, "%s", prefix);
	else if (strchr(prefix, ':'))
		snprintf(buf, size, "[%s]:%u-%u", prefix, 50 + roll(10), 60 + roll(400));
	else
		snprintf(buf, size, "%s:%u-%u", prefix, 50 + roll(10), 60 + roll(400));
}

static void write_list(FILE *f, const char *key, unsigned int n)
{
	char entry[96];
	unsigned int i;

	fprintf(f, "%s: [", key);
	for (i = 0; i < n; i++) {
		random_entry(entry, sizeof(entry));
		fprintf(f, "%s'%s'", i ? ", " : "", entry);
	}
	fputs("]\n", f);
}

static void write_policy(FILE *f)
{
	unsigned int i, n;

	fputs("version: '1'\nmode: trace\nrules:\n  network:\n    ", f);
	write_list(f, "allowed_ips", roll(6));
	fprintf(f, "    allow_local_ranges: %s\n", roll(2) ? "true" : "false");
	fprintf(f, "    allow_metadata: %s\n", roll(2) ? "true" : "false");
	if (!roll(3))
		fprintf(f, "    allowed_processes: [%s, {name: %s, children: true}]\n",
			names[roll(NAMES)], names[roll(NAMES)]);
	n = roll(3);
	if (n)
		fputs("    profiles:\n", f);
	for (i = 0; i < n; i++) {
		fprintf(f, "      - process: %s\n        children: %s\n        ",
			names[i * 3 + roll(3)], roll(2) ? "true" : "false");
		write_list(f, "allowed_cidrs", roll(4));
	}
	fputs("  dns:\n    allowed_servers: ['203.0.0.1', '10.0.0.53']\n", f);
	if (!roll(2))
		fprintf(f, "  process:\n    blocked_chains:\n      - process: %s\n"
			"        ancestors: [%s]\n", names[roll(NAMES)], names[roll(NAMES)]);
}

/* ---- The contract, read literally ---- */

struct person {
	const char *self[2];
	const char *ancestors[4];
	unsigned int nancestors;
};

static bool is_self(const struct person *p, const char *name)
{
	return !strcmp(p->self[0], name) || !strcmp(p->self[1], name);
}

static bool has_ancestor(const struct person *p, const char *name)
{
	unsigned int i;

	for (i = 0; i < p->nancestors; i++)
		if (!strcmp(p->ancestors[i], name))
			return true;
	return false;
}

static bool in_prefix(const __u8 addr[16], const __u8 prefix[16], unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if ((addr[i / 8] ^ prefix[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool in_list(const struct addr_list *l, const struct target *to, bool exact)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct addr_rule *a = &l->v[i];

		if (a->prefixlen < 96 && addr_is_v4(to->addr))
			continue;
		if (exact && a->prefixlen < 128)
			continue;
		if (in_prefix(to->addr, a->addr, a->prefixlen) &&
		    to->port >= a->ports.lo && to->port <= a->ports.hi)
			return true;
	}
	return false;
}

static bool listed_exactly(const struct addr_list *l, const __u8 addr[16])
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].prefixlen == 128 && !memcmp(l->v[i].addr, addr, 16))
			return true;
	return false;
}

/* Which profiles apply: the process's own, else those its ancestors extend to it. */
static bool profile_applies(const struct policy_src *s, const struct person *p, size_t i)
{
	size_t j;

	if (is_self(p, s->profiles.v[i].process.process))
		return true;
	for (j = 0; j < s->profiles.n; j++)
		if (is_self(p, s->profiles.v[j].process.process))
			return false;
	return s->profiles.v[i].process.children &&
	       has_ancestor(p, s->profiles.v[i].process.process);
}

static bool process_allowed(const struct policy_src *s, const struct person *p)
{
	size_t i;

	for (i = 0; i < s->allowed_processes.n; i++) {
		const struct process_rule *r = &s->allowed_processes.v[i];

		if (is_self(p, r->process) || (r->children && has_ancestor(p, r->process)))
			return true;
	}
	return !s->allowed_processes.n;
}

static bool chain_denies(const struct policy_src *s, const struct person *p)
{
	size_t i, j;

	for (i = 0; i < s->chains.n; i++) {
		const struct chain_rule *c = &s->chains.v[i];

		for (j = 0; j < c->ancestors.n; j++)
			if (!has_ancestor(p, c->ancestors.v[j].path))
				break;
		if (j == c->ancestors.n && is_self(p, c->process))
			return true;
	}
	return false;
}

static bool network_allowed(const struct policy_src *s, const struct person *p,
			    const struct target *to)
{
	/* Of a metadata endpoint only what is said of that very address counts. */
	bool exact = s->allow_metadata != YES && addr_is_metadata(to->addr);
	bool profiled = false;
	size_t i;

	for (i = 0; i < s->profiles.n; i++) {
		if (!profile_applies(s, p, i))
			continue;
		profiled = true;
		if (in_list(&s->profiles.v[i].cidrs, to, exact))
			return true;
	}
	if (profiled)
		return false;
	if (in_list(&s->allowed_ips, to, exact))
		return true;
	if (!exact && s->allow_local_ranges != NO && addr_is_local(to->addr))
		return true;
	return s->allow_metadata == YES &&
	       (addr_is_v4(to->addr) || to->addr[0] == 0xfd) && addr_is_metadata(to->addr);
}

/* One of this host's, which on its own addresses are always allowed. */
static bool is_resolver(const __u8 addr[16])
{
	struct addr_list found = { 0 };
	bool listed;

	resolvers_read(&found);
	listed = listed_exactly(&found, addr);
	free(found.v);
	return listed;
}

static bool reading(const struct policy_src *s, const struct person *p, const struct target *to)
{
	if (to->port == 53)
		return listed_exactly(&s->dns_servers, to->addr) ||
		       (addr_is_loopback(to->addr) && is_resolver(to->addr));
	if (chain_denies(s, p))
		return false;
	if (addr_is_loopback(to->addr))
		return true;
	if (!process_allowed(s, p))
		return false;
	if (addr_is_metadata(to->addr) && s->allow_metadata != YES &&
	    !listed_exactly(&s->allowed_ips, to->addr))
		return false;
	return network_allowed(s, p, to);
}

static void identify(struct identity *id, const struct person *p)
{
	unsigned int i;

	memset(id, 0, sizeof(*id));
	id->nself = IDENT_FILES;
	for (i = 0; i < 2; i++)
		id->self[id->nself++] = tables_name_hash(seed, p->self[i]);
	for (i = 0; i < p->nancestors; i++)
		id->ancestry[id->nancestry++] = tables_name_hash(seed, p->ancestors[i]);
}

static void random_person(struct person *p)
{
	unsigned int i;

	p->self[0] = names[roll(NAMES)];
	p->self[1] = roll(3) ? p->self[0] : names[roll(NAMES)];
	p->nancestors = roll(5);
	for (i = 0; i < p->nancestors; i++)
		p->ancestors[i] = names[roll(NAMES)];
}

static void random_target(struct target *to)
{
	static const char *const fixed[] = {
		"169.254.169.254", "168.63.129.16", "fd00:ec2::254", "10.1.2.3", "127.0.0.1", "::1",
		"64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::169.254.169.254", "192.168.1.1",
		"172.32.0.1", "fe80::1", "fd00::1", "203.0.0.1", "10.0.0.53", "169.254.1.1",
	};
	static const __u16 ports[] = { 53, 55, 59, 61, 80, 443, 500 };
	char text[64];

	if (roll(2))
		snprintf(text, sizeof(text), "%s", fixed[roll(sizeof(fixed) / sizeof(*fixed))]);
	else if (roll(3))
		snprintf(text, sizeof(text), "203.%u.%u.%u", roll(2), roll(2), roll(4));
	else
		snprintf(text, sizeof(text), "2001:db8:%u::%u", roll(3), roll(4));
	memset(to, 0, sizeof(*to));
	if (parse_address(text, to->addr))
		abort();
	to->port = ports[roll(sizeof(ports) / sizeof(*ports))];
	to->proto = roll(2) ? PROTO_TCP : PROTO_UDP;
}

#endif
