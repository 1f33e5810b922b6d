// SPDX-License-Identifier: GPL-2.0-only
/* judge() of kern/verdict.bpf.c, to be called by BPF_PROG_TEST_RUN. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "judge.h"
#include "judge_run.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct run);
} runs SEC(".maps");

SEC("tc")
int judge_run(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct run *r = bpf_map_lookup_elem(&runs, &zero);
	struct outcome out = {};

	if (!r)
		return -1;
	if (r->known)
		judge(&r->id, &r->to, 0, &out, &r->facts);
	else
		judge(0, &r->to, 0, &out, &r->facts);
	r->verdict = out.verdict;
	r->rule = out.rule;
	return 0;
}
