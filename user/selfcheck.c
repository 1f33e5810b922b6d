// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compile.h"
#include "install.h"
#include "log.h"
#include "policy.h"
#include "selfcheck.h"

/* Addresses for documentation (RFC 5737), which nobody has. */
#define ALLOWED	"192.0.2.1"
#define DENIED	"192.0.2.2"
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
	"    blocked_executables: [" DENIED_PROGRAM "]\n";

/* Bits of the child's exit status: what went wrong. */
enum {
	WRONG_ALLOWED = 1,
	WRONG_CONNECT = 2,
	WRONG_SENDMSG = 4,
	WRONG_CREATE = 8,
	WRONG_FORK = 16,
	WRONG_EXEC = 32,
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

static int probe(void)
{
	int wrong = 0;

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
static pid_t probe_start(int *go)
{
	int fds[2];
	char c;
	pid_t pid;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(read(fds[0], &c, 1) == 1 ? probe() : 0xff);
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
	pid = probe_start(&go);
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
