// SPDX-License-Identifier: Apache-2.0
/* The kernel's verdict function, over the compiler's tables. */
#include "compile.h"
#include "target.h"

typedef const struct tables *policy_ref;

static const struct policy *policy_table(policy_ref t)
{
	return &t->policy;
}

static const struct atoms *process_table(policy_ref t, __u64 hash)
{
	return tables_process(t, hash);
}

static const struct destination *address_table(policy_ref t, const struct address_key *key)
{
	return tables_address(t, key->addr);
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
		    struct rule_ref *rule)
{
	struct facts facts = { .self.w[0] = 1ull << ATOM_ALWAYS };

	return verdict(t, id, to, rule, &facts);
}
