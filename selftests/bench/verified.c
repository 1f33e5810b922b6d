// SPDX-License-Identifier: Apache-2.0
/* How much work the verifier had with each loaded program: NAME VERIFIED XLATED JITED */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define PINS "/sys/fs/bpf/kntrl"

int main(void)
{
	DIR *dir = opendir(PINS);
	struct dirent *d;
	int shown = 0;

	while (dir && (d = readdir(dir))) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);
		char path[512];
		int fd;

		if (strncmp(d->d_name, "prog_", 5))
			continue;
		snprintf(path, sizeof(path), PINS "/%s", d->d_name);
		fd = bpf_obj_get(path);
		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len)) {
			perror(path);
			return 1;
		}
		printf("%-16s %8u %6u %6u\n", d->d_name + 5, info.verified_insns,
		       info.xlated_prog_len / 8, info.jited_prog_len);
		close(fd);
		shown++;
	}
	if (dir)
		closedir(dir);
	return !shown;
}
