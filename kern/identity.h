/* SPDX-License-Identifier: GPL-2.0-only */
/* Who the current task is, for the hooks that judge it. */
#ifndef KNTRL_IDENTITY_H
#define KNTRL_IDENTITY_H

#include "maps.h"

/* Takes the current task into the scopes of the cgroup it is in now, and of its leader. */
__u64 scopes_renew(void);

/* The scopes that the current task, whose record this is, is in: a bit each. */
static __always_inline __u64 scopes_of(const struct task *t)
{
	return control.flags & CONTROL_CGROUPS ? scopes_renew() : t->id.scopes;
}

/* The current task's record, or NULL: a kernel thread, or one for which there was no memory. */
static __always_inline struct task *current_record(void)
{
	struct task *t = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);

	return t && t->id.exec ? t : 0;
}

/* As path_hash() in identity.bpf.c has it, of a place (path.h), whose pointers are given as numbers. */
__u64 path_hash_of(struct task *t, __u64 dentry, __u64 mnt);

/* Of a name with zeroes behind it, as hash_bytes() wants them. */
__u64 name_hash(const struct name *name, __u32 len);

#define LINEAGE_DEPTH	32	/* parents that are asked */

static __always_inline bool descends_from(struct task_struct *task, __u32 tgid)
{
	__u32 i;

	for (i = 0; i < LINEAGE_DEPTH; i++) {
		if ((__u32)task->tgid == tgid)
			return true;
		task = task->real_parent;
		if (!task || !task->tgid)
			return false;
	}
	return false;
}

#endif
