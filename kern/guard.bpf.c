// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other ways than the network out of what a policy allows: into the memory of
 * another process, or through a service that does as it is told.
 *
 *   ptrace_access_check    block_ptrace: processes outside of one's own tree; those
 *                          that are exempt; and those that hold the token
 *   unix_stream_connect,
 *   unix_may_send          blocked_sockets
 *
 * They are attached when a policy first asks for one of these.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "exempt.h"
#include "guard.h"
#include "hash.h"
#include "path.h"

/* ---- Other processes ---- */

/* x86-64: system calls that only learn what a link of /proc/PID says, or what it leads to. */
static __always_inline bool only_looks(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT)
		return false;
	switch (BPF_CORE_READ(regs, orig_ax)) {
	case 4:		/* stat */
	case 6:		/* lstat */
	case 21:	/* access */
	case 89:	/* readlink */
	case 262:	/* newfstatat */
	case 267:	/* readlinkat */
	case 269:	/* faccessat */
	case 332:	/* statx */
	case 439:	/* faccessat2 */
		return true;
	}
	return false;
}

/* The scopes that forbid it to the current task. */
static __always_inline __u64 stranger_guarded(struct task **t)
{
	__u64 scopes = guarding(GUARD_PTRACE, t);

	return scopes && *t ? scopes & ~exempting(*t, scopes) : scopes;
}

static __always_inline __u64 exempt_guarded(struct task **t, const struct task *of)
{
	__u64 scopes = guarding(GUARD_EXEMPT, t);

	if (!scopes || !of)
		return 0;
	scopes = exempting(of, scopes);
	return scopes && *t ? scopes & ~exempting(*t, scopes) : scopes;
}

/*
 * The scopes that protect themselves from the current task, and of which another is
 * out; or all, if it runs kntrl: it may be about to show the token.
 */
static __always_inline __u64 self_outside(struct task **t, struct task_struct *child,
					  const struct task *of, bool attach)
{
	__u64 scopes = guarding(GUARD_SELF, t);

	if (!scopes || !of || (*t && ((*t)->id.flags & IDENT_UNLOCKED)))
		return 0;
	if ((of->id.flags & IDENT_UNLOCKED) ||
	    (own_kind(BPF_CORE_READ(child, mm, exe_file, f_inode)) & OWN_RUN))
		return scopes;
	return attach ? scopes & ~(of->id.scopes | 1) : 0;
}

/*
 * __ptrace_may_access(): ptrace, process_vm_*, pidfd_getfd, /proc/PID/mem,
 * maps, environ, fd, ns and so on.  A process may look into its own threads
 * without being asked here, and into its descendants.
 */
SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_ptrace, struct task_struct *child, unsigned int mode)
{
	bool attach = mode & PTRACE_MODE_ATTACH, own;
	struct attempt a = { .object = child->tgid, .quiet = mode & PTRACE_MODE_NOAUDIT,
			     .action = attach ? ACT_TRACE : ACT_READ_PROCESS };
	struct task *t = 0, *of;
	__u64 scopes = 0;

	if (!attach && only_looks())
		return 0;
	own = descends_from(child, bpf_get_current_pid_tgid() >> 32);
	if (!own) {
		scopes = stranger_guarded(&t);
		a.rule.kind = RULE_PTRACE;
		a.guard = GUARD_PTRACE;
	}
	if (!scopes && (attach || !own)) {
		of = bpf_task_storage_get(&tasks, child, 0, 0);
		scopes = exempt_guarded(&t, of);
		a.rule.kind = RULE_EXEMPT;
		a.guard = GUARD_EXEMPT;
	}
	/* Who may change what is in force is not to be made to, by its parents neither. */
	if (!scopes) {
		of = bpf_task_storage_get(&tasks, child, 0, 0);
		scopes = self_outside(&t, child, of, attach);
		a.rule.kind = RULE_SELF_PROTECT;
		a.guard = GUARD_SELF;
	}
	return scopes && guard_refuse(t, scopes, &a) ? -EPERM : 0;
}

/* ---- AF_UNIX sockets ---- */

