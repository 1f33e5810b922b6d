// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"
#include "log.h"

#define BPFFS "/sys/fs/bpf"

#define PID_NS_INIT_INO	0xEFFFFFFCU	/* include/linux/proc_ns.h */

/* Reads a small file of a file system that need not be mounted anywhere. */
static int read_from(const char *fstype, const char *path, char *buf, size_t size)
{
	int fs, mnt = -1, fd = -1;
	ssize_t n = -1;

	fs = fsopen(fstype, FSOPEN_CLOEXEC);
	if (fs >= 0 && !fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt >= 0)
		fd = openat(mnt, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	if (mnt >= 0)
		close(mnt);
	if (fs >= 0)
		close(fs);
	return n > 0 ? 0 : -1;
}

/* Whether @word stands in the comma-separated @list. */
static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *p;

	for (p = list; (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ',') && (p[n] == ',' || p[n] == '\n' || !p[n]))
			return true;
	return false;
}

static bool is_preemptible(void)
{
	char mode[128];
	struct utsname u;

	if (!read_from("debugfs", "sched/preempt", mode, sizeof(mode)))
		return strstr(mode, "(full)") || strstr(mode, "(lazy)");
	/* Chosen when the kernel was built, or not to be found out: then for the worse. */
	return uname(&u) || strstr(u.version, "PREEMPT");
}

static int cgroup_root(void)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	int fd = -1;

	if (!f)
		return -1;
	while (fd < 0 && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, "cgroup2"))
			fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	endmntent(f);
	return fd;
}

static bool root_cgroup_namespace(int fd)
{
	/* The true root has no cgroup.type; see cgroup-v2.rst. */
	return faccessat(fd, "cgroup.type", F_OK, 0) != 0;
}

static bool root_pid_namespace(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == PID_NS_INIT_INO;
}

int kernel_probe(struct kernel *k)
{
	char lsms[1024];
	struct utsname u;

	uname(&u);
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		log_error("kernel %s has no BTF (/sys/kernel/btf/vmlinux): it must be built with CONFIG_DEBUG_INFO_BTF=y",
			  u.release);
		return -1;
	}
	if (read_from("securityfs", "lsm", lsms, sizeof(lsms))) {
		if (errno == EPERM)
			log_error("root lacks CAP_SYS_ADMIN here: run outside of containers and user namespaces (docker: --privileged)");
		else
			log_error("kernel %s has no security modules (CONFIG_SECURITY=y is needed): %s",
				  u.release, strerror(errno));
		return -1;
	}
	k->attach = in_list(lsms, "bpf") ? ATTACH_LSM : ATTACH_FMOD_RET;
	k->preemptible = is_preemptible();
	k->cgroup = cgroup_root();
	if (k->cgroup < 0) {
		log_error("cgroup v2 is not mounted; run: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
		return -1;
	}
	if (!root_pid_namespace()) {
		log_error("this is not the host's PID namespace: processes have other numbers in the kernel; run in the host's (docker: --pid=host)");
		return -1;
	}
	if (!root_cgroup_namespace(k->cgroup)) {
		log_error("this is not the host's cgroup namespace: packets of other cgroups would not be seen; run in the host's (docker: --cgroupns=host)");
		return -1;
	}
	return 0;
}

static bool host_mount_namespace(void)
{
	struct stat ours, hosts;

	return !stat("/proc/self/ns/mnt", &ours) && !stat("/proc/1/ns/mnt", &hosts) &&
	       ours.st_ino == hosts.st_ino;
}

int kernel_mount_bpffs(void)
{
	struct statfs st;

	if (!statfs(BPFFS, &st) && (unsigned long)st.f_type == BPF_FS_MAGIC)
		return 0;
	if (!host_mount_namespace()) {
		log_error("%s is not mounted here, and this is not the host's mount namespace: the pins would end with it. Run: nsenter --target 1 --mount mount -t bpf bpf %s",
			  BPFFS, BPFFS);
		return -1;
	}
	if (!mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return 0;
	log_error("%s: cannot mount the BPF file system: %s", BPFFS, strerror(errno));
	return -1;
}
