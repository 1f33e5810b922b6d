/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* The mark itself, which the loader leaves too, for what was there before it. */
#ifndef KNTRL_VOUCH_MARK_H
#define KNTRL_VOUCH_MARK_H

#include "hash.h"
#include "target.h"

/* That the socket @cookie may send @to; 0, or the @era in which it may. */
static __always_inline __u64 mark_of(const __u64 seed[2], __u64 cookie,
				     const struct target *to, __u32 era)
{
	__u64 addr[2];
	__u64 h = hash_mix(seed[0], cookie);

	__builtin_memcpy(addr, to->addr, sizeof(addr));
	h = hash_mix(h, addr[0]);
	h = hash_mix(h, addr[1]);
	return hash_mix(h, (__u64)era << 16 | to->port);
}

#endif
