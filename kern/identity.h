/* SPDX-License-Identifier: GPL-2.0-only */
/* Who the current task is, for the hooks that judge it. */
#ifndef KNTRL_IDENTITY_H
#define KNTRL_IDENTITY_H

#include "maps.h"

/* Gives the current task an identity from those it descends from; 0, or -1. */
int identity_adopt(void);

/* The scope of the current task, by the cgroup it is in now or its leader was moved to. */
__u32 scope_renew(void);

static __always_inline __u32 scope_of(const struct task *t)
{
	return control.flags & CONTROL_CGROUPS ? scope_renew() : t->id.scope;
}

/* The current task's record, or NULL when it cannot be had. */
static __always_inline struct task *current_record(void)
{
	struct task *t = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);

	if (t && t->id.exec)
		return t;
	if (identity_adopt())
		return 0;
	return bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);
}

#endif
