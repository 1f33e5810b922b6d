// SPDX-License-Identifier: Apache-2.0
/*
 * The policy compiler.  A list entry becomes grants in the address table, or
 * atoms in the process table; what must hold of the process beside (no profile
 * applies, this profile applies) becomes the grant's condition.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "addr.h"
#include "compile.h"
#include "github_meta.h"
#include "hash.h"
#include "hosts.h"
#include "paths.h"
#include "rego/rego.h"
#include "resolvers.h"
#include "target.h"
#include "util.h"

#define V4_PREFIX 96	/* of ::ffff:0:0/96 */
#define UNPROFILED (LIT_NOT | ATOM_PROFILED)

/* One grant at one prefix, before prefixes are united. */
struct raw_grant {
	struct address_key key;
	struct grant grant;
	__u16 flags;		/* DEST_*, of the prefix */
};

/* One grant of one name, before suffixes are united. */
struct raw_host {
	struct host_key *key;	/* of the name and all below it */
	struct grant grant;
	bool below_only, alone;
};

/* The atom of a name that a chain asks for. */
struct named_atom {
	const char *name;
	__u16 atom;
};

struct compiler {
	const struct policy_src *src;
	const __u64 *seed;
	struct tables *t;
	FILE *err;
	int errors;
	struct raw_grant *raw;
	size_t nraw, raw_room;
	struct raw_host *hosts;
	size_t nhosts, hosts_room;
	size_t process_room;
	struct named_atom *named;
	size_t nnamed;
	__u16 next_atom;
	__u16 cond_global;	/* no profile applies */
};

/* ---- Messages ---- */

__attribute__((format(printf, 4, 5)))
static void fail(struct compiler *c, const struct origin *at, const char *what, const char *fmt, ...)
{
	va_list ap;

	c->errors++;
	if (at && at->file < c->src->nfiles) {
		escape(c->err, c->src->files[at->file], strlen(c->src->files[at->file]), ESCAPE_ALL);
		if (at->line)
			fprintf(c->err, ":%u:%u", at->line, at->column);
		fputs(": ", c->err);
	}
	fprintf(c->err, "%s: ", what);
	va_start(ap, fmt);
	vfprintf(c->err, fmt, ap);
	va_end(ap);
	fputc('\n', c->err);
}

static void unsupported(struct compiler *c, const struct origin *at, const char *what)
{
	fail(c, at, what, "not supported yet; remove it");
}

static struct rule_ref rule_at(enum rule_kind kind, __u16 sub, const struct origin *at)
{
	struct rule_ref r = { .kind = kind, .sub = sub };

	if (at) {
		r.source = at->file;
		r.index = at->index;
	}
	return r;
}

/* ---- Hashes ---- */

static __u64 hash_text(const __u64 seed[2], enum hash_domain domain, const char *text)
{
	char padded[HASH_BYTES_MAX + 8] = "";
	size_t len = strnlen(text, HASH_BYTES_MAX - 1);

	memcpy(padded, text, len);
	return hash_bytes(hash_start(seed, domain), padded, len);
}

__u64 tables_name_hash(const __u64 seed[2], const char *name)
{
	return hash_text(seed, HASH_NAME, name);
}

/* As path_hash() of identity.bpf.c: components from the last to the first. */
__u64 tables_path_hash(const __u64 seed[2], const char *path)
{
	__u64 h = hash_start(seed, HASH_PATH);
	size_t end = strlen(path);

	while (end) {
		char name[HASH_BYTES_MAX] = "";
		size_t start = end;

		while (start && path[start - 1] != '/')
			start--;
		if (end - start < sizeof(name))
			memcpy(name, path + start, end - start);
		h = hash_mix(h, tables_name_hash(seed, name));
		end = start ? start - 1 : 0;
	}
	return h;
}

/* ---- Conditions and atoms ---- */

static __u16 cond_add(struct compiler *c, const struct origin *at, const __u16 *lits, __u16 n)
{
	struct policy *p = &c->t->policy;
	struct cond cond = { .n = n };
	__u32 i;

	memcpy(cond.lit, lits, n * sizeof(*lits));
	for (i = 0; i < p->nconds; i++)
		if (!memcmp(&p->conds[i], &cond, sizeof(cond)))
			return i;
	if (i == POLICY_CONDS) {
		fail(c, at, "policy", "more than %d different conditions on processes", POLICY_CONDS);
		return 0;
	}
	p->conds[p->nconds++] = cond;
	return i;
}

static __u16 atom_new(struct compiler *c, const struct origin *at)
{
	if (c->next_atom == ATOMS) {
		fail(c, at, "policy", "more than %d different process names and profiles",
		     ATOMS - ATOM_FIRST_FREE);
		return ATOM_FIRST_FREE;
	}
	return c->next_atom++;
}

static void atom_hash(struct compiler *c, __u64 hash, __u16 atom)
{
	struct tables *t = c->t;

	if (t->nprocesses == c->process_room) {
		c->process_room = c->process_room ? 2 * c->process_room : 64;
		t->processes = xreallocarray(t->processes, c->process_room, sizeof(*t->processes));
	}
	t->processes[t->nprocesses] = (struct process_entry){ .hash = hash };
	t->processes[t->nprocesses].atoms.w[atom / 64] = 1ull << (atom % 64);
	t->nprocesses++;
}

static __u64 file_hash(const struct compiler *c, const struct stat *st)
{
	return hash_file(c->seed, major(st->st_dev) << 20 | minor(st->st_dev), st->st_ino);
}

/*
 * A full path stands for the file that is there now, under whatever name, and
 * for what will be there, as seen from this mount namespace.
 */
static void atom_path(struct compiler *c, const char *path, __u16 atom)
{
	char real[PATH_MAX];
	struct stat st;

	atom_hash(c, tables_path_hash(c->seed, realpath(path, real) ? real : path), atom);
	if (!stat(path, &st))
		atom_hash(c, file_hash(c, &st), atom);
}

static void atom_name(struct compiler *c, const char *name, __u16 atom)
{
	if (name[0] == '/')
		atom_path(c, name, atom);
	else
		atom_hash(c, tables_name_hash(c->seed, name), atom);
}

