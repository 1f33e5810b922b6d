/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walking up a tree of files, across mounts, and what a file is called by its
 * inode.  For use in any hook, with any pointers: everything is read with
 * bpf_probe_read_kernel, under no lock.  A walk that a rename overtakes sees
 * each step as it was at some time during the walk.
 */
#ifndef KNTRL_PATH_H
#define KNTRL_PATH_H

#include <bpf/bpf_core_read.h>
#include "hash.h"
#include "maps.h"

/* A dentry, and the mount that it is seen through. */
struct place {
	struct dentry *dentry;
	struct mount *mnt;
};

static __always_inline struct mount *mount_of(const struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline struct place place_of(const struct path *path)
{
	return (struct place){
		.dentry = BPF_CORE_READ(path, dentry),
		.mnt = mount_of(BPF_CORE_READ(path, mnt)),
	};
}

static __always_inline bool place_is_mount_root(const struct place *p)
{
	struct mount *m = p->mnt;

	return p->dentry == BPF_CORE_READ(m, mnt.mnt_root);
}

/* From the root of a mount to what it covers.  False at the top of the tree of mounts. */
static __always_inline bool place_leave_mount(struct place *p)
{
	struct mount *m = p->mnt, *up = BPF_CORE_READ(m, mnt_parent);

	p->dentry = BPF_CORE_READ(m, mnt_mountpoint);
	p->mnt = up;
	return up != m;
}

/* To the directory that holds it.  False where there is none: memfd, or the root of a file system. */
static __always_inline bool place_parent(struct place *p)
{
	struct dentry *d = p->dentry, *parent = BPF_CORE_READ(d, d_parent);

	p->dentry = parent;
	return parent != d;
}

static __always_inline __u64 inode_hash(const struct inode *inode)
{
	return hash_file(control.seed, BPF_CORE_READ(inode, i_sb, s_dev),
			 BPF_CORE_READ(inode, i_ino));
}

/* OWN_* of a file. */
static __always_inline __u32 own_kind(const struct inode *inode)
{
	__u64 hash = inode ? inode_hash(inode) : 0;
	__u32 *kind = inode ? bpf_map_lookup_elem(&own_files, &hash) : 0;

	return kind ? *kind : 0;
}

#endif
