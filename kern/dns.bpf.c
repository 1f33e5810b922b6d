// SPDX-License-Identifier: GPL-2.0-only
/*
 * Questions to name servers, and their answers.
 *
 *   hooks     note who asks by which socket (dns_asker)
 *   egress    reads the question as it leaves, where no process can change it any
 *             more: may its process ask for that name?  Is some rule about the name,
 *             the question is written down
 *   ingress   an answer to a question that was written down, from the server that
 *             was asked, gives its addresses that name before the process sees it
 *
 * An answer counts for the scopes that have the server among theirs.  One that
 * arrives by the loopback device counts only in the host's network namespace,
 * from a loopback address or one that was this host's at the load: any process can
 * send there under any address that the host does not have (IPV6_FREEBIND).  In a
 * network namespace that a user made, nothing counts.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "addr.h"
#include "dns_socket.h"
#include "identity.h"
#include "judge.h"
#include "maps.h"
#include "packet.h"
#include "tables.h"
#include "target.h"

#define repeat(n, fn, ctx) bpf_loop(n, fn, ctx, 0)

#include "dns.h"

#define QUESTION_NS	(60ull * 1000000000)	/* an answer may take so long */
#define STREAM_MESSAGES	8	/* of one segment that are read */

/* ---- Maps ---- */

/*
 * By number of the exec: who asks.  Written by the hooks before a question
 * leaves, read as it leaves; one that was pushed out is nobody.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct identity);
} askers SEC(".maps");

struct question_key {
	__u64 cookie;
	__u64 name;		/* its hash */
	__u8 server[16];
	__u16 id, type;
	__u32 pad;
};

/* The scopes, a bit each, that have a rule about the name and trust the server. */
struct question {
	__u64 time;		/* ns */
	__u64 scopes;
	__u64 local;		/* those for which it counts by way of the loopback device */
	struct dns_key told;	/* as it was reported */
};

/*
 * Questions that wait for their answer.  Written at egress, read at ingress; of
 * one that was pushed out the answer is not learned.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct question_key);
	__type(value, struct question);
} questions SEC(".maps");

/*
 * For reports: who asked for what, and what was answered.  Written as questions leave
 * and answers arrive; when full, COUNT_QUESTIONS_LOST.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DNS_FLOWS);
	__type(key, struct dns_key);
	__type(value, struct dns_flow);
} dns_flows SEC(".maps");

/*
 * Room to work in, for one message.  Taken and given back by the one program
 * run that uses it; where none is free, the message is not read.
 */
struct desk {
	__u32 taken;
	__u32 pad;
	struct host_key key;
	struct address_key server;
	struct question_key question;
	struct question asked;
	struct target to;
	struct outcome out;
	struct facts facts;
	struct address_names nameless;	/* stays as it is */
	struct dns_flow flow;
	struct dns dns;
};

#define DESKS		64
#define DESK_TRIES	8

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DESKS);
	__type(key, __u32);
	__type(value, struct desk);
} desks SEC(".maps");

static __always_inline struct desk *desk_take(__u32 *number)
{
	__u32 i, cpu = bpf_get_smp_processor_id();

	for (i = 0; i < DESK_TRIES; i++) {
		__u32 n = (cpu + 9 * i) % DESKS;
		struct desk *d = bpf_map_lookup_elem(&desks, &n);

		if (d && !__sync_val_compare_and_swap(&d->taken, 0, 1)) {
			*number = n;
			return d;
		}
	}
	return 0;
}

static __always_inline void desk_give(struct desk *d)
{
	__sync_lock_test_and_set(&d->taken, 0);
}

/* ---- Who asks ---- */

static __always_inline bool same_asker(const struct dns_socket *a, const struct dns_socket *b)
{
	const __u64 *x = (const __u64 *)a->server.addr, *y = (const __u64 *)b->server.addr;

	return x[0] == y[0] && x[1] == y[1] && a->exec == b->exec && a->scopes == b->scopes &&
	       a->tgid == b->tgid;
}