static __u16 atom_for(struct compiler *c, const char *name, const struct origin *at)
{
	struct named_atom *n;
	size_t i;

	for (i = 0; i < c->nnamed; i++)
		if (!strcmp(c->named[i].name, name))
			return c->named[i].atom;
	c->named = xreallocarray(c->named, c->nnamed + 1, sizeof(*c->named));
	n = &c->named[c->nnamed++];
	n->name = name;
	n->atom = atom_new(c, at);
	atom_name(c, name, n->atom);
	return n->atom;
}

static int by_hash(const void *a, const void *b)
{
	const struct process_entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* One entry per hash, with the atoms of all. */
static void processes_unite(struct tables *t)
{
	size_t i, n = 0;
	int w;

	qsort(t->processes, t->nprocesses, sizeof(*t->processes), by_hash);
	for (i = 0; i < t->nprocesses; i++) {
		if (!n || t->processes[n - 1].hash != t->processes[i].hash) {
			t->processes[n++] = t->processes[i];
			continue;
		}
		for (w = 0; w < ATOM_WORDS; w++)
			t->processes[n - 1].atoms.w[w] |= t->processes[i].atoms.w[w];
	}
	t->nprocesses = n;
}

/* ---- Addresses ---- */

static struct raw_grant *raw_add(struct compiler *c, const __u8 addr[16], __u8 prefixlen)
{
	struct raw_grant *r;

	if (c->nraw == c->raw_room) {
		c->raw_room = c->raw_room ? 2 * c->raw_room : 256;
		c->raw = xreallocarray(c->raw, c->raw_room, sizeof(*c->raw));
	}
	r = &c->raw[c->nraw++];
	memset(r, 0, sizeof(*r));
	memcpy(r->key.addr, addr, sizeof(r->key.addr));
	r->key.prefixlen = prefixlen;
	return r;
}

static void grant_addr(struct compiler *c, const struct addr_rule *a, __u16 cond,
		       struct rule_ref rule)
{
	struct raw_grant *r = raw_add(c, a->addr, a->prefixlen);

	r->grant = (struct grant){ .cond = cond, .protos = PROTO_BIT_ANY, .port_lo = a->ports.lo,
				   .port_hi = a->ports.hi, .rule = rule };
	if (rule.kind == RULE_ALLOWED_IPS && a->prefixlen == 128)
		r->flags = DEST_METADATA_OK;
}

static void grant_builtin(struct compiler *c, const char *text, enum rule_kind kind)
{
	struct addr_rule a;

	if (!parse_addr_rule(text, &a))
		grant_addr(c, &a, c->cond_global, rule_at(kind, 0, NULL));
}

static int by_key(const void *a, const void *b)
{
	const struct raw_grant *x = a, *y = b;
	int d = memcmp(x->key.addr, y->key.addr, sizeof(x->key.addr));

	return d ? d : (int)x->key.prefixlen - (int)y->key.prefixlen;
}

static bool covers(const struct address_key *outer, const struct address_key *inner)
{
	__u32 bytes = outer->prefixlen / 8, bits = outer->prefixlen % 8;
	__u8 mask = 0xff00 >> bits;

	if (outer->prefixlen > inner->prefixlen || memcmp(outer->addr, inner->addr, bytes))
		return false;
	return !bits || !((outer->addr[bytes] ^ inner->addr[bytes]) & mask);
}

/* Grants of one prefix while they are put together. */
struct grant_list {
	struct grant v[256];
	__u32 n;
};

static bool implied(const struct grant_list *l, const struct grant *g)
{
	__u32 i;

	for (i = 0; i < l->n; i++)
		if (l->v[i].cond == g->cond && l->v[i].protos == g->protos &&
		    l->v[i].port_lo <= g->port_lo && l->v[i].port_hi >= g->port_hi)
			return true;
	return false;
}

static void list_grant(struct compiler *c, struct grant_list *l, const struct grant *g)
{
	if (implied(l, g))
		return;
	if (l->n == sizeof(l->v) / sizeof(*l->v)) {
		fail(c, NULL, "policy", "more than %zu port ranges and profiles for one address",
		     sizeof(l->v) / sizeof(*l->v));
		return;
	}
	l->v[l->n++] = *g;
}

/* The same list of grants is kept once. */
static __u32 grants_place(struct compiler *c, const struct grant_list *l)
{
	struct policy *p = &c->t->policy;
	__u32 at;

	for (at = 0; at + l->n <= p->ngrants; at++)
		if (!memcmp(&p->grants[at], l->v, l->n * sizeof(*l->v)))
			return at;
	if (p->ngrants + l->n > POLICY_GRANTS) {
		fail(c, NULL, "policy", "more than %d different combinations of ports and profiles",
		     POLICY_GRANTS);
		return 0;
	}
	memcpy(&p->grants[p->ngrants], l->v, l->n * sizeof(*l->v));
	p->ngrants += l->n;
	return p->ngrants - l->n;
}

/* An IPv6 prefix that happens to lie around ::ffff:0:0/96 says nothing of IPv4. */
static bool mixes_families(const struct address_key *outer, const struct address_key *inner)
{
	return outer->prefixlen < V4_PREFIX && inner->prefixlen >= V4_PREFIX &&
	       addr_is_v4(inner->addr);
}

/* A grant of the entry's own; what has the entry's rule needs none of its own. */
static void list_own(struct compiler *c, struct grant_list *l, struct destination *dest,
		     struct grant g)
{
	if (dest->rule.kind == RULE_NONE)
		dest->rule = g.rule;
	if (!memcmp(&g.rule, &dest->rule, sizeof(g.rule)))
		g.rule = (struct rule_ref){ 0 };
	list_grant(c, l, &g);
}

/* Lookup finds the longest prefix alone, so an entry also has what those around it grant. */
static void list_inherit(struct compiler *c, struct grant_list *l, const struct destination *up)
{
	__u32 i;

	for (i = 0; i < up->count; i++) {
		struct grant g = c->t->policy.grants[up->first + i];

		if (g.rule.kind == RULE_NONE)
			g.rule = up->rule;
		list_grant(c, l, &g);
	}
}

static void list_place(struct compiler *c, const struct grant_list *l, struct destination *dest)
{
	dest->first = grants_place(c, l);
	dest->count = l->n;
}

static void entry_make(struct compiler *c, const struct raw_grant *raw, size_t n, __u32 parent)
{
	struct address_entry *e = &c->t->addresses[c->t->naddresses++];
	struct grant_list list = { .n = 0 };
	size_t i;

	e->key = raw->key;
	e->parent = parent;
	for (i = 0; i < n; i++) {
		e->dest.flags |= raw[i].flags;
		if (raw[i].grant.protos)	/* else only flags */
			list_own(c, &list, &e->dest, raw[i].grant);
	}
	/* Of a metadata endpoint only what is said of that very address counts. */
	if (addr_is_metadata(e->key.addr) && e->key.prefixlen == 128 &&
	    !(c->t->policy.flags & POLICY_METADATA))
		parent = 0;
	if (parent && !mixes_families(&c->t->addresses[parent - 1].key, &e->key))
		list_inherit(c, &list, &c->t->addresses[parent - 1].dest);
	list_place(c, &list, &e->dest);
}

static void addresses_unite(struct compiler *c)
{
	static const __u8 any_v4[16] = { [10] = 0xff, 0xff };
	struct tables *t = c->t;
	size_t i, n;

	raw_add(c, any_v4, V4_PREFIX);
	qsort(c->raw, c->nraw, sizeof(*c->raw), by_key);
	t->addresses = xcalloc(c->nraw + 1, sizeof(*t->addresses));
	for (i = 0; i < c->nraw && !c->errors; i += n) {
		__u32 up = t->naddresses;

		for (n = 1; i + n < c->nraw && !by_key(&c->raw[i], &c->raw[i + n]); n++)
			;
		while (up && !covers(&t->addresses[up - 1].key, &c->raw[i].key))
			up = t->addresses[up - 1].parent;
		entry_make(c, &c->raw[i], n, up);
	}
}

/* ---- Hosts ---- */

static struct raw_host *host_add(struct compiler *c)
{
	if (c->nhosts == c->hosts_room) {
		c->hosts_room = c->hosts_room ? 2 * c->hosts_room : 256;
		c->hosts = xreallocarray(c->hosts, c->hosts_room, sizeof(*c->hosts));
	}
	return &c->hosts[c->nhosts++];
}

static void grant_host(struct compiler *c, const struct host_rule *h, __u16 cond,
		       struct rule_ref rule)
{
	struct raw_host *r = host_add(c);

	*r = (struct raw_host){
		.key = xmalloc(sizeof(*r->key)),
		.grant = { .cond = cond, .protos = PROTO_BIT_ANY, .port_lo = h->ports.lo,
			   .port_hi = h->ports.hi, .rule = rule },
		.below_only = h->below_only,
	};
	if (!host_key_make(r->key, h->name))
		fail(c, &h->at, "allowed_hosts", "\"%s\" is not a host name", h->name);
	r->key->prefixlen -= 8;		/* without the NUL: and all below */
}

/*
 * The kernel remembers the names that some rule is about.  A policy that only
 * records is to know them all: by a rule about any of them, which allows nothing.
 */
static void hosts_record(struct compiler *c)
{
	const __u16 never = LIT_NOT | ATOM_ALWAYS;
	struct raw_host *r;

	if (c->src->mode == MODE_TRACE)
		return;
	r = host_add(c);
	*r = (struct raw_host){
		.key = xcalloc(1, sizeof(*r->key)),
		.grant = { .cond = cond_add(c, NULL, &never, 1), .rule.kind = RULE_DEFAULT },
	};
}

/*
 * Resolvers ask for a name with each search domain behind it, before or after the
 * name itself, and give up where that fails.  So where questions are judged these may
 * be asked; being of no protocol, they grant nothing else.
 */
static void hosts_search(struct compiler *c)
{
	char domains[SEARCH_MAX][SEARCH_LEN], name[HOST_KEY], whole[HOST_KEY];
	size_t i, j, n = c->nhosts, ndomains = resolvers_search(domains);

	for (i = 0; i < n; i++) {
		host_key_name(c->hosts[i].key, name);
		for (j = 0; j < ndomains; j++) {
			struct host_key key;
			struct raw_host *r;

			if (snprintf(whole, sizeof(whole), "%s.%s", name, domains[j]) > HOST_LEN ||
			    !host_key_make(&key, whole))
				continue;	/* too long to be asked */
			r = host_add(c);
			*r = c->hosts[i];
			r->key = xmalloc(sizeof(*r->key));
			*r->key = key;
			r->key->prefixlen -= 8;
			r->grant.protos = 0;
		}
	}
}

static int by_name(const void *a, const void *b)
{
	const struct raw_host *x = a, *y = b;

	return strcmp(x->key->text, y->key->text);
}

/* The entry of @n grants of one name: for all below it, or for the name @alone. */
static void host_make(struct compiler *c, const struct raw_host *raw, size_t n, __u32 parent,
		      bool alone)
{
	struct host_entry *e = &c->t->hosts[c->t->nhosts++];
	struct grant_list list = { .n = 0 };
	size_t i;

	e->key = *raw->key;
	if (alone)
		e->key.prefixlen += 8;
	/* The entry of the name alone stands behind that of all below it. */
	e->parent = alone ? c->t->nhosts - 1 : parent;
	for (i = 0; i < n; i++)
		if (alone ? !raw[i].below_only : !raw[i].alone)
			list_own(c, &list, &e->dest, raw[i].grant);
	if (parent)
		list_inherit(c, &list, &c->t->hosts[parent - 1].dest);
	list_place(c, &list, &e->dest);
}

static bool host_covers(const struct host_key *outer, const struct host_key *inner)
{
	return outer->prefixlen <= inner->prefixlen &&
	       !memcmp(outer->text, inner->text, outer->prefixlen / 8);
}

static void hosts_unite(struct compiler *c)
{
	struct tables *t = c->t;
	size_t i, j, n;

	if (c->nhosts)
		qsort(c->hosts, c->nhosts, sizeof(*c->hosts), by_name);
	t->hosts = xcalloc(2 * c->nhosts + 1, sizeof(*t->hosts));
	for (i = 0; i < c->nhosts && !c->errors; i += n) {
		__u32 up = t->nhosts;
		bool below = false;

		for (n = 1; i + n < c->nhosts && !by_name(&c->hosts[i], &c->hosts[i + n]); n++)
			;
		for (j = i; j < i + n; j++)
			below |= c->hosts[j].below_only || c->hosts[j].alone;
		while (up && !host_covers(&t->hosts[up - 1].key, c->hosts[i].key))
			up = t->hosts[up - 1].parent;
		host_make(c, &c->hosts[i], n, up, false);
		if (below)
			host_make(c, &c->hosts[i], n, up, true);
	}
	for (i = 0; i < c->nhosts; i++)
		free(c->hosts[i].key);
	free(c->hosts);
}

/* ---- The parts of a policy ---- */

static void compile_github(struct compiler *c)
{
	struct github_meta m;
	size_t i;

	if (github_meta_read(c->src->github_meta, &m, c->err)) {
		c->errors++;
		return;
	}
	for (i = 0; i < m.ranges.n; i++)
		grant_addr(c, &m.ranges.v[i], c->cond_global, rule_at(RULE_GITHUB_META, 0, NULL));
	c->t->ngithub = m.ranges.n;
	c->t->policy.github_time = m.fetched;
	free(m.ranges.v);
}

static void compile_network(struct compiler *c)
{
	const struct policy_src *s = c->src;
	size_t i;

	for (i = 0; i < s->allowed_ips.n; i++)
		grant_addr(c, &s->allowed_ips.v[i], c->cond_global,
			   rule_at(RULE_ALLOWED_IPS, 0, &s->allowed_ips.v[i].at));
	for (i = 0; i < s->allowed_hosts.n; i++)
		grant_host(c, &s->allowed_hosts.v[i], c->cond_global,
			   rule_at(RULE_ALLOWED_HOSTS, 0, &s->allowed_hosts.v[i].at));
	if (s->allow_local_ranges != NO) {
		grant_builtin(c, "10.0.0.0/8", RULE_LOCAL_RANGES);
		grant_builtin(c, "172.16.0.0/12", RULE_LOCAL_RANGES);
		grant_builtin(c, "192.168.0.0/16", RULE_LOCAL_RANGES);
		grant_builtin(c, "fc00::/7", RULE_LOCAL_RANGES);
		grant_builtin(c, "fe80::/10", RULE_LOCAL_RANGES);
	}
	if (s->allow_github_meta == YES)
		compile_github(c);
	if (s->allow_metadata == YES) {
		c->t->policy.flags |= POLICY_METADATA;
		grant_builtin(c, "169.254.169.254", RULE_METADATA);
		grant_builtin(c, "168.63.129.16", RULE_METADATA);
		grant_builtin(c, "fd00:ec2::254", RULE_METADATA);
	}
}

static void compile_processes(struct compiler *c)
{
	const struct process_list *l = &c->src->allowed_processes;
	size_t i;

	for (i = 0; i < l->n; i++) {
		atom_name(c, l->v[i].process, ATOM_ALLOWED);
		if (!l->v[i].children)
			continue;
		atom_name(c, l->v[i].process, ATOM_ALLOWED_TREE);
		c->t->policy.flags |= POLICY_CONTAINS;
	}
	if (l->n)
		c->t->policy.flags |= POLICY_RESTRICTED;
}

static void atom_mark(struct atoms *a, __u16 atom)
{
	a->w[atom / 64] |= 1ull << (atom % 64);
}

static void compile_profile(struct compiler *c, const struct profile_rule *p, size_t number)
{
	__u16 atom = atom_new(c, &p->process.at);
	__u16 cond = cond_add(c, &p->process.at, &atom, 1);
	size_t i;

	atom_name(c, p->process.process, atom);
	atom_mark(&c->t->policy.profiles, atom);
	if (p->process.children) {
		atom_mark(&c->t->policy.trees, atom);
		c->t->policy.flags |= POLICY_CONTAINS;
	}
	for (i = 0; i < p->cidrs.n; i++)
		grant_addr(c, &p->cidrs.v[i], cond,
			   rule_at(RULE_PROFILE_CIDRS, number, &p->cidrs.v[i].at));
	for (i = 0; i < p->hosts.n; i++)
		grant_host(c, &p->hosts.v[i], cond,
			   rule_at(RULE_PROFILE_HOSTS, number, &p->hosts.v[i].at));
}

/* Denials of connections first, then those of executables. */
static void deny_add(struct compiler *c, const struct origin *at, __u16 cond, enum rule_kind kind,
		     bool exec)
{
	struct policy *p = &c->t->policy;

	if (p->ndenies + p->nexec_denies == POLICY_DENIES) {
		fail(c, at, "rules.process", "more than %d blocked chains and executables",
		     POLICY_DENIES);
		return;
	}
	p->denies[p->ndenies + p->nexec_denies] = (struct deny){
		.cond = cond, .rule = rule_at(kind, 0, at),
	};
	p->flags |= exec ? POLICY_EXEC : POLICY_LOOPBACK;
	if (exec)
		p->nexec_denies++;
	else
		p->ndenies++;
}

static void compile_executables(struct compiler *c)
{
	const struct path_list *l = &c->src->blocked_executables;
	size_t i;

	for (i = 0; i < l->n; i++) {
		__u16 atom = atom_for(c, l->v[i].path, &l->v[i].at);

		deny_add(c, &l->v[i].at, cond_add(c, &l->v[i].at, &atom, 1), RULE_EXECUTABLES, true);
	}
}

static void compile_chain(struct compiler *c, const struct chain_rule *chain)
{
	__u16 lits[COND_LITS];
	size_t i;

	if (chain->ancestors.n >= COND_LITS) {
		fail(c, &chain->at, "rules.process.blocked_chains", "more than %d ancestors",
		     COND_LITS - 1);
		return;
	}
	lits[0] = atom_for(c, chain->process, &chain->at);
	for (i = 0; i < chain->ancestors.n; i++)
		lits[i + 1] = LIT_ANCESTRY | atom_for(c, chain->ancestors.v[i].path, &chain->at);
	deny_add(c, &chain->at, cond_add(c, &chain->at, lits, i + 1), RULE_CHAIN,
		 chain->action == CHAIN_EXEC);
}

static void compile_chains(struct compiler *c, enum chain_action action)
{
	size_t i;

	for (i = 0; i < c->src->chains.n; i++)
		if (c->src->chains.v[i].action == action)
			compile_chain(c, &c->src->chains.v[i]);
}

static void dns_server(struct compiler *c, const __u8 addr[16])
{
	raw_add(c, addr, 128)->flags = DEST_DNS_SERVER | (address_is_ours(addr) ? DEST_LOCAL : 0);
}

static void compile_dns(struct compiler *c)
{
	struct addr_list found = { 0 };
	const struct addr_list *l = &c->src->dns_servers;
	size_t i;

	/* A resolver on this host is always one; others only where the policy names none. */
	resolvers_read(&found);
	for (i = 0; i < found.n; i++)
		if (!l->n || addr_is_loopback(found.v[i].addr))
			dns_server(c, found.v[i].addr);
	for (i = 0; i < l->n; i++)
		dns_server(c, l->v[i].addr);
	free(found.v);
}

/* Network daemons that a host cannot do without: they renew its addresses. */
static const char *const dhcp_clients[] = {
	"/usr/sbin/dhclient", "/sbin/dhclient", "/usr/sbin/dhcpcd", "/sbin/dhcpcd",
	"/usr/lib/systemd/systemd-networkd", "/lib/systemd/systemd-networkd",
	"/usr/sbin/NetworkManager", "/usr/lib/NetworkManager/nm-dhcp-helper",
};

/* Name servers of a host: what they ask is asked for other processes, judged already. */
static const char *const name_servers[] = {
	"/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved",
	"/usr/sbin/dnsmasq", "/usr/sbin/unbound", "/usr/sbin/named", "/usr/sbin/nscd",
	"/usr/sbin/pdns_recursor", "/usr/bin/dockerd", "/usr/sbin/kresd", "/usr/sbin/NetworkManager",
};

static void compile_exemptions(struct compiler *c)
{
	const struct policy_src *s = c->src;
	size_t i;

	for (i = 0; i < s->exempt.n; i++) {
		const struct exempt_rule *e = &s->exempt.v[i];
		const char *why;

		if (e->kind != EXEMPT_PATH) {
			unsupported(c, &e->at, "rules.exempt: pid and unit");
			continue;
		}
		why = path_weakness(e->name);
		if (why)
			fail(c, &e->at, "rules.exempt", "\"%s\": %s", e->name, why);
		atom_path(c, e->name, ATOM_EXEMPT);
	}
	for (i = 0; i < s->raw_sockets_exempt.n; i++)
		atom_path(c, s->raw_sockets_exempt.v[i].path, ATOM_RAW_EXEMPT);
	for (i = 0; i < sizeof(dhcp_clients) / sizeof(*dhcp_clients); i++)
		atom_path(c, dhcp_clients[i], ATOM_DHCP);
	for (i = 0; i < sizeof(name_servers) / sizeof(*name_servers); i++)
		atom_path(c, name_servers[i], ATOM_RESOLVER);
	/* It asks for what others may reach (resolve.c). */
	atom_path(c, "/proc/self/exe", ATOM_RESOLVER);
}

static void socket_hash(struct compiler *c, __u64 hash, const struct origin *at)
{
	struct tables *t = c->t;

	t->sockets = xreallocarray(t->sockets, t->nsockets + 1, sizeof(*t->sockets));
	t->sockets[t->nsockets++] = (struct socket_entry){
		.hash = hash, .rule = rule_at(RULE_BLOCKED_SOCKETS, 0, at),
	};
}

/* Where a path leads, though its last component need not be there yet. */
static const char *socket_path(const char *path, char real[PATH_MAX])
{
	char dir[PATH_MAX], parent[PATH_MAX];
	const char *name = strrchr(path, '/');

	if (realpath(path, real))
		return real;
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path), path);
	if (!realpath(*dir ? dir : "/", parent) ||
	    snprintf(real, PATH_MAX, "%s%s", parent, name) >= PATH_MAX)
		return path;
	return real;
}

