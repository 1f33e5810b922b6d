/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to name servers and their answers; see dns.bpf.c. */
#ifndef KNTRL_DNS_SOCKET_H
#define KNTRL_DNS_SOCKET_H

#include "maps.h"

#define DNS_OUR_NET	(1u << 0)	/* in a network namespace that no user made */
#define DNS_HOST_NET	(1u << 1)	/* in the host's */
#define DNS_SENT	(1u << 2)	/* of a stream: sent is known */
#define DNS_GOT		(1u << 3)	/* of a stream: got is known */

/* A socket that was vetted to ask a name server. */
struct dns_socket {
	struct target server;
	__u64 exec;		/* of who asks; key into "askers" */
	__u64 scopes;		/* it is in */
	__u64 cgroup;
	__u32 uid, tgid;
	__u32 flags;		/* DNS_* */
	__u32 sent, got;	/* of a stream: sequence number at which the next message begins */
	__u32 pad;
};

/*
 * By socket cookie.  Written by the hooks of connect and send, before anything
 * leaves; read as questions leave and answers arrive.  A socket that was pushed
 * out asks as a process of which nothing is known, and learns nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct dns_socket);
} dns_sockets TABLE;

/* The current task may send to the name server by this socket. */
int dns_asker(const struct target *server, __u64 cookie, __u32 flags);

/*
 * A packet to a name server, or perhaps one: whether it may leave.  @asks: it is to
 * one, whatever its port is now.
 */
int dns_egress(struct __sk_buff *skb, int asks);

/* A packet from one: what it answers is known when this returns. */
int dns_ingress(struct __sk_buff *skb);

#endif
