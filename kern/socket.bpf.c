// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hooks in which a process asks to talk to somebody:
 *
 *   socket_create   families and protocols that can be judged; raw sockets
 *   socket_connect  streams and datagrams
 *   socket_sendmsg  every datagram, wherever its address comes from, and TCP Fast Open,
 *                   which never passes socket_connect
 *
 * Each reads the destination, looks for a verdict this thread was given before,
 * or has one made (judge), and leaves a mark for the egress backstop.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "addr.h"
#include "dns_socket.h"
#include "identity.h"
#include "judge.h"
#include "maps.h"
#include "names.h"
#include "target.h"
#include "vouch.h"

#define SIN_LEN		16	/* sizeof(struct sockaddr_in) */
#define SIN6_LEN_MIN	24	/* SIN6_LEN_RFC2133: without a scope id */

enum { READ_OK, READ_PASS, READ_UNKNOWN };
/* ---- Destinations ---- */

static __always_inline void target_v4(struct target *to, __be32 addr, __be16 port)
{
	__u32 *a = (__u32 *)to->addr;

	a[0] = 0;
	a[1] = 0;
	a[2] = bpf_htonl(0xffff);
	a[3] = addr;
	to->port = bpf_ntohs(port);
}

/* The protocol as the rules see it; those without ports have port 0. */
static __always_inline void target_proto(struct target *to, const struct sock *sk)
{
	__u16 proto = sk->sk_protocol;

	to->proto = proto == IPPROTO_MPTCP ? PROTO_TCP : proto;
	to->create = CREATE_NOTHING;
	if (proto_bit(to->proto) == PROTO_BIT_OTHER)
		to->port = 0;
}

/* How a socket address begins: all of an IPv4 one. */
struct address_start {
	__u16 family;
	__be16 port;
	__be32 v4;
};

/*
 * Reads a socket address that begins with @start.  Lengths are checked before
 * the protocol does it, so that stale bytes are never judged: a short one is
 * passed on to be refused with EINVAL there.  An AF_INET address on an IPv6
 * socket is what it says; @unspec is what the socket takes AF_UNSPEC for.
 */
static __always_inline int target_read(struct target *to, const struct address_start *start,
				       const void *from, int len, __u16 unspec)
{
	__u16 family = start->family ?: unspec;
	__u32 words[6];

	if (len < (int)sizeof(family))
		return READ_PASS;
	if (family == AF_INET) {
		if (len < SIN_LEN)
			return READ_PASS;
		target_v4(to, start->v4, start->port);
		return READ_OK;
	}
	if (family == AF_INET6) {
		if (len < SIN6_LEN_MIN)
			return READ_PASS;
		bpf_probe_read_kernel(words, sizeof(words), from);
		__builtin_memcpy(to->addr, &words[2], sizeof(to->addr));
		to->port = bpf_ntohs(words[0] >> 16);
		return READ_OK;
	}
	return family == AF_UNSPEC ? READ_PASS : READ_UNKNOWN;
}

/* Where a connected socket sends to. */
static __always_inline int target_connected(struct target *to, const struct sock *sk)
{
	__be16 port = sk->__sk_common.skc_dport;

	if (sk->__sk_common.skc_family == AF_INET) {
		if (!sk->__sk_common.skc_daddr)
			return READ_PASS;	/* not connected: the protocol refuses */
		target_v4(to, sk->__sk_common.skc_daddr, port);
		return READ_OK;
	}
	bpf_probe_read_kernel(to->addr, sizeof(to->addr), &sk->__sk_common.skc_v6_daddr);
	to->port = bpf_ntohs(port);
	return addr_word(to->addr, 0) | addr_word(to->addr, 1) | addr_word(to->addr, 2) |
	       addr_word(to->addr, 3) ? READ_OK : READ_PASS;
}

/* ---- Verdicts ---- */

static __always_inline struct cached *cache_slot(struct task *t, const struct target *to)
{
	const __u32 *a = (const __u32 *)to->addr;
	__u32 h = a[3] ^ a[2] ^ a[1] ^ to->port;

	h ^= h >> 16;
	h ^= h >> 8;
	return &t->cache[h % CACHE];
}

