/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What a process asks for, and what is told about it from protocol and port alone. */
#ifndef KNTRL_TARGET_H
#define KNTRL_TARGET_H

#include "abi.h"
#include "addr.h"

#define PORT_DNS	53
#define PORT_HTTPS	443
#define PORT_DHCP	67
#define PORT_DHCPV6	547

#define PROTO_TCP	6	/* MPTCP too */
#define PROTO_UDP	17
#define PROTO_UDPLITE	136

enum create {
	CREATE_NOTHING,
	CREATE_RAW,		/* a socket that sends packets of its own making */
	CREATE_OTHER,		/* a family or protocol that no rule can judge */
};

/* What is asked for: to send to an address, or to make a socket. */
struct target {
	__u8 addr[16];
	__u16 port;		/* 0 where the protocol has none; to make: the SOCK_* type */
	__u8 proto;		/* IPPROTO_*; to make: the address family */
	__u8 create;		/* enum create */
} __attribute__((aligned(8)));

static __always_inline __u16 proto_bit(__u8 proto)
{
	if (proto == PROTO_TCP)
		return PROTO_BIT_TCP;
	if (proto == PROTO_UDP || proto == PROTO_UDPLITE)
		return PROTO_BIT_UDP;
	return PROTO_BIT_OTHER;
}

static __always_inline _Bool target_is_dns(const struct target *to)
{
	return to->port == PORT_DNS && proto_bit(to->proto) != PROTO_BIT_OTHER;
}

/* A DHCP server, by broadcast, multicast or in a local range; Azure's is at 168.63.129.16. */
static __always_inline _Bool target_is_dhcp(const struct target *to)
{
	__u32 first = addr_word(to->addr, 0), last = addr_word(to->addr, 3);
	_Bool near = addr_is_v4(to->addr) ? last == 0xffffffff || v4_is_metadata(last) :
					    first >> 16 == 0xff02;

	/* Router solicitations go to link-local multicast too. */
	if (proto_bit(to->proto) == PROTO_BIT_OTHER)
		return first >> 16 == 0xff02;
	return to->proto == PROTO_UDP && (to->port == PORT_DHCP || to->port == PORT_DHCPV6) &&
	       (near || addr_is_local(to->addr));
}

#define FACTS_IMAGE	6

/* The atoms of a process: its own and its ancestry's. */
struct facts {
	struct atoms self, ancestry;
	__u32 lineage_full;	/* not a whole list of ancestors */
	__u32 nimage;		/* given, of a program to be executed: hashes of its ... */
	__u64 image[FACTS_IMAGE];	/* ... names, paths and files; 0: those of the process */
};

#endif
