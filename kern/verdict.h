/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What one policy says of one process and one destination.  The only place
 * where that is decided: built into the kernel programs and into userspace.
 *
 * The includer says what a policy is to it (policy_ref), which names are meant
 * (names_ref, from names_find: those known of the address, or one alone) and how
 * tables are read (policy_table, process_table, address_table; names_count, and
 * name_table, which says until when the name holds), and gives repeat(n, fn, ctx), which
 * calls fn(i, ctx) for i in 0..n-1 until it returns non-zero; verified_once
 * marks a function that stands on its own.
 */
#ifndef KNTRL_VERDICT_H
#define KNTRL_VERDICT_H

#include "abi.h"
#include "addr.h"
#include "target.h"

static __always_inline _Bool atom_test(const struct atoms *a, __u32 atom)
{
	return a->w[atom / 64 % ATOM_WORDS] >> (atom % 64) & 1;
}

static __always_inline void atom_set(struct atoms *a, __u32 atom)
{
	a->w[atom / 64 % ATOM_WORDS] |= 1ull << (atom % 64);
}

static __always_inline void atom_clear(struct atoms *a, __u32 atom)
{
	a->w[atom / 64 % ATOM_WORDS] &= ~(1ull << (atom % 64));
}

static __always_inline _Bool atoms_meet(const struct atoms *a, const struct atoms *b)
{
	__u64 any = 0;
	int i;

	for (i = 0; i < ATOM_WORDS; i++)
		any |= a->w[i] & b->w[i];
	return any;
}

struct gather {
	policy_ref tables;
	const __u64 *hashes;
	__u32 max;
	struct atoms *into;
};

static long gather_one(__u32 i, void *data)
{
	struct gather *g = data;
	const struct atoms *a;
	int w;

	if (i >= g->max)
		return 1;
	a = process_table(g->tables, g->hashes[i]);
	if (a)
		for (w = 0; w < ATOM_WORDS; w++)
			g->into->w[w] |= a->w[w];
	return 0;
}

/*
 * What holds of a process under a policy.  An entry with children: true stands
 * for descendants that match no entry of their own.
 */
verified_once int facts_gather(policy_ref tables, const struct identity *id, struct facts *f)
{
	const struct policy *policy = policy_table(tables);
	struct gather g = { .tables = tables };
	int w;

	if (!id || !f || !policy)
		return 0;
	__builtin_memset(&f->self, 0, sizeof(f->self));
	__builtin_memset(&f->ancestry, 0, sizeof(f->ancestry));
	atom_set(&f->self, ATOM_ALWAYS);
	g.hashes = id->self;
	g.max = IDENT_SELF;
	g.into = &f->self;
	repeat(id->nself, gather_one, &g);
	g.hashes = id->ancestry;
	g.max = IDENT_ANCESTRY;
	g.into = &f->ancestry;
	repeat(id->nancestry, gather_one, &g);

	f->lineage_full = id->flags & IDENT_LINEAGE_FULL;
	if (id->flags & IDENT_EXEMPT)
		atom_set(&f->self, ATOM_EXEMPT);
	if (id->flags & IDENT_TRACED) {
		atom_clear(&f->self, ATOM_EXEMPT);
		atom_clear(&f->self, ATOM_RAW_EXEMPT);
		atom_clear(&f->self, ATOM_DHCP);
	}
	if (!atoms_meet(&f->self, &policy->profiles))
		for (w = 0; w < ATOM_WORDS; w++)
			f->self.w[w] |= f->ancestry.w[w] & policy->trees.w[w];
	if (atoms_meet(&f->self, &policy->profiles))
		atom_set(&f->self, ATOM_PROFILED);
	if (atom_test(&f->ancestry, ATOM_ALLOWED_TREE))
		atom_set(&f->self, ATOM_ALLOWED);
	return 0;
}

/* What is decided of one policy. */
struct answer {
	struct rule_ref rule;
	__u64 name;		/* asked: as in struct outcome */
	__u64 until;
	_Bool http;		/* asked: likewise */
	_Bool by_name;		/* allowed for a name alone */
};

struct test {
	const struct policy *policy;
	const struct facts *facts;
	const struct target *to;
	struct answer *said;
	__u32 first;
	_Bool found;
	_Bool open;		/* protocol and port are left open */
	_Bool anybody;		/* what any process may */
	policy_ref tables;
	names_ref names;
};

/*
 * Of a lineage that was cut short, an ancestor that a denial asks for is taken
 * to be there, and one that an allowance asks for is not.
 */
