// SPDX-License-Identifier: GPL-2.0-only
/*
 * The backstop: packets as they leave, after routing options and NAT have had
 * their say, at the root of cgroup v2.
 *
 *   egress   a datagram, or the SYN of a stream, must bear the mark of a hook that
 *            judged this very socket and address; a stream's further packets must go
 *            where the socket is connected to.  What does not is judged here, once,
 *            as sent by a process of which nothing is known.
 *   ingress  notes who sent datagrams to which socket, so that it may answer
 *
 * Both hand what goes to and comes from name servers to dns.bpf.c.
 *
 * What has no socket (forwarded packets) or comes from the kernel's own (resets,
 * neighbour discovery, ICMP errors) passes.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "addr.h"
#include "dns_socket.h"
#include "judge.h"
#include "maps.h"
#include "names.h"
#include "packet.h"
#include "stream.h"
#include "target.h"
#include "vouch.h"

/* What is known of a process of which nothing is known; never written. */
struct facts nobody SEC(".data.nobody") = { .self.w[0] = 1ull << ATOM_ALWAYS };

struct packet {
	struct target to;	/* or from, on its way in */
	bool syn;		/* opens a stream */
	bool bare;		/* TCP without data and without SYN */
	bool kernels;		/* of a sort that only the kernel sends */
	bool v6;
	bool routed;		/* has IPv4 options or IPv6 extension headers */
};

/*
 * Echo replies, MLD, neighbour discovery (RFC 4443, 2710, 3810, 4861), and the
 * errors of a router.  Those of a host, 1 and 4, quote what a local sender with
 * a borrowed address (IPV6_FREEBIND) had it refuse, and are judged.
 */
static __always_inline bool icmp6_is_kernels(__u8 type)
{
	return type == 2 || type == 3 || (type >= 129 && type <= 137) || type == 143;
}

/* Anything but a question: echo, timestamp, address mask (RFC 792, RFC 950). */
static __always_inline bool icmp_is_kernels(__u8 type)
{
	return type != 8 && type != 13 && type != 17;
}

/* Transport header at @at, @left bytes of packet from there on. */
static __always_inline void packet_transport(struct __sk_buff *skb, struct packet *p, __u32 at,
					     __u8 proto)
{
	union {
		struct tcphdr tcp;
		__be16 ports[2];
		__u8 type;
	} h = {};

	p->to.proto = proto;
	if (proto == PROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at, &h.tcp, sizeof(h.tcp)))
			return;
		p->to.port = bpf_ntohs(h.tcp.dest);
		p->syn = h.tcp.syn && !h.tcp.ack;
		p->bare = !h.tcp.syn && at + h.tcp.doff * 4 >= skb->len;
	} else if (proto_bit(proto) == PROTO_BIT_UDP) {
		if (!bpf_skb_load_bytes(skb, at, h.ports, sizeof(h.ports)))
			p->to.port = bpf_ntohs(h.ports[1]);
	} else if (!bpf_skb_load_bytes(skb, at, &h.type, 1)) {
		p->kernels = (proto == IPPROTO_ICMP && icmp_is_kernels(h.type)) ||
			     (proto == IPPROTO_ICMPV6 && icmp6_is_kernels(h.type));
	}
}

static __always_inline bool packet_read(struct __sk_buff *skb, struct packet *p)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;
		__u32 *a = (__u32 *)p->to.addr;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)))
			return false;
		a[2] = bpf_htonl(0xffff);
		a[3] = ip.daddr;
		p->routed = ip.ihl > 5;
		if (!(ip.frag_off & bpf_htons(0x1fff)))
			packet_transport(skb, p, ip.ihl * 4, ip.protocol);
		else
			p->to.proto = ip.protocol;
		return true;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr ip6;
		__u8 next;
		__u32 at;

		if (bpf_skb_load_bytes(skb, 0, &ip6, sizeof(ip6)))
			return false;
		__builtin_memcpy(p->to.addr, &ip6.daddr, sizeof(p->to.addr));
		p->v6 = true;
		next = ip6.nexthdr;
		at = ipv6_transport(skb, &next);
		p->routed = next != ip6.nexthdr;
		packet_transport(skb, p, at, next);
		return true;
	}
	return false;
}

