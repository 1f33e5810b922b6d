/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANDOM_H
#define RANDOM_H

#include "abi.h"

static const __u64 seed[2] = { 0x5eed, 0xfeed };

/* ---- Random ---- */

static unsigned long long state = 88172645463325252ull;

/* xorshift64 (Marsaglia 2003): the same cases on every machine. */
static unsigned int roll(unsigned int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 33) % n;
}

static const char *const names[] = { "curl", "npm", "node", "sh", "git", "pip" };

#define NAMES (sizeof(names) / sizeof(*names))

#endif
