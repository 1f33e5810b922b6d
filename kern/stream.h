/* SPDX-License-Identifier: GPL-2.0-only */
/* What the egress backstop asks of streams that are held for their names (stream.bpf.c). */
#ifndef KNTRL_STREAM_H
#define KNTRL_STREAM_H

#include "target.h"

struct __sk_buff;

/* Whether @len bytes of a stream may leave: @end is the sequence number behind them. */
int stream_may_leave(struct __sk_buff *skb, __u32 end, __u32 len, __u32 urgent);

/* Whether the packet's socket is a stream that is held on its way there. */
int stream_goes(struct __sk_buff *skb, const struct target *to);

#endif
