/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/* What tells most files from those that any pattern could be about. */
#ifndef KNTRL_FILES_H
#define KNTRL_FILES_H

#include "hash.h"

/* In place of a name's length: the bit is of a file by its number, or of a device by its own. */
#define FILTER_INODE	0x1000
#define FILTER_DEVICE	0x2000

/* Of a name: its length, and its first eight bytes as they lie in memory, of which only its own count. */
static __always_inline __u32 file_filter_bit(__u64 first, __u32 len)
{
	if (len < 8)
		first &= (1ull << len * 8) - 1;
	return ((first ^ len) * HASH_K0) >> (64 - FILE_FILTER_BITS);
}

/* A device node stands for its device, wherever it is made: @mode as in st_mode. */
static __always_inline __u64 device_number(__u32 mode, __u32 rdev)
{
	return (__u64)(mode & 0170000) << 32 | rdev;
}

static __always_inline __u64 device_hash(const __u64 seed[2], __u64 number)
{
	return hash_mix(hash_start(seed, HASH_DEVICE), number);
}

#endif
