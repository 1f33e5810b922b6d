// SPDX-License-Identifier: GPL-2.0-only
/* kern/client.h, to be called by BPF_PROG_TEST_RUN. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "client_run.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct client_run);
} runs SEC(".maps");

SEC("tc")
int client_run(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct client_run *r = bpf_map_lookup_elem(&runs, &zero);
	struct client_walk w = {};

	if (!r)
		return -1;
	if (r->next)
		client_next(&r->client);
	w.client = &r->client;
	w.bytes = &r->said;
	return client_read(&w);
}