/* The address a socket is connected to, as the packet's family has it. */
static __always_inline void target_of_socket(struct target *to, const volatile struct bpf_sock *sk,
					     const struct packet *p)
{
	__u32 *a = (__u32 *)to->addr;
	/* All are read before any is chosen: the verifier wants constant offsets. */
	__u32 v4 = sk->dst_ip4, w0 = sk->dst_ip6[0], w1 = sk->dst_ip6[1];
	__u32 w2 = sk->dst_ip6[2], w3 = sk->dst_ip6[3];

	*to = p->to;
	a[0] = p->v6 ? w0 : 0;
	a[1] = p->v6 ? w1 : 0;
	a[2] = p->v6 ? w2 : bpf_htonl(0xffff);
	a[3] = p->v6 ? w3 : v4;
	to->port = bpf_ntohs(sk->dst_port);
}

static __always_inline bool same_address(const struct target *a, const struct target *b)
{
	const __u64 *x = (const __u64 *)a->addr, *y = (const __u64 *)b->addr;

	return x[0] == y[0] && x[1] == y[1];
}

/*
 * A datagram of a socket that asks a name server, on its way to somewhere else: to a
 * port that NAT chose (Docker's 127.0.0.11, a service's address), or past it.  It gets
 * no mark, so that each is read.
 */
static __always_inline bool asks_elsewhere(__u64 cookie, const struct packet *p,
					   const struct target *connected)
{
	return proto_bit(p->to.proto) == PROTO_BIT_UDP && !connected->port &&
	       p->to.port != PORT_DNS && bpf_map_lookup_elem(&dns_sockets, &cookie);
}

/* NAT led an allowed connection to this host or a local range: a container's resolver, a service. */
static __always_inline bool rewritten_locally(__u64 cookie, const struct packet *p,
					      const struct target *connected)
{
	if (p->routed || addr_is_metadata(p->to.addr))
		return false;	/* the process itself may have asked for that first hop */
	if (!addr_is_loopback(p->to.addr) && !addr_is_local(p->to.addr))
		return false;
	if (!connected->port)
		return proto_bit(p->to.proto) == PROTO_BIT_UDP;	/* each sendmsg was judged */
	return mark_is(&vouched, mark_of(control.seed, cookie, connected, 0));
}

static __always_inline int packet_judge(__u64 cookie, const struct packet *p)
{
	__u64 *owner = bpf_map_lookup_elem(&owners, &cookie);
	struct outcome out = { .type = EVENT_PACKET };

	/* A stream that must say a name comes with its mark, or not at all. */
	if (p->to.proto == PROTO_TCP)
		out.name = NAME_NONE;
	judge(0, &p->to, owner ? *owner : 0, &out, &nobody);
	if (out.verdict & VERDICT_BLOCK)
		report(0, &p->to, &out);
	if (out.verdict & VERDICT_DENIED)
		return DROP;
	mark_set(&vouched, mark_of(control.seed, cookie, &p->to, 0));
	return PASS;
}

#define PASS_READ	2	/* it passes if it may be asked */

/* Everything that the quick test of egress() did not know. */
static __noinline int egress_slow(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct target connected;
	struct packet p = {};
	__u64 cookie;

	if (!sk)
		return PASS;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !packet_read(skb, &p) || p.kernels)
		return PASS;
	target_of_socket(&connected, sk, &p);
	cookie = bpf_get_socket_cookie(skb);
	if (addr_is_loopback(p.to.addr))
		return asks_elsewhere(cookie, &p, &connected) ? PASS_READ : PASS;
	if (p.to.proto == PROTO_TCP && !connected.port) {
		/* A listener's SYN-ACK; a reset or ACK of the kernel's control socket. */
		if (sk->state == BPF_TCP_LISTEN || p.bare)
			return PASS;
	}
	/* Options or extension headers, but straight to where the stream is connected. */
	if (p.to.proto == PROTO_TCP && !p.syn && same_address(&p.to, &connected))
		return PASS;
	if (mark_is(&vouched, mark_of(control.seed, cookie, &p.to, 0)))
		return PASS;
	if (p.syn && (control.flags & CONTROL_SNI) && stream_goes(skb, &p.to)) {
		mark_set(&vouched, mark_of(control.seed, cookie, &p.to, 0));
		return PASS;
	}
	if (p.syn && mark_is_recent(&vouched, COOKIE_MPTCP, &p.to, ERA_SHORT)) {
		mark_set(&vouched, mark_of(control.seed, cookie, &p.to, 0));
		return PASS;
	}
	if (rewritten_locally(cookie, &p, &connected)) {
		if (asks_elsewhere(cookie, &p, &connected))
			return PASS_READ;
		mark_set(&vouched, mark_of(control.seed, cookie, &p.to, 0));
		return PASS;
	}
	return packet_judge(cookie, &p);
}

