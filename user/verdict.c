// SPDX-License-Identifier: Apache-2.0
/* The kernel's verdict function, over the compiler's tables. */
#include "compile.h"
#include "target.h"

/* A policy, and the names of what is asked for. */
struct question {
	const struct tables *tables;
	const struct host_names *names;
};

typedef const struct question *policy_ref;

static const struct policy *policy_table(policy_ref q)
{
	return &q->tables->policy;
}

static const struct atoms *process_table(policy_ref q, __u64 hash)
{
	return tables_process(q->tables, hash);
}

static const struct destination *address_table(policy_ref q, const struct address_key *key)
{
	return tables_address(q->tables, key->addr);
}

typedef const struct host_names *names_ref;

static names_ref names_find(policy_ref q, const __u8 addr[16])
{
	(void)addr;
	return q->names;
}

static __u32 names_count(names_ref names, __u64 asked)
{
	(void)asked;
	return names->n;
}

static const struct destination *name_table(policy_ref q, __u32 scope, names_ref names,
					    __u64 asked, __u32 i, __u64 *until)
{
	(void)scope;
	(void)asked;
	*until = 1;
	return tables_host(q->tables, &names->v[i]);
}

static void repeat(__u32 n, long (*fn)(__u32 i, void *ctx), void *ctx)
{
	__u32 i;

	for (i = 0; i < n && !fn(i, ctx); i++)
		;
}

#define verified_once static

#include "verdict.h"

bool tables_verdict(const struct tables *t, const struct identity *id, const struct target *to,
		    const struct host_names *names, struct rule_ref *rule)
{
	static const struct host_names none;
	struct facts facts = { .self.w[0] = 1ull << ATOM_ALWAYS };
	struct answer said = { .name = 0 };
	const struct question q = { t, names ? names : &none };
	bool allowed = verdict(&q, id, to, &said, &facts);

	*rule = said.rule;
	return allowed;
}
