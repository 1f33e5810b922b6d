// SPDX-License-Identifier: Apache-2.0
/* Techniques of opening a TCP connection; see by.h. */
#include <fcntl.h>
#include <netinet/ip.h>
#include <pthread.h>
#include <sched.h>
#include <sys/un.h>

#include "by.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT	30
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE	34
#endif

static int stream(const struct attempt *a)
{
	return sock(a->family, SOCK_STREAM, 0);
}

static int tcp_connect(struct attempt *a)
{
	return dial_and_tell(stream(a), a);
}

/* ---- Socket options ---- */

static int tcp_device(struct attempt *a)
{
	int fd = stream(a);
	int err = result(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));

	return err ?: dial_and_tell(fd, a);
}

static int tcp_mark(struct attempt *a)
{
	int fd = stream(a);
	int err = set_int(fd, SOL_SOCKET, SO_MARK, 7);

	return err ?: dial_and_tell(fd, a);
}

static int tcp_transparent(struct attempt *a)
{
	int fd = stream(a);
	int err = a->family == AF_INET ? set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1) :
					 set_int(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, 1);

	return err ?: dial_and_tell(fd, a);
}

static int tcp_bound(struct attempt *a)
{
	struct sockaddr_storage from = a->ok;
	int fd = stream(a), err;

	port_set(&from, 0);
	err = result(bind(fd, sa(&from), a->len));
	return err ?: dial_and_tell(fd, a);
}

/* ---- Addresses ---- */

static int tcp_mapped(struct attempt *a)
{
	addr_map(&a->to);
	a->len = sizeof(struct sockaddr_in6);
	return dial_and_tell(sock(AF_INET6, SOCK_STREAM, 0), a);
}

static int tcp_v4_on_v6(struct attempt *a)
{
	return dial_and_tell(sock(AF_INET6, SOCK_STREAM, 0), a);
}

static int tcp_short(struct attempt *a)
{
	a->len = a->family == AF_INET ? 15 : 24;	/* SIN6_LEN_RFC2133 */
	return dial_and_tell(stream(a), a);
}

static int tcp_long(struct attempt *a)
{
	a->len = sizeof(a->to);
	return dial_and_tell(stream(a), a);
}

static int tcp_reconnect(struct attempt *a)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = stream(a);
	int err = dial(fd, &a->ok, a->len);

	if (!err)
		err = result(connect(fd, &none, sizeof(none)));
	return err ?: dial_and_tell(fd, a);
}

static int tcp_nonblock(struct attempt *a)
{
	int fd = stream(a), err, tries;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	err = dial(fd, &a->to, a->len);
	if (err && err != -EINPROGRESS)
		return err;
	for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
		err = tell(fd, a);
		if (err != -EAGAIN && err != -ENOTCONN)
			return err;
		usleep(10000);
	}
	return err;
}

/* ---- Fast Open ---- */

static int fastopen_sendto(struct attempt *a)
{
	return tell_to(stream(a), a, &a->to, a->len, MSG_FASTOPEN);
}

static struct msghdr message(struct attempt *a, struct iovec *iov)
{
	*iov = (struct iovec){ a->token, a->n };
	return (struct msghdr){ .msg_name = &a->to, .msg_namelen = a->len,
				.msg_iov = iov, .msg_iovlen = 1 };
}

static int fastopen_sendmsg(struct attempt *a)
{
	struct iovec iov;
	struct msghdr m = message(a, &iov);

	return result(sendmsg(stream(a), &m, MSG_FASTOPEN));
}

static int fastopen_sendmmsg(struct attempt *a)
{
	struct iovec iov;
	struct mmsghdr m = { .msg_hdr = message(a, &iov) };

	return result(sendmmsg(stream(a), &m, 1, MSG_FASTOPEN));
}

static int fastopen_nocookie(struct attempt *a)
{
	int fd = stream(a);
	int err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);

	return err ?: tell_to(fd, a, &a->to, a->len, MSG_FASTOPEN);
}

static int fastopen_connect(struct attempt *a)
{
	int fd = stream(a);
	int err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);

	return err ?: dial_and_tell(fd, a);
}

/* Vetted by connect() for one address, and then sent with another. */
static int fastopen_connect_other(struct attempt *a)
{
	int fd = stream(a);
	int err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);

	if (!err)
		err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	if (!err)
		err = dial(fd, &a->ok, a->len);
	return err ?: tell_to(fd, a, &a->to, a->len, MSG_FASTOPEN);
}

static int fastopen_mapped(struct attempt *a)
{
	addr_map(&a->to);
	return tell_to(sock(AF_INET6, SOCK_STREAM, 0), a, &a->to, sizeof(struct sockaddr_in6),
		       MSG_FASTOPEN);
}

/* ---- Routing options: the first hop is not whom connect() named ---- */

/* Loose source route by way of @a->to, RFC 791 3.1; or a segment routing header, RFC 8754. */
static int route_by(int fd, struct attempt *a)
{
	if (a->family == AF_INET) {
		struct {
			uint8_t nop, type, len, pointer;
			struct in_addr hop;
		} opt = { IPOPT_NOP, IPOPT_LSRR, 7, 4, sin4(&a->to)->sin_addr };

		return result(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, &opt, sizeof(opt)));
	} else {
		struct {
			uint8_t next, len, type, left, last, flags;
			uint16_t tag;
			struct in6_addr segments[2];
		} srh = { .len = 4, .type = 4, .left = 1, .last = 1,
			  .segments = { sin6(&a->ok)->sin6_addr, sin6(&a->to)->sin6_addr } };

		return result(setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, &srh, sizeof(srh)));
	}
}