static __always_inline bool cache_hit(const struct cached *c, const struct target *to, __u32 epoch)
{
	const __u64 *a = (const __u64 *)to->addr;

	return c->epoch == epoch && c->addr[0] == a[0] && c->addr[1] == a[1] &&
	       c->port == to->port && c->proto == to->proto;
}

/*
 * Datagrams back to a peer that sent one to this very socket within the last
 * half minute are not this host's to have started.
 */
static __always_inline bool is_reply(struct sock *sk, const struct target *to)
{
	return proto_bit(to->proto) == PROTO_BIT_UDP &&
	       mark_is_recent(&heard, bpf_get_socket_cookie(sk), to, ERA_LONG);
}

/* Moves when an address gains a name; 0: it has none. */
static __always_inline __u32 names_version(const struct target *to)
{
	struct address_names *n = bpf_map_lookup_elem(&address_names, to->addr);

	return n ? n->version : 0;
}

/*
 * Whether a verdict that rests on a name, or was not given for want of one, ends:
 * since there are others, or the name nears its end and its use renews it.
 */
static __noinline bool names_moved(const struct cached *c, const struct target *to)
{
	return c->version != names_version(to) ||
	       (c->until && c->until < bpf_ktime_get_ns() + NAME_FLOOR - NAME_RENEW);
}

/* The verdict is made, entered in the reports and kept for the next time. */
static __noinline int decide_anew(struct task *t, const struct target *to, struct sock *sk,
				  __u32 epoch)
{
	struct cached *c = cache_slot(t, to);
	struct outcome *out = &t->out;
	__u32 flow;

	c->epoch = 0;
	__builtin_memset(out, 0, sizeof(*out));
	outcome_start(out, EVENT_NETWORK);
	c->version = names_version(to);
	judge(&t->id, to, scopes_of(t), out, &t->facts);
	c->until = out->until;
	if ((out->verdict & VERDICT_BLOCK) && is_reply(sk, to))
		return 0;	/* holds for this datagram, not for the next */
	/* A host talking to itself is no news. */
	flow = out->rule.kind == RULE_LOOPBACK ? 0 : report(&t->id, to, out);
	__builtin_memcpy(c->addr, to->addr, sizeof(c->addr));
	c->port = to->port;
	c->proto = to->proto;
	c->flow = flow;
	c->verdict = out->verdict;
	/* A blocked attempt must be told each time: from its record, or anew. */
	c->epoch = (out->verdict & VERDICT_BLOCK) && !flow ? 0 : epoch;
	return out->verdict;
}

static __noinline int decide_blocked(const struct cached *c, const struct target *to,
				     struct sock *sk)
{
	if (is_reply(sk, to))
		return 0;
	report_again(c->flow);
	return c->verdict;
}

static __always_inline int decide(struct task *t, const struct target *to, struct sock *sk)
{
	__u32 epoch = control.epoch;
	struct cached *c = cache_slot(t, to);
	struct flow *f;

	if (!cache_hit(c, to, epoch) || (c->verdict && names_moved(c, to)))
		return decide_anew(t, to, sk, epoch);
	if (c->verdict & VERDICT_BLOCK)
		return decide_blocked(c, to, sk);
	f = bpf_map_lookup_elem(&flows, &c->flow);
	if (f)
		f->count++;
	return c->verdict;
}

/* Who will have asked, when the question leaves. */
static __noinline void note_asker(struct sock *sk, const struct target *to)
{
	struct net *net = sk->__sk_common.skc_net.net;
	__u32 flags = 0;

	if (!net->user_ns->level)
		flags |= DNS_OUR_NET;
	if (net->ns.inum == control.net_ns)
		flags |= DNS_HOST_NET;
	dns_asker(to, bpf_get_socket_cookie(sk), flags);
}

static __always_inline int undecided(void)
{
	__sync_fetch_and_add(&control.counters[COUNT_UNDECIDED], 1);
	return -EPERM;
}

/* What happens to a socket after its destination has been judged. */
enum use {
	USE_CONNECT,		/* a stream's SYN leaves now; a datagram socket is but pointed there */
	USE_FAST_OPEN,		/* likewise, with data in the SYN */
	USE_SEND,		/* this datagram leaves now */
};

