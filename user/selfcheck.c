// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "compile.h"
#include "install.h"
#include "log.h"
#include "pins.h"
#include "policy.h"
#include "self.h"
#include "selfcheck.h"

/* Addresses for documentation (RFC 5737), which nobody has. */
#define ALLOWED	"192.0.2.1"
#define DENIED	"192.0.2.2"
#define BPFFS	"/sys/fs/bpf"
#define DENIED_PROGRAM "kntrl-self-test"

static const char probe_policy[] =
	"version: '1'\n"
	"mode: trace\n"
	"rules:\n"
	"  network:\n"
	"    allowed_ips: ['" ALLOWED "']\n"
	"    allow_local_ranges: false\n"
	"    raw_sockets: block\n"
	"  process:\n"
	"    blocked_executables: [" DENIED_PROGRAM "]\n"
	"  self_protect: true\n";

/* Bits of the child's exit status: what went wrong. */
enum {
	WRONG_ALLOWED = 1,
	WRONG_CONNECT = 2,
	WRONG_SENDMSG = 4,
	WRONG_CREATE = 8,
	WRONG_FORK = 16,
	WRONG_EXEC = 32,
	WRONG_SELF = 64,	/* the child has said what */
};

/* Connecting a datagram socket sends nothing.  Whether it was refused by us. */
static bool connect_refused(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool refused;

	inet_pton(AF_INET, address, &to.sin_addr);
	refused = connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno == EPERM;
	close(fd);
	return refused;
}

static bool sendto_refused(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool refused;

	inet_pton(AF_INET, address, &to.sin_addr);
	refused = sendto(fd, "", 0, 0, (struct sockaddr *)&to, sizeof(to)) < 0 && errno == EPERM;
	close(fd);
	return refused;
}

static bool raw_socket_refused(void)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		return errno == EPERM;
	close(fd);
	return false;
}

static bool child_refused(void)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(connect_refused(DENIED) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}

/* An empty file is no program (ENOEXEC), but that is found out later. */
static bool exec_refused(void)
{
	char *const none[] = { NULL };
	int fd = memfd_create(DENIED_PROGRAM, MFD_CLOEXEC);

	syscall(SYS_execveat, fd, "", none, none, AT_EMPTY_PATH);
	close(fd);
	return errno == EPERM;
}

/* ---- self_protect: attempts that would change nothing if they were not refused ---- */

static bool pin_refused(const char *dir, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EPERM;
}

static bool load_refused(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_TRACING };

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 && errno == EPERM;
}

static bool module_refused(void)
{
	static char none[4096];

	return syscall(SYS_init_module, none, sizeof(none), "") < 0 && errno == EPERM;
}

/* A tunnel without a number, which is none. */
static bool tunnel_refused(void)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
		struct nlattr info, kind;
		char name[8];
	} m = {
		.head = { sizeof(m), RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
		.info = { sizeof(m.info) + sizeof(m.kind) + sizeof(m.name), IFLA_LINKINFO },
		.kind = { sizeof(m.kind) + sizeof(m.name), IFLA_INFO_KIND },
		.name = "vxlan",
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool refused = send(fd, &m, sizeof(m), 0) < 0 && errno == EPERM;

	close(fd);
	return refused;
}

static bool self_refused(const struct engine *e)
{
	const struct unlock none = { { 0 } };
	const struct {
		const char *hook;
		bool refused;
	} all[] = {
		/* A loader that showed the token has its child drop that right. */
		{ "bpf (the token)", self_show(&none) && errno == EPERM },
		{ "bpf", load_refused() },
		{ "bpf_map", pin_refused(e->dir, PIN_SCOPES) },
		{ "bpf_prog", pin_refused(e->dir, PIN_PROG_PREFIX "egress") },
		{ "inode_rmdir", rmdir(e->dir) && errno == EPERM },
		{ "sb_mount", mount("none", e->dir, "none", 0, NULL) && errno == EPERM },
		{ "sb_umount", umount2(BPFFS, MNT_EXPIRE) && errno == EPERM },
		{ "kernel_load_data", module_refused() },
		{ "netlink_send", tunnel_refused() },
	};
	bool refused = true;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (!all[i].refused)
			log_error("self-test: %s does not protect what is loaded", all[i].hook);
		refused &= all[i].refused;
	}
	return refused;
}

static int probe(const struct engine *e)
{
	int wrong = 0;

	if ((e->control->attached & POLICY_SELF) && !self_refused(e))
		wrong |= WRONG_SELF;
	if (connect_refused(ALLOWED))
		wrong |= WRONG_ALLOWED;
	if (!connect_refused(DENIED))
		wrong |= WRONG_CONNECT;
	if (!sendto_refused(DENIED))
		wrong |= WRONG_SENDMSG;
	if (!raw_socket_refused())
		wrong |= WRONG_CREATE;
	if (!child_refused())
		wrong |= WRONG_FORK;
	if (!exec_refused())
		wrong |= WRONG_EXEC;
	return wrong;
}

static void tell(int wrong)
{
	static const char *const what[] = {
		"socket_connect refuses an allowed address",
		"socket_connect lets a denied address pass",
		"socket_sendmsg lets a denied address pass",
		"socket_create lets a raw socket pass",
		"task_alloc does not hand the identity on to a child",
		"bprm_check_security lets a denied program pass",
	};
	size_t i;

	for (i = 0; i < sizeof(what) / sizeof(*what); i++)
		if (wrong & 1 << i)
			log_error("self-test: %s", what[i]);
}

/* The child waits until it is under the probe policy. */
static pid_t probe_start(const struct engine *e, int *go)
{
	int fds[2];
	char c;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? probe(e) : 0xff);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

static int probe_policy_install(struct engine *e)
{
	const struct scope scope = { 0 };
	struct policy_src src;
	struct tables t;
	int err;

	policy_init(&src);
	err = policy_read_buffer(&src, "self-test", probe_policy, sizeof(probe_policy) - 1, stderr) ||
	      compile(&src, e->control->seed, &t, stderr);
	policy_free(&src);
	if (err)
		return -1;
	err = scope_install(e, SCOPE_SELFTEST, &scope, &t);
	tables_free(&t);
	return err;
}

int selfcheck(struct engine *e)
{
	int go = -1, status = -1;
	pid_t pid;

	if (probe_policy_install(e))
		return -1;
	pid = probe_start(e, &go);
	if (pid > 0 && !engine_move(e, 0, scope_bit(SCOPE_SELFTEST), pid) && write(go, "", 1) == 1)
		waitpid(pid, &status, 0);
	close(go);
	scope_remove(e, SCOPE_SELFTEST);
	if (status == -1 || !WIFEXITED(status)) {
		log_error("self-test: the probing process could not be run");
		return -1;
	}
	tell(WEXITSTATUS(status));
	return status ? -1 : 0;
}
