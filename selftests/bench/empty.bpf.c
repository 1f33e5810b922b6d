// SPDX-License-Identifier: GPL-2.0-only
/* Programs that do nothing, where kern/ has some that do: below their cost nothing can be. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

#define EMPTY(section, name, result) \
	SEC(section) int name(void *ctx) { return result; }

EMPTY("lsm/task_alloc", clone, 0)
EMPTY("lsm/bprm_creds_for_exec", exec_begin, 0)
EMPTY("lsm/socket_create", socket_create, 0)
EMPTY("lsm/socket_connect", socket_connect, 0)
EMPTY("lsm/socket_sendmsg", socket_sendmsg, 0)
EMPTY("tp_btf/sched_process_exec", exec_done, 0)
EMPTY("tp_btf/cgroup_attach_task", cgroup_entered, 0)
EMPTY("tp_btf/sched_process_fork", cgroup_born, 0)
EMPTY("cgroup_skb/egress", egress, 1)
EMPTY("cgroup_skb/ingress", ingress, 1)
