// SPDX-License-Identifier: Apache-2.0
/*
 * Questions to name servers, many and by other calls than send(2).
 *
 *	asks serve ADDRESS           answers "r-A-B.ANYTHING" with 198.18.A.B; A goes on
 *	                             into 198.19 from 256
 *	asks race SERVER NAME N A    N times: resolves a fresh name below NAME, from
 *	                             198.18.A on, and connects and sends to it at once;
 *	                             prints how often connect(2) and sendto(2) said what
 *	asks leak SERVER NAME        asks for NAME by sendmmsg(2) and io_uring; prints for
 *	                             each what it said
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ring.h"

#define HEADER	12
#define MESSAGE	512

static struct sockaddr_in address(const char *text, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1) {
		fprintf(stderr, "not an address: %s\n", text);
		exit(2);
	}
	return a;
}

static int udp(void)
{
	struct timeval patience = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static size_t question(uint8_t m[MESSAGE], const char *name, uint16_t id)
{
	static const uint8_t rest[] = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, end[] = { 0, 0, 1, 0, 1 };
	size_t n = HEADER;

	m[0] = id >> 8;
	m[1] = id;
	memcpy(m + 2, rest, sizeof(rest));
	while (*name) {
		size_t len = strcspn(name, ".");

		m[n++] = len;
		memcpy(m + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	memcpy(m + n, end, sizeof(end));
	return n + sizeof(end);
}

/* ---- The server ---- */

static int serve(const char *addr)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198 };
	struct sockaddr_in at = address(addr, 53), peer;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	uint8_t m[MESSAGE + 16];

	if (bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		perror("bind");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		socklen_t len = sizeof(peer);
		ssize_t n = recvfrom(fd, m, MESSAGE, 0, (struct sockaddr *)&peer, &len);
		unsigned int a, b;

		if (n <= HEADER || sscanf((char *)m + HEADER + 1, "r-%u-%u", &a, &b) != 2)
			continue;
		m[2] |= 0x80;
		m[7] = 1;
		memcpy(m + n, record, sizeof(record));
		n += sizeof(record);
		m[n++] = 18 + (a >> 8);
		m[n++] = a;
		m[n++] = b;
		sendto(fd, m, n, 0, (struct sockaddr *)&peer, len);
	}
}

/* ---- The race ---- */

struct said {
	int error;
	int count;
};

static void count(struct said said[8], int error)
{
	int i;

	for (i = 0; i < 7 && said[i].count && said[i].error != error; i++)
		;
	said[i].error = error;
	said[i].count++;
}

static void print(const char *call, const struct said said[8])
{
	int i;

	fputs(call, stdout);
	for (i = 0; i < 8 && said[i].count; i++)
		printf(" %s %d", said[i].error ? strerrorname_np(said[i].error) : "ok", said[i].count);
	putchar('\n');
}

static int tcp_connect(const struct sockaddr_in *to)
{
	static const struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) && errno != EINPROGRESS)
		error = errno;
	close(fd);
	return error;
}

static int race(const char *server, const char *name, int n, int first)
{
	struct sockaddr_in at = address(server, 53), to = { .sin_family = AF_INET };
	struct said connects[8] = { { 0 } }, sends[8] = { { 0 } };
	int asker = udp(), sender = udp(), i;
	uint8_t m[MESSAGE];
	char text[256];

	if (connect(asker, (struct sockaddr *)&at, sizeof(at)))
		return 1;
	to.sin_port = htons(80);
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "r-%d-%d.%s", first + i / 250, i % 250 + 1, name);
		if (send(asker, m, question(m, text, i), 0) < 0 ||
		    recv(asker, m, sizeof(m), 0) < HEADER) {
			count(connects, errno);
			continue;
		}
		to.sin_addr.s_addr = htonl((198u << 24 | 18 << 16) + ((first + i / 250) << 8) +
					   i % 250 + 1);
		count(connects, tcp_connect(&to));
		count(sends, sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ?
			     errno : 0);
	}
	print("connect", connects);
	print("sendto", sends);
	return 0;
}

/* ---- Other calls ---- */

static int by_mmsg(const struct sockaddr_in *at, uint8_t *m, size_t n)
{
	uint8_t good[MESSAGE];
	struct iovec iov[2] = { { good, question(good, "r-60-1.good.test", 1) }, { m, n } };
	struct mmsghdr v[2] = { { { 0 } } };
	int i, fd = udp();

	for (i = 0; i < 2; i++) {
		v[i].msg_hdr.msg_name = (void *)at;
		v[i].msg_hdr.msg_namelen = sizeof(*at);
		v[i].msg_hdr.msg_iov = &iov[i];
		v[i].msg_hdr.msg_iovlen = 1;
	}
	/* What follows a message that was sent is told by the next call. */
	if (sendmmsg(fd, v, 2, 0) == 2)
		return 0;
	return sendmmsg(fd, v + 1, 1, 0) < 0 ? errno : 0;
}

static int by_ring(const struct sockaddr_in *at, uint8_t *m, size_t n, int opcode,
		   unsigned int flags)
{
	struct iovec iov = { m, n };
	struct msghdr h = { .msg_name = (void *)at, .msg_namelen = sizeof(*at), .msg_iov = &iov,
			    .msg_iovlen = 1 };
	struct io_uring_sqe sqe = { .opcode = opcode, .fd = udp(), .flags = flags };
	struct ring r = { 0 };
	int err = ring_open(&r, 0);

	if (opcode == IORING_OP_SENDMSG) {
		sqe.addr = (uintptr_t)&h;
		sqe.len = 1;
	} else {
		connect(sqe.fd, (const struct sockaddr *)at, sizeof(*at));
		sqe.addr = (uintptr_t)m;
		sqe.len = n;
	}
	return -(err ?: ring_do(&r, &sqe));
}

static void say(const char *how, int error)
{
	printf("%s %s\n", how, error ? strerrorname_np(error) : "sent");
}

static int leak(const char *server, const char *name)
{
	struct sockaddr_in at = address(server, 53);
	uint8_t m[MESSAGE];
	size_t n = question(m, name, 7);

	say("sendmmsg", by_mmsg(&at, m, n));
	say("uring-sendmsg", by_ring(&at, m, n, IORING_OP_SENDMSG, 0));
	say("uring-sendmsg-worker", by_ring(&at, m, n, IORING_OP_SENDMSG, IOSQE_ASYNC));
	say("uring-send", by_ring(&at, m, n, IORING_OP_SEND, 0));
	say("uring-send-worker", by_ring(&at, m, n, IORING_OP_SEND, IOSQE_ASYNC));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 6 && !strcmp(argv[1], "race"))
		return race(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	if (argc == 4 && !strcmp(argv[1], "leak"))
		return leak(argv[2], argv[3]);
	fputs("usage: asks serve ADDRESS | race SERVER NAME N A | leak SERVER NAME\n", stderr);
	return 2;
}
