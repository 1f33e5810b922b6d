/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* A host's name as a client spells it, kept in lower case. */
#ifndef KNTRL_HOST_NAME_H
#define KNTRL_HOST_NAME_H

#include "abi.h"
#include "hash.h"

#define HOST_NAME_MAX_LEN 254	/* 253 and a trailing dot (RFC 1035, 3.1) */
#define HOST_NAME_SIZE	256

struct host_name {
	__u16 len;
	char text[HOST_NAME_SIZE];
};

static __always_inline __u8 ascii_lower(__u8 c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Letters, digits, hyphen, and the underscore that some use; so no addresses of IPv6, and no NUL. */
static __always_inline _Bool is_host_char(__u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
	       c == '_';
}

static __always_inline _Bool host_name_add(struct host_name *name, __u8 c)
{
	c = ascii_lower(c);
	if (name->len >= HOST_NAME_MAX_LEN || !is_host_char(c))
		return 0;
	name->text[name->len % HOST_NAME_SIZE] = c;
	name->len++;
	return 1;
}

#endif
