/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include "abi.h"
#include "hash.h"

#define RUN_BYTES	0x8000	/* a power of two */

/* What a client said. */
struct said {
	__u32 len;		/* as much of it as is shown */
	__u8 bytes[RUN_BYTES];
};

typedef const struct said *bytes_ref;

static __always_inline int byte_at(bytes_ref said, __u32 i)
{
	return i < said->len ? said->bytes[i % RUN_BYTES] : -1;
}

#ifdef __BPF__
#define repeat(n, fn, ctx) bpf_loop(n, fn, ctx, 0)
#else
#define repeat(n, fn, ctx) ({ \
	__u32 i_ = 0; \
	while (i_ < (n) && !fn(i_, ctx)) \
		i_++; \
})
#endif

#include "client.h"

/* One call of client_read(), after client_next() if that is asked for. */
struct client_run {
	struct client client;
	__u32 next;
	struct said said;
};

#endif
