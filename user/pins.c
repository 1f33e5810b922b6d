// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <bpf/bpf.h>

#include "pins.h"

static void explain(const char *path, int err)
{
	if (err == ENOENT && access(PIN_DIR, F_OK))
		fprintf(stderr, "kntrl: nothing is loaded: %s is not there; load a policy with "
			"kntrl-load\n", PIN_DIR);
	else if (err == ENOENT)
		fprintf(stderr, "kntrl: %s is not there: what is loaded is of another version, or "
			"its pin was removed; load the policy again with kntrl-load\n", path);
	else if (err == EPERM && !access(PIN_DIR "/link_self_map", F_OK))
		fprintf(stderr, "kntrl: what is loaded protects itself (rules.self_protect): do this "
			"from outside of its scope, or give its token: kntrl --token-file FILE ...\n");
	else if (err == EPERM || err == EACCES)
		fprintf(stderr, "kntrl: %s: %s; run as root\n", path, strerror(err));
	else
		fprintf(stderr, "kntrl: %s: %s\n", path, strerror(err));
}

static int pin_open_flags(const char *name, __u32 flags)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = flags);
	char path[sizeof(PIN_DIR) + 64];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", PIN_DIR, name);
	fd = bpf_obj_get_opts(path, &opts);
	if (fd >= 0)
		return fd;
	fd = -errno;
	explain(path, errno);
	return fd;
}

int pin_open(const char *name)
{
	return pin_open_flags(name, 0);
}

int pin_open_readonly(const char *name)
{
	return pin_open_flags(name, BPF_F_RDONLY);
}
