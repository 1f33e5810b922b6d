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
 * behind our back.  A stream that was let go costs what any other does.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
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

enum stream_state {
	STREAM_HELD,
	STREAM_OPEN,		/* no byte is looked at any more */
	STREAM_SHUT,		/* nothing more leaves */
};

/* All of it is used under the socket's lock alone. */
struct stream {
	struct held who;
	__u8 state;		/* enum stream_state */
	__u8 last;		/* character of the name */
	bool timed;		/* we have asked for RTT callbacks */
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

static __always_inline int stream_pass(struct sk_msg_md *msg, struct stream *s)
{
	__u64 n = s->client.unit - s->written;

	if (n > LEAVE_MAX)
		n = LEAVE_MAX;
	s->limit = s->seq + n;
	bpf_msg_apply_bytes(msg, n);
	return SK_PASS;
}

static __always_inline int stream_open(struct stream *s)
{
	s->state = STREAM_OPEN;
	return SK_PASS;
}

/* A hello or request is whole. */
static __always_inline int stream_said(struct sk_msg_md *msg, struct stream *s)
{
	stream_spell(s);
	if (!stream_judge(s)) {
		s->state = STREAM_SHUT;
		return SK_DROP;
	}
	if (s->client.kind == CLIENT_TLS)
		return stream_open(s);
	client_next(&s->client);
	return stream_pass(msg, s);
}

/* Where in the stream this message is. */
static __always_inline bool stream_place(struct stream *s, struct bpf_sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);

	if (!tp)
		return false;
	s->written += (__u32)(tp->write_seq - s->seq);
	s->seq = tp->write_seq;
	/* Behind what is to be read next: something was written past us. */
	return s->written <= s->client.unit;
}

SEC("sk_msg")
int stream_read(struct sk_msg_md *msg)
{
	struct bpf_sock *sk = msg->sk;
	struct client_walk w = { .bytes = msg };
	struct stream *s;

	s = sk ? bpf_sk_storage_get(&streams, sk, 0, 0) : 0;
	if (!s || s->state == STREAM_OPEN)
		return SK_PASS;		/* let go while this was being written */
	if (s->state == STREAM_SHUT)
		return SK_DROP;
	if (!stream_place(s, sk))
		return stream_unread(s) ? SK_PASS : SK_DROP;
	if (s->written < s->client.unit)
		return stream_pass(msg, s);
	if (bpf_msg_pull_data(msg, 0, msg->size < READ_BYTES ? msg->size : READ_BYTES, 0))
		return SK_DROP;
	w.client = &s->client;
	w.from = s->written;
	switch (client_read(&w)) {
	case PARSE_MORE:
		bpf_msg_cork_bytes(msg, s->client.at + 1 - s->written);
		return SK_DROP;		/* only where the kernel cannot hold more */
	case PARSE_NAME:
		return stream_said(msg, s);
	case PARSE_DATA:
		client_next(&s->client);
		return stream_pass(msg, s);
	case PARSE_PLAIN:
		return stream_open(s);
	case PARSE_BAD:
		break;
	}
	return stream_unread(s) ? SK_PASS : SK_DROP;
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

__noinline int stream_may_leave(struct __sk_buff *skb, __u32 end, __u32 urgent)
{
	struct bpf_sock *sk = skb->sk;
	struct stream *s = sk ? bpf_sk_storage_get(&streams, sk, 0, 0) : 0;

	if (!s)
		return 1;
	/* Urgent data is not in the stream that a server reads (RFC 6093). */
	if (!urgent && (s->state == STREAM_OPEN || (__s32)(end - s->limit) <= 0))
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
