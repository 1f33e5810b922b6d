// SPDX-License-Identifier: GPL-2.0-only
/*
 * Server names: a stream that is allowed only for a name of its address says
 * which one it is for before any byte of it leaves.
 *
 *   socket_connect  (socket.bpf.c) enters it into "held", and does not vouch for it
 *   stream_follow   sock_ops: gives its socket a storage, whereupon its SYN may leave;
 *                   puts it into a sockhash when it is established, and takes it out
 *                   again once it was let go
 *   stream_read     sk_msg, on the sockets of that hash: has the kernel keep what is
 *                   written (cork) until the hello or request is whole, and judges it
 *   egress          (packet.bpf.c) lets no byte leave that was not judged, whatever way
 *                   it took: a send(2) that waits for the connection, Fast Open and
 *                   MPTCP pass stream_read by
 *
 * What is judged is first copied (bpf_msg_pull_data), so that nobody changes it
 * behind our back.  That it is judged does not mean that it is sent: when the socket
 * takes no more of it, or is used by another thread meanwhile, the kernel forgets the
 * rest and sends whatever comes next in its place, without asking (psock->eval in
 * tcp_bpf_send_verdict).  So stream_claim writes a secret behind what was judged, and
 * stream_read lets it leave when it finds that again at the right place; where nothing
 * lies behind it the secret takes the place of the last bytes, which egress compares.
 *
 * A stream that was let go costs what any other does.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "hash.h"
#include "judge.h"
#include "maps.h"
#include "names.h"
#include "stream.h"
#include "vouch.h"

typedef struct sk_msg_md *bytes_ref;

#define READ_BYTES	0x7fff	/* of a message, and more than a hello or head may have */

static __always_inline int byte_at(bytes_ref msg, __u32 i)
{
	__u8 *p = msg->data, *end = msg->data_end;

	if (i > READ_BYTES)
		return -1;
	p += i;
	return p + 1 > end ? -1 : *p;
}

#define repeat(n, fn, ctx) bpf_loop(n, fn, ctx, 0)

#include "client.h"

_Static_assert(READ_BYTES >= CLIENT_UNIT, "what is read is at hand");

/* Bytes that may leave before a program looks again: well within what TCP's numbers tell apart. */
#define LEAVE_MAX	(1u << 30)

#define ROOM		2048	/* bytes of a socket's that what is sent takes besides itself */

enum stream_state {
	STREAM_HELD,
	STREAM_LAST,		/* will be open when its tails have left */
	STREAM_OPEN,		/* no byte is looked at any more */
	STREAM_SHUT,		/* nothing more leaves */
};

#define TAIL		8	/* bytes, and those of a secret */
#define TAILS		16	/* that wait to leave; pipelines of requests are no deeper */

/* The last bytes of what was judged, to be compared as they leave. */
struct tail {
	__u32 seq;
	__u8 due;		/* a bit each */
	__u8 bytes[TAIL];
};

enum claim {
	CLAIM_NONE,
	CLAIM_WHOLE,		/* the secret is behind what was judged */
	CLAIM_TAIL,		/* it covers its last bytes */
};

/* All of it is used under the socket's lock alone. */
struct stream {
	struct held who;
	__u8 state;		/* enum stream_state */
	__u8 last;		/* character of the name */
	bool timed;		/* we have asked for RTT callbacks */
	bool opens;		/* with what is claimed */
	__u8 claimed;		/* CLAIM_* */
	__u8 next_tail;
	__u32 claim;		/* where the secret is */
	__u64 secret, covered;	/* and what was there */
	bool tailed;		/* some of these are due */
	struct tail tails[TAILS];
	__u32 seq;		/* of the next byte that is written */
	__u32 limit;		/* of the first that may not leave yet */
	__u64 written;		/* bytes before seq */
	struct client client;
	struct outcome out;
	struct facts facts;
	__u64 name;
	struct host_key key;
};

