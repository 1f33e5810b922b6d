// SPDX-License-Identifier: Apache-2.0
/*
 * An input that is not known: a run over it goes both ways wherever something is
 * asked of it, and each way keeps the literals that it rests on.
 */
#include <arpa/inet.h>
#include <string.h>

#include "addr.h"
#include "run.h"
#include "../hosts.h"
#include "../policy.h"

#define CLAUSES_MAX	4096	/* of one rule */
#define REDUCE_MAX	1024	/* ways that are compared with each other */

const struct binding none = { .var = -2 };

void refuse(struct run *u, struct place at, const char *what, const char *hint)
{
	arena_fail(u->a, at, "%s: the kernel cannot decide that; %s", what, hint);
}

/* ---- Chains ---- */

const struct binding *assume(struct run *u, const struct binding *b, const struct literal *l)
{
	const struct binding *i;
	struct binding *out;

	for (i = b; i; i = i->up) {
		enum relation rel = REL_OPEN;

		if (i->var == -1)
			rel = literal_relate(i->literal, l);
		if (rel == REL_IMPLIED)
			return b;
		if (rel == REL_IMPOSSIBLE)
			return NULL;
	}
	enter(u, l->at);
	u->depth--;
	out = arena_alloc(u->a, sizeof(*out));
	*out = (struct binding){ b, -1, .literal = arena_copy(u->a, l, sizeof(*l)) };
	return out;
}

const struct binding *assume_all(struct run *u, const struct binding *b, const struct binding *of)
{
	for (; of && b; of = of->up)
		if (of->var == -1)
			b = assume(u, b, of->literal);
	return b;
}

static void literals_add(struct run *u, struct literals *out, const struct literal *l)
{
	out->v = arena_grow(u->a, out->v, out->n, sizeof(*out->v));
	out->v[out->n++] = *l;
}

static bool same_element(const struct literal *a, const struct literal *b)
{
	return a->element == b->element && a->l.about == b->l.about;
}

/*
 * What is asked of one element, as one literal of its list: the narrowest one.
 * Those against it must follow from that one.
 */
static struct literal element_end(struct run *u, const struct literals *all, struct literal l)
{
	const struct literal *best = NULL;
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct literal *o = &all->v[i];

		if (!same_element(o, &l) || !o->l.text || o->l.negated)
			continue;
		if (!best || literal_relate(o, best) == REL_IMPLIED)
			best = o;
	}
	if (!best)
		refuse(u, l.at, l.l.about == REGO_DOMAIN ? "some name that is not one of these" :
		       "some ancestor that is not one of these",
		       "say what it must be, or ask with \"not\" that none of them is what it must not be");
	for (i = 0; i < all->n; i++) {
		const struct literal *o = &all->v[i];

		if (same_element(o, &l) && o->l.text && literal_relate(best, o) != REL_IMPLIED)
			refuse(u, o->at, "a part of the names under a suffix", "name those that are meant");
	}
	l = *best;
	l.element = 0;
	return l;
}

struct literals literals_after(struct run *u, const struct binding *b, const struct binding *base,
			       int mark)
{
	struct literals all = { 0 }, out = { 0 };
	size_t i, j;

	for (; b && b != base; b = b->up)
		if (b->var == -1)
			literals_add(u, &all, b->literal);
	for (i = 0; i < all.n; i++) {
		struct literal l = all.v[i];

		if (l.element > mark) {
			for (j = 0; j < i && !same_element(&all.v[j], &l); j++)
				;
			if (j < i)
				continue;
			l = element_end(u, &all, l);
		}
		literals_add(u, &out, &l);
	}
	return out;
}

/* From each way, one for each literal that may fail. */
static void negate_clause(struct run *u, const struct ways *from, const struct literals *clause,
			  struct ways *out)
{
	size_t i, j;
	int k, n;