__noinline int dns_asker(const struct target *server, __u64 cookie, __u32 flags)
{
	struct dns_socket s = { .flags = flags }, *known;
	struct task *t = current_record();
	__u64 exec;

	if (!t || !server)
		return 0;
	exec = t->id.exec;
	s.server = *server;
	s.exec = exec;
	s.scopes = t->id.scopes;
	s.tgid = bpf_get_current_pid_tgid() >> 32;
	s.uid = bpf_get_current_uid_gid();
	s.cgroup = bpf_get_current_cgroup_id();
	if (!bpf_map_lookup_elem(&askers, &exec))
		bpf_map_update_elem(&askers, &exec, &t->id, BPF_ANY);
	known = bpf_map_lookup_elem(&dns_sockets, &cookie);
	if (!known || !same_asker(known, &s))
		bpf_map_update_elem(&dns_sockets, &cookie, &s, BPF_ANY);
	return 0;
}

/* ---- Reading ---- */

/* The question of the message on a desk; whether there is one. */
__noinline int dns_parse(__u32 number)
{
	struct desk *desk = bpf_map_lookup_elem(&desks, &number);
	struct dns *d;

	if (!desk)
		return 0;
	d = &desk->dns;
	d->hash_start = host_hash_start(control.seed);
	return dns_read(d);
}

static long key_put_one(__u32 i, void *data)
{
	struct desk *desk = *(struct desk **)data;
	__u32 len = desk->dns.text_len;

	host_key_put(&desk->key, i, len, desk->dns.text[i % HOST_KEY]);
	return 0;
}

static long scope_one(__u32 i, void *data)
{
	struct desk *desk = *(struct desk **)data;
	struct scope *s = bpf_map_lookup_elem(&scopes, &i);
	struct destination *host = 0, *server = 0;
	void *inner;
	__u32 slot;

	slot = s ? s->slot : 0;
	if (!slot)
		return 0;
	inner = bpf_map_lookup_elem(&hosts, &slot);
	if (inner)
		host = bpf_map_lookup_elem(inner, &desk->key);
	if (!host || !host->count)
		return 0;
	inner = bpf_map_lookup_elem(&addresses, &slot);
	if (inner)
		server = bpf_map_lookup_elem(inner, &desk->server);
	if (!server || !(server->flags & DEST_DNS_SERVER))
		return 0;
	if (!addr_is_loopback(desk->server.addr))
		desk->asked.scopes |= 1ull << i;
	if (addr_is_loopback(desk->server.addr) || (server->flags & DEST_LOCAL))
		desk->asked.local |= 1ull << i;
	return 0;
}

/*
 * What the policies know of the question on a desk, to the server there.  A
 * name that some rule is about gets its text written down.
 */
__noinline int dns_known(__u32 number)
{
	struct desk *desk = bpf_map_lookup_elem(&desks, &number);
	__u64 hash;

	if (!desk)
		return 0;
	desk->asked.scopes = 0;
	desk->asked.local = 0;
	__builtin_memset(&desk->key, 0, sizeof(desk->key));
	if (desk->dns.name == NAME_NONE || !desk->dns.text_len || desk->dns.text_len > HOST_LEN)
		return 0;
	repeat(desk->dns.text_len, key_put_one, &desk);
	host_key_end(&desk->key, desk->dns.text_len);
	repeat(SCOPES, scope_one, &desk);
	hash = desk->dns.name;
	if ((desk->asked.scopes | desk->asked.local) &&
	    !bpf_map_lookup_elem(&name_texts, &hash))
		bpf_map_update_elem(&name_texts, &hash, &desk->key, BPF_ANY);
	return 1;
}

static __always_inline bool message_load(struct __sk_buff *skb, struct desk *desk, __u32 at,
					 __u32 len)
{
	__u32 last = len - 1;

	desk->dns.len = 0;
	if (last >= DNS_BYTES)
		return false;
	barrier_var(last);	/* 6.1 does not know from the test that len is not 0 */
	if (bpf_skb_load_bytes(skb, at, desk->dns.bytes, last % DNS_BYTES + 1))
		return false;
	desk->dns.len = len;
	return true;
}

static __always_inline void question_fill(struct desk *desk, __u64 cookie)
{
	desk->question.cookie = cookie;
	desk->question.name = desk->dns.name;
	desk->question.id = desk->dns.id;
	desk->question.type = desk->dns.type;
	__builtin_memcpy(desk->question.server, desk->server.addr, 16);
}

/* ---- Reports ---- */