/*
 * Written at connect, read as the stream is written and leaves.  Where there
 * was no memory for one, the SYN does not leave.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stream);
} streams SEC(".maps");

/*
 * By socket cookie: established streams that are held, and those that speak
 * HTTP.  The kernel takes a closed one out.  When full, a stream is not in it
 * and carries nothing.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} stream_sockets SEC(".maps");

/* ---- Verdicts ---- */

struct spelling {
	struct stream *s;
	const struct host_name *name;
};

static long spell(__u32 i, void *data)
{
	struct spelling *w = data;
	struct stream *s = w->s;
	__u32 len = w->name->len;
	char c = w->name->text[i % HOST_NAME_SIZE];

	if (i >= len)
		return 1;
	/* No label is empty; no rule is about such a name. */
	if (c == '.' && (s->last == '.' || i + 1 == len)) {
		s->name = NAME_NONE;
		return 1;
	}
	s->last = c;
	s->name = host_hash_add(s->name, c);
	host_key_put(&s->key, i, len, c);
	return 0;
}

/* The name that the client says, into s->name and s->key. */
static __always_inline void stream_spell(struct stream *s)
{
	struct spelling w = { .s = s, .name = client_name(&s->client) };
	__u32 len = w.name->len;

	s->name = NAME_NONE;
	if (!len || len > HOST_LEN)
		return;
	__builtin_memset(&s->key, 0, sizeof(s->key));
	s->name = host_hash_start(control.seed);
	s->last = '.';
	repeat(HOST_LEN, spell, &w);
	if (s->name == NAME_NONE)
		return;
	s->name = host_hash_end(s->name, len);
	host_key_end(&s->key, len);
}

/* Judges the stream by s->name, in the name of who opened it; whether it may go on. */
static __always_inline bool stream_judge(struct stream *s)
{
	struct outcome *out = &s->out;
	bool known = true;

	__builtin_memset(out, 0, sizeof(*out));
	out->type = EVENT_NETWORK;
	out->tgid = s->who.tgid;
	out->uid = s->who.uid;
	out->cgroup = s->who.cgroup;
	out->http = s->client.kind == CLIENT_HTTP;
	if (s->name > NAME_NONE) {
		bpf_map_update_elem(&server_names, &s->name, &s->key, BPF_ANY);
		/* Names are looked up by their hashes; one that nobody asked for is there while we do. */
		known = bpf_map_update_elem(&name_texts, &s->name, &s->key, BPF_NOEXIST);
	}
	judge_name(&s->who.id, &s->who.to, s->who.scopes, s->name, out, &s->facts);
	if (!known)
		bpf_map_delete_elem(&name_texts, &s->name);
	rule_server_name(&out->rule, s->name);
	report_name(s->who.flow, &s->who.id, &s->who.to, out);
	return !(out->verdict & VERDICT_DENIED);
}

/* What cannot be read has no name. */
static __always_inline bool stream_unread(struct stream *s)
{
	s->name = NAME_NONE;
	s->state = stream_judge(s) ? STREAM_OPEN : STREAM_SHUT;
	return s->state == STREAM_OPEN;
}

/* ---- As it is written ---- */

static __always_inline int stream_shut(struct stream *s)
{
	return stream_unread(s) ? SK_PASS : SK_DROP;
}

static __always_inline const struct sock *stream_sock(struct bpf_sock *sk)
{
	return (const struct sock *)bpf_skc_to_tcp_sock(sk);
}

/*
 * What need not be read, up to s->client.unit.  As long as the socket does not take all
 * of that many bytes at once, the kernel lets as many go each time that it is written to,
 * without asking.  So where there is little room they are few, and not the last ones.
 */
static __always_inline int stream_pass(struct sk_msg_md *msg, struct stream *s,
				       const struct sock *sk)
{
	__u64 left = s->client.unit - s->written;
	__u32 n = left < msg->size ? left : msg->size, few;
	__s32 room = sk->sk_sndbuf - sk->sk_wmem_queued;

	if (2ll * n + ROOM > room) {
		few = room >> 2 > sk->sk_sndbuf >> 3 ? room >> 2 : sk->sk_sndbuf >> 3;
		if (few > (left + 1) >> 1)
			few = (left + 1) >> 1;
		if (n > few)
			n = few;
	}
	s->limit = s->seq + (left < LEAVE_MAX ? left : LEAVE_MAX);
	bpf_msg_apply_bytes(msg, n);
	return SK_PASS;
}

