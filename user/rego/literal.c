// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "addr.h"
#include "literal.h"

#define V4_PREFIX	96

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len > n && !strcmp(text + len - n, end);
}

static bool same_text(const struct rego_literal *a, const struct rego_literal *b)
{
	return a->below == b->below && !strcmp(a->text, b->text);
}

/* Whether all names that @a is about are such that @b is about. */
static bool names_within(const struct rego_literal *a, const struct rego_literal *b)
{
	return same_text(a, b) || (b->below && ends_with(a->text, b->text));
}

bool rego_prefix_within(const struct rego_literal *a, const struct rego_literal *b)
{
	int bytes = b->prefixlen / 8, bits = b->prefixlen % 8;

	/* An IPv6 prefix around ::ffff:0:0/96 says nothing of IPv4. */
	if (b->prefixlen > a->prefixlen || memcmp(a->addr, b->addr, bytes) ||
	    (b->prefixlen < V4_PREFIX && a->prefixlen >= V4_PREFIX && addr_is_v4(a->addr)))
		return false;
	return !bits || !((a->addr[bytes] ^ b->addr[bytes]) >> (8 - bits));
}

/* The literals as sets of what they hold for, negation aside. */
static bool within(const struct rego_literal *a, const struct rego_literal *b)
{
	switch (a->about) {
	case REGO_PROTO:
		return !(a->protos & ~b->protos);
	case REGO_PORT:
		return a->lo >= b->lo && a->hi <= b->hi;
	case REGO_ADDRESS:
		return rego_prefix_within(a, b);
	case REGO_DOMAIN:
		return names_within(a, b);
	default:
		return same_text(a, b);
	}
}

static bool apart(const struct rego_literal *a, const struct rego_literal *b)
{
	switch (a->about) {
	case REGO_PROTO:
		return !(a->protos & b->protos);
	case REGO_PORT:
		return a->hi < b->lo || a->lo > b->hi;
	default:
		return !within(a, b) && !within(b, a);
	}
}

/* A process has several names, and an address: one element has one, as has a port. */
static bool has_one_value(const struct literal *l)
{
	return l->element || l->l.about == REGO_PROTO || l->l.about == REGO_PORT ||
	       l->l.about == REGO_ADDRESS;
}

enum relation literal_relate(const struct literal *known, const struct literal *l)
{
	if (known->l.about != l->l.about || known->element != l->element)
		return REL_OPEN;
	/* An element that is only said to be there. */
	if (!known->l.text != !l->l.text)
		return REL_OPEN;
	if (l->element && !l->l.text)
		return REL_IMPLIED;
	if (!known->l.negated && within(&known->l, &l->l))
		return l->l.negated ? REL_IMPOSSIBLE : REL_IMPLIED;
	if (known->l.negated && within(&l->l, &known->l))
		return l->l.negated ? REL_IMPLIED : REL_IMPOSSIBLE;
	if (!known->l.negated && has_one_value(l) && apart(&known->l, &l->l))
		return l->l.negated ? REL_IMPLIED : REL_IMPOSSIBLE;
	return REL_OPEN;
}

int literal_negate(const struct literal *l, struct literal out[2])
{
	int n = 0;

	out[0] = out[1] = *l;
	switch (l->l.about) {
	case REGO_PROTO:
		out[0].l.protos = REGO_PROTO_ANY & ~l->l.protos;
		return !!out[0].l.protos;
	case REGO_PORT:
		if (l->l.lo > 0) {
			out[n].l.lo = 0;
			out[n++].l.hi = l->l.lo - 1;
		}
		if (l->l.hi < UINT16_MAX) {
			out[n].l.lo = l->l.hi + 1;
			out[n++].l.hi = UINT16_MAX;
		}
		return n;
	default:
		out[0].l.negated = !l->l.negated;
		return 1;
	}
}
