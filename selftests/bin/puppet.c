// SPDX-License-Identifier: Apache-2.0
/*
 * A process that does as it is told, so that a test can ask the very same
 * process, thread or socket before and after a change of policy.
 *
 *	puppet serve SOCKET &		answers on that AF_UNIX socket
 *	puppet tell SOCKET COMMAND...	prints the answer; exits with 0 for "ok", 1 for
 *					"EPERM", 2 for anything else
 *
 * Commands:
 *	connect ADDRESS PORT	of a new datagram socket, which sends nothing
 *	tcp ADDRESS PORT	a connection, closed again
 *	send ADDRESS PORT	a datagram, always from the same socket
 *	raw			makes a raw socket
 *	thread ADDRESS PORT	"connect" by another thread, as old as the process
 *	loop ADDRESS PORT	"connect" from now on, without end, by yet another thread
 *	count			how often that succeeded so far
 *	flood N			N datagrams to as many addresses in 198.18.0.0/15; how many
 *				were refused
 *	fork|setsid|orphan|exec SOCKET
 *				another puppet: a child, in a session of its own, of no
 *				parent, by another exec
 *	clone CGROUP SOCKET	a child that is born in a cgroup, by clone3()
 *	clone-pid PID SOCKET	a child that has that process id
 *	pid			its process id
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define WORDS		4
#define PATIENCE_MS	10000

struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};

#define INTO_CGROUP	0x200000000ull

static struct sockaddr_in to;		/* of the command at hand */
static int sender;			/* the socket of "send" */
static unsigned long successes;		/* of "loop" */

/* The thread of "thread" waits for work in one pipe, and leaves its answer in another. */
static int work[2], done[2];

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	return un;
}

/* ---- What it can do ---- */

