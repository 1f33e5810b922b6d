/* SPDX-License-Identifier: GPL-2.0-only */
/* What policies keep processes from beside the network: who asks, and what is told of it. */
#ifndef KNTRL_GUARD_H
#define KNTRL_GUARD_H

#include "identity.h"
#include "judge.h"
#include "maps.h"
#include "target.h"

struct attempt {
	struct rule_ref rule;
	__u64 object;		/* see enum guard_action */
	enum guard guard;
	enum guard_action action;
	bool quiet;		/* not to be reported */
};

/*
 * The current task's scopes that keep it from something, a bit each, and its
 * record.  One of which nothing is known, there having been no memory for it, is in
 * the host's; and in all that protect themselves.
 */
static __always_inline __u64 guarding(enum guard g, struct task **t)
{
	__u64 all = control.guards[g].trace | control.guards[g].monitor;

	if (!all)
		return 0;
	*t = current_record();
	if (*t)
		return all & (scopes_of(*t) | 1);
	if (bpf_get_current_task_btf()->flags & PF_KTHREAD)
		return 0;
	return g == GUARD_SELF ? all : all & 1;
}

static __always_inline __u32 lowest(__u64 bits)
{
	__u32 n = 0, step;

	for (step = 32; step; step /= 2)
		if (!(bits & ((1ull << step) - 1))) {
			bits >>= step;
			n += step;
		}
	return n;
}

/* Reports an attempt that the policies of @scopes, of which there is one, forbid: -EPERM, or 0. */
static __noinline __attribute__((unused)) int
guard_refuse(struct task *t, __u64 scopes, const struct attempt *a)
{
	struct target to = { .port = a->action };
	struct outcome out = { .rule = a->rule };
	__u32 guard = a->guard;
	__u64 trace;

	if (guard >= GUARDS)
		return -EPERM;
	trace = scopes & control.guards[guard].trace;
	outcome_start(&out, EVENT_GUARD);
	out.scope = lowest(trace ?: scopes) % SCOPES;
	out.verdict = trace ? VERDICT_BLOCK | VERDICT_DENIED : VERDICT_BLOCK;
	*(__u64 *)to.addr = a->object;
	if (!a->quiet)
		report(t ? &t->id : 0, &to, &out);
	return trace ? -EPERM : 0;
}

#endif
