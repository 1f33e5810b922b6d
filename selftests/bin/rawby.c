// SPDX-License-Identifier: Apache-2.0
/* Packets of one's own making: ICMP, raw and packet sockets; see by.h. */
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/mman.h>

#include "by.h"

struct packet {
	uint8_t data[256];
	size_t n;
};

static void put(struct packet *p, const void *data, size_t n)
{
	memcpy(p->data + p->n, data, n);
	p->n += n;
}

static void put_token(struct packet *p, const struct attempt *a)
{
	put(p, a->token, a->n);
}

/* ---- Transport headers, with the token behind ---- */

static void put_icmp(struct packet *p, const struct attempt *a, int type)
{
	uint8_t h[8] = { type, 0, 0, 0, 0, 1, 0, 1 };
	uint32_t sum = 0;
	size_t i, start = p->n;

	put(p, h, sizeof(h));
	put_token(p, a);
	if (a->family == AF_INET6)
		return;		/* the kernel's work */
	for (i = start; i < p->n; i++)
		sum += i & 1 ? p->data[i] : p->data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	p->data[start + 2] = ~sum >> 8;
	p->data[start + 3] = ~sum;
}

static void put_udp(struct packet *p, const struct attempt *a)
{
	struct udphdr h = { .dest = htons(port_get(&a->to)), .source = htons(9),
			    .len = htons(sizeof(h) + a->n) };

	put(p, &h, sizeof(h));
	put_token(p, a);
}

static void put_tcp(struct packet *p, const struct attempt *a, int flags)
{
	struct tcphdr h = { .th_dport = htons(port_get(&a->to)), .th_sport = htons(9),
			    .th_off = 5, .th_flags = flags, .th_win = htons(1000) };

	put(p, &h, sizeof(h));
	put_token(p, a);
}

/* A segment without data: what it says is in its sequence number and ports. */
static void put_tcp_bare(struct packet *p, const struct attempt *a)
{
	struct {
		struct tcphdr tcp;
		uint8_t option[40];
	} h = { .tcp = { .th_dport = htons(port_get(&a->to)), .th_off = 15, .th_flags = TH_ACK } };

	h.option[0] = 253;	/* RFC 4727: experiments */
	h.option[1] = 40;
	memcpy(h.option + 2, a->token, a->n < 38 ? a->n : 38);
	put(p, &h, sizeof(h));
}

/* ---- IP headers ---- */

static void put_ip(struct packet *p, const struct attempt *a, int proto, size_t payload)
{
	struct sockaddr_storage to = a->to, from = a->ok;

	if (a->family == AF_INET) {
		struct iphdr h = { .version = 4, .ihl = 5, .ttl = 64, .protocol = proto,
				   .tot_len = htons(sizeof(h) + payload),
				   .saddr = sin4(&from)->sin_addr.s_addr,
				   .daddr = sin4(&to)->sin_addr.s_addr };

		put(p, &h, sizeof(h));
	} else {
		struct ip6_hdr h = { .ip6_src = sin6(&from)->sin6_addr,
				     .ip6_dst = sin6(&to)->sin6_addr };

		h.ip6_vfc = 0x60;
		h.ip6_plen = htons(payload);
		h.ip6_nxt = proto;
		h.ip6_hlim = 64;
		put(p, &h, sizeof(h));
	}
}

static void with_ip(struct packet *whole, const struct packet *inner, const struct attempt *a,
		    int proto)
{
	put_ip(whole, a, proto, inner->n);
	put(whole, inner->data, inner->n);
}

static int send_packet(int fd, const struct packet *p, const struct sockaddr_storage *to,
		       socklen_t len)
{
	struct sockaddr_storage addr = *to;

	if (fd < 0)
		return -errno;
	if (addr.ss_family == AF_INET6)
		port_set(&addr, 0);	/* a raw socket takes it for a protocol */
	return result(sendto(fd, p->data, p->n, 0, sa(&addr), len));
}

static int icmp_proto(const struct attempt *a)
{
	return a->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static int echo(const struct attempt *a)
{
	return a->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
}

/* ---- Techniques ---- */

static int ping_socket(struct attempt *a)
{
	int fd = sock(a->family, SOCK_DGRAM, icmp_proto(a));
	struct packet p = {};

	put_icmp(&p, a, echo(a));
	return send_packet(fd, &p, &a->to, a->len);
}

static int ping_connect(struct attempt *a)
{
	int fd = sock(a->family, SOCK_DGRAM, icmp_proto(a)), err;
	struct packet p = {};

	if (fd < 0)
		return -errno;
	put_icmp(&p, a, echo(a));
	err = dial(fd, &a->to, a->len);
	return err ?: result(send(fd, p.data, p.n, 0));
}

static int raw_icmp(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, icmp_proto(a));
	struct packet p = {};

	put_icmp(&p, a, echo(a));
	return send_packet(fd, &p, &a->to, a->len);
}

static int raw_connect(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, icmp_proto(a)), err;
	struct packet p = {};

	if (fd < 0)
		return -errno;
	put_icmp(&p, a, echo(a));
	port_set(&a->to, 0);
	err = dial(fd, &a->to, a->len);
	return err ?: result(send(fd, p.data, p.n, 0));
}

