// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_protect: what would undo enforcement is kept from the processes of the
 * scopes that ask for it, root among them, unless they hold the token.
 *
 *   bpf                    takes the token; our links stay attached, and no program is
 *                          loaded that sees packets after they were judged
 *   bpf_map, bpf_prog      nobody gets at our maps and programs.  A descriptor to read by
 *                          would be enough to write: within a program of one's own
 *   inode_unlink, inode_rmdir, inode_rename,
 *   sb_umount, sb_mount, move_mount
 *                          the pins, and the mounts that keep them alive
 *   kernel_load_data, kernel_read_file, locked_down
 *                          modules, kexec, /dev/mem and the like
 *   tun_dev_create, netlink_send, file_ioctl
 *                          packets that are made, or made others, behind the hooks
 *   cgroup/sysctl          the switch of all that hooks: it knows no task's scopes,
 *                          and holds for everybody while one scope asks for it
 *
 * They are attached when a policy first asks for it.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/if_link.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "guard.h"
#include "path.h"

/* Written by the loader, before the hooks are attached; no judged process gets at it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unlock);
} unlock SEC(".maps");

static __noinline int self_refuse(struct task *t, __u64 scopes, __u32 action, __u64 object)
{
	struct attempt a = { .object = object, .guard = GUARD_SELF, .action = action,
			     .rule.kind = RULE_SELF_PROTECT };

	return guard_refuse(t, scopes, &a);
}

/* The scopes that keep the current task from it; 0 for who showed the token. */
static __always_inline __u64 self_guarded(struct task **t)
{
	__u64 scopes = guarding(GUARD_SELF, t);

	return scopes && *t && ((*t)->id.flags & IDENT_UNLOCKED) ? 0 : scopes;
}

/* What a hook returns for a task that does what would undo enforcement. */
static __always_inline int self_deny(__u32 action, __u64 object)
{
	struct task *t = 0;
	__u64 scopes = self_guarded(&t);

	return scopes && self_refuse(t, scopes, action, object) ? -EPERM : 0;
}

/* ---- Our own objects ---- */

/* All that was loaded from one object file shares its BTF, but for maps of maps. */
static __always_inline bool map_is_ours(struct bpf_map *map)
{
	__u32 i, id = BPF_CORE_READ(map, id);

	if (BPF_CORE_READ(map, btf, id) == control.own.btf)
		return true;
	for (i = 0; i < OWN_MAPS; i++)
		if (id && control.own.maps[i] == id)
			return true;
	return false;
}

static __always_inline bool prog_is_ours(struct bpf_prog *prog)
{
	return BPF_CORE_READ(prog, aux, btf, id) == control.own.btf;
}

/* A descriptor of the current task that is a link of ours; of other files it reads what is there. */
static __always_inline bool link_is_ours(__u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = 0;
	struct bpf_link *link;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return false;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	link = BPF_CORE_READ(file, private_data);
	return prog_is_ours(BPF_CORE_READ(link, prog));
}

/* Types of programs that see packets after they were judged. */
static __always_inline bool is_late_type(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SCHED_ACT:
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_LWT_IN:
	case BPF_PROG_TYPE_LWT_OUT:
	case BPF_PROG_TYPE_LWT_XMIT:
	case BPF_PROG_TYPE_LWT_SEG6LOCAL:
	case PROG_TYPE_NETFILTER:
		return true;
	}
	return false;
}

/* @first: of the command's attributes, the type of a program or a link's descriptor. */
static __always_inline bool command_is_bad(int cmd, __u32 first)
{
	switch (cmd) {
	case BPF_PROG_LOAD:
		return is_late_type(first);
	case BPF_LINK_DETACH:
	case BPF_LINK_UPDATE:
		return link_is_ours(first);
	}
	return false;
}