/* The bytes of @t that are in the message from @at on. */
static __always_inline void tail_fill(struct tail *t, struct sk_msg_md *msg, __u32 at, __u32 len)
{
	__u32 i;

	t->due = 0;
	for (i = 0; i < TAIL; i++) {
		int c = byte_at(msg, at + i);

		if (i >= len || c < 0)
			break;
		t->bytes[i] = c;
		t->due |= 1 << i;
	}
}

/* The last @len bytes of what was judged, at the beginning of the message. */
static __always_inline int stream_tail(struct sk_msg_md *msg, struct stream *s,
				       const struct sock *sk, __u32 len)
{
	struct tail *t = &s->tails[s->next_tail % TAILS];

	if (t->due)
		return stream_shut(s);
	t->seq = s->seq;
	tail_fill(t, msg, 0, len);
	s->tailed = true;
	s->next_tail++;
	if (s->opens) {
		s->state = STREAM_LAST;
		return SK_PASS;
	}
	return stream_pass(msg, s, sk);
}

/* Eight bytes of the message become @word, if it has them and @want is NULL or what they were. */
static __always_inline bool message_put(struct sk_msg_md *msg, __u32 at, __u64 word,
					const __u64 *want, __u64 *was)
{
	__u8 *p = msg->data, *end = msg->data_end;

	if (at > READ_BYTES)
		return false;
	barrier_var(at);	/* 6.1 bounds the register that is tested, not the one that is added */
	p += at & READ_BYTES;
	if (p + sizeof(word) > end)
		return false;
	*was = *(__u64 *)p;
	if (want && *was != *want)
		return false;
	*(__u64 *)p = word;
	return true;
}

/* The first @len bytes of the message, of which @pulled can be read, are judged. */
static __always_inline int stream_claim(struct sk_msg_md *msg, struct stream *s,
					const struct sock *sk, __u32 len, __u32 pulled)
{
	s->claimed = CLAIM_WHOLE;
	if (pulled < len + TAIL) {
		s->claimed = CLAIM_TAIL;
		if (len <= TAIL) {
			s->claimed = CLAIM_NONE;
			return stream_tail(msg, s, sk, len);
		}
		len -= TAIL;
	}
	s->claim = s->seq + len;
	s->secret = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	s->secret ^= hash_mix(control.seed[0], bpf_ktime_get_ns());
	/* It would wait for room that only its leaving can make. */
	if ((int)(len + len / 2 + ROOM) > sk->sk_sndbuf ||
	    !message_put(msg, len, s->secret, 0, &s->covered))
		return stream_shut(s);
	bpf_msg_apply_bytes(msg, len);
	return SK_PASS;
}

/* What was judged has been written, if the secret is behind it. */
static __always_inline bool stream_proven(struct sk_msg_md *msg, struct stream *s)
{
	__u64 was;

	if (bpf_msg_pull_data(msg, 0, TAIL, 0) ||
	    !message_put(msg, 0, s->covered, &s->secret, &was))
		return false;
	if (s->seq != s->claim)
		return false;
	s->limit = s->claim;
	return true;
}

/* A hello or request is whole. */
static __always_inline bool stream_said(struct stream *s)
{
	stream_spell(s);
	return stream_judge(s);
}

/* Where in the stream this message is. */
static __always_inline bool stream_place(struct stream *s, const struct sock *sk)
{
	__u32 seq = ((const struct tcp_sock *)sk)->write_seq;

	s->written += (__u32)(seq - s->seq);
	s->seq = seq;
	/* Behind what is to be read next: something was written past us. */
	return s->written <= s->client.unit;
}