/* ---- Streams that must say a name (stream.bpf.c) ---- */

static __always_inline bool held_put(struct task *t, struct sock *sk, const struct target *to,
				     __u64 cookie)
{
	struct held *h;

	/* The identity as it stands, and what must be written over. */
	if (bpf_map_update_elem(&held, &cookie, t, BPF_ANY))
		return false;
	h = bpf_map_lookup_elem(&held, &cookie);
	if (!h)
		return false;
	h->scopes = scopes_of(t);
	h->cgroup = bpf_get_current_cgroup_id();
	h->uid = bpf_get_current_uid_gid();
	h->tgid = bpf_get_current_pid_tgid() >> 32;
	h->flow = cache_slot(t, to)->flow;
	h->to = *to;	/* last: who reads it compares it */
	return true;
}

/* Nobody can read what will be said: it is judged as saying nothing. */
static __always_inline int judge_mute(struct task *t, const struct target *to)
{
	struct outcome *out = &t->out;

	__builtin_memset(out, 0, sizeof(*out));
	outcome_start(out, EVENT_NETWORK);
	judge_name(&t->id, to, scopes_of(t), NAME_NONE, out, &t->facts);
	rule_server_name(&out->rule, NAME_NONE);
	if (out->verdict & VERDICT_BLOCK)
		report(&t->id, to, out);
	return out->verdict & VERDICT_DENIED;
}

/* Returns 0: it is held; or -errno; or 1: it goes as any other. */
static __noinline int hold(struct task *t, struct sock *sk, const struct target *to, enum use use)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	bool mptcp = sk->sk_protocol == IPPROTO_MPTCP, early = use == USE_FAST_OPEN;

	if (!mptcp && BPF_CORE_READ_BITFIELD_PROBED((struct tcp_sock *)sk, fastopen_connect))
		early = true;
	if (!mptcp && !early && held_put(t, sk, to, cookie)) {
		mark_clear(&vouched, mark_of(control.seed, cookie, to, 0));
		return 0;
	}
	if (!judge_mute(t, to))
		return 1;
	/* As where Fast Open is turned off: the client then connects. */
	return early ? -EOPNOTSUPP : -EPERM;
}

/* A destination has been read: pass, or -EPERM. */
static __always_inline int judge_target(struct sock *sk, struct target *to, enum use use)
{
	struct task *t;
	bool pointed;
	int verdict;

	target_proto(to, sk);
	pointed = use != USE_SEND && proto_bit(to->proto) == PROTO_BIT_UDP;
	/* getaddrinfo(3) asks for routes so; to send there would be judged. */
	if (pointed && !to->port)
		return 0;
	if (addr_is_loopback(to->addr) && to->port != PORT_DNS &&
	    !(control.flags & CONTROL_LOOPBACK))
		return 0;
	t = current_record();
	if (!t)
		return bpf_get_current_task_btf()->flags & PF_KTHREAD ? 0 : undecided();
	verdict = decide(t, to, sk);
	if (verdict & VERDICT_DENIED)
		return -EPERM;
	if (pointed)
		return 0;	/* nothing leaves yet */
	if (verdict & VERDICT_SNI) {
		int err = hold(t, sk, to, use);

		if (err <= 0)
			return err;
	}
	vouch(bpf_get_socket_cookie(sk), t->id.scopes, to);
	if (target_is_dns(to))
		note_asker(sk, to);
	if (use != USE_SEND && sk->sk_protocol == IPPROTO_MPTCP)
		mark_set_recent(&vouched, COOKIE_MPTCP, to, ERA_SHORT, bpf_ktime_get_ns());
	return 0;
}

