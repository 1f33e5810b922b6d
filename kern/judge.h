/* SPDX-License-Identifier: GPL-2.0-only */
/* The verdict as the hooks see it: over all scopes that a process is in, and reported. */
#ifndef KNTRL_JUDGE_H
#define KNTRL_JUDGE_H

#include <bpf/bpf_helpers.h>
#include "abi.h"

struct target;
struct facts;

/* Filled by judge(), but for who it is about, which the caller knows. */
struct outcome {
	struct rule_ref rule;
	__u64 name;		/* given: the name it must be allowed for; 0: any of the address */
	__u64 until;		/* VERDICT_BY_NAME: when it ends, ns */
	__u64 cgroup;
	__u32 uid, tgid;
	__u32 scope;		/* number of the one whose policy decided */
	__u32 verdict;		/* VERDICT_* */
	__u32 type;		/* enum event_type */
	bool http;		/* given: the name is said in the clear */
	bool sni;		/* some scope wants a name to be said */
};

static __always_inline void outcome_start(struct outcome *out, enum event_type type)
{
	out->type = type;
	out->tgid = bpf_get_current_pid_tgid() >> 32;
	out->uid = bpf_get_current_uid_gid();
	out->cgroup = bpf_get_current_cgroup_id();
}

/*
 * Asks the policies of @scopes, a bit each, and last the host's.  The first that
 * denies decides; else the first that would (monitor), else the first of all.
 * @id may be NULL, with @facts as verdict() has it.  Returns
 * VERDICT_*, also in @out.
 */
int judge(const struct identity *id, const struct target *to, __u64 scopes, struct outcome *out,
	  struct facts *facts);

/* Likewise, of a program to be executed, which @facts->image names. */
int judge_exec(const struct identity *id, __u64 scopes, struct outcome *out, struct facts *facts);

/* Whether the policy in @slot exempts a process. */
int exempts(__u32 slot, const struct identity *id);

/*
 * The same of a target under one name (names.h) in place of those of its
 * address, where the policy wants that: a server name in TLS, a host in HTTP.
 * @to of protocol 0: whether it may ask for the name at all, since it may reach
 * it by some protocol and port.
 */
static __always_inline int judge_name(const struct identity *id, const struct target *to,
				      __u32 scope, __u64 name, struct outcome *out,
				      struct facts *facts)
{
	out->name = name;
	return judge(id, to, scope, out, facts);
}

/*
 * Enters an attempt into the flow table and, when it is blocked or new, the
 * ring buffer.  Returns the number of its flow record, or 0.
 */
__u32 report(const struct identity *id, const struct target *to, const struct outcome *out);

/* Another attempt of that flow, with the same verdict. */
int report_again(__u32 flow);

/* What a client said after @flow had been reported: a name, or that it may not. */
int report_name(__u32 flow, const struct identity *id, const struct target *to,
		const struct outcome *out);

#endif