/* A message, or the rest of one, that begins with what must be read. */
static __always_inline int stream_hear(struct sk_msg_md *msg, struct stream *s,
				       const struct sock *sk)
{
	__u32 pulled = msg->size < READ_BYTES ? msg->size : READ_BYTES, len;
	struct client_walk w = { .bytes = msg, .client = &s->client, .from = s->written };

	if (bpf_msg_pull_data(msg, 0, pulled, 0))
		return SK_DROP;
	s->opens = false;
	switch (client_read(&w)) {
	case PARSE_MORE:
		bpf_msg_cork_bytes(msg, s->client.at + 1 - s->written);
		return SK_DROP;		/* only where the kernel cannot hold more */
	case PARSE_NAME:
		if (!stream_said(s)) {
			s->state = STREAM_SHUT;
			return SK_DROP;
		}
		s->opens = s->client.kind == CLIENT_TLS;
		break;
	case PARSE_DATA:
		break;
	case PARSE_PLAIN:
		s->opens = true;
		break;
	case PARSE_BAD:
		return stream_shut(s);
	}
	/* What a hello ends with may say nothing, and still be to come. */
	len = s->client.at - s->written < pulled ? s->client.at - s->written : pulled;
	if (s->opens)
		s->client.unit = s->client.at;
	else
		client_next(&s->client);
	return stream_claim(msg, s, sk, len, pulled);
}

SEC("sk_msg")
int stream_read(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	const struct sock *tcp;
	struct stream *s;
	__u8 claimed;
	bool placed;

	s = sk ? bpf_sk_storage_get(&streams, sk, 0, 0) : 0;
	if (!s || s->state == STREAM_OPEN || s->state == STREAM_LAST)
		return SK_PASS;		/* let go while this was being written */
	tcp = stream_sock(sk);
	if (!tcp || s->state == STREAM_SHUT)
		return SK_DROP;
	bpf_msg_cork_bytes(msg, 0);	/* else it holds for the rest of what was corked, too */
	claimed = s->claimed;
	s->claimed = CLAIM_NONE;
	placed = stream_place(s, tcp);
	if ((claimed && !stream_proven(msg, s)) || !placed)
		return stream_shut(s);
	if (claimed == CLAIM_TAIL)
		return stream_tail(msg, s, tcp, TAIL);
	if (claimed && s->opens) {
		s->state = STREAM_LAST;
		return SK_PASS;
	}
	if (s->written < s->client.unit)
		return stream_pass(msg, s, tcp);
	return stream_hear(msg, s, tcp);
}

/* ---- As it lives ---- */

static __always_inline bool goes_to(const struct bpf_sock *sk, const struct target *to)
{
	const volatile struct bpf_sock *v = sk;
	/* All are read before any is chosen: the verifier wants constant offsets. */
	__u32 family = v->family, v4 = v->dst_ip4, w0 = v->dst_ip6[0], w1 = v->dst_ip6[1];
	__u32 w2 = v->dst_ip6[2], w3 = v->dst_ip6[3], port = v->dst_port;
	const __u32 *a = (const __u32 *)to->addr;

	if (family == AF_INET) {
		w0 = w1 = 0;
		w2 = bpf_htonl(0xffff);
		w3 = v4;
	}
	return a[0] == w0 && a[1] == w1 && a[2] == w2 && a[3] == w3 && to->port == bpf_ntohs(port);
}

/* Its SYN is about to leave. */
static __always_inline int stream_begin(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct held *h = bpf_map_lookup_elem(&held, &cookie);
	struct tcp_sock *tp;
	struct stream *s;

	bpf_sk_storage_delete(&streams, sk);	/* of a connection that it had before */
	if (!h || !goes_to(sk, &h->to))
		return 1;
	tp = bpf_skc_to_tcp_sock(sk);
	s = tp ? bpf_sk_storage_get(&streams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : 0;
	if (!s)
		return 1;
	s->who = *h;
	s->seq = s->limit = tp->write_seq + 1;
	s->timed = !(ops->bpf_sock_ops_cb_flags & BPF_SOCK_OPS_RTT_CB_FLAG);
	vouch(cookie, s->who.scopes, &s->who.to);
	bpf_map_delete_elem(&held, &cookie);
	return 1;
}

static __always_inline int stream_established(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(ops);

	if (!bpf_sk_storage_get(&streams, sk, 0, 0))
		return 1;
	bpf_sock_hash_update(ops, &stream_sockets, &cookie, BPF_ANY);
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_RTT_CB_FLAG);
	return 1;
}

