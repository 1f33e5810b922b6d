// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table and the event stream.  Nothing here changes a verdict: when
 * there is no room, detail is lost and counted.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "addr.h"
#include "maps.h"
#include "judge.h"
#include "names.h"
#include "target.h"

struct control control SEC(".data.control");

/* Written by the loader, read by reports; no program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SOURCES);
	__type(key, __u32);
	__type(value, struct source);
} sources SEC(".maps");

static __always_inline void count(enum counter c)
{
	__sync_fetch_and_add(&control.counters[c], 1);
}

static __always_inline void flow_fill(struct flow *f, const struct flow_key *key,
				      const struct identity *id, const struct outcome *out,
				      __u64 now)
{
	__u32 i;

	f->key = *key;
	f->rule = out->rule;
	f->image = id ? id->image : 0;
	f->first = now;
	f->last = now;
	f->count = 1;
	f->cgroup = out->cgroup;
	f->uid = out->uid;
	f->nline = id ? id->nline : 0;
	for (i = 0; i < IDENT_LINE; i++)
		f->line[i] = id ? id->line[i] : 0;
}

/* A blocked attempt that has no record is at least counted, by prefix. */
static __always_inline void fold(const struct identity *id, const struct flow_key *key,
				 const struct outcome *out)
{
	struct fold_key fold = { .image = id ? id->image : 0, .rule = out->rule };
	__u64 one = 1, *n;
	__u32 i, keep = addr_is_v4(key->addr) ? 14 : 4;

	if (!(out->verdict & VERDICT_BLOCK)) {
		count(COUNT_FLOWS_FOLDED);
		return;
	}
	for (i = 0; i < 16; i++)
		fold.addr[i] = i < keep ? key->addr[i] : 0;
	n = bpf_map_lookup_elem(&folded, &fold);
	if (!n) {
		if (!bpf_map_update_elem(&folded, &fold, &one, BPF_NOEXIST))
			return;
		n = bpf_map_lookup_elem(&folded, &fold);
	}
	if (n)
		__sync_fetch_and_add(n, 1);
	else
		count(COUNT_BLOCKS_FOLDED);
}

/* A new record for the flow; its number, or 0 when the table is full. */
static __always_inline __u32 flow_new(const struct flow_key *key, const struct identity *id,
				      const struct outcome *out, __u64 now)
{
	struct flow *f;
	__u32 n;

	if (control.last_flow >= FLOWS - 1)
		return 0;
	n = __sync_fetch_and_add(&control.last_flow, 1) + 1;
	f = bpf_map_lookup_elem(&flows, &n);
	if (!f)
		return 0;
	flow_fill(f, key, id, out, now);
	if (bpf_map_update_elem(&flow_index, key, &n, BPF_NOEXIST))
		f->count = 0;	/* another thread was first: an empty record */
	return n;
}

static __always_inline struct event *event_reserve(__u32 type, __u64 now)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		count(COUNT_EVENTS_LOST);
		return 0;
	}
	e->head.time = now;
	e->head.type = type;
	e->head.len = sizeof(*e);
	return e;
}

/* One more attempt of a recorded flow. */
static __always_inline void flow_again(struct flow *f, __u64 now, bool tell)
{
	struct event *e;

	__sync_fetch_and_add(&f->count, 1);
	f->last = now;
	if (!tell)
		return;
	e = event_reserve(f->key.type, now);
	if (!e)
		return;
	e->flow = *f;
	bpf_ringbuf_submit(e, 0);
}

/* The first attempt, or one that found no room for a record. */
static __always_inline void flow_told(const struct flow_key *key, const struct identity *id,
				      const struct outcome *out, __u64 now)
{
	struct event *e = event_reserve(key->type, now);

	if (!e)
		return;
	flow_fill(&e->flow, key, id, out, now);
	bpf_ringbuf_submit(e, 0);
}

/* Blocked attempts are told one by one, but for packets, which TCP sends again. */
static __always_inline bool told_each_time(const struct flow_key *key)
{
	return (key->verdict & VERDICT_BLOCK) && key->type != EVENT_PACKET;
}

__noinline int report_again(__u32 n)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &n);

	if (f)
		flow_again(f, bpf_ktime_get_ns(), told_each_time(&f->key));
	return 0;
}

__noinline __u32 report(const struct identity *id, const struct target *to,
			const struct outcome *out)
{
	__u64 now = bpf_ktime_get_ns();
	struct flow_key key = {};
	struct flow *f;
	__u32 *known, n;

	if (!to || !out || (out->verdict & VERDICT_QUIET))
		return 0;
	key.exec = id ? id->exec : 0;
	__builtin_memcpy(key.addr, to->addr, sizeof(key.addr));
	key.tgid = out->tgid;
	key.scope = out->scope;
	key.port = to->port;
	key.proto = to->proto;
	key.verdict = out->verdict & ~(VERDICT_BY_NAME | VERDICT_SNI);
	key.name = out->name > NAME_NONE ? out->name : 0;
	key.type = out->type;

	known = bpf_map_lookup_elem(&flow_index, &key);
	f = known ? bpf_map_lookup_elem(&flows, known) : 0;
	if (known && f) {
		flow_again(f, now, told_each_time(&key));
		return *known;
	}
	n = flow_new(&key, id, out, now);
	if (!n)
		fold(id, &key, out);
	flow_told(&key, id, out, now);
	return n;
}

/* The record of an allowed connection takes its first name; others are flows of their own. */
__noinline int report_name(__u32 n, const struct identity *id, const struct target *to,
			   const struct outcome *out)
{
	struct flow *f = bpf_map_lookup_elem(&flows, &n);
	struct event *e;

	if (!to || !out)
		return 0;
	if (!n || !f || (out->verdict & VERDICT_BLOCK) || out->scope != f->key.scope ||
	    (f->key.name && f->key.name != out->name)) {
		report(id, to, out);
		return 0;
	}
	if (f->key.name || out->name <= NAME_NONE)
		return 0;
	f->key.name = out->name;
	e = event_reserve(f->key.type, bpf_ktime_get_ns());
	if (!e)
		return 0;
	e->flow = *f;
	bpf_ringbuf_submit(e, 0);
	return 0;
}
