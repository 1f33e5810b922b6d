/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Marks by which a hook tells the egress backstop that it has judged a
 * socket's sending to an address; see maps.h.  A mark is one 64-bit word, so
 * that it is written and read whole without a lock.
 */
#ifndef KNTRL_VOUCH_H
#define KNTRL_VOUCH_H

#include "maps.h"
#include "vouch_mark.h"

/* The socket of a mark that holds for the subflows that MPTCP makes by itself. */
#define COOKIE_MPTCP	(1ull << 63)

/* Marks that end: the second or so, and the quarter of a minute, that it is. */
#define ERA_SHORT	30	/* 2^30 ns: 1.07 s */
#define ERA_LONG	34	/* 2^34 ns: 17.2 s */

static __always_inline void mark_set(void *map, __u64 mark)
{
	__u32 at = mark % VOUCHED;
	__u64 *v = bpf_map_lookup_elem(map, &at);

	if (v)
		*v = mark;
}

static __always_inline void mark_clear(void *map, __u64 mark)
{
	__u32 at = mark % VOUCHED;
	__u64 *v = bpf_map_lookup_elem(map, &at);

	if (v && *v == mark)
		*v = 0;
}

static __always_inline bool mark_is(void *map, __u64 mark)
{
	__u32 at = mark % VOUCHED;
	__u64 *v = bpf_map_lookup_elem(map, &at);

	return v && *v == mark;
}

static __always_inline bool mark_is_recent(void *map, __u64 cookie, const struct target *to,
					   __u32 shift)
{
	__u32 era = bpf_ktime_get_ns() >> shift;

	return mark_is(map, mark_of(control.seed, cookie, to, era)) ||
	       mark_is(map, mark_of(control.seed, cookie, to, era - 1));
}

/* @now may be a tick behind when it is compared with an era that is a second old or more. */
static __always_inline void mark_set_recent(void *map, __u64 cookie, const struct target *to,
					    __u32 shift, __u64 now)
{
	mark_set(map, mark_of(control.seed, cookie, to, now >> shift));
}

/* Tells the backstop that the socket may send there, and in which scopes it is. */
static __always_inline void vouch(__u64 cookie, __u64 scopes, const struct target *to)
{
	__u64 *known;

	mark_set(&vouched, mark_of(control.seed, cookie, to, 0));
	if (!scopes)
		return;
	known = bpf_map_lookup_elem(&owners, &cookie);
	if (known)
		*known |= scopes;	/* handed on, or a new scope around */
	else
		bpf_map_update_elem(&owners, &cookie, &scopes, BPF_ANY);
}

#endif