/* Something has been acknowledged: if it was let go, it is an ordinary socket from here on. */
static __always_inline int stream_end(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct stream *s = bpf_sk_storage_get(&streams, sk, 0, 0);

	if (!s || s->state != STREAM_OPEN)
		return 1;
	bpf_map_delete_elem(&stream_sockets, &cookie);
	if (s->timed)
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags &
					  ~BPF_SOCK_OPS_RTT_CB_FLAG);
	bpf_sk_storage_delete(&streams, sk);
	return 1;
}

SEC("sockops")
int stream_follow(struct bpf_sock_ops *ops)
{
	__u32 op = ops->op;
	struct bpf_sock *sk;

	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_RTT_CB)
		return 1;
	sk = ops->sk;
	if (!sk)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		return stream_begin(ops, sk);
	if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		return stream_established(ops, sk);
	return stream_end(ops, sk);
}

/* ---- As it leaves ---- */

/* Data that leaves, and the tails of what was judged. */
struct leaving {
	struct __sk_buff *skb;
	struct stream *s;
	__u32 end;		/* the number behind its last byte */
	__u32 len;		/* bytes */
	bool due;		/* some are still to come */
	bool same;
};

static long tail_compare(__u32 i, void *data)
{
	struct leaving *l = data;
	struct tail *t = &l->s->tails[i / TAIL % TAILS];
	__u32 bit = 1 << i % TAIL, back = l->end - (t->seq + i % TAIL);
	__u8 byte;

	if (!(t->due & bit))
		return 0;
	/* Not of this packet; beyond it, or from before. */
	if (back - 1 >= l->len) {
		l->due = true;
		return 0;
	}
	if (bpf_skb_load_bytes(l->skb, l->skb->len - back, &byte, 1) ||
	    byte != t->bytes[i % TAIL]) {
		l->same = false;
		return 1;
	}
	t->due &= ~bit;
	return 0;
}

/* Whether the last bytes of what was judged are what leaves. */
static __always_inline bool tails_leave(struct __sk_buff *skb, struct stream *s, __u32 end,
					__u32 len)
{
	struct leaving l = { .skb = skb, .s = s, .end = end, .len = len, .same = true };

	if (s->tailed)
		repeat(TAILS * TAIL, tail_compare, &l);
	if (!l.same)
		return false;
	s->tailed = l.due;
	if (!l.due && s->state == STREAM_LAST)
		s->state = STREAM_OPEN;
	return true;
}

__noinline int stream_may_leave(struct __sk_buff *skb, __u32 end, __u32 len, __u32 urgent)
{
	struct bpf_sock *sk = skb->sk;
	struct stream *s = sk ? bpf_sk_storage_get(&streams, sk, 0, 0) : 0;

	if (!s || (s->state == STREAM_OPEN && !urgent))
		return 1;
	/* It is being written, and leaves when the rest of it is. */
	if (s->claimed && !urgent && (__s32)(end - s->claim) <= 0 && (__s32)(end - s->limit) > 0)
		return 0;
	/* Urgent data is not in the stream that a server reads (RFC 6093). */
	if (!urgent && (s->state == STREAM_LAST || (__s32)(end - s->limit) <= 0) &&
	    tails_leave(skb, s, end, len))
		return 1;
	return s->state != STREAM_SHUT && stream_unread(s);
}

__noinline int stream_goes(struct __sk_buff *skb, const struct target *to)
{
	const __u64 *a = (const __u64 *)to->addr, *b;
	struct bpf_sock *sk = skb->sk;
	struct stream *s;

	s = to && sk ? bpf_sk_storage_get(&streams, sk, 0, 0) : 0;
	if (!s)
		return 0;
	a = (const __u64 *)to->addr;
	b = (const __u64 *)s->who.to.addr;
	return a[0] == b[0] && a[1] == b[1] && to->port == s->who.to.port;
}