	for (i = 0; i < from->n; i++) {
		const struct binding *b = from->v[i].b;
		struct ways now = { 0 };

		for (j = 0; j < clause->n; j++) {
			struct literal neg[2];

			n = literal_negate(&clause->v[j], neg);
			for (k = 0; k < n; k++) {
				const struct binding *next = assume(u, b, &neg[k]);

				if (next == b) {	/* it fails on this way already */
					now.n = 0;
					way_add(u, &now, b, &value_true);
					goto next_way;
				}
				if (next)
					way_add(u, &now, next, &value_true);
			}
		}
next_way:
		for (j = 0; j < now.n; j++)
			way_add(u, out, now.v[j].b, now.v[j].value);
	}
	if (out->n > CLAUSES_MAX)
		arena_fail(u->a, clause->v[0].at, "more than %d combinations of what may fail; ask less under \"not\"",
			   CLAUSES_MAX);
}

void negate(struct run *u, const struct binding *b, const struct ways *ways,
	    const struct binding *base, int mark, struct ways *out)
{
	struct ways now = { 0 }, next;
	size_t i;

	way_add(u, &now, b, &value_true);
	for (i = 0; i < ways->n; i++, now = next) {
		struct literals clause = literals_after(u, ways->v[i].b, base, mark);

		next = (struct ways){ 0 };
		if (!clause.n)
			return;
		negate_clause(u, &now, &clause, &next);
	}
	for (i = 0; i < now.n; i++)
		way_add(u, out, now.v[i].b, &value_true);
}

/* ---- Rules ---- */

void ways_finish(struct run *u, struct ways *ways, int mark, struct place at)
{
	size_t i, j, n = 0;

	for (i = 0; i < ways->n; i++) {
		struct literals l = literals_after(u, ways->v[i].b, NULL, mark);
		const struct value *v = ways->v[i].value;
		const struct binding *b = &none;

		if (v->type == V_SYMBOL && v->element > mark)
			refuse(u, at, "the value is one of the input's", "ask for it where it is used");
		for (j = 0; j < l.n && b; j++)
			b = assume(u, b, &l.v[j]);
		if (b)
			ways->v[n++] = (struct way){ b, ways->v[i].value };
	}
	ways->n = n;
}

/* Whether all that @a asks @b asks too. */
static bool chain_within(const struct binding *b, const struct binding *a)
{
	const struct binding *i;

	for (; a; a = a->up) {
		for (i = b; i && a->var == -1; i = i->up)
			if (i->var == -1 && literal_relate(i->literal, a->literal) == REL_IMPLIED)
				break;
		if (a->var == -1 && !i)
			return false;
	}
	return true;
}

/* Leaves out ways from @from on that say no more than another; two values at once are an error. */
void ways_reduce(struct run *u, struct ways *ways, size_t from, const char *name, struct place at)
{
	size_t i, j, n = from;

	for (i = from; i < ways->n; i++) {
		struct way w = ways->v[i];

		for (j = 0; j < n; j++) {
			const struct way *o = &ways->v[j];

			if (value_compare(w.value, o->value)) {
				if (assume_all(u, w.b, o->b))
					arena_fail(u->a, at, "%s has more than one value: %s and %s", name,
						   value_text(u->a, o->value), value_text(u->a, w.value));
			} else if (j < REDUCE_MAX && chain_within(w.b, o->b)) {
				break;
			}
		}
		if (j == n)
			ways->v[n++] = w;
	}
	ways->n = n;
	if (n > CLAUSES_MAX)
		arena_fail(u->a, at, "%s holds in more than %d different ways; ask for less at once",
			   name, CLAUSES_MAX);
}

/* ---- Symbols ---- */

struct value *symbol(struct run *u, enum symbol what, int element)
{
	struct value *v = arena_alloc(u->a, sizeof(*v));

	v->type = V_SYMBOL;
	v->symbol = what;
	v->element = element;
	return v;
}

bool is_symbol_list(const struct value *v)
{
	return v->type == V_SYMBOL && (v->symbol == SYM_ANCESTORS || v->symbol == SYM_DOMAINS);
}