/* Compares in constant time; a token of zeroes is none. */
static __always_inline int token_take(union bpf_attr *attr)
{
	struct task *t = current_record();
	struct unlock given = {}, *want;
	__u64 differ = 0, any = 0;
	__u32 i, zero = 0;

	want = bpf_map_lookup_elem(&unlock, &zero);
	if (!want || !t || bpf_probe_read_kernel(&given, sizeof(given), attr))
		return -EPERM;
	for (i = 0; i < UNLOCK_WORDS; i++) {
		differ |= given.token[i] ^ want->token[i];
		any |= want->token[i];
	}
	if (differ || !any) {
		self_deny(ACT_TOKEN, 0);
		return -EPERM;
	}
	t->id.flags |= IDENT_UNLOCKED;
	return -EALREADY;
}

SEC("lsm/bpf")
int BPF_PROG(self_bpf, int cmd, union bpf_attr *attr, unsigned int size)
{
	__u32 first;

	if (cmd == UNLOCK_COMMAND)
		return token_take(attr);
	if (bpf_probe_read_kernel(&first, sizeof(first), attr) || !command_is_bad(cmd, first))
		return 0;
	return self_deny(ACT_BPF, cmd);
}

/* A descriptor is given out. */
SEC("lsm/bpf_map")
int BPF_PROG(self_map, struct bpf_map *map)
{
	return map_is_ours(map) ? self_deny(ACT_BPF, BPF_MAP_GET_FD_BY_ID) : 0;
}

SEC("lsm/bpf_prog")
int BPF_PROG(self_prog, struct bpf_prog *prog)
{
	return prog_is_ours(prog) ? self_deny(ACT_BPF, BPF_PROG_GET_FD_BY_ID) : 0;
}

/* ---- Pins ---- */

static __always_inline bool is_pin_dir(struct inode *inode)
{
	return inode && BPF_CORE_READ(inode, i_ino) == control.own.dir &&
	       BPF_CORE_READ(inode, i_sb, s_dev) == control.own.dev;
}

SEC("lsm/inode_unlink")
int BPF_PROG(self_unlink, struct inode *dir, struct dentry *dentry)
{
	return is_pin_dir(dir) ? self_deny(ACT_PINS, 0) : 0;
}

SEC("lsm/inode_rmdir")
int BPF_PROG(self_rmdir, struct inode *dir, struct dentry *dentry)
{
	return is_pin_dir(BPF_CORE_READ(dentry, d_inode)) ? self_deny(ACT_PINS, 0) : 0;
}

SEC("lsm/inode_rename")
int BPF_PROG(self_rename, struct inode *old_dir, struct dentry *old, struct inode *new_dir,
	     struct dentry *new)
{
	if (!is_pin_dir(old_dir) && !is_pin_dir(new_dir) &&
	    !is_pin_dir(BPF_CORE_READ(old, d_inode)) && !is_pin_dir(BPF_CORE_READ(new, d_inode)))
		return 0;
	return self_deny(ACT_PINS, 0);
}

/* The file system of the pins dies with its last mount; MNT_DETACH takes those below along. */
SEC("lsm/sb_umount")
int BPF_PROG(self_umount, struct vfsmount *mnt, int flags)
{
	struct mount *m = mount_of(mnt);
	int i, id = BPF_CORE_READ(m, mnt_id), group = BPF_CORE_READ(m, mnt_group_id);

	for (i = 0; i < OWN_MOUNTS; i++) {
		const struct own_mount *own = &control.own.mounts[i];

		/* A peer in another namespace takes the original down with it. */
		if (own->id && (own->id == id || (group && own->group == group)))
			return self_deny(ACT_MOUNT, 0);
	}
	return 0;
}

/* Anywhere among the pins, or over a mount that leads to them. */
static __always_inline int mount_onto(const struct path *to)
{
	struct place p = place_of(to);
	struct mount *m = p.mnt;
	struct dentry *d = p.dentry;
	bool ours = BPF_CORE_READ(d, d_inode, i_sb, s_dev) == control.own.dev;
	int i, id = BPF_CORE_READ(m, mnt_id);

	for (i = 0; i < OWN_MOUNTS && !ours; i++)
		ours = id && control.own.mounts[i].id == id && place_is_mount_root(&p);
	return ours ? self_deny(ACT_MOUNT, 0) : 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(self_mount, const char *name, const struct path *path)
{
	return mount_onto(path);
}

SEC("lsm/move_mount")
int BPF_PROG(self_move_mount, const struct path *from, const struct path *to)
{
	return mount_onto(to);
}

/* ---- The kernel ---- */

/* modprobe(8), when the kernel itself asks for a module. */
static __always_inline bool is_helper_of_kernel(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, real_parent, flags) & PF_KTHREAD;
}