/* What nearly all streams are not: see "streams". */
static __always_inline bool has_storage(struct bpf_sock *sk)
{
	struct sock *tcp = (struct sock *)bpf_skc_to_tcp_sock(sk);

	return tcp && tcp->sk_bpf_storage;
}

/* Data of a stream that must say a name leaves once it has. */
static __always_inline int stream_data(struct __sk_buff *skb, struct bpf_sock *sk,
				       const struct tcphdr *tcp, __u32 at)
{
	__u32 len = skb->len - at - tcp->doff * 4;

	if (!(control.flags & CONTROL_SNI) || !len || !has_storage(sk))
		return PASS;
	return stream_may_leave(skb, bpf_ntohl(tcp->seq) + len, len, tcp->urg) ? PASS : DROP;
}

/* A stream's packet to where its socket is connected, and no SYN: what most packets are. */
static __always_inline bool is_stream_data4(struct __sk_buff *skb, struct bpf_sock *sk, int *verdict)
{
	const volatile struct bpf_sock *to = sk;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > end || ip->ihl != 5 || ip->protocol != PROTO_TCP ||
	    ip->daddr != to->dst_ip4 || (tcp->syn && !tcp->ack))
		return false;
	*verdict = stream_data(skb, sk, tcp, sizeof(*ip));
	return true;
}

static __always_inline bool is_stream_data6(struct __sk_buff *skb, struct bpf_sock *sk, int *verdict)
{
	const volatile struct bpf_sock *to = sk;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct tcphdr *tcp = (void *)(ip6 + 1);

	if ((void *)(tcp + 1) > end || ip6->nexthdr != PROTO_TCP ||
	    ip6->daddr.in6_u.u6_addr32[0] != to->dst_ip6[0] ||
	    ip6->daddr.in6_u.u6_addr32[1] != to->dst_ip6[1] ||
	    ip6->daddr.in6_u.u6_addr32[2] != to->dst_ip6[2] ||
	    ip6->daddr.in6_u.u6_addr32[3] != to->dst_ip6[3] || (tcp->syn && !tcp->ack))
		return false;
	*verdict = stream_data(skb, sk, tcp, sizeof(*ip6));
	return true;
}

/* Where the transport header is, and what it is. */
static __always_inline __u32 transport_at(struct __sk_buff *skb, __u8 *next)
{
	__u8 first = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		bpf_skb_load_bytes(skb, 0, &first, 1);
		bpf_skb_load_bytes(skb, offsetof(struct iphdr, protocol), next, 1);
		return (first & 15) * 4;
	}
	bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, nexthdr), next, 1);
	return ipv6_transport(skb, next);
}

/* The same of any packet of a stream: with options, to another address, or to open it. */
static __noinline int stream_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct tcphdr tcp = { .urg = 1 };
	__u8 next = 0;
	__u32 at, len;

	sk = sk ? bpf_sk_fullsock(sk) : 0;
	if (!sk || sk->protocol != PROTO_TCP)
		return PASS;
	at = transport_at(skb, &next);
	/* Wrapped up (ESP), it cannot be read: as urgent data. */
	if (next == PROTO_TCP)
		bpf_skb_load_bytes(skb, at, &tcp, sizeof(tcp));
	len = skb->len - at - tcp.doff * 4;
	return stream_may_leave(skb, bpf_ntohl(tcp.seq) + tcp.syn + len, len, tcp.urg) ? PASS : DROP;
}