static int attempt(int type)
{
	int err, fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	err = connect(fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
	close(fd);
	return err;
}

static int send_one(void)
{
	return sendto(sender, "!", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

static int raw(void)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void *work_thread(void *arg)
{
	char c;
	int err;

	while (read(work[0], &c, 1) == 1) {
		err = attempt(SOCK_DGRAM);
		if (write(done[1], &err, sizeof(err)) != sizeof(err))
			break;
	}
	return arg;
}

static int by_thread(void)
{
	int err = EIO;

	if (write(work[1], "", 1) != 1 || read(done[0], &err, sizeof(err)) != sizeof(err))
		return EIO;
	return err;
}

static void *loop_thread(void *arg)
{
	struct sockaddr_in there = to;

	for (;;) {
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (!connect(fd, (struct sockaddr *)&there, sizeof(there)))
			__atomic_add_fetch(&successes, 1, __ATOMIC_SEQ_CST);
		close(fd);
		usleep(500);	/* others want the CPU, too */
	}
	return arg;
}

static int loop(void)
{
	pthread_t t;

	return pthread_create(&t, NULL, loop_thread, NULL);
}

static unsigned long flood(unsigned long n)
{
	unsigned long i, refused = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	to.sin_family = AF_INET;
	to.sin_port = htons(9);
	for (i = 0; i < n; i++) {
		to.sin_addr.s_addr = htonl(0xc6120000u + i);
		refused += sendto(fd, "!", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 &&
			   errno == EPERM;
	}
	close(fd);
	return refused;
}

/* ---- Others like it ---- */

static int serve(const char *path, bool anew);

static int spawn_clone(struct clone3_args *args, const char *path)
{
	long pid;

	args->exit_signal = SIGCHLD;
	pid = syscall(SYS_clone3, args, sizeof(*args));
	if (!pid)
		_exit(serve(path, true));
	return pid < 0 ? errno : 0;
}

static int spawn(const char *how, const char *path)
{
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? errno : 0;
	if (!strcmp(how, "setsid"))
		setsid();
	if (!strcmp(how, "orphan") && fork())
		_exit(0);
	if (!strcmp(how, "exec"))
		execl("/proc/self/exe", "puppet", "serve", path, (char *)NULL);
	_exit(serve(path, true));
}

static int spawn_in_cgroup(const char *cgroup, const char *path)
{
	struct clone3_args args = { .flags = INTO_CGROUP };
	int err, fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	args.cgroup = fd;
	err = spawn_clone(&args, path);
	close(fd);
	return err;
}

static int spawn_with_pid(pid_t pid, const char *path)
{
	struct clone3_args args = { .set_tid = (uintptr_t)&pid, .set_tid_size = 1 };

	return spawn_clone(&args, path);
}

/* ---- Commands ---- */

static void answer_errno(char *answer, size_t size, int err)
{
	snprintf(answer, size, "%s", err ? strerrorname_np(err) : "ok");
}

static bool destination(const char *const word[WORDS])
{
	if (!word[1] || !word[2])
		return false;
	to.sin_family = AF_INET;
	to.sin_port = htons(atoi(word[2]));
	return inet_pton(AF_INET, word[1], &to.sin_addr) == 1;
}

static int obey_destination(const char *command)
{
	if (!strcmp(command, "connect"))
		return attempt(SOCK_DGRAM);
	if (!strcmp(command, "tcp"))
		return attempt(SOCK_STREAM);
	if (!strcmp(command, "send"))
		return send_one();
	if (!strcmp(command, "thread"))
		return by_thread();
	if (!strcmp(command, "loop"))
		return loop();
	return ENOSYS;
}

static void obey(const char *const word[WORDS], char *answer, size_t size)
{
	if (!word[0])
		answer_errno(answer, size, ENOSYS);
	else if (!strcmp(word[0], "pid"))
		snprintf(answer, size, "%d", getpid());
	else if (!strcmp(word[0], "count"))
		snprintf(answer, size, "%lu", __atomic_load_n(&successes, __ATOMIC_SEQ_CST));
	else if (!strcmp(word[0], "raw"))
		answer_errno(answer, size, raw());
	else if (!strcmp(word[0], "flood") && word[1])
		snprintf(answer, size, "%lu", flood(strtoul(word[1], NULL, 10)));
	else if (!strcmp(word[0], "clone") && word[2])
		answer_errno(answer, size, spawn_in_cgroup(word[1], word[2]));
	else if (!strcmp(word[0], "clone-pid") && word[2])
		answer_errno(answer, size, spawn_with_pid(atoi(word[1]), word[2]));
	else if (word[1] && !word[2])
		answer_errno(answer, size, spawn(word[0], word[1]));
	else
		answer_errno(answer, size, destination(word) ? obey_destination(word[0]) : EINVAL);
}

static void converse(int fd)
{
	const char *word[WORDS] = { 0 };
	char line[512], answer[64], *next = line;
	ssize_t len = read(fd, line, sizeof(line) - 1);
	int i;

	if (len <= 0)
		return;
	line[len] = '\0';
	for (i = 0; i < WORDS; i++)
		word[i] = strsep(&next, "\n");
	obey(word, answer, sizeof(answer));
	if (write(fd, answer, strlen(answer)) < 0)
		perror("answer");
}

/* @anew: what was inherited from another puppet is not ours. */
static int serve(const char *path, bool anew)
{
	struct sockaddr_un un = unix_address(path);
	int fd, conn;
	pthread_t t;

	if (anew)
		close_range(3, ~0u, 0);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	successes = 0;
	sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (pipe2(work, O_CLOEXEC) || pipe2(done, O_CLOEXEC) ||
	    pthread_create(&t, NULL, work_thread, NULL) ||
	    bind(fd, (struct sockaddr *)&un, sizeof(un)) || listen(fd, 8)) {
		perror(path);
		return 2;
	}
	while ((conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		converse(conn);
		close(conn);
	}
	return 2;
}

/* ---- The other side ---- */

/* It may have been started just now. */
static int reach(const char *path)
{
	struct sockaddr_un un = unix_address(path);
	int tries, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	for (tries = 0; tries < PATIENCE_MS / 20; tries++) {
		if (!connect(fd, (struct sockaddr *)&un, sizeof(un)))
			return fd;
		usleep(20000);
	}
	perror(path);
	return -1;
}

static int tell(const char *path, int words, char **word)
{
	char line[512] = "", answer[64];
	size_t at = 0;
	ssize_t len;
	int i, fd = reach(path);

	for (i = 0; i < words && at < sizeof(line); i++)
		at += snprintf(line + at, sizeof(line) - at, "%s%s", i ? "\n" : "", word[i]);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		return 2;
	len = read(fd, answer, sizeof(answer) - 1);
	if (len <= 0) {
		fprintf(stderr, "%s: no answer\n", path);
		return 2;
	}
	answer[len] = '\0';
	puts(answer);
	return !strcmp(answer, "ok") ? 0 : !strcmp(answer, "EPERM") ? 1 : 2;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2], false);
	if (argc > 3 && !strcmp(argv[1], "tell"))
		return tell(argv[2], argc - 3, argv + 3);
	fprintf(stderr, "usage: %s serve SOCKET | tell SOCKET COMMAND...\n", argv[0]);
	return 2;
}
