/* SPDX-License-Identifier: GPL-2.0-only */
/* Who is exempt from what guard.bpf.c and files.bpf.c forbid. */
#ifndef KNTRL_EXEMPT_H
#define KNTRL_EXEMPT_H

#include "judge.h"
#include "maps.h"

struct exempt_search {
	const struct identity *id;
	__u64 scopes, found;
};

static long exempt_one(__u32 i, void *data)
{
	struct exempt_search *e = data;
	struct scope *s;

	if (!(e->scopes >> (i % SCOPES) & 1))
		return 0;
	s = bpf_map_lookup_elem(&scopes, &i);
	if (s && s->slot && exempts(s->slot, e->id))
		e->found |= 1ull << (i % SCOPES);
	return 0;
}

/* Those of @scopes that exempt a process. */
static __noinline __u64 exempting(const struct task *t, __u64 scopes)
{
	struct exempt_search e = { .id = &t->id, .scopes = scopes, .found = control.zero };

	e.scopes &= control.guards[GUARD_EXEMPT].trace | control.guards[GUARD_EXEMPT].monitor;
	if (t->id.flags & IDENT_EXEMPT)
		return scopes;
	if (e.scopes)
		bpf_loop(SCOPES, exempt_one, &e, 0);
	return e.found;
}

#endif