/*
 * A socket is known by its path, by the file that is there now, and by the
 * name that its server bound it to, spelled as here or as it resolves.
 */
static void compile_sockets(struct compiler *c)
{
	const struct path_list *l = &c->src->blocked_sockets;
	char buf[PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < l->n; i++) {
		const char *path = l->v[i].path, *real;

		socket_hash(c, hash_text(c->seed, HASH_SOCKET, path), &l->v[i].at);
		if (*path == '@')
			continue;
		real = socket_path(path, buf);
		socket_hash(c, hash_text(c->seed, HASH_SOCKET, real), &l->v[i].at);
		socket_hash(c, tables_path_hash(c->seed, real), &l->v[i].at);
		if (!stat(path, &st))
			socket_hash(c, file_hash(c, &st), &l->v[i].at);
	}
}

static void compile_paths(struct compiler *c, const struct path_list *l, __u32 class,
			  enum rule_kind kind, const char *key)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct rule_ref rule = rule_at(kind, 0, &l->v[i].at);
		const char *why = paths_add(c->t, c->seed, l->v[i].path, class, &rule);

		if (why)
			fail(c, &l->v[i].at, key, "\"%s\" %s", l->v[i].path, why);
	}
}

static void compile_files(struct compiler *c)
{
	const struct policy_src *s = c->src;

	c->t->files = xcalloc(1, sizeof(*c->t->files));
	if (s->file_enabled == NO)
		return;
	if (s->file_enabled == YES && !s->monitored_paths.n && !s->protected_paths.n &&
	    !s->blocked_paths.n && !s->monitored_env_vars.n)
		fail(c, NULL, "rules.file.enabled", "true, and no path or variable is listed; "
		     "list what is meant in rules.file, or remove it");
	compile_paths(c, &s->blocked_paths, FILE_BLOCKED, RULE_BLOCKED_PATHS,
		      "rules.file.blocked_paths");
	if (c->t->files->n)
		c->t->policy.flags |= POLICY_FILES;
}