/* Some element of a list, and that it is there. */
const struct binding *element_new(struct run *u, const struct binding *b, const struct value *list,
				  struct place at, struct value **element)
{
	bool names = list->symbol == SYM_DOMAINS;
	struct literal l = { .l.about = names ? REGO_DOMAIN : REGO_ANCESTOR, .at = at };

	l.element = ++u->elements;
	*element = symbol(u, names ? SYM_DOMAIN : SYM_ANCESTOR, l.element);
	return assume(u, b, &l);
}

struct value *symbol_field(struct run *u, const struct value *key, struct place at)
{
	static const struct { const char *name; enum symbol what; } fields[] = {
		{ "task_name", SYM_TASK_NAME }, { "exe", SYM_EXE }, { "proto", SYM_PROTO },
		{ "daddr", SYM_DADDR }, { "dport", SYM_DPORT }, { "ancestors", SYM_ANCESTORS },
		{ "domains", SYM_DOMAINS },
	};
	size_t i;

	if (key->type != V_STRING)
		refuse(u, at, "a key of input that is no constant", "write input.task_name or the like");
	if (!strcmp(key->text, "mode"))
		return value_string(u->a, u->mode, strlen(u->mode));
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(fields[i].name, key->text))
			return symbol(u, fields[i].what, 0);
	arena_fail(u->a, at, "input.%s: rules of a policy cannot ask for it; they can for task_name, exe, ancestors, proto, daddr, dport, domains and mode",
		   key->text);
}

/* ---- What may be asked ---- */

static const char *symbol_name(const struct value *v)
{
	static const char *const names[] = {
		[SYM_INPUT] = "input", [SYM_TASK_NAME] = "input.task_name", [SYM_EXE] = "input.exe",
		[SYM_PROTO] = "input.proto", [SYM_DADDR] = "input.daddr", [SYM_DPORT] = "input.dport",
		[SYM_ANCESTORS] = "input.ancestors", [SYM_DOMAINS] = "input.domains",
		[SYM_ANCESTOR] = "an ancestor", [SYM_DOMAIN] = "a domain", [SYM_INDEX] = "an index",
	};

	return names[v->symbol];
}

static void both_ways(struct run *u, const struct binding *b, const struct literal *l, bool both,
		      struct ways *out)
{
	const struct binding *next = assume(u, b, l);
	struct literal neg[2];
	int i, n;

	if (next)
		way_add(u, out, next, &value_true);
	if (!both || next == b)
		return;
	n = literal_negate(l, neg);
	for (i = 0; i < n; i++) {
		next = assume(u, b, &neg[i]);
		if (next)
			way_add(u, out, next, &value_false);
	}
}

static void name_check(struct run *u, const struct value *v, struct place at, bool path)
{
	if (path && v->text[0] != '/')
		refuse(u, at, "input.exe is a full path, and this is none", "ask for input.task_name");
	if (!path && memchr(v->text, '/', v->len))
		refuse(u, at, "a task name has no slash", "ask for input.exe");
	if (!v->len || v->len > (path ? 4095 : 255) || strlen(v->text) != v->len)
		refuse(u, at, "no process has such a name", "remove it");
}

/* Names are in lower case without a dot at their end; a suffix has one before it. */
static void domain_check(struct run *u, const struct value *v, struct place at)
{
	struct host_key key;
	char name[HOST_KEY];
	const char *text = v->text + (v->text[0] == '.');

	if (strlen(v->text) == v->len && host_key_make(&key, text)) {
		host_key_name(&key, name);
		if (!strcmp(name, text))
			return;
	}
	arena_fail(u->a, at, "\"%s\" is not a name as they are in input.domains: in lower case, without a dot at its end, without a port",
		   v->text);
}

static void port_literal(struct run *u, const struct value *v, struct literal *l)
{
	if (v->number != (uint16_t)v->number)
		refuse(u, l->at, "a port is a whole number from 0 to 65535", "give one");
	l->l.about = REGO_PORT;
	l->l.lo = l->l.hi = v->number;
}

