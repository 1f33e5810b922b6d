// SPDX-License-Identifier: GPL-2.0-only
/* The verdict function over the kernel's tables. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "maps.h"
#include "judge.h"
#include "names.h"
#include "tables.h"

typedef __u32 policy_ref;	/* a slot */

static __always_inline const struct policy *policy_table(policy_ref slot)
{
	void *inner = bpf_map_lookup_elem(&policies, &slot);
	__u32 zero = 0;

	/* All tables of a policy are there, or there is no policy. */
	if (!inner || !bpf_map_lookup_elem(&addresses, &slot) ||
	    !bpf_map_lookup_elem(&processes, &slot) || !bpf_map_lookup_elem(&hosts, &slot))
		return 0;
	return bpf_map_lookup_elem(inner, &zero);
}

static __always_inline const struct atoms *process_table(policy_ref slot, __u64 hash)
{
	void *inner = bpf_map_lookup_elem(&processes, &slot);

	return inner ? bpf_map_lookup_elem(inner, &hash) : 0;
}

static __always_inline const struct destination *address_table(policy_ref slot,
							       const struct address_key *key)
{
	void *inner = bpf_map_lookup_elem(&addresses, &slot);

	return inner ? bpf_map_lookup_elem(inner, key) : 0;
}

typedef struct address_names *names_ref;	/* NULL: none are known */

static __always_inline names_ref names_find(__u32 slot, const __u8 addr[16])
{
	return bpf_map_lookup_elem(&address_names, addr);
}

/* Those of the address, unless one is asked for. */
static __always_inline __u32 names_count(names_ref known, __u64 asked)
{
	return asked ? 1 : known ? NAME_SLOTS : 0;
}

/* The name in a slot and its end, read as they belong together; 0: none that holds. */
static __always_inline __u64 slot_read(struct name_slot *s, __u64 now, __u32 scope, __u64 *until)
{
	__u64 hash = *(volatile __u64 *)&s->hash;
	__u64 scopes = *(volatile __u64 *)&s->scopes;

	*until = *(volatile __u64 *)&s->until;
	if (*until <= now || !(scopes >> (scope % SCOPES) & 1))
		return 0;
	return hash == *(volatile __u64 *)&s->hash ? hash : 0;
}

/* What the policy says of the name in a slot of its address, which is in use. */
static __always_inline __u64 slot_use(struct address_names *known, __u32 i, __u32 scope,
				      __u64 *until)
{
	__u64 now = bpf_ktime_get_ns(), hash;
	struct name_slot *s;

	if (!known || i >= NAME_SLOTS)
		return 0;
	s = &known->slots[i];
	hash = slot_read(s, now, scope, until);
	if (hash && *until < now + NAME_FLOOR - NAME_RENEW)
		*until = s->until = now + NAME_FLOOR;
	return hash;
}

static __always_inline const struct destination *name_table(policy_ref slot, __u32 scope,
							    names_ref known, __u64 asked,
							    __u32 i, __u64 *until)
{
	__u64 hash = asked ?: slot_use(known, i, scope, until);
	void *inner = bpf_map_lookup_elem(&hosts, &slot);
	const struct destination *d;
	struct host_key *key;

	if (!inner || !hash)
		return 0;
	key = bpf_map_lookup_elem(&name_texts, &hash);
	if (!key)
		return 0;
	d = bpf_map_lookup_elem(inner, key);
	/* Pushed out meanwhile, it was another name's. */
	return bpf_map_lookup_elem(&name_texts, &hash) == key ? d : 0;
}

#define repeat(n, fn, ctx) bpf_loop(n, fn, ctx, 0)
#define verified_once __noinline

#include "verdict.h"

/* A function of its own, so that it is verified once. */
__noinline int verdict_one(__u32 slot, const struct identity *id, const struct target *to,
			   struct answer *said, struct facts *facts)
{
	if (!to || !said || !facts)
		return 0;
	if (to->create)
		return verdict_socket(slot, id, to, said, facts);
	return verdict(slot, id, to, said, facts);
}

__noinline int exec_one(__u32 slot, const struct identity *id, struct answer *said,
			struct facts *facts)
{
	return said && facts ? verdict_exec(slot, id, said, facts) : 0;
}

/* As facts_gather() has it, of that one atom. */
__noinline int exempts(__u32 slot, const struct identity *id)
{
	__u32 i;

	if (!id || (id->flags & IDENT_TRACED))
		return 0;
	for (i = 0; i < IDENT_SELF; i++) {
		const struct atoms *a = process_table(slot, id->self[i]);

		if (a && atom_test(a, ATOM_EXEMPT))
			return 1;
	}
	return 0;
}