static int raw_udp(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, IPPROTO_UDP);
	struct packet p = {};

	put_udp(&p, a);
	return send_packet(fd, &p, &a->to, a->len);
}

/* The kernel takes AF_UNSPEC for the socket's own family. */
static int raw_unspec(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, IPPROTO_UDP);
	struct packet p = {};

	if (fd < 0)
		return -errno;
	put_udp(&p, a);
	port_set(&a->to, 0);
	a->to.ss_family = AF_UNSPEC;
	return result(sendto(fd, p.data, p.n, 0, sa(&a->to), a->len));
}

static int header_tcp(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, IPPROTO_RAW);
	struct packet inner = {}, p = {};

	put_tcp(&inner, a, TH_SYN);
	with_ip(&p, &inner, a, IPPROTO_TCP);
	return send_packet(fd, &p, &a->to, a->len);
}

static int header_udp(struct attempt *a)
{
	int fd = sock(a->family, SOCK_RAW, IPPROTO_RAW);
	struct packet inner = {}, p = {};

	put_udp(&inner, a);
	with_ip(&p, &inner, a, IPPROTO_UDP);
	return send_packet(fd, &p, &a->to, a->len);
}

/* The header says one address, the call another. */
static int header_other(struct attempt *a, const struct packet *inner, int proto)
{
	int fd = sock(a->family, SOCK_RAW, IPPROTO_RAW);
	struct packet p = {};

	with_ip(&p, inner, a, proto);
	return send_packet(fd, &p, &a->ok, a->len);
}

static int header_other_udp(struct attempt *a)
{
	struct packet inner = {};

	put_udp(&inner, a);
	return header_other(a, &inner, IPPROTO_UDP);
}

static int header_other_reply(struct attempt *a)
{
	struct packet inner = {};

	put_icmp(&inner, a, a->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
	return header_other(a, &inner, icmp_proto(a));
}

static int header_other_bare(struct attempt *a)
{
	struct packet inner = {};

	put_tcp_bare(&inner, a);
	return header_other(a, &inner, IPPROTO_TCP);
}

static int packet_send(struct attempt *a, int type)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_halen = 6,
				  .sll_protocol = htons(a->family == AF_INET ? ETH_P_IP : ETH_P_IPV6),
				  .sll_ifindex = if_nametoindex("lo") };
	struct ethhdr eth = { .h_proto = ll.sll_protocol };
	int fd = socket(AF_PACKET, type, 0);
	struct packet inner = {}, p = {};

	if (fd < 0)
		return -errno;
	if (type == SOCK_RAW)
		put(&p, &eth, sizeof(eth));
	put_udp(&inner, a);
	with_ip(&p, &inner, a, IPPROTO_UDP);
	return result(sendto(fd, p.data, p.n, 0, (void *)&ll, sizeof(ll)));
}

static int packet_dgram(struct attempt *a)
{
	return packet_send(a, SOCK_DGRAM);
}

static int packet_raw(struct attempt *a)
{
	return packet_send(a, SOCK_RAW);
}

/* The packet lies in memory that is shared with the kernel; sending has no address. */
static int packet_ring(struct attempt *a)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("lo"),
				  .sll_protocol = htons(a->family == AF_INET ? ETH_P_IP : ETH_P_IPV6) };
	struct tpacket_req req = { .tp_block_size = 4096, .tp_block_nr = 1, .tp_frame_size = 2048,
				   .tp_frame_nr = 2 };
	int fd = socket(AF_PACKET, SOCK_DGRAM, 0);
	struct packet inner = {}, p = {};
	struct tpacket_hdr *h;
	char *ring;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &req, sizeof(req)) ||
	    bind(fd, (void *)&ll, sizeof(ll)))
		return -errno;
	ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	put_udp(&inner, a);
	with_ip(&p, &inner, a, IPPROTO_UDP);
	h = (void *)ring;
	memcpy(ring + TPACKET_HDRLEN - sizeof(ll), p.data, p.n);
	h->tp_len = p.n;
	h->tp_status = TP_STATUS_SEND_REQUEST;
	return result(send(fd, NULL, 0, 0));
}

static const struct technique techniques[] = {
	{ "ping-socket", ping_socket, BOTH },
	{ "ping-connect", ping_connect, BOTH },
	{ "raw-icmp", raw_icmp, BOTH },
	{ "raw-connect", raw_connect, BOTH },
	{ "raw-udp", raw_udp, BOTH },
	{ "raw-unspec", raw_unspec, BOTH },
	{ "header-tcp", header_tcp, BOTH },
	{ "header-udp", header_udp, BOTH },
	{ "header-other-udp", header_other_udp, BOTH },
	{ "header-other-reply", header_other_reply, BOTH },
	{ "header-other-bare", header_other_bare, BOTH },
	{ "packet-dgram", packet_dgram, BOTH },
	{ "packet-raw", packet_raw, BOTH },
	{ "packet-ring", packet_ring, BOTH },
	{ }
};

int main(int argc, char **argv)
{
	return by_main(argc, argv, techniques);
}