/* ---- Rego ---- */

#define REGO_PREFIXES	4096	/* of one clause */

static void write_list(FILE *f, const char *key, const char *comma)
{
	fprintf(f, "%s\"%s\":[", comma, key);
}

static void write_addresses(FILE *f, const struct addr_list *l, bool exact)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct addr_rule *a = &l->v[i];
		bool v4 = a->prefixlen >= V4_PREFIX && addr_is_v4(a->addr);
		char text[INET6_ADDRSTRLEN];

		if ((a->prefixlen == 128) != exact)
			continue;
		inet_ntop(v4 ? AF_INET : AF_INET6, a->addr + (v4 ? 12 : 0), text, sizeof(text));
		fprintf(f, "%s\"%s", comma, text);
		if (!exact)
			fprintf(f, "/%d", (int)a->prefixlen - (v4 ? V4_PREFIX : 0));
		if (a->ports.lo || a->ports.hi != UINT16_MAX)
			fprintf(f, ":%u-%u", a->ports.lo, a->ports.hi);
		fputc('"', f);
		comma = ",";
	}
	fputc(']', f);
}

static void write_hosts(FILE *f, const struct host_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		const struct host_rule *h = &l->v[i];

		fprintf(f, "%s\"%s%s", i ? "," : "", h->below_only ? "." : "", h->name);
		if (h->ports.lo || h->ports.hi != UINT16_MAX)
			fprintf(f, ":%u-%u", h->ports.lo, h->ports.hi);
		fputc('"', f);
	}
	fputc(']', f);
}

