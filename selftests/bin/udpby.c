// SPDX-License-Identifier: Apache-2.0
/* Techniques of sending a datagram over UDP and UDP-Lite; see by.h. */
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "by.h"

#ifndef IP_RETOPTS
#define IP_RETOPTS	7
#endif

static int dgram(const struct attempt *a)
{
	return sock(a->family, SOCK_DGRAM, 0);
}

static int udp_connect(struct attempt *a)
{
	return dial_and_tell(dgram(a), a);
}

static int udp_sendto(struct attempt *a)
{
	return tell_to(dgram(a), a, &a->to, a->len, 0);
}

static int udplite_sendto(struct attempt *a)
{
	return tell_to(sock(a->family, SOCK_DGRAM, IPPROTO_UDPLITE), a, &a->to, a->len, 0);
}

static int udplite_connect(struct attempt *a)
{
	return dial_and_tell(sock(a->family, SOCK_DGRAM, IPPROTO_UDPLITE), a);
}

static struct msghdr message(struct sockaddr_storage *to, struct attempt *a, struct iovec *iov)
{
	*iov = (struct iovec){ a->token, a->n };
	return (struct msghdr){ .msg_name = to, .msg_namelen = a->len, .msg_iov = iov,
				.msg_iovlen = 1 };
}

static int udp_sendmsg(struct attempt *a)
{
	struct iovec iov;
	struct msghdr m = message(&a->to, a, &iov);

	return result(sendmsg(dgram(a), &m, 0));
}

/* Several messages in one call: the first may go. */
static int udp_sendmmsg(struct attempt *a)
{
	struct iovec iov[3];
	struct mmsghdr m[3] = {
		{ .msg_hdr = message(&a->ok, a, &iov[0]) },
		{ .msg_hdr = message(&a->ok, a, &iov[1]) },
		{ .msg_hdr = message(&a->to, a, &iov[2]) },
	};
	int fd = dgram(a);
	int n = sendmmsg(fd, m, 3, 0);

	/* An error after the first message is told by the next call. */
	if (n > 0 && n < 3)
		n = sendmmsg(fd, m + n, 3 - n, 0);
	return result(n);
}

/* Whom it is connected to is not whom it sends to. */
static int udp_connected_sendto(struct attempt *a)
{
	int fd = dgram(a);
	int err = dial(fd, &a->ok, a->len);

	return err ?: tell_to(fd, a, &a->to, a->len, 0);
}

static int udp_reconnect(struct attempt *a)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	int fd = dgram(a);
	int err = dial(fd, &a->ok, a->len);

	if (!err)
		err = tell(fd, a);
	if (!err)
		err = result(connect(fd, &none, sizeof(none)));
	return err ?: dial_and_tell(fd, a);
}

static int udp_connect_over(struct attempt *a)
{
	int fd = dgram(a);
	int err = dial(fd, &a->ok, a->len);

	if (!err)
		err = tell(fd, a);
	return err ?: dial_and_tell(fd, a);
}

/* ---- Addresses ---- */

static int udp_unspec(struct attempt *a)
{
	a->to.ss_family = AF_UNSPEC;
	return tell_to(dgram(a), a, &a->to, a->len, 0);
}

static int udp_mapped(struct attempt *a)
{
	addr_map(&a->to);
	return tell_to(sock(AF_INET6, SOCK_DGRAM, 0), a, &a->to, sizeof(struct sockaddr_in6), 0);
}

static int udp_mapped_connect(struct attempt *a)
{
	addr_map(&a->to);
	a->len = sizeof(struct sockaddr_in6);
	return dial_and_tell(sock(AF_INET6, SOCK_DGRAM, 0), a);
}

static int udp_v4_on_v6(struct attempt *a)
{
	return tell_to(sock(AF_INET6, SOCK_DGRAM, 0), a, &a->to, a->len, 0);
}

static int udp_v4_on_v6_connect(struct attempt *a)
{
	return dial_and_tell(sock(AF_INET6, SOCK_DGRAM, 0), a);
}

static int udp_short(struct attempt *a)
{
	/* SIN6_LEN_RFC2133 */
	return tell_to(dgram(a), a, &a->to, a->family == AF_INET ? 15 : 24, 0);
}

static int udp_long(struct attempt *a)
{
	return tell_to(dgram(a), a, &a->to, sizeof(a->to), 0);
}

