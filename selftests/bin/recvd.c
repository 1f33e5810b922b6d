// SPDX-License-Identifier: Apache-2.0
/*
 * Listens and writes down what arrives, so that "nothing arrived" is known from the
 * other side. Tokens look like KT[...].
 *
 *	recvd LOG tcp:7000-7029 udp:7040 ...
 *
 * Protocols: tcp, mptcp, udp, udplite, sctp, dccp; all on every address of both
 * families. Beside them it watches all packets on lo:
 *
 *	got PROTO PORT TOKEN		by a listener
 *	pkt ADDRESS TOKEN		in a packet to that address
 *	syn ADDRESS PORT		a TCP connection is asked for
 *	ready
 *
 * LOG may be truncated at any time.
 */
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <stdarg.h>

#include "by.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif
#define SOL_DCCP_	269
#define DCCP_SERVICE_	2
#define FDS		2048
#define TOKEN_MAX	80

struct proto {
	const char *name;
	int type, proto;
	bool accepts;
};

static const struct proto protos[] = {
	{ "tcp", SOCK_STREAM, 0, true },
	{ "mptcp", SOCK_STREAM, IPPROTO_MPTCP, true },
	{ "udp", SOCK_DGRAM, 0, false },
	{ "udplite", SOCK_DGRAM, IPPROTO_UDPLITE, false },
	{ "sctp", SOCK_STREAM, IPPROTO_SCTP, true },
	{ "dccp", SOCK_DCCP, IPPROTO_DCCP, true },
	{ }
};

static struct pollfd fds[FDS];
static struct what {
	const struct proto *proto;	/* NULL: packets */
	int port;
	bool listens;
} what[FDS];
static int nfds, out;

static void note(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (write(out, line, n) != n)
		exit(1);
}

/* Calls for every token in the data, one after the other; its length, or 0. */
static size_t next_token(const char **at, const char *end, char token[TOKEN_MAX])
{
	const char *start = memmem(*at, end - *at, "KT[", 3), *stop;
	size_t n;

	if (!start)
		return 0;
	stop = memchr(start, ']', end - start);
	if (!stop)
		stop = end - 1;		/* cut short, by the size of an option */
	n = stop + 1 - start;
	*at = stop + 1;
	if (n >= TOKEN_MAX)
		return 0;
	memcpy(token, start, n);
	token[n] = 0;
	return n;
}

static void add(int fd, const struct proto *proto, int port, bool listens)
{
	if (fd < 0 || nfds == FDS) {
		fprintf(stderr, "recvd: %s %d: %s\n", proto ? proto->name : "packets", port,
			strerror(errno));
		exit(1);
	}
	fds[nfds] = (struct pollfd){ fd, POLLIN, 0 };
	what[nfds++] = (struct what){ proto, port, listens };
}

static void open_port(const struct proto *p, int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(AF_INET6, p->type, p->proto);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (p->proto == IPPROTO_DCCP)
		set_int(fd, SOL_DCCP_, DCCP_SERVICE_, htonl(1));
	if (p->type == SOCK_STREAM && p->proto != IPPROTO_SCTP)
		set_int(fd, IPPROTO_TCP, TCP_FASTOPEN, 16);
	if (fd < 0 || bind(fd, (void *)&any, sizeof(any)) || (p->accepts && listen(fd, 16))) {
		add(-1, p, port, true);
		return;
	}
	add(fd, p, port, p->accepts);
}

static void open_ports(const char *spec)
{
	const struct proto *p;
	char name[16];
	int lo, hi, n;

	n = sscanf(spec, "%15[a-z]:%d-%d", name, &lo, &hi);
	for (p = protos; p->name && strcmp(p->name, name); p++)
		;
	if (n < 2 || !p->name) {
		fprintf(stderr, "recvd: %s: not PROTO:PORT[-PORT]\n", spec);
		exit(2);
	}
	for (hi = n == 3 ? hi : lo; lo <= hi; lo++)
		open_port(p, lo);
}

static void open_packets(void)
{
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = if_nametoindex("lo") };
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));

	set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20);
	if (fd >= 0 && bind(fd, (void *)&lo, sizeof(lo)))
		fd = -1;
	add(fd, NULL, 0, false);
}

/* ---- What arrives ---- */

static void see_syn(const char *addr, const uint8_t *data, size_t n, int at, int proto)
{
	const struct tcphdr *tcp = (const void *)(data + at);

	if (proto == IPPROTO_TCP && n >= at + sizeof(*tcp) &&
	    (tcp->th_flags & (TH_SYN | TH_ACK)) == TH_SYN)
		note("syn %s %d\n", addr, ntohs(tcp->th_dport));
}

static void see_packet(int fd)
{
	static uint8_t data[70000];
	char addr[INET6_ADDRSTRLEN], token[TOKEN_MAX];
	const char *at = (const char *)data;
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(fd, data, sizeof(data), 0, (void *)&from, &len);

	if (n < 20 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	if (data[0] >> 4 == 4) {
		inet_ntop(AF_INET, data + 16, addr, sizeof(addr));
		see_syn(addr, data, n, (data[0] & 15) * 4, data[9]);
	} else if (n >= 48) {
		int next = data[6], start = 40;

		inet_ntop(AF_INET6, data + 24, addr, sizeof(addr));
		if (next == IPPROTO_ROUTING) {
			next = data[40];
			start += (data[41] + 1) * 8;
		}
		see_syn(addr, data, n, start, next);
	} else {
		return;
	}
	while (next_token(&at, (const char *)data + n, token))
		note("pkt %s %s\n", addr, token);
}

static void see_data(int i)
{
	char data[4096], token[TOKEN_MAX];
	const char *at = data;
	ssize_t n = recv(fds[i].fd, data, sizeof(data), MSG_DONTWAIT);

	if (n > 0) {
		while (next_token(&at, data + n, token))
			note("got %s %d %s\n", what[i].proto->name, what[i].port, token);
	} else if (what[i].proto->accepts) {
		close(fds[i].fd);
		fds[i].fd = -1;
	}
}

static void see(int i)
{
	int fd;

	if (!what[i].proto) {
		see_packet(fds[i].fd);
	} else if (what[i].listens) {
		fd = accept(fds[i].fd, NULL, NULL);
		if (fd >= 0)
			add(fd, what[i].proto, what[i].port, false);
	} else {
		see_data(i);
	}
}

/* Connections that have ended make room. */
static void tidy(void)
{
	while (nfds && fds[nfds - 1].fd < 0)
		nfds--;
}

int main(int argc, char **argv)
{
	int i, n;

	if (argc < 2)
		return 2;
	out = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (out < 0)
		return 1;
	open_packets();
	for (i = 2; i < argc; i++)
		open_ports(argv[i]);
	note("ready\n");
	while (poll(fds, nfds, -1) > 0) {
		n = nfds;
		for (i = 0; i < n; i++)
			if (fds[i].revents)
				see(i);
		tidy();
	}
	return 0;
}