static __always_inline void dns_event(const struct dns_flow *f)
{
	struct dns_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		__sync_fetch_and_add(&control.counters[COUNT_EVENTS_LOST], 1);
		return;
	}
	e->head.time = f->last;
	e->head.type = EVENT_DNS;
	e->head.len = sizeof(*e);
	e->flow = *f;
	bpf_ringbuf_submit(e, 0);
}

/* The question on a desk, of which desk->out has the verdict, enters the report. */
__noinline int dns_tell(__u32 number)
{
	struct desk *desk = bpf_map_lookup_elem(&desks, &number);
	struct dns_key *key;
	struct dns_flow *f;

	if (!desk)
		return 0;
	key = &desk->asked.told;
	f = bpf_map_lookup_elem(&dns_flows, key);
	if (f) {
		__sync_fetch_and_add(&f->count, 1);
		f->last = bpf_ktime_get_ns();
		return 0;
	}
	f = &desk->flow;
	f->key = *key;
	f->rule = desk->out.rule;
	f->first = f->last = bpf_ktime_get_ns();
	f->count = 1;
	f->cgroup = desk->out.cgroup;
	f->uid = desk->out.uid;
	f->naddresses = 0;
	f->rcode = 0;
	f->answered = 0;
	__builtin_memcpy(f->name, desk->dns.text, sizeof(f->name));
	f->name[desk->dns.text_len % HOST_KEY] = 0;
	if (bpf_map_update_elem(&dns_flows, key, f, BPF_NOEXIST))
		__sync_fetch_and_add(&control.counters[COUNT_QUESTIONS_LOST], 1);
	if (key->verdict & VERDICT_BLOCK)
		dns_event(f);
	return 0;
}

/* So does the answer on a desk to the question that was entered as asked.told. */
__noinline int dns_tell_answer(__u32 number)
{
	struct desk *desk = bpf_map_lookup_elem(&desks, &number);
	struct dns_flow *f;
	bool first;
	__u32 i;

	if (!desk)
		return 0;
	f = bpf_map_lookup_elem(&dns_flows, &desk->asked.told);
	if (!f)
		return 0;
	first = !f->answered;
	f->answered = 1;
	f->rcode = desk->dns.flags & DNS_RCODE;
	f->naddresses = desk->dns.found;
	f->last = bpf_ktime_get_ns();
	for (i = 0; i < DNS_ANSWERS; i++)
		if (i < desk->dns.found)
			__builtin_memcpy(f->addresses[i], desk->dns.addresses[i].addr, 16);
	if (first)
		dns_event(f);
	return 0;
}

/* ---- Questions ---- */

static __always_inline int undecided(void)
{
	if (!(control.flags & CONTROL_QUERIES))
		return PASS;
	__sync_fetch_and_add(&control.counters[COUNT_UNDECIDED], 1);
	return DROP;
}

/* Who it is that asks: of whom nothing is known, where there is no socket. */
static __always_inline void question_start(struct desk *desk, const struct dns_socket *s)
{
	__u64 exec = s ? s->exec : 0;
	struct identity *id = bpf_map_lookup_elem(&askers, &exec);
	struct outcome *out = &desk->out;

	__builtin_memset(out, 0, sizeof(*out));
	__builtin_memset(&desk->asked.told, 0, sizeof(desk->asked.told));
	out->type = EVENT_NETWORK;
	out->rule.kind = RULE_DNS_SERVERS;
	desk->flow.image = id && s ? id->image : 0;
	if (!id || !s)
		return;
	out->tgid = s->tgid;
	out->uid = s->uid;
	out->cgroup = s->cgroup;
	desk->asked.told.exec = s->exec;
}

static __always_inline void question_tell(struct desk *desk, __u32 number)
{
	struct dns_key *key = &desk->asked.told;

	key->name = desk->dns.name;
	__builtin_memcpy(key->server, desk->server.addr, 16);
	key->tgid = desk->out.tgid;
	key->scope = desk->out.scope;
	key->type = desk->dns.type;
	key->verdict = desk->out.verdict & (VERDICT_BLOCK | VERDICT_DENIED);
	dns_tell(number);
}

