/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's own types, cut down to the members that kern/ reads.  Offsets
 * are relocated at load time (CO-RE), so one header serves every kernel.
 *
 * Written by scripts/vmlinux from a kernel's BTF; user API types come from
 * <linux/bpf.h>.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#include <linux/types.h>
#include <linux/in6.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Files and paths */

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry;

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
	struct dentry *s_root;
	struct list_head s_mounts;
};

struct inode {
	__u16 i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	const __u32 i_nlink;
	__u32 i_rdev;
	struct hlist_head i_dentry;
};

struct dentry {
	__u32 d_flags;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32];
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct dentry___new {	/* since 6.14 */
	union {
		unsigned char string[40];
	} d_shortname;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mnt_namespace;

struct mount {
	int mnt_id;
	struct mnt_namespace *mnt_ns;
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_instance;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	__u32 f_mode;
	__u32 f_flags;
	struct path f_path;
	struct inode *f_inode;
};

/* Processes */

struct kernel_siginfo;

struct ns_common {
	__u32 inum;
};

struct mnt_namespace {
	struct ns_common ns;
	__u64 event;
};

struct fs_struct {
	struct path root;
};

struct nsproxy {
	struct mnt_namespace *mnt_ns;
};

struct mm_struct {
	struct file *exe_file;
	unsigned long arg_start;
	unsigned long arg_end;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup;

struct cgroup___old {	/* before 6.2 */
	__u64 ancestor_ids[1];
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[0];
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct thread_info {
	__u32 status;
};

struct pt_regs {
	unsigned long orig_ax;
};

struct task_struct {
	struct thread_info thread_info;
	__u32 flags;
	__u32 ptrace;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

/* Sockets */

struct user_namespace {
	int level;
};

struct net {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	__u16 skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	int sk_wmem_queued;
	int sk_sndbuf;
	struct bpf_local_storage *sk_bpf_storage;
};

struct tcp_sock {
	__u32 write_seq;
	__u8 fastopen_connect:1;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct path path;
};

struct socket {
	short type;
	struct sock *sk;
};

struct sockaddr {
	__u16 sa_family;
};

struct msghdr {
	void *msg_name;
	int msg_namelen;
	__u32 msg_flags;
};

struct sk_buff {
	unsigned int len;
	unsigned char *data;
};

/* BPF */

struct btf {
	__u32 id;
};

struct bpf_map {
	__u32 id;
	struct btf *btf;
};

struct bpf_prog_aux {
	struct btf *btf;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

enum lockdown_reason {
	LOCKDOWN_MODULE_SIGNATURE = 1,	/* the kernel's own values are taken */
	LOCKDOWN_PERF,
	LOCKDOWN_CONFIDENTIALITY_MAX,
};

/* Iterators */

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

/* Constants that no uapi header gives to BPF programs. */
#define PF_KTHREAD	0x00200000
#define CLONE_THREAD	0x00010000
#define EPERM		1
#define S_IFMT		0170000
#define S_IFCHR		0020000
#define S_IFDIR		0040000
#define S_IFBLK		0060000
#define DCACHE_DISCONNECTED 0x20
#define EOPNOTSUPP	95
#define EALREADY	114
#define READING_MODULE		2
#define READING_KEXEC_IMAGE	3
#define READING_KEXEC_INITRAMFS	4
#define SIOCADDTUNNEL	0x89f1
#define SIOCCHGTUNNEL	0x89f3
#define NFNL_SUBSYS_NFTABLES	10
#define TIOCSETD	0x5423
#define NFPROTO_NETDEV	5
#define NFPROTO_BRIDGE	7
#define O_TRUNC		01000
#define FMODE_WRITE	2
#define XFRM_MSG_NEWSA		0x10
#define XFRM_MSG_NEWPOLICY	0x13
#define XFRM_MSG_UPDPOLICY	0x19
#define XFRM_MSG_UPDSA		0x1a
#define TS_COMPAT	0x0002
#define MNT_SHARED	0x1000
#define MS_REMOUNT	(1u << 5)
#define MS_MOVE		(1u << 13)
#define MS_UNBINDABLE	(1u << 17)
#define MS_PRIVATE	(1u << 18)
#define MS_SLAVE	(1u << 19)
#define MS_SHARED	(1u << 20)
#define PTRACE_MODE_ATTACH	0x02
#define PTRACE_MODE_NOAUDIT	0x04
#define SIGKILL		9
#define PROT_EXEC	4
#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16
#define AF_PACKET	17
#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define MSG_FASTOPEN	0x20000000

#endif