/* ---- Corked: the address of the first part counts ---- */

static int udp_more(struct attempt *a)
{
	int fd = dgram(a);
	int err = tell_to(fd, a, &a->to, a->len, MSG_MORE);

	return err ?: result(sendto(fd, ".", 1, 0, sa(&a->ok), a->len));
}

static int udp_more_second(struct attempt *a)
{
	int fd = dgram(a);
	int err = result(sendto(fd, ".", 1, MSG_MORE, sa(&a->ok), a->len));

	return err ?: tell_to(fd, a, &a->to, a->len, 0);
}

static int udp_cork(struct attempt *a)
{
	int fd = dgram(a);
	int err = set_int(fd, IPPROTO_UDP, UDP_CORK, 1);

	if (!err)
		err = tell_to(fd, a, &a->to, a->len, 0);
	return err ?: set_int(fd, IPPROTO_UDP, UDP_CORK, 0);
}

/* ---- Other calls ---- */

static int token_file(const struct attempt *a)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	if (fd >= 0 && pwrite(fd, a->token, a->n, 0) != (ssize_t)a->n)
		return -1;
	return fd;
}

static int udp_sendfile(struct attempt *a)
{
	int fd = dgram(a);
	int err = dial(fd, &a->to, a->len);

	return err ?: result(sendfile(fd, token_file(a), NULL, a->n));
}

static int udp_splice(struct attempt *a)
{
	struct iovec iov = { a->token, a->n };
	int pipes[2], fd = dgram(a);
	int err = dial(fd, &a->to, a->len);

	if (!err)
		err = result(pipe(pipes));
	if (!err)
		err = result(vmsplice(pipes[1], &iov, 1, 0));
	return err ?: result(splice(pipes[0], NULL, fd, NULL, a->n, 0));
}

static int udp_segments(struct attempt *a)
{
	int fd = dgram(a);
	int err = set_int(fd, IPPROTO_UDP, 103 /* UDP_SEGMENT */, 1000);

	return err ?: tell_to(fd, a, &a->to, a->len, 0);
}

static int udp_zerocopy(struct attempt *a)
{
	int fd = dgram(a);
	int err = set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1);

	return err ?: tell_to(fd, a, &a->to, a->len, MSG_ZEROCOPY);
}

/* ---- Options that lead elsewhere ---- */

struct source_route {
	uint8_t nop, type, len, pointer;
	struct in_addr hop;
};

static struct source_route source_route(struct attempt *a)
{
	return (struct source_route){ IPOPT_NOP, IPOPT_LSRR, 7, 4, sin4(&a->to)->sin_addr };
}

struct segment_route {
	uint8_t next, len, type, left, last, flags;
	uint16_t tag;
	struct in6_addr segments[2];
};

/* RFC 8754; the kernel puts the final address in. */
static struct segment_route segment_route(struct attempt *a)
{
	return (struct segment_route){
		.len = 4, .type = 4, .left = 1, .last = 1,
		.segments = { sin6(&a->ok)->sin6_addr, sin6(&a->to)->sin6_addr },
	};
}

struct mobile_route {
	uint8_t next, len, type, left;
	uint32_t reserved;
	struct in6_addr home;
};

/* RFC 6275, 6.4: the only kind that goes with a single message. */
static struct mobile_route mobile_route(struct attempt *a)
{
	return (struct mobile_route){ .len = 2, .type = 2, .left = 1,
				      .home = sin6(&a->to)->sin6_addr };
}

static int udp_route(struct attempt *a)
{
	int fd = dgram(a), err;

	if (a->family == AF_INET) {
		struct source_route r = source_route(a);

		err = result(setsockopt(fd, IPPROTO_IP, IP_OPTIONS, &r, sizeof(r)));
	} else {
		struct segment_route r = segment_route(a);

		err = result(setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, &r, sizeof(r)));
	}
	return err ?: tell_to(fd, a, &a->ok, a->len, 0);
}

static int send_control(struct attempt *a, struct sockaddr_storage *to, int level, int type,
			const void *data, size_t n)
{
	char control[CMSG_SPACE(64)] = {};
	struct iovec iov;
	struct msghdr m = message(to, a, &iov);
	struct cmsghdr *c = (void *)control;

	m.msg_control = control;
	m.msg_controllen = CMSG_SPACE(n);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(n);
	memcpy(CMSG_DATA(c), data, n);
	return result(sendmsg(dgram(a), &m, 0));
}