static __always_inline __u32 policy_flags(__u32 slot)
{
	const struct policy *p = policy_table(slot);

	return p ? p->flags : POLICY_TRACE;
}

/* Takes one scope's answer in; returns whether no other can change the outcome. */
static __always_inline bool outcome_take(struct outcome *out, __u32 scope, __u32 flags,
					 bool allowed, const struct answer *said)
{
	const struct rule_ref *rule = &said->rule;
	/* raw_sockets: monitor is only told, in trace mode too */
	bool trace = (flags & POLICY_TRACE) &&
		     !(rule->kind == RULE_RAW_SOCKETS && (flags & POLICY_RAW_MONITOR));
	__u32 verdict = allowed ? 0 : trace ? VERDICT_BLOCK | VERDICT_DENIED : VERDICT_BLOCK;

	if (rule->kind == RULE_UNDECIDED)
		__sync_fetch_and_add(&control.counters[COUNT_UNDECIDED], 1);
	if (allowed && said->until && (!out->until || said->until < out->until))
		out->until = said->until;
	if (allowed && said->by_name && (flags & POLICY_SNI))
		out->sni = true;
	if (out->verdict == VERDICT_QUIET || verdict > out->verdict) {
		out->verdict = verdict;
		out->rule = *rule;
		out->scope = scope;
	}
	return out->verdict & VERDICT_DENIED;
}

/* One scope's word; whether no other can change the outcome.  Verified once. */
__noinline int judge_scope(const struct identity *id, const struct target *to, __u32 scope,
			   struct outcome *out, struct facts *facts)
{
	struct scope *s = bpf_map_lookup_elem(&scopes, &scope);
	struct answer said = {};
	__u32 flags;
	bool ok;

	if (!s || !s->slot || !out)
		return 0;
	said.http = out->http;
	flags = policy_flags(s->slot);
	/* A question for a name, or a policy to which it matters what the client says. */
	if (out->name && to && (!to->proto || (flags & POLICY_SNI)))
		said.name = out->name;
	ok = verdict_one(s->slot, id, to, &said, facts);
	return outcome_take(out, scope, flags, ok, &said);
}

__noinline int judge_scope_exec(const struct identity *id, __u32 scope, struct outcome *out,
				struct facts *facts)
{
	struct scope *s = bpf_map_lookup_elem(&scopes, &scope);
	struct answer said = {};
	bool ok;

	if (!s || !s->slot || !out)
		return 0;
	ok = exec_one(s->slot, id, &said, facts);
	return outcome_take(out, scope, policy_flags(s->slot), ok, &said);
}

/* As judge(), without what only a network has: a program pays for what it verifies. */
__noinline int judge_exec(const struct identity *id, __u64 in, struct outcome *out,
			  struct facts *facts)
{
	__u32 i;

	if (!out)
		return VERDICT_BLOCK | VERDICT_DENIED;
	out->verdict = VERDICT_QUIET;
	if (in >> SCOPE_SELFTEST & 1) {
		judge_scope_exec(id, SCOPE_SELFTEST, out, facts);
		return out->verdict;
	}
	for (i = 1; i < SCOPES && in >> i; i++)
		if ((in >> i & 1) && judge_scope_exec(id, i, out, facts))
			break;
	if (!(out->verdict & VERDICT_DENIED))
		judge_scope_exec(id, 0, out, facts);
	return out->verdict;
}

__noinline int judge(const struct identity *id, const struct target *to, __u64 in,
		     struct outcome *out, struct facts *facts)
{
	__u32 i;

	if (!out)
		return VERDICT_BLOCK | VERDICT_DENIED;
	out->verdict = VERDICT_QUIET;
	out->until = 0;
	out->sni = false;
	/* The loader's own test is under its own policy alone, wherever the loader runs. */
	if (in >> SCOPE_SELFTEST & 1) {
		judge_scope(id, to, SCOPE_SELFTEST, out, facts);
		return out->verdict;
	}
	for (i = 1; i < SCOPES && in >> i; i++)
		if ((in >> i & 1) && judge_scope(id, to, i, out, facts))
			break;
	if (!(out->verdict & VERDICT_DENIED))
		judge_scope(id, to, 0, out, facts);
	if (out->until && !out->name)
		out->verdict |= VERDICT_BY_NAME;
	if (out->sni && !out->name && to && to->proto == PROTO_TCP)
		out->verdict |= VERDICT_SNI;
	return out->verdict;
}