static int route_syn(struct attempt *a)
{
	int fd = stream(a);
	int err = route_by(fd, a);

	if (!err)
		err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	return err ?: tell_to(fd, a, &a->ok, a->len, MSG_FASTOPEN);
}

/* A stream socket with port 0 looks like a listener. */
static int route_syn_port0(struct attempt *a)
{
	port_set(&a->ok, 0);
	return route_syn(a);
}

static int route_connect(struct attempt *a)
{
	int fd = stream(a);
	int err = route_by(fd, a);

	if (!err)
		err = dial(fd, &a->ok, a->len);
	return err ?: tell(fd, a);
}

static int route_established(struct attempt *a)
{
	int fd = stream(a);
	int err = dial(fd, &a->ok, a->len);

	if (!err)
		err = route_by(fd, a);
	/* Makes the kernel look up the route again. */
	if (!err)
		err = a->family == AF_INET ? set_int(fd, IPPROTO_IP, IP_TOS, 8) :
					     set_int(fd, SOL_SOCKET, SO_MARK, 7);
	if (!err)
		err = tell(fd, a);
	usleep(20000);
	return err;
}

/* ---- Who does it ---- */

struct job {
	struct attempt *a;
	int fd, err;
};

static void *job_run(void *arg)
{
	struct job *job = arg;

	job->err = dial_and_tell(job->fd, job->a);
	return NULL;
}

static int tcp_thread(struct attempt *a)
{
	struct job job = { a, stream(a), 0 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, job_run, &job))
		return -EAGAIN;
	pthread_join(thread, NULL);
	return job.err;
}

static int tcp_vfork(struct attempt *a)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(-dial_and_tell(stream(a), a));
	return child_result(pid);
}

static int job_child(void *arg)
{
	job_run(arg);
	return 0;
}

/* A process that shares memory and files, but is nobody's child here. */
static int tcp_clone_parent(struct attempt *a)
{
	static char stack[65536] __attribute__((aligned(16)));
	static struct job job;
	pid_t middle = fork();

	if (!middle) {
		job = (struct job){ a, stream(a), 0 };
		if (clone(job_child, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_PARENT |
			  CLONE_VFORK, &job) < 0)
			_exit(errno);
		_exit(-job.err);
	}
	return child_result(middle);
}

/* The socket belongs to this network namespace, the process to another. */
static int tcp_other_netns(struct attempt *a)
{
	int fd = stream(a);

	if (unshare(CLONE_NEWNET))
		return -errno;
	return dial_and_tell(fd, a);
}

static int pass_fd(int channel, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return result(sendmsg(channel, &m, 0));
}

static int take_fd(int channel)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(channel, &m, 0) < 0 || !CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

static int tcp_passed(struct attempt *a)
{
	int channel[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel))
		return -errno;
	pid = fork();
	if (!pid)
		_exit(-pass_fd(channel[1], stream(a)));
	if (child_result(pid))
		return -EIO;
	return dial_and_tell(take_fd(channel[0]), a);
}

/* The socket is inherited over exec; see main(). */
static int tcp_exec(struct attempt *a)
{
	char fd[16], port[16], addr[INET6_ADDRSTRLEN];
	pid_t pid;

	inet_ntop(a->family, a->family == AF_INET ? (void *)&sin4(&a->to)->sin_addr :
		  (void *)&sin6(&a->to)->sin6_addr, addr, sizeof(addr));
	snprintf(fd, sizeof(fd), "%d", stream(a));
	snprintf(port, sizeof(port), "%d", port_get(&a->to));
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "tcpby", "--fd", fd, addr, port, a->token, NULL);
		_exit(errno);
	}
	return child_result(pid);
}

static int after_exec(char **argv)
{
	struct attempt a = {};

	a.len = addr_parse(&a.to, argv[3], atoi(argv[4]));
	a.n = snprintf(a.token, sizeof(a.token), "%s", argv[5]);
	return -dial_and_tell(atoi(argv[2]), &a);
}

static const struct technique techniques[] = {
	{ "connect", tcp_connect, BOTH },
	{ "connect-nonblock", tcp_nonblock, BOTH },
	{ "connect-device", tcp_device, BOTH },
	{ "connect-mark", tcp_mark, BOTH },
	{ "connect-transparent", tcp_transparent, BOTH },
	{ "connect-bound", tcp_bound, BOTH },
	{ "connect-mapped", tcp_mapped, V4 },
	{ "connect-v4-on-v6", tcp_v4_on_v6, V4 },
	{ "connect-short-address", tcp_short, BOTH },
	{ "connect-long-address", tcp_long, BOTH },
	{ "connect-again", tcp_reconnect, BOTH },
	{ "fastopen-sendto", fastopen_sendto, BOTH },
	{ "fastopen-sendmsg", fastopen_sendmsg, BOTH },
	{ "fastopen-sendmmsg", fastopen_sendmmsg, BOTH },
	{ "fastopen-nocookie", fastopen_nocookie, BOTH },
	{ "fastopen-connect", fastopen_connect, BOTH },
	{ "fastopen-connect-other", fastopen_connect_other, BOTH },
	{ "fastopen-mapped", fastopen_mapped, V4 },
	{ "route-syn", route_syn, BOTH },
	{ "route-syn-port0", route_syn_port0, BOTH },
	{ "route-connect", route_connect, BOTH },
	{ "route-established", route_established, BOTH },
	{ "thread", tcp_thread, BOTH },
	{ "vfork", tcp_vfork, BOTH },
	{ "clone-parent", tcp_clone_parent, BOTH },
	{ "other-netns", tcp_other_netns, BOTH },
	{ "passed-socket", tcp_passed, BOTH },
	{ "exec", tcp_exec, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "--fd"))
		return after_exec(argv);
	return by_main(argc, argv, techniques);
}