static void write_string(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	fputc('"', f);
	for (; *s; s++) {
		if (*s < 0x20 || *s == '"' || *s == '\\')
			fprintf(f, "\\u%04x", *s);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

static void write_profiles(FILE *f, const struct policy_src *s)
{
	size_t i;

	for (i = 0; i < s->profiles.n; i++) {
		const struct profile_rule *p = &s->profiles.v[i];

		fprintf(f, "%s{\"process\":", i ? "," : "");
		write_string(f, p->process.process);
		write_list(f, "allowed_hosts", ",");
		write_hosts(f, &p->hosts);
		write_list(f, "allowed_cidrs", ",");
		write_addresses(f, &p->cidrs, false);
		fputc('}', f);
	}
	fputc(']', f);
}

static void write_chains(FILE *f, const struct policy_src *s)
{
	const char *comma = "";
	size_t i, j;

	for (i = 0; i < s->chains.n; i++) {
		const struct chain_rule *c = &s->chains.v[i];

		if (c->action != CHAIN_CONNECT)
			continue;
		fprintf(f, "%s{\"process\":", comma);
		write_string(f, c->process);
		write_list(f, "ancestors", ",");
		for (j = 0; j < c->ancestors.n; j++) {
			fputs(j ? "," : "", f);
			write_string(f, c->ancestors.v[j].path);
		}
		fputs("]}", f);
		comma = ",";
	}
	fputc(']', f);
}

/* The policy as rules see it in data. */
static char *rego_data(const struct policy_src *s)
{
	char *text;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	fputc('{', f);
	write_list(f, "allowed_hosts", "");
	write_hosts(f, &s->allowed_hosts);
	write_list(f, "allowed_ip_addr", ",");
	write_addresses(f, &s->allowed_ips, true);
	write_list(f, "allowed_cidrs", ",");
	write_addresses(f, &s->allowed_ips, false);
	write_list(f, "allowed_processes", ",");
	for (i = 0; i < s->allowed_processes.n; i++) {
		fputs(i ? "," : "", f);
		write_string(f, s->allowed_processes.v[i].process);
	}
	fputc(']', f);
	write_list(f, "process_profiles", ",");
	write_profiles(f, s);
	write_list(f, "blocked_process_chains", ",");
	write_chains(f, s);
	fprintf(f, ",\"allow_local_ip_ranges\":%s,\"allow_github_meta\":%s,\"allow_metadata\":%s}",
		s->allow_local_ranges != NO ? "true" : "false",
		s->allow_github_meta == YES ? "true" : "false",
		s->allow_metadata == YES ? "true" : "false");
	fclose(f);
	return text;
}

/* One atom for all names that must not be there: a set costs one literal. */
static __u16 atom_for_none(struct compiler *c, const struct rego_clause *clause,
			   enum rego_about about, const struct origin *at)
{
	__u16 atom = 0;
	size_t i, n = 0;

	for (i = 0; i < clause->n; i++)
		n += clause->v[i].about == about && clause->v[i].negated;
	for (i = 0; i < clause->n; i++) {
		const struct rego_literal *l = &clause->v[i];

		if (l->about != about || !l->negated)
			continue;
		if (n == 1)
			return atom_for(c, l->text, at);
		if (!atom)
			atom = atom_new(c, at);
		atom_name(c, l->text, atom);
	}
	return atom;
}

static bool is_process_literal(const struct rego_literal *l)
{
	return l->about == REGO_TASK_NAME || l->about == REGO_EXE || l->about == REGO_ANCESTOR;
}

/* What a clause asks of the process, and @first. */
static int rego_cond(struct compiler *c, const struct rego_clause *clause, __u16 first,
		     const struct origin *at)
{
	static const enum rego_about abouts[] = { REGO_TASK_NAME, REGO_EXE, REGO_ANCESTOR };
	__u16 lits[COND_LITS], n = 0;
	size_t i;

	if (first)
		lits[n++] = first;
	for (i = 0; i < clause->n && n < COND_LITS; i++) {
		const struct rego_literal *l = &clause->v[i];

		if (is_process_literal(l) && !l->negated)
			lits[n++] = atom_for(c, l->text, at) |
				    (l->about == REGO_ANCESTOR ? LIT_ANCESTRY : 0);
	}
	for (i = 0; i < 3 && n < COND_LITS; i++) {
		__u16 atom = atom_for_none(c, clause, abouts[i], at);

		if (atom)
			lits[n++] = atom | LIT_NOT | (abouts[i] == REGO_ANCESTOR ? LIT_ANCESTRY : 0);
	}
	if (n == COND_LITS) {
		fail(c, at, "rego", "asks for more than %d names of processes and ancestors at once",
		     COND_LITS - 4);
		return -1;
	}
	return cond_add(c, at, lits, n);
}

/* @within without what is excluded, in as few prefixes as there are. */
static int rego_carve(struct compiler *c, const struct rego_clause *clause,
		      struct rego_literal within, const struct grant *grant, int room)
{
	bool hole = false;
	size_t i;

	for (i = 0; i < clause->n; i++) {
		const struct rego_literal *l = &clause->v[i];

		if (l->about != REGO_ADDRESS || !l->negated)
			continue;
		if (rego_prefix_within(&within, l))
			return room;
		hole |= rego_prefix_within(l, &within);
	}
	if (hole) {
		int bit = within.prefixlen++;

		room = rego_carve(c, clause, within, grant, room);
		within.addr[bit / 8] |= 0x80 >> (bit % 8);
		return rego_carve(c, clause, within, grant, room);
	}
	if (room > 0) {
		struct raw_grant *r = raw_add(c, within.addr, within.prefixlen);

		r->grant = *grant;
	}
	return room - 1;
}

static bool v4_within(const struct rego_literal *l)
{
	return l->prefixlen >= V4_PREFIX && addr_is_v4(l->addr);
}

/* IPv6 but for ::ffff:0:0/96, and IPv4, each without what is excluded of it. */
static void rego_addresses(struct compiler *c, const struct rego_clause *clause,
			   const struct rego_literal *within, const struct grant *grant,
			   const struct origin *at)
{
	struct rego_literal all = { .about = REGO_ADDRESS };
	struct rego_literal v4 = { .about = REGO_ADDRESS, .prefixlen = V4_PREFIX,
				   .addr = { [10] = 0xff, 0xff } };
	int room = REGO_PREFIXES;
	size_t from = c->nraw, i, n;

	if (within && v4_within(within)) {
		room = rego_carve(c, clause, *within, grant, room);
	} else {
		room = rego_carve(c, clause, within ? *within : all, grant, room);
		/* A prefix beside an excluded one may be all of IPv4, or a part of it. */
		for (i = n = from; i < c->nraw; i++) {
			struct rego_literal l = { .prefixlen = c->raw[i].key.prefixlen };

			memcpy(l.addr, c->raw[i].key.addr, sizeof(l.addr));
			if (!v4_within(&l))
				c->raw[n++] = c->raw[i];
		}
		c->nraw = n;
		if (!within)
			room = rego_carve(c, clause, v4, grant, room);
	}
	if (room < 0)
		fail(c, at, "rego", "what it excludes leaves more than %d ranges of addresses",
		     REGO_PREFIXES);
}

static void rego_host(struct compiler *c, const struct rego_literal *l, const struct grant *grant,
		      const struct origin *at)
{
	struct host_rule h = { .name = (char *)l->text + l->below, .below_only = l->below,
			       .at = *at };

	grant_host(c, &h, grant->cond, grant->rule);
	c->hosts[c->nhosts - 1].alone = !l->below;
	c->hosts[c->nhosts - 1].grant = *grant;
}

static void rego_anywhere(struct compiler *c, const struct grant *grant, const struct origin *at)
{
	struct policy *p = &c->t->policy;

	if (p->nany == POLICY_GRANTS / 2)
		fail(c, at, "rego", "more than %d ways to reach any address", POLICY_GRANTS / 2);
	else
		p->grants[p->nany++] = *grant;
	p->ngrants = p->nany;
}

/* Where a clause leads: a name, some addresses, or anywhere. */
static void rego_grant(struct compiler *c, const struct rego_clause *clause, struct grant *g,
		       const struct origin *at)
{
	const struct rego_literal *name = NULL, *within = NULL, *l;
	bool excludes = false;
	size_t i;

	for (i = 0; i < clause->n; i++) {
		l = &clause->v[i];
		if (l->about == REGO_DOMAIN && (l->negated || name)) {
			fail(c, at, "rego", l->negated ? "asks that no name of the address is one of these; "
			     "the kernel cannot decide that; list the names that are allowed" :
			     "asks for two names at once; the kernel cannot decide that");
			return;
		}
		if (l->about == REGO_DOMAIN)
			name = l;
		if (l->about == REGO_ADDRESS && !l->negated &&
		    (!within || l->prefixlen > within->prefixlen))
			within = l;
		excludes |= l->about == REGO_ADDRESS && l->negated;
	}
	if (name && (within || excludes))
		fail(c, at, "rego", "asks for a name and an address at once; the kernel cannot decide that; "
		     "make two rules of it");
	else if (name)
		rego_host(c, name, g, at);
	else if (within || excludes)
		rego_addresses(c, clause, within, g, at);
	else
		rego_anywhere(c, g, at);
}

static void rego_allow(struct compiler *c, const struct rego_clause *clause,
		       const struct origin *at)
{
	struct grant g = { .protos = PROTO_BIT_ANY, .port_hi = UINT16_MAX,
			   .rule = rule_at(RULE_REGO, 0, at) };
	int cond = rego_cond(c, clause, UNPROFILED, at);
	size_t i;

	for (i = 0; i < clause->n; i++) {
		const struct rego_literal *l = &clause->v[i];

		if (l->about == REGO_PROTO)
			g.protos &= l->protos;
		if (l->about != REGO_PORT)
			continue;
		if (l->lo > g.port_lo)
			g.port_lo = l->lo;
		if (l->hi < g.port_hi)
			g.port_hi = l->hi;
	}
	if (cond < 0 || !g.protos || g.port_lo > g.port_hi)
		return;
	g.cond = cond;
	rego_grant(c, clause, &g, at);
}

static void rego_deny(struct compiler *c, const struct rego_clause *clause,
		      const struct origin *at)
{
	int cond = rego_cond(c, clause, 0, at);
	size_t i;

	for (i = 0; i < clause->n; i++) {
		if (is_process_literal(&clause->v[i]))
			continue;
		fail(c, at, "ancestry_denied", "asks for the destination; it can ask for the process and "
		     "its ancestors alone");
		return;
	}
	if (cond >= 0)
		deny_add(c, at, cond, RULE_REGO_DENY, false);
}

static void compile_rego(struct compiler *c)
{
	struct rego_clauses clauses;
	char *data;
	size_t i, f;

	if (!c->src->rego)
		return;
	data = rego_data(c->src);
	c->errors += rego_lower(c->src->rego, data, c->src->mode == MODE_TRACE ? "trace" : "monitor",
				&clauses, c->err);
	free(data);
	for (i = 0; i < clauses.n && !c->errors; i++) {
		const struct rego_clause *clause = &clauses.v[i];
		struct origin at = { .line = clause->line, .column = clause->column,
				     .index = clause->line };

		for (f = 0; f < c->src->nfiles; f++)
			if (!strcmp(c->src->files[f], clause->file))
				at.file = f;
		if (clause->denies)
			rego_deny(c, clause, &at);
		else
			rego_allow(c, clause, &at);
	}
}

/* Accepted and not enforced would be worse than refused. */
static void refuse_unsupported(struct compiler *c)
{
	const struct policy_src *s = c->src;
	size_t i;

	if (s->file_enabled != NO && s->monitored_paths.n)
		unsupported(c, &s->monitored_paths.v[0].at, "rules.file.monitored_paths");
	if (s->file_enabled != NO && s->protected_paths.n)
		unsupported(c, &s->protected_paths.v[0].at, "rules.file.protected_paths");
	if (s->file_enabled != NO && s->monitored_env_vars.n)
		unsupported(c, &s->monitored_env_vars.v[0].at, "rules.file.monitored_env_vars");
	if (s->webhooks.n && !s->agent)
		fail(c, &s->webhooks.v[0].at, "webhooks",
		     "it is the agent that posts to them; give this policy to kntrl start");
	for (i = 0; i < s->webhooks.n; i++)
		if (s->webhooks.v[i].filter != HOOK_ALL && s->webhooks.v[i].filter & HOOK_FILE_FLAG)
			unsupported(c, &s->webhooks.v[i].at, "webhooks: events: file_flag");
}

static void compile_flags(struct compiler *c)
{
	struct policy *p = &c->t->policy;

	if (c->src->mode == MODE_TRACE)
		p->flags |= POLICY_TRACE;
	if (c->src->raw_sockets == RAW_UNSET || c->src->raw_sockets == RAW_BLOCK)
		p->flags |= POLICY_RAW_BLOCK;
	if (c->src->raw_sockets == RAW_MONITOR)
		p->flags |= POLICY_RAW_MONITOR;
	if (c->src->self_protect == YES)
		p->flags |= POLICY_SELF;
	if (c->src->process_enabled != NO && c->src->block_ptrace == YES)
		p->flags |= POLICY_PTRACE;
	if (c->src->blocked_sockets.n)
		p->flags |= POLICY_SOCKETS;
	if (c->src->block_unlisted_queries == YES)
		p->flags |= POLICY_QUERIES;
	if (c->src->exempt.n || c->src->webhooks.n)	/* who posts to them is exempt */
		p->flags |= POLICY_EXEMPTS;
}

/* What may be said, where only a name leads; it is asked of nobody else. */
static void compile_tls(struct compiler *c)
{
	struct policy *p = &c->t->policy;

	if (c->src->enforce_sni != NO)
		p->flags |= POLICY_SNI;
	if (c->src->block_quic != NO)
		p->flags |= POLICY_QUIC;
	if (c->src->allow_http == NO)
		p->flags |= POLICY_NO_HTTP;
}

int compile(const struct policy_src *src, const __u64 seed[2], struct tables *t, FILE *err)
{
	struct compiler c = { .src = src, .seed = seed, .t = t, .err = err,
			      .next_atom = ATOM_FIRST_FREE };
	size_t i;

	memset(t, 0, sizeof(*t));
	refuse_unsupported(&c);
	c.cond_global = cond_add(&c, NULL, &(__u16){ UNPROFILED }, 1);
	compile_flags(&c);
	/* Profiles first: the number of a profile is its atom less ATOM_FIRST_FREE. */
	for (i = 0; i < src->profiles.n; i++)
		compile_profile(&c, &src->profiles.v[i], i);
	compile_rego(&c);	/* what holds anywhere comes first among the grants */
	compile_network(&c);
	compile_processes(&c);
	if (src->process_enabled != NO) {
		compile_chains(&c, CHAIN_CONNECT);
		compile_chains(&c, CHAIN_EXEC);
		compile_executables(&c);
	}
	compile_dns(&c);
	compile_exemptions(&c);
	compile_sockets(&c);
	compile_files(&c);
	processes_unite(t);
	addresses_unite(&c);
	if (c.nhosts)
		compile_tls(&c);
	if (src->block_unlisted_queries == YES)
		hosts_search(&c);
	hosts_record(&c);
	hosts_unite(&c);
	free(c.raw);
	free(c.named);
	return c.errors;
}

void tables_free(struct tables *t)
{
	free(t->addresses);
	free(t->processes);
	free(t->sockets);
	free(t->files);
	free(t->file_ids);
	free(t->hosts);
	memset(t, 0, sizeof(*t));
}

/* ---- Lookup ---- */

const struct atoms *tables_process(const struct tables *t, __u64 hash)
{
	struct process_entry key = { .hash = hash };
	struct process_entry *e = NULL;

	if (t->nprocesses)
		e = bsearch(&key, t->processes, t->nprocesses, sizeof(key), by_hash);
	return e ? &e->atoms : NULL;
}

/* The last entry not after the address, or the nearest prefix around that one. */
const struct destination *tables_address(const struct tables *t, const __u8 addr[16])
{
	struct address_key key = { .prefixlen = 128 };
	size_t lo = 0, hi = t->naddresses;

	memcpy(key.addr, addr, sizeof(key.addr));
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (memcmp(t->addresses[mid].key.addr, addr, sizeof(key.addr)) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && !covers(&t->addresses[lo - 1].key, &key))
		lo = t->addresses[lo - 1].parent;
	return lo ? &t->addresses[lo - 1].dest : NULL;
}

/* Likewise; the last entry not after the name, by its text and then its length. */
const struct destination *tables_host(const struct tables *t, const struct host_key *key)
{
	size_t lo = 0, hi = t->nhosts;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(t->hosts[mid].key.text, key->text) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && !host_covers(&t->hosts[lo - 1].key, key))
		lo = t->hosts[lo - 1].parent;
	return lo ? &t->hosts[lo - 1].dest : NULL;
}