static void address_literal(struct run *u, const struct value *v, struct literal *l)
{
	char text[INET6_ADDRSTRLEN];
	const char *wrong = strlen(v->text) == v->len ? parse_address(v->text, l->l.addr) : "";

	if (!wrong && addr_is_v4(l->l.addr))
		inet_ntop(AF_INET, l->l.addr + 12, text, sizeof(text));
	else if (!wrong)
		inet_ntop(AF_INET6, l->l.addr, text, sizeof(text));
	if (wrong || strcmp(text, v->text))
		arena_fail(u->a, l->at, "\"%s\" is not an address as it is in input.daddr%s%s", v->text,
			   wrong ? "" : "; write ", wrong ? "" : text);
	l->l.about = REGO_ADDRESS;
	l->l.prefixlen = 128;
}

static void proto_literal(struct run *u, const struct value *v, struct literal *l)
{
	l->l.about = REGO_PROTO;
	if (!strcmp(v->text, "tcp"))
		l->l.protos = REGO_PROTO_TCP;
	else if (!strcmp(v->text, "udp"))
		l->l.protos = REGO_PROTO_UDP;
	else
		refuse(u, l->at, "input.proto", "it can be compared with \"tcp\" and \"udp\" (in lower case) only");
}

/* x is y: false if it never is, since it is of another type. */
static bool equal_literal(struct run *u, const struct value *x, const struct value *y,
			  struct literal *l)
{
	if (x->symbol == SYM_INPUT || x->symbol == SYM_INDEX || is_symbol_list(x))
		refuse(u, l->at, symbol_name(x), "it cannot be compared; ask for its parts");
	if (y->type != (x->symbol == SYM_DPORT ? V_NUMBER : V_STRING))
		return false;
	l->l.text = y->type == V_STRING ? y->text : NULL;
	l->element = x->element;
	switch ((enum symbol)x->symbol) {
	case SYM_TASK_NAME:
		name_check(u, y, l->at, false);
		l->l.about = REGO_TASK_NAME;
		break;
	case SYM_EXE:
		name_check(u, y, l->at, true);
		l->l.about = REGO_EXE;
		break;
	case SYM_ANCESTOR:
		name_check(u, y, l->at, y->text[0] == '/');
		l->l.about = REGO_ANCESTOR;
		break;
	case SYM_DOMAIN:
		if (y->text[0] == '.')
			return false;
		domain_check(u, y, l->at);
		l->l.about = REGO_DOMAIN;
		break;
	case SYM_PROTO:
		l->l.text = NULL;
		proto_literal(u, y, l);
		break;
	case SYM_DADDR:
		l->l.text = NULL;
		address_literal(u, y, l);
		break;
	default:
		port_literal(u, y, l);
	}
	return true;
}

void symbol_equal(struct run *u, const struct binding *b, const struct value *x,
		  const struct value *y, struct place at, bool both, struct ways *out)
{
	struct literal l = { .at = at };

	if (x->type != V_SYMBOL) {
		const struct value *swap = x;

		x = y;
		y = swap;
	}
	if (y->type == V_SYMBOL) {
		if (value_compare(x, y))
			refuse(u, at, "two parts of the input, compared with each other", "compare with constants");
		way_add(u, out, b, &value_true);
	} else if (equal_literal(u, x, y, &l)) {
		both_ways(u, b, &l, both, out);
	} else if (both) {
		way_add(u, out, b, &value_false);
	}
}

