// SPDX-License-Identifier: Apache-2.0
/* Connecting and sending by io_uring, without liburing; see by.h. */
#include "by.h"
#include "ring.h"

#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE	34
#endif

/* ---- Operations ---- */

struct how {
	unsigned int setup;	/* IORING_SETUP_* */
	unsigned int flags;	/* IOSQE_* */
};

static const struct how here, worker = { .flags = IOSQE_ASYNC },
			polled = { .setup = IORING_SETUP_SQPOLL };

static int by_connect(struct attempt *a, struct how how)
{
	int fd = sock(a->family, SOCK_STREAM, 0);
	struct io_uring_sqe sqe = { .opcode = IORING_OP_CONNECT, .fd = fd, .flags = how.flags,
				    .addr = (uintptr_t)&a->to, .off = a->len };
	struct ring r;
	int err = ring_open(&r, how.setup);

	if (!err)
		err = ring_do(&r, &sqe);
	return err ?: tell(fd, a);
}

static int by_sendmsg(struct attempt *a, struct how how, int type, unsigned int msg_flags)
{
	int fd = sock(a->family, type, 0);
	struct iovec iov = { a->token, a->n };
	struct msghdr m = { .msg_name = &a->to, .msg_namelen = a->len, .msg_iov = &iov,
			    .msg_iovlen = 1 };
	struct io_uring_sqe sqe = { .opcode = IORING_OP_SENDMSG, .fd = fd, .flags = how.flags,
				    .addr = (uintptr_t)&m, .len = 1, .msg_flags = msg_flags };
	struct ring r;
	int err = ring_open(&r, how.setup);

	/* The first packet has the data: io_uring does not wait for an answer. */
	if (!err && (msg_flags & MSG_FASTOPEN))
		err = set_int(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	err = err ?: ring_do(&r, &sqe);
	usleep(msg_flags & MSG_FASTOPEN ? 20000 : 0);
	return err;
}

static int by_send(struct attempt *a, struct how how, int opcode, bool addressed)
{
	int fd = sock(a->family, SOCK_DGRAM, 0);
	struct io_uring_sqe sqe = { .opcode = opcode, .fd = fd, .flags = how.flags,
				    .addr = (uintptr_t)a->token, .len = a->n };
	struct ring r;
	int err = ring_open(&r, how.setup);

	if (addressed) {
		sqe.addr2 = (uintptr_t)&a->to;
		sqe.addr_len = a->len;
	} else if (!err) {
		err = dial(fd, &a->to, a->len);
	}
	return err ?: ring_do(&r, &sqe);
}

/* ---- Techniques ---- */

static int connect_here(struct attempt *a)
{
	return by_connect(a, here);
}

static int connect_worker(struct attempt *a)
{
	return by_connect(a, worker);
}

static int connect_polled(struct attempt *a)
{
	return by_connect(a, polled);
}

static int sendmsg_here(struct attempt *a)
{
	return by_sendmsg(a, here, SOCK_DGRAM, 0);
}

static int sendmsg_worker(struct attempt *a)
{
	return by_sendmsg(a, worker, SOCK_DGRAM, 0);
}

static int sendmsg_polled(struct attempt *a)
{
	return by_sendmsg(a, polled, SOCK_DGRAM, 0);
}

static int fastopen_here(struct attempt *a)
{
	return by_sendmsg(a, here, SOCK_STREAM, MSG_FASTOPEN);
}

static int fastopen_worker(struct attempt *a)
{
	return by_sendmsg(a, worker, SOCK_STREAM, MSG_FASTOPEN);
}

static int send_here(struct attempt *a)
{
	return by_send(a, here, IORING_OP_SEND, false);
}

static int sendto_here(struct attempt *a)
{
	return by_send(a, here, IORING_OP_SEND, true);
}

static int sendto_zerocopy(struct attempt *a)
{
	return by_send(a, here, IORING_OP_SEND_ZC, true);
}

static int sendto_worker(struct attempt *a)
{
	return by_send(a, worker, IORING_OP_SEND_ZC, true);
}

/* A ring that was made before exec's place: the parent's, used by a child. */
static int connect_inherited(struct attempt *a)
{
	int fd = sock(a->family, SOCK_STREAM, 0), err;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_CONNECT, .fd = fd,
				    .addr = (uintptr_t)&a->to, .off = a->len };
	struct ring r;
	pid_t pid;

	err = ring_open(&r, 0);
	if (err)
		return err;
	pid = fork();
	if (!pid) {
		err = ring_do(&r, &sqe);
		_exit(-(err ?: tell(fd, a)));
	}
	return child_result(pid);
}

static const struct technique techniques[] = {
	{ "uring-connect", connect_here, BOTH },
	{ "uring-connect-worker", connect_worker, BOTH },
	{ "uring-connect-polled", connect_polled, BOTH },
	{ "uring-connect-inherited", connect_inherited, BOTH },
	{ "uring-sendmsg", sendmsg_here, BOTH },
	{ "uring-sendmsg-worker", sendmsg_worker, BOTH },
	{ "uring-sendmsg-polled", sendmsg_polled, BOTH },
	{ "uring-fastopen", fastopen_here, BOTH },
	{ "uring-fastopen-worker", fastopen_worker, BOTH },
	{ "uring-send", send_here, BOTH },
	{ "uring-sendto", sendto_here, BOTH },
	{ "uring-sendto-zerocopy", sendto_zerocopy, BOTH },
	{ "uring-sendto-worker", sendto_worker, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	return by_main(argc, argv, techniques);
}
