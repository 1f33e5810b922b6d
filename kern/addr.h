/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Addresses that mean something by themselves.  All are 16 bytes in network
 * order, IPv4 as ::ffff:a.b.c.d; see abi.h.
 */
#ifndef KNTRL_ADDR_H
#define KNTRL_ADDR_H

#include "abi.h"
#include "hash.h"

/* The i-th four bytes of an address as a number: 10.0.0.0 is 0x0a000000. */
static __always_inline __u32 addr_word(const __u8 a[16], int i)
{
	__u32 w;

	__builtin_memcpy(&w, a + 4 * i, sizeof(w));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	w = __builtin_bswap32(w);
#endif
	return w;
}

static __always_inline _Bool addr_is_v4(const __u8 a[16])
{
	return !(addr_word(a, 0) | addr_word(a, 1)) && addr_word(a, 2) == 0xffff;
}

/*
 * 127.0.0.0/8 and ::1, and the unspecified addresses, which Linux connects to
 * the host itself (ip_route_output_key_hash_rcu, __ip6_datagram_connect).
 */
static __always_inline _Bool addr_is_loopback(const __u8 a[16])
{
	__u32 last = addr_word(a, 3);

	if (addr_word(a, 0) | addr_word(a, 1))
		return 0;
	if (addr_word(a, 2) == 0xffff)
		return last >> 24 == 127 || !last;
	return !addr_word(a, 2) && last <= 1;
}

/* RFC 1918, RFC 4193 and RFC 4291 2.5.6: what allow_local_ranges means. */
static __always_inline _Bool addr_is_local(const __u8 a[16])
{
	__u32 first = addr_word(a, 0), last = addr_word(a, 3);

	if (addr_is_v4(a))
		return last >> 24 == 10 || last >> 20 == 0xac1 || last >> 16 == 0xc0a8;
	return first >> 25 == 0xfc >> 1 || first >> 22 == 0xfe80 >> 6;
}

static __always_inline _Bool v4_is_metadata(__u32 v4)
{
	return v4 == 0xa9fea9fe /* 169.254.169.254 */ || v4 == 0xa83f8110 /* 168.63.129.16 */;
}

/*
 * A cloud's metadata endpoint, in any spelling that a router or the kernel
 * turns into it: plain, NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible.
 */
static __always_inline _Bool addr_is_metadata(const __u8 a[16])
{
	__u32 w0 = addr_word(a, 0), w1 = addr_word(a, 1), w2 = addr_word(a, 2);
	__u32 w3 = addr_word(a, 3);

	if (w0 >> 16 == 0x2002)
		return v4_is_metadata(w0 << 16 | w1 >> 16);
	if (w0 == 0xfd000ec2)	/* fd00:ec2::254 */
		return !(w1 | w2) && w3 == 0x254;
	if (w1 || (w2 && w2 != 0xffff) || (w0 && w0 != 0x0064ff9b))
		return 0;
	return v4_is_metadata(w3);
}

#endif