/* Some element of a constant list is @x: a way for each, and those on which none is. */
static void symbol_in_list(struct run *u, const struct binding *b, const struct value *x,
			   const struct value *list, struct place at, struct ways *out)
{
	size_t width = list->type == V_OBJECT ? 2 : 1, i;
	struct ways now = { 0 };

	for (i = 0; i < list->n; i++)
		symbol_equal(u, b, x, list->v[i * width + width - 1], at, false, &now);
	for (i = 0; i < now.n; i++)
		way_add(u, out, now.v[i].b, &value_true);
	for (i = 0, now.n = 0, way_add(u, &now, b, NULL); i < list->n; i++) {
		struct ways next = { 0 }, kept = { 0 };
		size_t j;

		for (j = 0; j < now.n; j++)
			symbol_equal(u, now.v[j].b, x, list->v[i * width + width - 1], at, true, &next);
		for (j = 0; j < next.n; j++)
			if (next.v[j].value == &value_false)
				way_add(u, &kept, next.v[j].b, NULL);
		now = kept;
	}
	for (i = 0; i < now.n; i++)
		way_add(u, out, now.v[i].b, &value_false);
}

static void symbol_in(struct run *u, const struct binding *b, const struct term *t,
		      struct value **v, struct ways *out)
{
	struct value any = { .type = V_SYMBOL };
	bool list = v[1]->type >= V_ARRAY && v[1]->type <= V_SET;

	if (is_symbol_list(v[1]) && v[0]->type != V_SYMBOL) {
		any.symbol = v[1]->symbol == SYM_DOMAINS ? SYM_DOMAIN : SYM_ANCESTOR;
		symbol_equal(u, b, &any, v[0], t->at, true, out);
	} else if (v[0]->type == V_SYMBOL && v[1]->type != V_SYMBOL) {
		if (list)
			symbol_in_list(u, b, v[0], v[1], t->at, out);
		else
			way_add(u, out, b, &value_false);
	} else {
		refuse(u, t->at, "a part of the input in another", "compare with constants");
	}
}

/* Comparison by order: ports only. */
static void symbol_order(struct run *u, const struct binding *b, const struct term *t,
			 struct value **v, struct ways *out)
{
	bool swapped = v[0]->type != V_SYMBOL, less = t->builtin->name[0] == 'l';
	bool or_equal = t->builtin->name[2];
	const struct value *x = v[swapped], *y = v[!swapped];
	struct literal l = { .at = t->at };

	if (x->symbol != SYM_DPORT || y->type != V_NUMBER)
		refuse(u, t->at, symbol_name(x), "only input.dport can be compared by order, with a number");
	port_literal(u, y, &l);
	if (less != swapped) {		/* dport < y, or <= */
		l.l.lo = 0;
		if (!or_equal && !l.l.hi--) {
			way_add(u, out, b, &value_false);
			return;
		}
	} else {
		l.l.hi = UINT16_MAX;
		if (!or_equal && l.l.lo++ == UINT16_MAX) {
			way_add(u, out, b, &value_false);
			return;
		}
	}
	both_ways(u, b, &l, true, out);
}

static bool suffix_literal(struct run *u, const struct value *x, const struct value *y,
			   struct literal *l)
{
	if (x->type != V_SYMBOL || x->symbol != SYM_DOMAIN)
		refuse(u, l->at, x->type == V_SYMBOL ? symbol_name(x) : "a suffix from the input",
		       "only an element of input.domains can be asked for its end");
	if (y->type != V_STRING)
		return false;
	if (y->text[0] != '.')
		refuse(u, l->at, "the end of a name without a dot before it",
		       "write it as \".example.org\"; \"example.org\" would hold for evil-example.org too");
	domain_check(u, y, l->at);
	l->l.about = REGO_DOMAIN;
	l->l.below = true;
	l->l.text = y->text;
	l->element = x->element;
	return true;
}

static void symbol_endswith(struct run *u, const struct binding *b, const struct term *t,
			    struct value **v, struct ways *out)
{
	struct literal l = { .at = t->at };

	if (suffix_literal(u, v[0], v[1], &l))
		both_ways(u, b, &l, true, out);
}

static void symbol_any_suffix(struct run *u, const struct binding *b, const struct term *t,
			      struct value **v, struct ways *out)
{
	const struct binding *no = b, *yes;
	struct literal l = { .at = t->at }, neg[2];
	size_t i;

