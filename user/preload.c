// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "addr.h"
#include "log.h"
#include "pins.h"
#include "preload.h"
#include "target.h"
#include "vouch_mark.h"

#define LISTENING	(1u << TCP_LISTEN)
#define OPEN		(1u << TCP_ESTABLISHED | 1u << TCP_SYN_SENT | 1u << TCP_FIN_WAIT1 | \
			 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSE_WAIT)

struct request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 diag;
};

/* What is done with each socket of a dump. */
struct visitor {
	void (*visit)(struct visitor *v, const struct inet_diag_msg *m);
	__u8 listening[65536 / 8];	/* local ports that are listened on */
	const struct tables *tables;
	const __u64 *seed;
	int marks;		/* the map "vouched" */
	int nl;			/* to cut by */
	int names;		/* the map "address_names"; 0: it is not asked */
	int count;
};

static int diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		log_error("established connections cannot be read: %s (CONFIG_INET_DIAG is needed)",
			  strerror(errno));
	return fd;
}

static int diag_send(int fd, __u16 type, __u16 flags, const struct inet_diag_req_v2 *diag)
{
	struct request r = {
		.nlh = { .nlmsg_len = sizeof(r), .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | flags },
		.diag = *diag,
	};

	return send(fd, &r, sizeof(r), 0) == sizeof(r) ? 0 : -1;
}

/* Takes the answers to one dump. Returns 0 at its end, or -1. */
static int diag_read(int fd, struct visitor *v)
{
	static char buf[1 << 16] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *h;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		for (h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -1;
			v->visit(v, NLMSG_DATA(h));
		}
	}
	return -1;
}

static int diag_walk(__u32 states, struct visitor *v)
{
	static const __u8 families[] = { AF_INET, AF_INET6 };
	int fd = diag_open(), err = fd < 0 ? -1 : 0;
	size_t i;

	for (i = 0; i < sizeof(families) && !err; i++) {
		struct inet_diag_req_v2 diag = { .sdiag_family = families[i],
						 .sdiag_protocol = IPPROTO_TCP,
						 .idiag_states = states };

		err = diag_send(fd, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &diag) || diag_read(fd, v);
		if (err)
			log_error("established connections cannot be read: %s", strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return err ? -1 : 0;
}

static void target_of(const struct inet_diag_msg *m, struct target *to)
{
	memset(to, 0, sizeof(*to));
	if (m->idiag_family == AF_INET) {
		to->addr[10] = to->addr[11] = 0xff;
		memcpy(to->addr + 12, m->id.idiag_dst, 4);
	} else {
		memcpy(to->addr, m->id.idiag_dst, 16);
	}
	to->port = ntohs(m->id.idiag_dport);
	to->proto = PROTO_TCP;
}

static void keep_one(struct visitor *v, const struct inet_diag_msg *m)
{
	__u64 cookie = m->id.idiag_cookie[0] | (__u64)m->id.idiag_cookie[1] << 32, mark;
	struct target to;
	__u32 at;

	target_of(m, &to);
	mark = mark_of(v->seed, cookie, &to, 0);
	at = mark % VOUCHED;
	if (!bpf_map_update_elem(v->marks, &at, &mark, BPF_ANY))
		v->count++;
}

int preload_keep(struct engine *e)
{
	struct visitor v = { .visit = keep_one, .seed = e->control->seed };
	int err;

	v.marks = engine_fd(e, PIN_VOUCHED);
	if (v.marks < 0)
		return -1;
	err = diag_walk(OPEN, &v);
	close(v.marks);
	return err ? -1 : v.count;
}

static void note_listener(struct visitor *v, const struct inet_diag_msg *m)
{
	__u16 port = ntohs(m->id.idiag_sport);

	v->listening[port / 8] |= 1 << port % 8;
}

/* Whether a process, of whatever name, might be allowed it, or it was for a host's name. */
static bool is_somebodys(const struct visitor *v, const struct target *to)
{
	const struct destination *d = tables_address(v->tables, to->addr);
	struct address_names names;

	return (d && d->count) || !bpf_map_lookup_elem(v->names, to->addr, &names);
}

/* What came in through a listener is not ours to cut. */
static void cut_one(struct visitor *v, const struct inet_diag_msg *m)
{
	struct inet_diag_req_v2 diag = { .sdiag_family = m->idiag_family,
					 .sdiag_protocol = IPPROTO_TCP,
					 .idiag_states = 1u << m->idiag_state, .id = m->id };
	__u16 port = ntohs(m->id.idiag_sport);
	struct rule_ref rule;
	struct target to;

	target_of(m, &to);
	if (v->listening[port / 8] & 1 << port % 8 || tables_verdict(v->tables, NULL, &to, NULL, &rule))
		return;
	if (v->names && is_somebodys(v, &to))
		return;
	if (diag_send(v->nl, SOCK_DESTROY, NLM_F_ACK, &diag))
		log_warn("a connection that the policy forbids could not be cut: %s", strerror(errno));
	else
		v->count++;
}

static int cut(const struct tables *t, int names)
{
	struct visitor v = { .visit = note_listener, .tables = t, .names = names };
	int err = diag_walk(LISTENING, &v);

	v.nl = diag_open();
	v.visit = cut_one;
	if (!err && v.nl >= 0)
		err = diag_walk(OPEN, &v);
	if (v.nl >= 0)
		close(v.nl);
	return err || v.nl < 0 ? -1 : v.count;
}

int preload_cut(const struct tables *t)
{
	return cut(t, 0);
}

int preload_cut_forbidden(struct engine *e, const struct tables *t)
{
	int names = engine_fd(e, PIN_ADDRESS_NAMES), n;

	if (names < 0)
		return -1;
	n = cut(t, names);
	close(names);
	return n;
}
