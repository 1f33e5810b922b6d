/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * Keyed hashes, alike in the kernel and in userspace.
 *
 * A full path in a policy is as strong as its hash is hard to forge, so the
 * key is secret and random; see struct control.
 */
#ifndef KNTRL_HASH_H
#define KNTRL_HASH_H

#include "abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Odd constants with well-spread bits, from the fractional digits of sqrt(2), sqrt(3). */
#define HASH_K0	0x6a09e667f3bcc909ull
#define HASH_K1	0xbb67ae8584caa73bull

static __always_inline __u64 hash_mix(__u64 h, __u64 v)
{
	h = (h ^ v) * HASH_K0;
	h ^= h >> 29;
	h *= HASH_K1;
	return h ^ (h >> 32);
}

/* What a hash is of: a name never equals a path or a file. */
enum hash_domain {
	HASH_NAME = 1,
	HASH_PATH,
	HASH_FILE,
	HASH_IMAGE,
	HASH_SOCKET,	/* an AF_UNIX socket's name; an abstract one begins with "@" */
	HASH_HOST,
	HASH_DEVICE,
};

static __always_inline __u64 hash_start(const __u64 seed[2], enum hash_domain domain)
{
	return hash_mix(seed[0], seed[1] + domain);
}

/* A file by its device and inode numbers; @dev in the kernel's own encoding. */
static __always_inline __u64 hash_file(const __u64 seed[2], __u32 dev, __u64 ino)
{
	return hash_mix(hash_mix(hash_start(seed, HASH_FILE), dev), ino);
}

#define HASH_BYTES_MAX 256	/* a file name has at most 255 */

/*
 * Absorbs @len bytes of @p, at most HASH_BYTES_MAX, which must be followed by
 * zeroes up to the next multiple of eight.
 */
static __always_inline __u64 hash_bytes(__u64 h, const char *p, __u32 len)
{
	__u32 i;

	for (i = 0; i < HASH_BYTES_MAX / 8; i++) {
		__u64 w;

		if (i * 8 >= len)
			break;
		__builtin_memcpy(&w, p + i * 8, 8);
		h = hash_mix(h, w);
	}
	return hash_mix(h, len);
}

#endif
