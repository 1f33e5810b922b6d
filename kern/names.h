/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Host names as they are matched: in lower case, without the dot at their end,
 * of letters, digits, "-" and "_".  A name with anything else in it matches no
 * rule.  A name is known by a keyed hash; what is looked up in a policy's hosts
 * is the name from its end (struct host_key).
 */
#ifndef KNTRL_NAMES_H
#define KNTRL_NAMES_H

#include "hash.h"

#define NAME_NONE	1ull	/* stands for a name that no rule can be about */

/* A stream that nothing allows is blocked for what its client says, or does not say. */
static __always_inline void rule_server_name(struct rule_ref *rule, __u64 name)
{
	if (rule->kind != RULE_DEFAULT && rule->kind != RULE_PROFILE)
		return;
	rule->kind = name > NAME_NONE ? RULE_SNI : RULE_NO_SNI;
	rule->source = 0;
	rule->sub = 0;
	rule->index = 0;
}

/* The character as names are compared, or 0. */
static __always_inline char host_char(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c | 0x20;
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return 0;
}

/* The hash of a name is taken from its beginning, byte by byte, dots included. */
static __always_inline __u64 host_hash_start(const __u64 seed[2])
{
	return hash_start(seed, HASH_HOST);
}

static __always_inline __u64 host_hash_add(__u64 h, char c)
{
	h = (h ^ (__u8)c) * HASH_K0;
	return h ^ (h >> 32);
}

static __always_inline __u64 host_hash_end(__u64 h, __u32 len)
{
	h = hash_mix(h, len);
	return h > NAME_NONE ? h : NAME_NONE + 1;
}

/*
 * A key is written from the end: byte @i of a name of @len bytes, then the end.
 * The rest of the key must be zeroes.
 */
static __always_inline void host_key_put(struct host_key *key, __u32 i, __u32 len, char c)
{
	key->text[(len - 1 - i) & (HOST_KEY - 1)] = c;
}

static __always_inline void host_key_end(struct host_key *key, __u32 len)
{
	key->text[len & (HOST_KEY - 1)] = '.';
	key->prefixlen = (len + 2) * 8;	/* with the dot and the NUL */
}

#endif