static __always_inline int code_load(int id)
{
	/* firmware and the kernel's own certificates pass */
	if (id != READING_MODULE && id != READING_KEXEC_IMAGE && id != READING_KEXEC_INITRAMFS)
		return 0;
	return is_helper_of_kernel() ? 0 : self_deny(ACT_KERNEL, id);
}

SEC("lsm/kernel_load_data")
int BPF_PROG(self_load_data, int id)
{
	return code_load(id);
}

SEC("lsm/kernel_read_file")
int BPF_PROG(self_read_file, struct file *file, int id)
{
	return code_load(id);
}

/* As lockdown=integrity would have it: /dev/mem, MSRs, I/O ports, debugfs, unsigned modules. */
SEC("lsm/locked_down")
int BPF_PROG(self_locked_down, int what)
{
	if (what <= 0 || what >= (int)bpf_core_enum_value(enum lockdown_reason, LOCKDOWN_INTEGRITY_MAX))
		return 0;
	return is_helper_of_kernel() ? 0 : self_deny(ACT_KERNEL, 0);
}

static __always_inline bool is_protected_sysctl(const char *name)
{
	static const char names[][24] = {
		"kernel/ftrace_enabled", "kernel/modprobe", "kernel/core_pattern",
	};
	__u32 i, j;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (j = 0; j < sizeof(*names) && name[j] == names[i][j]; j++)
			if (!name[j])
				return true;
	return false;
}

/*
 * kernel.ftrace_enabled takes every hook away; kernel.modprobe and core_pattern
 * name programs that the kernel starts as root, outside of all scopes.
 */
SEC("cgroup/sysctl")
int self_sysctl(struct bpf_sysctl *ctx)
{
	const struct guard_scopes *g = &control.guards[GUARD_SELF];
	char name[64] = {};

	if (!ctx->write || !(g->trace | g->monitor) ||
	    bpf_sysctl_get_name(ctx, name, sizeof(name), 0) < 0 || !is_protected_sysctl(name))
		return 1;
	return !self_refuse(0, g->trace | g->monitor, ACT_SYSCTL, 0);
}

/* ---- Packets behind the hooks ---- */

/* Frames that a process writes there come in by a network device, and are forwarded. */
SEC("lsm/tun_dev_create")
int BPF_PROG(self_tun)
{
	return self_deny(ACT_NETWORK, 0);
}

SEC("lsm/file_ioctl")
int BPF_PROG(self_ioctl, struct file *file, unsigned int cmd)
{
	if (cmd != SIOCADDTUNNEL && cmd != SIOCCHGTUNNEL)
		return 0;
	return self_deny(ACT_NETWORK, 0);
}

/* A walk over messages, and over what one says. */
struct walk {
	const void *at;
	__u32 left;
	__u32 nested;		/* bytes of IFLA_LINKINFO that are left */
	__u32 family;		/* NETLINK_* */
	__u32 bad;
};

/* Devices that send each packet inside another, of the kernel's own making. */
static __always_inline bool is_tunnel(const char *kind, __u32 len)
{
	static const char kinds[][12] = {
		"ipip", "sit", "gre", "gretap", "ip6gre", "ip6gretap", "ip6tnl", "erspan",
		"ip6erspan", "vti", "vti6", "xfrm", "vxlan", "geneve", "bareudp", "wireguard",
		"gtp", "amt", "ovpn",
	};
	__u32 i, j;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		for (j = 0; j < sizeof(*kinds); j++) {
			char c = j < len ? kind[j] : 0;

			if (c != kinds[i][j])
				break;
			if (!c)
				return true;
		}
	}
	return false;
}