/* May it be asked?  By somebody of whom nothing is known, where there is no socket. */
static __always_inline int question_judge(struct desk *desk, const struct dns_socket *s)
{
	__u64 exec = s ? s->exec : 0, name = desk->asked.scopes | desk->asked.local ?
					     desk->dns.name : NAME_NONE;
	struct identity *id = bpf_map_lookup_elem(&askers, &exec);
	struct outcome *out = &desk->out;

	if (!(control.flags & CONTROL_QUERIES))
		return PASS;
	if (!id || !s) {
		out->type = EVENT_PACKET;
		__builtin_memset(&desk->facts, 0, sizeof(desk->facts));
		desk->facts.self.w[0] = 1ull << ATOM_ALWAYS;
	}
	__builtin_memcpy(desk->to.addr, desk->server.addr, 16);
	desk->to.port = PORT_DNS;
	desk->to.proto = 0;
	desk->to.create = CREATE_NOTHING;
	out->name = name;
	judge(id, &desk->to, s ? s->scopes : 0, out, &desk->facts);
	if (out->verdict & VERDICT_BLOCK) {
		desk->to.proto = PROTO_UDP;
		report(id, &desk->to, out);
	}
	return out->verdict & VERDICT_DENIED ? DROP : PASS;
}

/* The message at @at, of @len bytes: whether it may leave. */
__noinline int dns_question_out(struct __sk_buff *skb, __u32 at, __u32 len)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct dns_socket *s = bpf_map_lookup_elem(&dns_sockets, &cookie);
	__u32 number = 0;
	struct desk *desk = desk_take(&number);
	bool read;
	int pass;

	if (!desk)
		return undecided();
	read = message_load(skb, desk, at, len) && dns_parse(number) &&
	       !(desk->dns.flags & DNS_RESPONSE);
	if (!read) {
		desk->dns.name = NAME_NONE;
		desk->dns.text_len = 0;
		desk->dns.type = 0;
	}
	desk->server.prefixlen = 128;
	if (s)
		__builtin_memcpy(desk->server.addr, s->server.addr, 16);
	else
		__builtin_memset(desk->server.addr, 0, 16);
	dns_known(number);
	question_start(desk, s);
	pass = question_judge(desk, s);
	question_tell(desk, number);
	if (!s || !(s->flags & DNS_OUR_NET))
		desk->asked.scopes = 0;
	if (!s || !(s->flags & DNS_HOST_NET))
		desk->asked.local = 0;
	if (pass == PASS && read) {
		question_fill(desk, cookie);
		desk->asked.time = bpf_ktime_get_ns();
		bpf_map_update_elem(&questions, &desk->question, &desk->asked, BPF_ANY);
	}
	desk_give(desk);
	return pass;
}

/* What of a packet is asked for here. */
struct place {
	__u32 at;		/* of the payload */
	__u32 seq;
	__be16 source, dest;
	__u8 proto;
	bool syn, urgent;
};

static __always_inline bool place_read(struct __sk_buff *skb, struct place *p)
{
	union {
		struct tcphdr tcp;
		struct udphdr udp;
		struct iphdr ip;
		struct ipv6hdr ip6;
	} h;
	__u32 at;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, &h.ip, sizeof(h.ip)) ||
		    (h.ip.frag_off & bpf_htons(0x1fff)))
			return false;
		p->proto = h.ip.protocol;
		at = h.ip.ihl * 4;
	} else {
		if (bpf_skb_load_bytes(skb, 0, &h.ip6, sizeof(h.ip6)))
			return false;
		p->proto = h.ip6.nexthdr;
		at = ipv6_transport(skb, &p->proto);
	}
	if (p->proto == PROTO_TCP) {
		if (bpf_skb_load_bytes(skb, at, &h.tcp, sizeof(h.tcp)))
			return false;
		p->source = h.tcp.source;
		p->dest = h.tcp.dest;
		p->seq = bpf_ntohl(h.tcp.seq);
		p->syn = h.tcp.syn;
		p->urgent = h.tcp.urg;
		p->at = at + h.tcp.doff * 4;
		return true;
	}
	if (proto_bit(p->proto) != PROTO_BIT_UDP ||
	    bpf_skb_load_bytes(skb, at, &h.udp, sizeof(h.udp)))
		return false;
	p->source = h.udp.source;
	p->dest = h.udp.dest;
	p->at = at + sizeof(h.udp);
	return true;
}

/* What cannot be read is for a name that nobody lists. */
static __always_inline int unreadable(struct __sk_buff *skb)
{
	return control.flags & CONTROL_QUERIES ? dns_question_out(skb, 0, 0) : PASS;
}

