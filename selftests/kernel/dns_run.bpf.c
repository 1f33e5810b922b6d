// SPDX-License-Identifier: GPL-2.0-only
/* kern/dns.h, to be called by BPF_PROG_TEST_RUN. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"

#define repeat(n, fn, ctx) bpf_loop(n, fn, ctx, 0)

#include "dns.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dns);
} runs SEC(".maps");

SEC("tc")
int dns_run(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct dns *d = bpf_map_lookup_elem(&runs, &zero);

	return d ? dns_read(d) : -1;
}