struct socket_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct rule_ref);
} socket_template SEC(".maps");

/* By slot; by hash of a socket's path, file or name: the rule.  A missing one denies. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct socket_map);
} sockets SEC(".maps");

struct socket_search {
	struct rule_ref *rule;
	__u64 path, file, name;		/* hashes; 0: none */
	__u64 scopes, found;
};

static long socket_one(__u32 i, void *data)
{
	struct socket_search *q = data;
	struct rule_ref *rule;
	struct scope *s;
	void *inner;

	if (!(q->scopes >> (i % SCOPES) & 1))
		return 0;
	s = bpf_map_lookup_elem(&scopes, &i);
	if (!s || !s->slot)
		return 0;
	inner = bpf_map_lookup_elem(&sockets, &s->slot);
	if (!inner) {
		q->rule->kind = RULE_UNDECIDED;
		q->found |= 1ull << (i % SCOPES);
		return 0;
	}
	rule = bpf_map_lookup_elem(inner, &q->path);
	rule = rule ?: bpf_map_lookup_elem(inner, &q->file);
	rule = rule ?: bpf_map_lookup_elem(inner, &q->name);
	if (!rule)
		return 0;
	*q->rule = *rule;
	q->found |= 1ull << (i % SCOPES);
	return 0;
}

/*
 * The name that a socket was bound to, which stays whatever becomes of the
 * file; an abstract one with "@" for its NUL.  Into t->name.
 */
static __noinline __u64 socket_name(struct task *t, struct unix_address *addr)
{
	const char *path = (void *)addr + bpf_core_field_offset(addr->name) + sizeof(__u16);
	long len = BPF_CORE_READ(addr, len) - sizeof(__u16);
	char *text = t->name.text;
	__u32 n;

	if (len <= 0 || len > 108)
		return 0;
	bpf_probe_read_kernel(text, len & 127, path);
	n = len & 127;
	if (text[0])
		n--;	/* unix_mkname() counts the NUL */
	else
		text[0] = '@';
	*(__u64 *)&text[n & 127] = 0;
	return hash_bytes(hash_start(control.seed, HASH_SOCKET), text, n);
}

/*
 * By the path that it has now, seen from the host; by its file, wherever that
 * has been moved to; and by the name it was bound to, in whatever namespace.
 */
static __noinline int socket_guard(struct sock *sk)
{
	struct attempt a = { .action = ACT_SOCKET, .guard = GUARD_SOCKETS };
	struct unix_sock *u = (struct unix_sock *)sk;
	struct unix_address *addr = BPF_CORE_READ(u, addr);
	struct socket_search q = { .rule = &a.rule };
	struct dentry *dentry;
	struct task *t = 0;

	q.scopes = addr ? guarding(GUARD_SOCKETS, &t) : 0;
	if (!q.scopes)
		return 0;
	if (!t) {
		a.rule.kind = RULE_UNDECIDED;
		return guard_refuse(t, q.scopes, &a);
	}
	dentry = BPF_CORE_READ(u, path.dentry);
	if (dentry) {
		q.file = inode_hash(BPF_CORE_READ(dentry, d_inode));
		q.path = path_hash_of(t, (__u64)dentry, (__u64)mount_of(BPF_CORE_READ(u, path.mnt)));
	}
	q.name = socket_name(t, addr);
	q.found = control.zero;
	bpf_loop(SCOPES, socket_one, &q, 0);
	q.found &= ~exempting(t, q.found);
	a.object = (__u64)a.rule.source << 32 | a.rule.index;
	return q.found ? guard_refuse(t, q.found, &a) : 0;
}

/* Streams, and sequenced packets. */
SEC("lsm/unix_stream_connect")
int BPF_PROG(guard_connect, struct sock *sock, struct sock *other, struct sock *newsk)
{
	return socket_guard(other) ? -EPERM : 0;
}

/* Datagrams, to whom they are connected or sent. */
SEC("lsm/unix_may_send")
int BPF_PROG(guard_send, struct socket *sock, struct socket *other)
{
	struct sock *sk = other->sk;

	return sk && socket_guard(sk) ? -EPERM : 0;
}
