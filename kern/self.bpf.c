// SPDX-License-Identifier: GPL-2.0-only
/*
 * self_protect: what would undo enforcement is kept from the processes of the
 * scopes that ask for it, root among them, unless they hold the token.
 *
 *   bpf                    takes the token; links stay attached, and no program is loaded
 *                          that goes in front of a hook, sees packets after they were
 *                          judged, or reads the kernel's memory
 *   bpf_map, bpf_prog      nobody gets at our maps and programs.  A descriptor to read by
 *                          would be enough to write: within a program of one's own
 *   inode_unlink, inode_rmdir, inode_rename, inode_create, inode_mkdir,
 *   inode_symlink, inode_link, sb_umount, sb_mount, move_mount, sb_pivotroot
 *                          the pins, and the mounts that keep them alive
 *   kernel_load_data, kernel_read_file, locked_down
 *                          modules, kexec, /dev/mem, /proc/kcore (the token is there) and the like
 *   file_open, path_truncate
 *                          the token, and the files that kntrl is run from
 *   task_kill              who may change what is in force
 *   tun_dev_create, netlink_send, socket_create, file_ioctl, file_ioctl_compat
 *                          packets that are made, or made others, behind the hooks
 *   perf_event_open        what others have on their stacks
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

static __always_inline bool btf_is_ours(__u32 id)
{
	__u32 i;

	for (i = 0; i < OWN_BTFS; i++)
		if (id && control.own.btfs[i] == id)
			return true;
	return false;
}

/* What was loaded at one time shares a BTF, but for maps of maps. */
static __always_inline bool map_is_ours(struct bpf_map *map)
{
	__u32 i, id = BPF_CORE_READ(map, id);

	if (btf_is_ours(BPF_CORE_READ(map, btf, id)))
		return true;
	for (i = 0; i < OWN_MAPS; i++)
		if (id && control.own.maps[i] == id)
			return true;
	return false;
}

static __always_inline bool prog_is_ours(struct bpf_prog *prog)
{
	return btf_is_ours(BPF_CORE_READ(prog, aux, btf, id));
}

/*
 * Types of programs that any process may load: they add a verdict of their own
 * to that of a socket or a cgroup.  A program before a hook (fmod_ret, LSM) is not
 * among them: where it returns 1, the kernel skips ours, and most callers of hooks
 * take for a refusal only what is below 0.
 */
static __always_inline bool is_harmless_type(__u32 type)
{
	switch (type) {
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_CGROUP_SKB:
	case BPF_PROG_TYPE_CGROUP_SOCK:
	case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
	case BPF_PROG_TYPE_CGROUP_SOCKOPT:
	case BPF_PROG_TYPE_CGROUP_SYSCTL:
	case BPF_PROG_TYPE_CGROUP_DEVICE:
	case BPF_PROG_TYPE_SK_REUSEPORT:
		return true;
	}
	return false;
}

/*
 * @first: of the command's attributes, the type of a program.  Whose link it is
 * that a descriptor names may change before the command looks (dup2), so none is
 * detached or updated.
 */