static long link_attribute(__u32 i, void *data)
{
	struct walk *w = data;
	struct nlattr a = {};
	char kind[12] = {};
	__u32 len;

	if (w->left < sizeof(a) || bpf_probe_read_kernel(&a, sizeof(a), w->at) ||
	    a.nla_len < sizeof(a) || a.nla_len > w->left)
		return 1;
	len = NLA_ALIGN(a.nla_len);
	a.nla_type &= NLA_TYPE_MASK;
	if (!w->nested && a.nla_type == IFLA_LINKINFO) {
		w->nested = len - sizeof(a);
		len = sizeof(a);
	} else if (w->nested) {
		if (a.nla_type == IFLA_INFO_KIND) {
			/* without a NUL at its end */
			bpf_probe_read_kernel(kind, sizeof(kind) - 1, w->at + sizeof(a));
			w->bad |= is_tunnel(kind, a.nla_len - sizeof(a));
		}
		w->nested -= len < w->nested ? len : w->nested;
	} else if (a.nla_type == IFLA_XDP) {
		w->bad = 1;
	}
	w->at += len;
	w->left -= len < w->left ? len : w->left;
	return w->bad != 0;
}

static __always_inline bool link_is_bad(const void *message, __u32 len)
{
	const __u32 head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
	struct walk w = { .at = message + head, .left = control.zero };

	if (len < head)
		return false;
	w.left += len - head;
	bpf_loop(256, link_attribute, &w, 0);
	return w.bad;
}

static __always_inline bool message_is_bad(__u32 family, __u32 type, const void *message,
					   __u32 len)
{
	__u8 nf = 0;

	switch (family) {
	case NETLINK_ROUTE:
		if (type == RTM_NEWLINK || type == RTM_SETLINK)
			return link_is_bad(message, len);
		return type == RTM_NEWTFILTER || type == RTM_NEWACTION;
	case NETLINK_XFRM:
		return type == XFRM_MSG_NEWSA || type == XFRM_MSG_NEWPOLICY ||
		       type == XFRM_MSG_UPDPOLICY || type == XFRM_MSG_UPDSA;
	case NETLINK_NETFILTER:
		/* nftables' chains at the devices come after the packets were judged */
		bpf_probe_read_kernel(&nf, sizeof(nf), message + NLMSG_HDRLEN);
		return type >> 8 == NFNL_SUBSYS_NFTABLES && nf == NFPROTO_NETDEV;
	}
	return false;
}

static long message_one(__u32 i, void *data)
{
	struct walk *w = data;
	struct nlmsghdr h = {};
	__u32 len;

	if (w->left < sizeof(h) || bpf_probe_read_kernel(&h, sizeof(h), w->at) ||
	    h.nlmsg_len < sizeof(h) || h.nlmsg_len > w->left)
		return 1;
	w->bad |= message_is_bad(w->family, h.nlmsg_type, w->at, h.nlmsg_len);
	len = NLMSG_ALIGN(h.nlmsg_len);
	w->at += len;
	w->left -= len < w->left ? len : w->left;
	return w->bad != 0;
}

SEC("lsm/netlink_send")
int BPF_PROG(self_netlink, struct sock *sk, struct sk_buff *skb)
{
	struct walk w = { .at = BPF_CORE_READ(skb, data), .family = BPF_CORE_READ(sk, sk_protocol),
			  .left = BPF_CORE_READ(skb, len), .bad = control.zero };
	struct task *t = 0;
	__u64 scopes;

	if (w.family != NETLINK_ROUTE && w.family != NETLINK_XFRM && w.family != NETLINK_NETFILTER)
		return 0;
	scopes = self_guarded(&t);
	if (!scopes)
		return 0;
	bpf_loop(1 << 16, message_one, &w, 0);
	return w.bad && self_refuse(t, scopes, ACT_NETWORK, 0) ? -EPERM : 0;
}