static __always_inline bool judged_family(__u16 family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Making a socket of a sort that rules cannot follow, or using one made before the load. */
static __noinline int judge_creation(__u32 family, __u32 type, enum create create)
{
	struct target to = { .port = type, .proto = family, .create = create };
	struct task *t = current_record();
	struct outcome *out;

	if (!t)
		return bpf_get_current_task_btf()->flags & PF_KTHREAD ? 0 : undecided();
	out = &t->out;
	__builtin_memset(out, 0, sizeof(*out));
	outcome_start(out, EVENT_SOCKET);
	judge(&t->id, &to, scopes_of(t), out, &t->facts);
	report(&t->id, &to, out);
	return out->verdict & VERDICT_DENIED ? -EPERM : 0;
}

/* ---- Hooks ---- */

static __always_inline enum create create_kind(int family, int type, int protocol)
{
	if (family == AF_UNIX || family == AF_NETLINK)
		return CREATE_NOTHING;
	if (family == AF_PACKET)
		return CREATE_RAW;
	if (!judged_family(family))
		return CREATE_OTHER;
	if (type == SOCK_STREAM && (!protocol || protocol == IPPROTO_TCP ||
				    protocol == IPPROTO_MPTCP))
		return CREATE_NOTHING;
	if (type == SOCK_DGRAM && (!protocol || protocol == IPPROTO_UDP ||
				   protocol == IPPROTO_UDPLITE))
		return CREATE_NOTHING;
	if (type == SOCK_RAW || (type == SOCK_DGRAM && (protocol == IPPROTO_ICMP ||
							protocol == IPPROTO_ICMPV6)))
		return CREATE_RAW;
	return CREATE_OTHER;
}

SEC("lsm/socket_create")
int BPF_PROG(socket_create, int family, int type, int protocol, int kern)
{
	enum create create;

	if (kern)
		return 0;
	create = create_kind(family, type, protocol);
	return create == CREATE_NOTHING ? 0 : judge_creation(family, type, create);
}

SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *sock, struct sockaddr *address, int addrlen)
{
	struct sock *sk = sock->sk;
	struct address_start start;
	struct target to;
	__u16 family;
	int got;

	if (!sk)
		return 0;
	family = sk->__sk_common.skc_family;
	if (!judged_family(family))
		return family == AF_UNIX || family == AF_NETLINK ?
		       0 : judge_creation(family, sock->type, create_kind(family, sock->type, 0));
	/* As the verifier knows it, so read without a helper: sa_family, and into sa_data[]. */
	start.family = address->sa_family;
	start.port = *(const volatile __be16 *)((const char *)address + 2);
	start.v4 = *(const volatile __be32 *)((const char *)address + 4);
	got = target_read(&to, &start, address, addrlen, AF_UNSPEC);
	if (got == READ_OK)
		return judge_target(sk, &to, USE_CONNECT);
	return got == READ_PASS ? 0 : judge_creation(family, sock->type, CREATE_OTHER);
}

SEC("lsm/socket_sendmsg")
int BPF_PROG(socket_sendmsg, struct socket *sock, struct msghdr *msg, int size)
{
	struct sock *sk = sock->sk;
	void *name = msg->msg_name;
	struct address_start start;
	struct target to;
	__u16 family, unspec;
	int got;

	/* A stream goes where it was connected to, unless it connects now. */
	if (sock->type == SOCK_STREAM && !(name && (msg->msg_flags & MSG_FASTOPEN)))
		return 0;
	if (!sk)
		return 0;
	family = unspec = sk->__sk_common.skc_family;
	if (!judged_family(family))
		return family == AF_UNIX || family == AF_NETLINK ?
		       0 : judge_creation(family, sock->type, create_kind(family, sock->type, 0));
	/*
	 * A raw socket may be older than the load, and the address in its packets is
	 * not always the one that is given here (IP_HDRINCL).
	 */
	if (sock->type == SOCK_RAW && judge_creation(family, SOCK_RAW, CREATE_RAW))
		return -EPERM;
	/* udp_sendmsg, raw_sendmsg, rawv6_sendmsg; udpv6_sendmsg goes where it is connected. */
	if (family == AF_INET6 && sock->type != SOCK_RAW)
		unspec = AF_UNSPEC;
	got = READ_PASS;
	if (name) {
		bpf_probe_read_kernel(&start, sizeof(start), name);
		got = target_read(&to, &start, name, msg->msg_namelen, unspec);
	}
	if (got == READ_PASS)
		got = target_connected(&to, sk);
	if (got == READ_OK)
		return judge_target(sk, &to, sock->type == SOCK_STREAM ? USE_FAST_OPEN : USE_SEND);
	return got == READ_PASS ? 0 : judge_creation(family, sock->type, CREATE_OTHER);
}