	if (v[1]->type != V_ARRAY && v[1]->type != V_SET)
		refuse(u, t->at, "suffixes that are no list", "give an array or a set");
	for (i = 0; i < v[1]->n; i++) {
		if (!suffix_literal(u, v[0], v[1]->v[i], &l))
			return;
		yes = assume(u, b, &l);
		if (yes)
			way_add(u, out, yes, &value_true);
		literal_negate(&l, neg);
		if (no)
			no = assume(u, no, &neg[0]);
	}
	if (no)
		way_add(u, out, no, &value_false);
}

static void symbol_cidr(struct run *u, const struct binding *b, const struct term *t,
			struct value **v, struct ways *out)
{
	struct literal l = { .l.about = REGO_ADDRESS, .at = t->at };
	struct addr_rule a;

	if (v[0]->type == V_SYMBOL || v[1]->symbol != SYM_DADDR)
		refuse(u, t->at, "net.cidr_contains", "give a constant range and input.daddr");
	if (v[0]->type != V_STRING || strlen(v[0]->text) != v[0]->len ||
	    parse_addr_rule(v[0]->text, &a) || a.ports.lo || a.ports.hi != UINT16_MAX)
		refuse(u, t->at, "a range that is none", "write it as 192.0.2.0/24");
	memcpy(l.l.addr, a.addr, sizeof(l.l.addr));
	l.l.prefixlen = a.prefixlen;
	both_ways(u, b, &l, true, out);
}

void symbol_step(struct run *u, const struct binding *b, struct value *from, struct value *key,
		 struct place at, struct ways *out)
{
	size_t width = from->type == V_OBJECT ? 2 : 1, i, j;

	if (from->type == V_SYMBOL && from->symbol == SYM_INPUT) {
		way_add(u, out, b, symbol_field(u, key, at));
	} else if (is_symbol_list(from)) {
		refuse(u, at, "an element by its position", "ask for any: some x in input.ancestors");
	} else if (from->type == V_ARRAY) {
		refuse(u, at, "a position from the input", "look for the value with \"in\"");
	} else if (from->type != V_SYMBOL) {
		for (i = 0; i < from->n; i++) {
			struct ways now = { 0 };

			symbol_equal(u, b, key, from->v[i * width], at, false, &now);
			for (j = 0; j < now.n; j++)
				way_add(u, out, now.v[j].b, from->v[i * width + width - 1]);
		}
	}
}

void symbol_call(struct run *u, const struct binding *b, const struct term *t, struct value **v,
		 struct ways *out)
{
	const char *name = t->builtin->name;
	struct ways now = { 0 };
	size_t i;

	if (!strcmp(name, "equal")) {
		symbol_equal(u, b, v[0], v[1], t->at, true, out);
	} else if (!strcmp(name, "neq")) {
		symbol_equal(u, b, v[0], v[1], t->at, true, &now);
		for (i = 0; i < now.n; i++)
			way_add(u, out, now.v[i].b, value_bool(now.v[i].value == &value_false));
	} else if (!strcmp(name, "in")) {
		symbol_in(u, b, t, v, out);
	} else if (!strcmp(name, "lt") || !strcmp(name, "lte") || !strcmp(name, "gt") ||
		   !strcmp(name, "gte")) {
		symbol_order(u, b, t, v, out);
	} else if (!strcmp(name, "endswith")) {
		symbol_endswith(u, b, t, v, out);
	} else if (!strcmp(name, "strings.any_suffix_match")) {
		symbol_any_suffix(u, b, t, v, out);
	} else if (!strcmp(name, "net.cidr_contains")) {
		symbol_cidr(u, b, t, v, out);
	} else if (!strcmp(name, "lower") && v[0]->symbol == SYM_DOMAIN) {
		way_add(u, out, b, v[0]);	/* they are so already */
	} else {
		refuse(u, t->at, name, "of the input it can be asked what is equal, in a list of constants, in a range, or ends in a suffix");
	}
}