/* Length of the message that begins at @at of a stream (RFC 1035, 4.2.2); 0: it is not whole. */
static __always_inline __u32 stream_message(struct __sk_buff *skb, __u32 at)
{
	__be16 len = 0;

	if (bpf_skb_load_bytes(skb, at, &len, sizeof(len)))
		return 0;
	return at + 2 + bpf_ntohs(len) <= skb->len ? bpf_ntohs(len) : 0;
}

/*
 * A segment to a name server.  Its messages are judged where they begin at its
 * start and end within it.  Others cannot be: where questions are judged they are
 * dropped, and sent again when there is more to send; else the rest of the
 * stream is not learned from.
 */
static __always_inline int stream_out(struct __sk_buff *skb, const struct place *p)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct dns_socket *s = bpf_map_lookup_elem(&dns_sockets, &cookie);
	__u32 i, len, off, at, end = skb->len;

	if (p->syn) {
		if (s) {
			s->sent = p->seq + 1;
			s->flags |= DNS_SENT;
		}
		return p->at < end ? unreadable(skb) : PASS;
	}
	if (p->at >= end)
		return PASS;
	if (!s || !(s->flags & DNS_SENT) || p->urgent)
		return unreadable(skb);
	off = s->sent - p->seq;
	if ((__s32)off < 0)
		return unreadable(skb);
	if (p->at + off >= end)
		return PASS;	/* sent again */
	at = p->at + off;
	for (i = 0; i < STREAM_MESSAGES && at < end; i++) {
		len = stream_message(skb, at);
		if (!len)
			break;
		if (dns_question_out(skb, at + 2, len) == DROP)
			return DROP;
		at += 2 + len;
	}
	if (at < end && unreadable(skb) == DROP)
		return DROP;
	if (at < end)
		s->flags &= ~DNS_SENT;
	s->sent = p->seq + (at - p->at);
	return PASS;
}

__noinline int dns_egress(struct __sk_buff *skb, int asks)
{
	struct bpf_sock *sk = skb->sk;
	struct place p = {};

	if (!sk || !place_read(skb, &p))
		return PASS;
	if (!asks && p.dest != bpf_htons(PORT_DNS) && sk->dst_port != bpf_htons(PORT_DNS))
		return PASS;
	if (p.proto == PROTO_TCP)
		return stream_out(skb, &p);
	/* Datagrams that will be cut apart (UDP_SEGMENT) are as many messages. */
	if (skb->gso_size)
		return unreadable(skb);
	return dns_question_out(skb, p.at, skb->len - p.at);
}

/* ---- Answers ---- */

/* The slot of a name among those of an address, or the one to give to it. */
static __always_inline __u32 slot_find(const struct address_names *n, __u64 hash)
{
	__u64 first = ~0ull;
	__u32 i, best = 0;

	for (i = 0; i < NAME_SLOTS; i++) {
		__u64 until = n->slots[i].until;

		if (n->slots[i].hash == hash)
			return i;
		if (until < first) {
			first = until;
			best = i;
		}
	}
	return best;
}

/* Whether the address has the name now and had not. */
static __always_inline bool slot_give(struct name_slot *s, __u64 hash, __u64 mask, __u64 until,
				      __u64 now)
{
	__u64 old = s->hash;
	bool fresh;

	if (old != hash) {
		s->until = 0;
		if (__sync_val_compare_and_swap(&s->hash, old, hash) != old)
			return false;
		s->scopes = mask;
		s->until = until;
		return true;
	}
	fresh = s->until <= now || (mask & ~s->scopes);
	__sync_fetch_and_or(&s->scopes, mask);
	if (s->until < until)
		s->until = until;
	return fresh;
}

static __always_inline void name_learn(struct desk *desk, const struct dns_address *a, __u64 mask)
{
	__u64 now = bpf_ktime_get_ns(), ttl = a->ttl * 1000000000ull;
	__u64 hash = desk->dns.name;
	struct address_names *n;
	__u32 i, tries;

	if (ttl < NAME_FLOOR)
		ttl = NAME_FLOOR;
	if (ttl > NAME_CEILING)
		ttl = NAME_CEILING;
	n = bpf_map_lookup_elem(&address_names, a->addr);
	if (!n) {
		bpf_map_update_elem(&address_names, a->addr, &desk->nameless, BPF_NOEXIST);
		n = bpf_map_lookup_elem(&address_names, a->addr);
	}
	if (!n)
		return;
	/* Another CPU may take the slot that was found. */
	for (tries = 0; tries < 3; tries++) {
		i = slot_find(n, hash) % NAME_SLOTS;
		if (slot_give(&n->slots[i], hash, mask, now + ttl, now))
			n->version = __sync_fetch_and_add(&control.last_version, 1) + 1;
		if (n->slots[i].hash == hash)
			return;
	}
}