verified_once int cond_holds(const struct cond *c, const struct facts *f, int denial)
{
	__u32 i;

	if (!c || !f)
		return denial;
	for (i = 0; i < COND_LITS; i++) {
		__u16 lit = c->lit[i];
		_Bool holds;

		if (i >= c->n)
			break;
		if (lit & LIT_ANCESTRY) {
			holds = atom_test(&f->ancestry, lit & LIT_ATOM);
			if (f->lineage_full && !holds) {
				if (!denial)
					return 0;
				continue;
			}
		} else {
			holds = atom_test(&f->self, lit & LIT_ATOM);
		}
		if (holds == !!(lit & LIT_NOT))
			return 0;
	}
	return 1;
}

static __always_inline int test_cond(const struct test *t, __u32 index, int denial)
{
	if (index >= POLICY_CONDS)
		return denial;
	return cond_holds(&t->policy->conds[index], t->facts, denial);
}

static long deny_one(__u32 i, void *data)
{
	struct test *t = data;

	i += t->first;
	if (i >= POLICY_DENIES)
		return 1;
	if (!test_cond(t, t->policy->denies[i].cond, 1))
		return 0;
	t->said->rule = t->policy->denies[i].rule;
	t->found = 1;
	return 1;
}

static long grant_one(__u32 i, void *data)
{
	struct test *t = data;
	const struct grant *g;

	i += t->first;
	if (i >= POLICY_GRANTS)
		return 1;
	g = &t->policy->grants[i];
	if (!t->open && !(g->protos & proto_bit(t->to->proto)))
		return 0;
	/* What has no ports is only granted where all ports are. */
	if (!t->open && (t->to->port < g->port_lo || t->to->port > g->port_hi))
		return 0;
	if (!t->anybody && !test_cond(t, g->cond, 0))
		return 0;
	if (g->rule.kind != RULE_NONE)
		t->said->rule = g->rule;
	t->found = 1;
	return 1;
}

static __always_inline void rule_set(struct rule_ref *rule, enum rule_kind kind)
{
	rule->kind = kind;
	rule->source = 0;
	rule->sub = 0;
	rule->index = 0;
}

static __always_inline void grants_test(struct test *t, const struct destination *d)
{
	t->said->rule = d->rule;
	t->first = d->first;
	repeat(d->count, grant_one, t);
}

/* What the address may be reached for, then what any may, then one of its names. */
static __always_inline _Bool verdict_grants(struct test *t, const struct destination *d)
{
	__u32 i, n;

	if (d) {
		grants_test(t, d);
		if (t->found)
			return 1;
	}
	t->first = 0;
	repeat(t->policy->nany, grant_one, t);
	if (t->found)
		return 1;
	n = names_count(t->names, t->said->name);
	for (i = 0; i < n && !t->found; i++) {
		d = name_table(t->tables, t->policy->scope, t->names, t->said->name, i,
			       &t->said->until);
		if (d)
			grants_test(t, d);
	}
	t->said->by_name = t->found;
	return t->found;
}

/* What only a name allows must be said so that the name can be read. */
static __always_inline _Bool verdict_readable(const struct test *t)
{
	__u32 flags = t->policy->flags;

	if (!t->said->by_name)
		return 1;
	if ((flags & POLICY_QUIC) && t->to->port == PORT_HTTPS &&
	    proto_bit(t->to->proto) == PROTO_BIT_UDP) {
		rule_set(&t->said->rule, RULE_QUIC);
		return 0;
	}
	if ((flags & POLICY_NO_HTTP) && t->said->http) {
		rule_set(&t->said->rule, RULE_HTTP);
		return 0;
	}
	return 1;
}

/* The part of the verdict that comes before lists of addresses and names are asked. */
static __always_inline int verdict_process(struct test *t, _Bool loopback)
{
	const struct facts *f = t->facts;

	repeat(t->policy->ndenies, deny_one, t);
	if (t->found)
		return 0;
	if (loopback) {
		rule_set(&t->said->rule, RULE_LOOPBACK);
		return 1;
	}
	if ((t->policy->flags & POLICY_RESTRICTED) && !atom_test(&f->self, ATOM_ALLOWED)) {
		rule_set(&t->said->rule, RULE_ALLOWED_PROCESSES);
		return 0;
	}
	if ((t->policy->flags & POLICY_CONTAINS) && f->lineage_full &&
	    !atom_test(&f->self, ATOM_PROFILED)) {
		rule_set(&t->said->rule, RULE_LINEAGE);
		return 0;
	}
	return -1;
}

static __always_inline void rule_default(struct test *t)
{
	rule_set(&t->said->rule, atom_test(&t->facts->self, ATOM_PROFILED) ? RULE_PROFILE : RULE_DEFAULT);
}

/*
 * May the process ask a name server for this name?  Only where it may reach it;
 * a resolver of this host may, where anybody may.
 */
