/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel offers, asked of the kernel itself. */
#ifndef KNTRL_KERNEL_H
#define KNTRL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

enum attach_kind {
	ATTACH_LSM,		/* bpf is among the active LSMs */
	ATTACH_FMOD_RET,	/* it is not: the same functions, by fmod_ret */
};

struct kernel {
	enum attach_kind attach;
	bool preemptible;	/* runs with preempt=full, or may */
	int cgroup;		/* descriptor of the root of cgroup v2 */
};

/*
 * Looks for all that enforcement needs, and says on stderr what is missing and
 * how to mend it.  Returns 0, or -1.
 */
int kernel_probe(struct kernel *k);

/* Mounts bpffs at /sys/fs/bpf unless it is there.  Returns 0, or -1 with a message. */
int kernel_mount_bpffs(void);

#endif
