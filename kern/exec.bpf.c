// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which programs may be executed: blocked_executables, and blocked_chains with
 * action: exec.  Asked before the point of no return with the names of the file
 * (identity.bpf.c), so that execve(2) fails; and after it, when the arguments
 * can be read, with the names that an interpreter, busybox or the dynamic loader
 * gets from them.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "exec.h"
#include "identity.h"
#include "judge.h"
#include "target.h"

__noinline int exec_judge(struct task *t, __u64 image)
{
	struct target to = {};
	struct outcome out = { .type = EVENT_EXEC };

	if (!t)
		return 1;
	*(__u64 *)to.addr = image;
	out.tgid = bpf_get_current_pid_tgid() >> 32;
	out.uid = bpf_get_current_uid_gid();
	out.cgroup = bpf_get_current_cgroup_id();
	judge_exec(&t->id, scopes_of(t), &out, &t->exec_facts);
	if (out.rule.kind == RULE_EXEMPT)
		t->exec_told = 1;
	if (!(out.verdict & VERDICT_BLOCK))
		return 0;
	t->exec_told = 1;
	report(&t->id, &to, &out);
	return !!(out.verdict & VERDICT_DENIED);
}
