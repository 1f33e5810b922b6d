/* SPDX-License-Identifier: GPL-2.0-only */
/* Where things lie in a packet of cgroup_skb, which begins with its network header. */
#ifndef KNTRL_PACKET_H
#define KNTRL_PACKET_H

#include <linux/in.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>

#define LOOPBACK_IFINDEX 1	/* in every network namespace; include/net/flow.h */

#define PASS	1
#define DROP	0

/* Past the IPv6 extension headers (RFC 8200, 4): offset of what follows; its type in *next. */
static __always_inline __u32 ipv6_transport(struct __sk_buff *skb, __u8 *next)
{
	__u32 i, at = sizeof(struct ipv6hdr);

	for (i = 0; i < 8; i++) {
		__u8 h[2];

		if (*next != IPPROTO_HOPOPTS && *next != IPPROTO_ROUTING &&
		    *next != IPPROTO_DSTOPTS)
			return at;
		if (bpf_skb_load_bytes(skb, at, h, sizeof(h)))
			return at;
		*next = h[0];
		at += (h[1] + 1) * 8;
	}
	return at;
}

#endif