static __always_inline bool command_is_bad(int cmd, __u32 first)
{
	switch (cmd) {
	case BPF_PROG_LOAD:
		return !is_harmless_type(first);
	case BPF_LINK_DETACH:
	case BPF_LINK_UPDATE:
		return true;
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
		/* who was unlocked locks itself again */
		if (t->id.flags & IDENT_UNLOCKED)
			t->id.flags &= ~IDENT_UNLOCKED;
		else
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

static __always_inline bool may_not_go(struct dentry *dentry)
{
	return own_kind(BPF_CORE_READ(dentry, d_inode)) & (OWN_WRITE | OWN_DIR);
}

SEC("lsm/inode_unlink")
int BPF_PROG(self_unlink, struct inode *dir, struct dentry *dentry)
{
	if (!is_pin_dir(dir) && !may_not_go(dentry))
		return 0;
	return self_deny(is_pin_dir(dir) ? ACT_PINS : ACT_FILE, 0);
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
		return may_not_go(old) || may_not_go(new) ? self_deny(ACT_FILE, 0) : 0;
	return self_deny(ACT_PINS, 0);
}

/* A link that is pinned there by its name counts as attached. */
SEC("lsm/inode_create")
int BPF_PROG(self_create, struct inode *dir)
{
	return is_pin_dir(dir) ? self_deny(ACT_PINS, 0) : 0;
}

SEC("lsm/inode_mkdir")
int BPF_PROG(self_mkdir, struct inode *dir)
{
	return is_pin_dir(dir) ? self_deny(ACT_PINS, 0) : 0;
}

SEC("lsm/inode_symlink")
int BPF_PROG(self_symlink, struct inode *dir)
{
	return is_pin_dir(dir) ? self_deny(ACT_PINS, 0) : 0;
}

SEC("lsm/inode_link")
int BPF_PROG(self_link, struct dentry *old, struct inode *dir)
{
	return is_pin_dir(dir) ? self_deny(ACT_PINS, 0) : 0;
}

static __always_inline bool is_own_mount(int id)
{
	int i;

	for (i = 0; i < OWN_MOUNTS; i++)
		if (id && control.own.mounts[i].id == id)
			return true;
	return false;
}

static __always_inline bool in_host_namespace(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) == control.mnt_ns;
}

/*
 * The file system of the pins dies with its last mount; MNT_DETACH takes those
 * below along.  Under a shared mount a copy takes the original with it, whether or
 * not it is shared itself: mount_setattr(2), which no hook sees, changes that.
 */
SEC("lsm/sb_umount")
int BPF_PROG(self_umount, struct vfsmount *mnt, int flags)
{
	struct mount *m = mount_of(mnt);
	__u32 dev = BPF_CORE_READ(mnt, mnt_root, d_inode, i_sb, s_dev);
	bool shared = BPF_CORE_READ(m, mnt_parent, mnt.mnt_flags) & MNT_SHARED;
	int i;

	if (is_own_mount(BPF_CORE_READ(m, mnt_id)))
		return self_deny(ACT_MOUNT, 0);
	for (i = 0; i < OWN_MOUNTS && shared; i++)
		if (control.own.mounts[i].id && control.own.mounts[i].dev == dev)
			return self_deny(ACT_MOUNT, 0);
	return 0;
}

/*
 * Anywhere among the pins, over a mount that leads to them; or, for all to see, over
 * what kntrl is run from.
 */
static __always_inline int mount_onto(const struct path *to, bool over)
{
	struct place p = place_of(to);
	struct mount *m = p.mnt;
	struct dentry *d = p.dentry;

	if (over && in_host_namespace() && may_not_go(d))
		return self_deny(ACT_MOUNT, 0);
	if (BPF_CORE_READ(d, d_inode, i_sb, s_dev) == control.own.dev ||
	    (is_own_mount(BPF_CORE_READ(m, mnt_id)) && place_is_mount_root(&p)))
		return self_deny(ACT_MOUNT, 0);
	return 0;
}

/* In a namespace of its own, a service may have all mounts read-only, or private. */
#define MS_CHANGES	(MS_REMOUNT | MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED)

SEC("lsm/sb_mount")
int BPF_PROG(self_mount, const char *name, const struct path *path, const char *type,
	     unsigned long flags)
{
	if (in_host_namespace() ? flags & MS_MOVE : flags & MS_CHANGES)
		return in_host_namespace() ? self_deny(ACT_MOUNT, 0) : 0;
	return mount_onto(path, !(flags & MS_CHANGES));
}

SEC("lsm/move_mount")
int BPF_PROG(self_move_mount, const struct path *from, const struct path *to)
{
	struct mount *m = place_of(from).mnt;

	return is_own_mount(BPF_CORE_READ(m, mnt_id)) ? self_deny(ACT_MOUNT, 0) : mount_onto(to, true);
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(self_pivot)
{
	return in_host_namespace() ? self_deny(ACT_MOUNT, 0) : 0;
}

/* ---- Files ---- */

/* Of exempt processes, by number or unit, nothing is kept: they are who has the token. */
static __always_inline int own_file(const struct inode *inode, __u32 bad)
{
	struct task *t = 0;
	__u64 scopes;

	if (!(own_kind(inode) & bad))
		return 0;
	scopes = self_guarded(&t);
	if (!scopes || (t && (t->id.flags & IDENT_EXEMPT)))
		return 0;
	return self_refuse(t, scopes, ACT_FILE, 0) ? -EPERM : 0;
}

#define FMODE_WRITE	2

/* Most opens write nothing, and look nothing up. */
SEC("lsm/file_open")
int BPF_PROG(self_open, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	if ((BPF_CORE_READ(file, f_mode) & FMODE_WRITE) || (BPF_CORE_READ(file, f_flags) & O_TRUNC))
		return own_file(inode, OWN_READ | OWN_WRITE);
	if (!control.own.token || (__u32)BPF_CORE_READ(inode, i_ino) != control.own.token)
		return 0;
	return own_file(inode, OWN_READ);
}

SEC("lsm/path_truncate")
int BPF_PROG(self_truncate, const struct path *path)
{
	return own_file(BPF_CORE_READ(path, dentry, d_inode), OWN_READ | OWN_WRITE);
}

/* ---- Processes ---- */

/* What the kernel sends comes not by here, nor what ends a whole cgroup. */
SEC("lsm/task_kill")
int BPF_PROG(self_kill, struct task_struct *to, struct kernel_siginfo *info, int sig)
{
	struct task *of;

	if (!sig || !(control.guards[GUARD_SELF].trace | control.guards[GUARD_SELF].monitor))
		return 0;
	of = bpf_task_storage_get(&tasks, to, 0, 0);
	return of && (of->id.flags & IDENT_UNLOCKED) ? self_deny(ACT_SIGNAL, sig) : 0;
}

/* ---- The kernel ---- */

#define PERF_SECURITY_CPU	1

/*
 * Events of a whole CPU can take samples of anybody's stack, and a token that some
 * process is about to show may be there.  The kind is the last argument: there is but
 * one since 6.14.
 */
SEC("lsm/perf_event_open")
int self_perf(unsigned long long *ctx)
{
	__u64 kind = 0;

	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) - 1, &kind);
	return (int)kind == PERF_SECURITY_CPU ? self_deny(ACT_KERNEL, 0) : 0;
}

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