static int udp_route_control(struct attempt *a)
{
	if (a->family == AF_INET) {
		struct source_route r = source_route(a);

		return send_control(a, &a->ok, IPPROTO_IP, IP_RETOPTS, &r, sizeof(r));
	} else {
		struct mobile_route r = mobile_route(a);

		return send_control(a, &a->ok, IPPROTO_IPV6, IPV6_RTHDR, &r, sizeof(r));
	}
}

/* Headers before the UDP header: an option of type 1 (padding) is all they hold. */
static int udp_extended(struct attempt *a)
{
	static const uint8_t pad[8] = { 0, 0, 1, 4 };

	return send_control(a, &a->to, IPPROTO_IPV6, IPV6_HOPOPTS, pad, sizeof(pad));
}

static int udp_dstopts(struct attempt *a)
{
	static const uint8_t pad[8] = { 0, 0, 1, 4 };

	return send_control(a, &a->to, IPPROTO_IPV6, IPV6_DSTOPTS, pad, sizeof(pad));
}

/* ---- Bound elsewhere ---- */

/* Takes whatever address is asked for as its own. */
static int bound_as(const struct attempt *a, const struct sockaddr_storage *from)
{
	int fd = dgram(a);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->family == AF_INET)
		set_int(fd, IPPROTO_IP, IP_TRANSPARENT, 1);
	else
		set_int(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	if (bind(fd, sa(from), a->len)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * A socket may answer who sent to it, so the denied address seems to send:
 * over loopback, from a socket of ours that is bound to it.
 */
static int udp_answer(struct attempt *a)
{
	struct sockaddr_storage here;
	socklen_t len = addr_parse(&here, a->family == AF_INET ? "0.0.0.0" : "::", 0);
	int answering = dgram(a), forging = bound_as(a, &a->to), err, port;
	char byte;

	if (answering < 0 || forging < 0)
		return -errno;
	if (bind(answering, sa(&here), len) || getsockname(answering, (void *)&here, &len))
		return -errno;
	port = port_get(&here);
	addr_parse(&here, a->family == AF_INET ? "127.0.0.1" : "::1", port);
	err = result(sendto(forging, "!", 1, 0, sa(&here), len));
	close(forging);
	if (!err)
		err = result(recv(answering, &byte, 1, 0));
	return err ?: tell_to(answering, a, &a->to, a->len, 0);
}

static const struct technique techniques[] = {
	{ "udp-connect", udp_connect, BOTH },
	{ "udp-sendto", udp_sendto, BOTH },
	{ "udp-sendmsg", udp_sendmsg, BOTH },
	{ "udp-sendmmsg", udp_sendmmsg, BOTH },
	{ "udplite-sendto", udplite_sendto, BOTH },
	{ "udplite-connect", udplite_connect, BOTH },
	{ "udp-connected-sendto", udp_connected_sendto, BOTH },
	{ "udp-connect-again", udp_reconnect, BOTH },
	{ "udp-connect-over", udp_connect_over, BOTH },
	{ "udp-unspec", udp_unspec, BOTH },
	{ "udp-mapped", udp_mapped, V4 },
	{ "udp-mapped-connect", udp_mapped_connect, V4 },
	{ "udp-v4-on-v6", udp_v4_on_v6, V4 },
	{ "udp-v4-on-v6-connect", udp_v4_on_v6_connect, V4 },
	{ "udp-short-address", udp_short, BOTH },
	{ "udp-long-address", udp_long, BOTH },
	{ "udp-more", udp_more, BOTH },
	{ "udp-more-second", udp_more_second, BOTH },
	{ "udp-cork", udp_cork, BOTH },
	{ "udp-sendfile", udp_sendfile, BOTH },
	{ "udp-splice", udp_splice, BOTH },
	{ "udp-segments", udp_segments, BOTH },
	{ "udp-zerocopy", udp_zerocopy, BOTH },
	{ "udp-route", udp_route, BOTH },
	{ "udp-route-control", udp_route_control, BOTH },
	{ "udp-hopopts", udp_extended, V6 },
	{ "udp-dstopts", udp_dstopts, V6 },
	{ "udp-answer", udp_answer, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	return by_main(argc, argv, techniques);
}