/* A datagram with the mark of the hook that judged it. */
static __always_inline bool is_vouched_datagram4(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data;
	struct udphdr *udp = (void *)(ip + 1);
	struct target to = {};
	__u32 *a = (__u32 *)to.addr;

	if ((void *)(udp + 1) > end || ip->ihl != 5 || ip->protocol != PROTO_UDP ||
	    (ip->frag_off & bpf_htons(0x1fff)) || udp->dest == bpf_htons(PORT_DNS))
		return false;
	a[2] = bpf_htonl(0xffff);
	a[3] = ip->daddr;
	to.port = bpf_ntohs(udp->dest);
	return mark_is(&vouched, mark_of(control.seed, bpf_get_socket_cookie(skb), &to, 0));
}

static __always_inline bool is_datagram(__u8 proto)
{
	return proto == PROTO_UDP || proto == PROTO_UDPLITE;
}

/* A datagram that may be for a name server: it is, or what it is takes a longer look. */
static __always_inline bool is_for_server(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data;
	struct ipv6hdr *ip6 = data;
	struct udphdr *udp = (void *)(ip + 1);

	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		udp = (void *)(ip6 + 1);
		if ((void *)(udp + 1) > end)
			return true;
		if (ip6->nexthdr == PROTO_TCP)
			return false;	/* the socket would be connected there */
		return !is_datagram(ip6->nexthdr) || udp->dest == bpf_htons(PORT_DNS);
	}
	if ((void *)(udp + 1) > end)
		return true;
	return is_datagram(ip->protocol) && (ip->ihl != 5 || udp->dest == bpf_htons(PORT_DNS));
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	int verdict;
	bool asks, read;

	if (!sk)
		return PASS;
	asks = sk->dst_port == bpf_htons(PORT_DNS);
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (!asks && is_stream_data4(skb, sk, &verdict))
			return verdict;
		if (!asks && is_vouched_datagram4(skb))
			return PASS;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (!asks && is_stream_data6(skb, sk, &verdict))
			return verdict;
	} else {
		return PASS;
	}
	if ((control.flags & CONTROL_SNI) && !stream_packet(skb))
		return DROP;
	verdict = egress_slow(skb);
	if (verdict == DROP)
		return DROP;
	read = verdict == PASS_READ;
	if (!asks && !read && !is_for_server(skb))
		return PASS;
	return dns_egress(skb, read) == DROP ? DROP : PASS;
}

/* ---- In ---- */

/* What comes from this host itself proves nothing: its sender chose the address. */
static __always_inline int hear(struct __sk_buff *skb, struct target *from, __be16 port)
{
	if (port == bpf_htons(PORT_DNS))
		dns_ingress(skb);
	if (skb->ifindex == LOOPBACK_IFINDEX)
		return PASS;
	from->port = bpf_ntohs(port);
	mark_set_recent(&heard, bpf_get_socket_cookie(skb), from, ERA_LONG,
			bpf_ktime_get_coarse_ns());
	return PASS;
}

static __always_inline int ingress4(struct __sk_buff *skb, struct bpf_sock *sk)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data;
	struct udphdr *udp = (void *)(ip + 1);
	struct target from = {};
	__be16 port;

	/* A connected socket hears nobody but whom it was connected to. */
	if ((void *)(ip + 1) > end || !is_datagram(ip->protocol) || sk->dst_port)
		return PASS;
	*(__u32 *)&from.addr[8] = bpf_htonl(0xffff);
	*(__u32 *)&from.addr[12] = ip->saddr;
	if (ip->ihl == 5 && (void *)(udp + 1) <= end)
		return hear(skb, &from, udp->source);
	if (bpf_skb_load_bytes(skb, ip->ihl * 4, &port, sizeof(port)))
		return PASS;
	return hear(skb, &from, port);
}

static __always_inline int ingress6(struct __sk_buff *skb, struct bpf_sock *sk)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip6 = data;
	struct udphdr *udp = (void *)(ip6 + 1);
	struct target from = {};

	/* Behind extension headers a peer gets no answer: nobody sends such datagrams. */
	if ((void *)(udp + 1) > end || !is_datagram(ip6->nexthdr) || sk->dst_port)
		return PASS;
	__builtin_memcpy(from.addr, &ip6->saddr, sizeof(from.addr));
	return hear(skb, &from, udp->source);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return PASS;
	if (sk->dst_port == bpf_htons(PORT_DNS)) {
		dns_ingress(skb);
		return PASS;
	}
	if (skb->protocol == bpf_htons(ETH_P_IP))
		return ingress4(skb, sk);
	return ingress6(skb, sk);
}
