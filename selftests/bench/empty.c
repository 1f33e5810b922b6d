// SPDX-License-Identifier: Apache-2.0
/* empty COMMAND [ARGUMENT...]: runs a command while the programs of empty.bpf.c are attached. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "empty.skel.h"

#define CGROUPS "/sys/fs/cgroup"

static int attach(const struct empty *skel)
{
	int root = open(CGROUPS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj) {
		bool packets = bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SKB;

		if (packets ? bpf_program__attach_cgroup(prog, root) : bpf_program__attach(prog))
			continue;
		fprintf(stderr, "empty: %s cannot be attached: %s\n", bpf_program__name(prog),
			strerror(errno));
		return -1;
	}
	close(root);
	return 0;
}

/* The links go with this process. */
int main(int argc, char **argv)
{
	struct empty *skel = empty__open_and_load();
	int status;
	pid_t pid;

	if (argc < 2 || !skel || attach(skel))
		return 1;
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}