static __always_inline _Bool verdict_question(struct test *t)
{
	int known = -1;

	t->open = 1;
	t->anybody = atom_test(&t->facts->self, ATOM_RESOLVER);
	rule_set(&t->said->rule, RULE_DNS_SERVERS);
	if (!(t->policy->flags & POLICY_QUERIES))
		return 1;
	if (!t->anybody)
		known = verdict_process(t, 0);
	if (known >= 0)
		return known;
	if (verdict_grants(t, 0))
		return 1;
	rule_default(t);
	return 0;
}

/*
 * Decides and says in @said what decided.  @id may be NULL: a process of which
 * nothing is known, so that what only some processes may is refused.  @facts is
 * working space, and then what is known of nobody.  Returns whether it is allowed.
 */
static __always_inline _Bool verdict(policy_ref tables, const struct identity *id,
				     const struct target *to, struct answer *said,
				     struct facts *facts)
{
	const struct policy *policy = policy_table(tables);
	struct address_key key = { .prefixlen = 128 };
	const struct destination *d;
	struct rule_ref *rule = &said->rule;
	struct test t = { .policy = policy, .facts = facts, .to = to, .said = said,
			  .tables = tables };
	int known;

	said->until = 0;
	said->by_name = 0;
	rule_set(rule, RULE_UNDECIDED);
	if (!policy)
		return 0;
	facts_gather(tables, id, facts);
	if (atom_test(&facts->self, ATOM_EXEMPT)) {
		rule_set(rule, RULE_EXEMPT);
		return 1;
	}
	__builtin_memcpy(key.addr, to->addr, sizeof(key.addr));
	t.names = names_find(tables, key.addr);
	if (said->name && !to->proto)
		return verdict_question(&t);
	d = address_table(tables, &key);

	if (target_is_dns(to)) {
		rule_set(rule, RULE_DNS_SERVERS);
		return d && (d->flags & DEST_DNS_SERVER);
	}
	if (target_is_dhcp(to) && atom_test(&facts->self, ATOM_DHCP)) {
		rule_set(rule, RULE_DHCP);
		return 1;
	}
	known = verdict_process(&t, addr_is_loopback(to->addr));
	if (known >= 0)
		return known;
	if (addr_is_metadata(to->addr) && !(policy->flags & POLICY_METADATA) &&
	    !(d && (d->flags & DEST_METADATA_OK))) {
		rule_set(rule, RULE_METADATA);
		return 0;
	}
	if (verdict_grants(&t, d))
		return verdict_readable(&t);
	said->until = 0;
	rule_default(&t);
	return 0;
}

/*
 * Whether a program may be executed: facts->image, by the process that asks, or,
 * when none is given, the one that the process runs already.
 */
static __always_inline _Bool verdict_exec(policy_ref tables, const struct identity *id,
					  struct answer *said, struct facts *facts)
{
	struct rule_ref *rule = &said->rule;
	const struct policy *policy = policy_table(tables);
	struct gather g = { .tables = tables, .hashes = facts->image, .max = FACTS_IMAGE,
			    .into = &facts->self };
	struct test t = { .policy = policy, .facts = facts, .said = said };
	int w;

	said->until = 0;
	rule_set(rule, RULE_UNDECIDED);
	if (!policy)
		return 0;
	rule_set(rule, RULE_NONE);
	if (!policy->nexec_denies)
		return 1;
	facts_gather(tables, id, facts);
	rule_set(rule, RULE_EXEMPT);
	if (atom_test(&facts->self, ATOM_EXEMPT))
		return 1;
	if (facts->nimage) {
		for (w = 0; w < ATOM_WORDS; w++) {
			facts->ancestry.w[w] |= facts->self.w[w];
			facts->self.w[w] = 0;
		}
		repeat(facts->nimage, gather_one, &g);
	}
	rule_set(rule, RULE_NONE);
	t.first = policy->ndenies;
	repeat(policy->nexec_denies, deny_one, &t);
	return !t.found;
}

/* The same for making a socket. */
static __always_inline _Bool verdict_socket(policy_ref tables, const struct identity *id,
					    const struct target *to, struct answer *said,
					    struct facts *facts)
{
	const struct policy *policy = policy_table(tables);
	struct rule_ref *rule = &said->rule;

	said->until = 0;
	rule_set(rule, RULE_UNDECIDED);
	if (!policy)
		return 0;
	facts_gather(tables, id, facts);
	rule_set(rule, RULE_EXEMPT);
	if (atom_test(&facts->self, ATOM_EXEMPT))
		return 1;
	if (to->create == CREATE_OTHER) {
		rule_set(rule, RULE_FAMILY);
		return 0;
	}
	rule_set(rule, RULE_RAW_SOCKETS);
	return !(policy->flags & (POLICY_RAW_BLOCK | POLICY_RAW_MONITOR)) ||
	       atom_test(&facts->self, ATOM_RAW_EXEMPT) ||
	       atom_test(&facts->self, ATOM_DHCP);
}

#endif