#define lockdown(reason) ((int)bpf_core_enum_value(enum lockdown_reason, reason))

/*
 * As lockdown=confidentiality would have it, but for perf: the token is in the
 * kernel's memory.  Modules that nobody signed are not loaded for the kernel either:
 * whose they are is not known.
 */
SEC("lsm/locked_down")
int BPF_PROG(self_locked_down, int what)
{
	if (what <= 0 || what >= lockdown(LOCKDOWN_CONFIDENTIALITY_MAX) ||
	    what == lockdown(LOCKDOWN_PERF))
		return 0;
	if (what != lockdown(LOCKDOWN_MODULE_SIGNATURE) && is_helper_of_kernel())
		return 0;
	return self_deny(ACT_KERNEL, 0);
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

/* Other line disciplines (SLIP, PPP) make a terminal a network device, too. */
static __always_inline int ioctl_judge(unsigned int cmd)
{
	if (cmd != SIOCADDTUNNEL && cmd != SIOCCHGTUNNEL && cmd != TIOCSETD)
		return 0;
	return self_deny(ACT_NETWORK, cmd);
}

SEC("lsm/file_ioctl")
int BPF_PROG(self_ioctl, struct file *file, unsigned int cmd)
{
	return ioctl_judge(cmd);
}

/* That of 32-bit programs; before 6.8 (and 6.1.76), they come by the other one. */
SEC("lsm/file_ioctl_compat")
int BPF_PROG(self_ioctl_compat, struct file *file, unsigned int cmd)
{
	return ioctl_judge(cmd);
}

/* The kernel's own, made for what the task asks for: tunnels of L2TP, TIPC, VXLAN and so on. */
SEC("lsm/socket_create")
int BPF_PROG(self_kernel_socket, int family, int type, int protocol, int kern)
{
	if (!kern || type != SOCK_DGRAM || (family != AF_INET && family != AF_INET6))
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
		"gtp", "amt", "ovpn", "batadv",
		/* whose character devices take frames */
		"macvtap", "ipvtap",
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

#define MESSAGES	(1 << 16)
#define LINK_ATTRIBUTES	256

static long link_attribute(__u32 i, void *data)
{
	struct walk *w = data;
	struct nlattr a = {};
	char kind[12] = {};
	__u32 len;

	if (w->left < sizeof(a) || bpf_probe_read_kernel(&a, sizeof(a), w->at))
		return 1;
	if (a.nla_len < sizeof(a) || a.nla_len > (w->nested ?: w->left)) {
		/* here the kernel stops, too; but after a nest it goes on */
		w->bad |= w->nested != 0;
		return 1;
	}
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

/* What is not read to its end is bad. */
static __always_inline bool link_is_bad(const void *message, __u32 len)
{
	const __u32 head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifinfomsg));
	struct walk w = { .at = message + head, .left = control.zero };

	if (len < head)
		return false;
	w.left += len - head;
	return bpf_loop(LINK_ATTRIBUTES, link_attribute, &w, 0) == LINK_ATTRIBUTES || w.bad;
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
		/* nftables' chains at devices and bridges come after the packets were judged */
		bpf_probe_read_kernel(&nf, sizeof(nf), message + NLMSG_HDRLEN);
		return type >> 8 == NFNL_SUBSYS_NFTABLES &&
		       (nf == NFPROTO_NETDEV || nf == NFPROTO_BRIDGE);
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
	if (bpf_loop(MESSAGES, message_one, &w, 0) == MESSAGES)
		w.bad = 1;
	return w.bad && self_refuse(t, scopes, ACT_NETWORK, 0) ? -EPERM : 0;
}