static long learn_one(__u32 i, void *data)
{
	struct desk *desk = *(struct desk **)data;

	name_learn(desk, &desk->dns.addresses[i % DNS_ADDRESSES], desk->asked.scopes);
	return 0;
}

/* Addresses on a desk get the name of the question, in the scopes that are written there. */
__noinline int dns_learn(__u32 number)
{
	struct desk *desk = bpf_map_lookup_elem(&desks, &number);

	if (desk)
		repeat(desk->dns.found, learn_one, &desk);
	return 0;
}

static __always_inline bool source_read(struct __sk_buff *skb, __u8 addr[16])
{
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return !bpf_skb_load_bytes(skb, offsetof(struct ipv6hdr, saddr), addr, 16);
	__builtin_memset(addr, 0, 16);
	addr[10] = addr[11] = 0xff;
	return !bpf_skb_load_bytes(skb, offsetof(struct iphdr, saddr), addr + 12, 4);
}

/* Whether the message on a desk answers a question that waits; and for which scopes. */
static __always_inline bool answer_take(struct __sk_buff *skb, struct desk *desk)
{
	struct question *q = bpf_map_lookup_elem(&questions, &desk->question);

	if (!q || bpf_ktime_get_ns() - q->time > QUESTION_NS)
		return false;
	desk->asked = *q;
	if (skb->ifindex == LOOPBACK_IFINDEX)
		desk->asked.scopes = q->local;
	return true;
}

/* The message at @at, of @len bytes, from a name server. */
__noinline int dns_answer_in(struct __sk_buff *skb, __u32 at, __u32 len)
{
	__u32 number = 0;
	struct desk *desk = desk_take(&number);

	if (!desk)
		return 0;
	if (message_load(skb, desk, at, len) && dns_parse(number) &&
	    (desk->dns.flags & DNS_RESPONSE) && source_read(skb, desk->server.addr)) {
		question_fill(desk, bpf_get_socket_cookie(skb));
		if (answer_take(skb, desk)) {
			if (desk->asked.scopes)
				dns_learn(number);
			dns_tell_answer(number);
		} else if (bpf_map_lookup_elem(&dns_sockets, &desk->question.cookie)) {
			__sync_fetch_and_add(&control.counters[COUNT_ANSWERS_IGNORED], 1);
		}
	}
	desk_give(desk);
	return 0;
}

/* Likewise; an answer in pieces, or behind bytes that are still to come, is not learned. */
static __always_inline void stream_in(struct __sk_buff *skb, const struct place *p)
{
	__u64 cookie = bpf_get_socket_cookie(skb);
	struct dns_socket *s = bpf_map_lookup_elem(&dns_sockets, &cookie);
	__u32 i, len, off, at, end = skb->len;

	if (!s)
		return;
	if (p->syn) {
		s->got = p->seq + 1;
		s->flags |= DNS_GOT;
		return;
	}
	off = s->got - p->seq;
	if (p->at >= end || !(s->flags & DNS_GOT) || ((__s32)off >= 0 && p->at + off >= end))
		return;
	at = p->at + off;
	for (i = 0; (__s32)off >= 0 && i < STREAM_MESSAGES && at < end; i++) {
		len = stream_message(skb, at);
		if (!len)
			break;
		dns_answer_in(skb, at + 2, len);
		at += 2 + len;
	}
	if (at != end)
		s->flags &= ~DNS_GOT;
	s->got = p->seq + (at - p->at);
}

__noinline int dns_ingress(struct __sk_buff *skb)
{
	struct place p = {};

	if (!place_read(skb, &p) || p.source != bpf_htons(PORT_DNS))
		return 0;
	if (p.proto == PROTO_TCP)
		stream_in(skb, &p);
	else if (!skb->gso_size)
		dns_answer_in(skb, p.at, skb->len - p.at);
	return 0;
}
