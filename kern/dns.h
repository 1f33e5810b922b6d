/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * A DNS message (RFC 1035, 4), read from its beginning: the question, and the
 * addresses that its answer section gives for that name, through aliases.
 *
 * Nothing is guessed: a message with more than one question, a name that is
 * too long, a pointer that does not lead backwards end the reading.  What was
 * read before that counts, so that a message cut short (TC) gives what it holds.
 *
 * The includer gives repeat(n, fn, ctx) as in verdict.h.
 */
#ifndef KNTRL_DNS_H
#define KNTRL_DNS_H

#include "names.h"

#define DNS_HEADER	12
#define DNS_BYTES	4096	/* of a message that are read; a power of two */
#define DNS_ADDRESSES	128	/* a power of two */
#define DNS_CHAIN	16	/* the name and its aliases */
#define DNS_STEPS	8192

#define DNS_A		1
#define DNS_CNAME	5
#define DNS_AAAA	28
#define DNS_IN		1

#define DNS_RESPONSE	0x8000
#define DNS_OPCODE	0x7800
#define DNS_RCODE	0x000f

/* What is read next. */
enum dns_field {
	DNS_QNAME,
	DNS_QTYPE,
	DNS_OWNER,
	DNS_RECORD,
	DNS_ALIAS,		/* the name in a CNAME */
	DNS_DONE,
	DNS_BAD,
};

/* A name while it is read; compression as in RFC 1035, 4.1.4, backwards only. */
struct dns_name {
	__u64 hash;
	__u32 start;
	__u32 at;		/* the next byte */
	__u32 low;		/* a pointer must lead before it */
	__u32 after;		/* where what follows the name begins; 0: no pointer was met yet */
	__u32 label;		/* bytes left of the label */
	__u32 len;		/* of the text so far */
	__u32 odd;		/* with a byte that no rule can be about */
	__u32 pad;
};

struct dns_address {
	__u8 addr[16];
	__u32 ttl;		/* seconds */
};

struct dns {
	/* Given: */
	__u64 hash_start;
	__u32 len;		/* of bytes[] */
	__u32 field;		/* enum dns_field; DNS_QNAME at first */
	/* Read: */
	__u32 flags;		/* the second 16 bits of the header */
	__u16 id, type;		/* of the question */
	__u64 name;		/* its hash, or NAME_NONE */
	__u32 text_len;		/* of text[] */
	__u32 records;		/* left of the answer section */
	__u32 chained;		/* names in chain[] */
	__u32 found;		/* addresses[] */
	__u32 ttl;		/* of the aliases, the least */
	__u32 owned;		/* the record at hand is about a name of the chain */
	__u32 end;		/* of the record at hand */
	__u32 pad;
	struct dns_name n;
	__u64 chain[DNS_CHAIN];
	__u32 chain_at[DNS_CHAIN];
	struct dns_address addresses[DNS_ADDRESSES];
	char text[HOST_KEY];	/* the question's name, in lower case */
	__u8 bytes[DNS_BYTES];
};

static __always_inline __u32 dns_u8(const struct dns *d, __u32 at)
{
	return d->bytes[at % DNS_BYTES];
}

static __always_inline __u32 dns_u16(const struct dns *d, __u32 at)
{
	return dns_u8(d, at) << 8 | dns_u8(d, at + 1);
}

static __always_inline long dns_stop(struct dns *d, enum dns_field field)
{
	d->field = field;
	return 1;
}

static __always_inline void dns_name_start(struct dns *d, enum dns_field field, __u32 at)
{
	d->field = field;
	d->n.hash = d->hash_start;
	d->n.start = at;
	d->n.at = at;
	d->n.low = at;
	d->n.after = 0;
	d->n.label = 0;
	d->n.len = 0;
	d->n.odd = 0;
}

/* A byte of a name's text; the dots between labels are given as NUL. */
static __always_inline long dns_name_add(struct dns *d, __u8 byte, _Bool dot)
{
	char c = dot ? '.' : host_char(byte);

	if (d->n.len >= HOST_LEN)
		return dns_stop(d, DNS_BAD);
	if (!c)
		d->n.odd = 1;
	d->n.hash = host_hash_add(d->n.hash, c);
	if (d->field == DNS_QNAME)
		d->text[d->n.len % HOST_KEY] = c ? c : '?';
	d->n.len++;
	return 0;
}

static __always_inline _Bool dns_in_chain(const struct dns *d, __u64 hash)
{
	__u32 i;

	for (i = 0; i < DNS_CHAIN; i++)
		if (i < d->chained && d->chain[i] == hash)
			return 1;
	return 0;
}

static __always_inline void dns_chain_add(struct dns *d, __u64 hash, __u32 at)
{
	__u32 i = d->chained % DNS_CHAIN;

	if (d->chained >= DNS_CHAIN)
		return;
	d->chain[i] = hash;
	d->chain_at[i] = at;
	d->chained++;
}

static __always_inline long dns_record_next(struct dns *d, __u32 at)
{
	if (!d->records)
		return dns_stop(d, DNS_DONE);
	d->records--;
	dns_name_start(d, DNS_OWNER, at);
	return 0;
}

/* A whole name has been read. */
static __always_inline long dns_name_end(struct dns *d, __u64 hash, __u32 after)
{
	if (d->field == DNS_QNAME) {
		d->name = hash;
		d->text_len = d->n.len;
		d->n.at = after;
		d->field = DNS_QTYPE;
		return 0;
	}
	if (d->field == DNS_OWNER) {
		d->owned = hash != NAME_NONE && dns_in_chain(d, hash);
		d->n.at = after;
		d->field = DNS_RECORD;
		return 0;
	}
	if (after != d->end)
		return dns_stop(d, DNS_BAD);
	if (hash != NAME_NONE)
		dns_chain_add(d, hash, d->n.start);
	return dns_record_next(d, after);
}

static __always_inline __u64 dns_name_hash(const struct dns *d)
{
	return d->n.odd ? NAME_NONE : host_hash_end(d->n.hash, d->n.len);
}

static __always_inline long dns_pointer(struct dns *d, __u32 to)
{
	__u32 i;

	if (d->field == DNS_QNAME || to < DNS_HEADER || to >= d->n.low)
		return dns_stop(d, DNS_BAD);
	if (!d->n.after)
		d->n.after = d->n.at + 2;
	/* Most owners are a pointer to a name that was read already. */
	for (i = 0; i < DNS_CHAIN; i++)
		if (!d->n.len && i < d->chained && d->chain_at[i] == to)
			return dns_name_end(d, d->chain[i], d->n.after);
	d->n.low = to;
	d->n.at = to;
	return 0;
}

static __always_inline long dns_name_step(struct dns *d)
{
	__u32 at = d->n.at, byte = dns_u8(d, at);

	if (at >= d->len)
		return dns_stop(d, DNS_BAD);
	if (d->n.label) {
		d->n.label--;
		d->n.at = at + 1;
		return dns_name_add(d, byte, 0);
	}
	if (!byte)
		return dns_name_end(d, dns_name_hash(d), d->n.after ?: at + 1);
	if (byte >= 0xc0)
		return at + 1 < d->len ? dns_pointer(d, dns_u16(d, at) & 0x3fff) :
					 dns_stop(d, DNS_BAD);
	if (byte >= 0x40)
		return dns_stop(d, DNS_BAD);
	d->n.label = byte;
	d->n.at = at + 1;
	return d->n.len ? dns_name_add(d, 0, 1) : 0;
}

static __always_inline long dns_question(struct dns *d)
{
	__u32 at = d->n.at;

	if (at + 4 > d->len)
		return dns_stop(d, DNS_BAD);
	d->type = dns_u16(d, at);
	if (dns_u16(d, at + 2) != DNS_IN)
		return dns_stop(d, DNS_BAD);
	dns_chain_add(d, d->name, DNS_HEADER);
	return dns_record_next(d, at + 4);
}

static __always_inline void dns_address(struct dns *d, __u32 at, __u32 ttl)
{
	struct dns_address *a = &d->addresses[d->found % DNS_ADDRESSES];
	__u32 i, v4 = d->type == DNS_A;

	if (d->found >= DNS_ADDRESSES)
		return;
	for (i = 0; i < 16; i++)
		a->addr[i] = !v4 ? dns_u8(d, at + i) : i >= 12 ? dns_u8(d, at + i - 12) :
			     i >= 10 ? 0xff : 0;
	a->ttl = ttl < d->ttl ? ttl : d->ttl;
	d->found++;
}

static __always_inline long dns_record(struct dns *d)
{
	__u32 at = d->n.at, type, len, ttl;

	if (at + 10 > d->len)
		return dns_stop(d, DNS_BAD);
	type = dns_u16(d, at);
	ttl = dns_u16(d, at + 4) << 16 | dns_u16(d, at + 6);
	if (ttl >> 31)
		ttl = 0;	/* RFC 2181, 8 */
	len = dns_u16(d, at + 8);
	d->owned = d->owned && dns_u16(d, at + 2) == DNS_IN;
	at += 10;
	d->end = at + len;
	if (d->end > d->len)
		return dns_stop(d, DNS_BAD);
	if (d->owned && type == DNS_CNAME) {
		if (ttl < d->ttl)
			d->ttl = ttl;
		dns_name_start(d, DNS_ALIAS, at);
		return 0;
	}
	if (d->owned && type == d->type && len == (type == DNS_A ? 4 : 16) &&
	    (type == DNS_A || type == DNS_AAAA))
		dns_address(d, at, ttl);
	return dns_record_next(d, d->end);
}

static long dns_step(__u32 step, void *data)
{
	struct dns *d = *(struct dns **)data;

	(void)step;
	switch (d->field) {
	case DNS_QNAME:
	case DNS_OWNER:
	case DNS_ALIAS:
		return dns_name_step(d);
	case DNS_QTYPE:
		return dns_question(d);
	case DNS_RECORD:
		return dns_record(d);
	}
	return 1;
}

/*
 * Reads the d->len bytes.  Returns whether there is one question, in d->id,
 * d->type, d->name and d->text; of a response, d->addresses are what answers it.
 */
static __always_inline _Bool dns_read(struct dns *d)
{
	__u32 answers = dns_u16(d, 6);

	d->flags = dns_u16(d, 2);
	d->id = dns_u16(d, 0);
	d->type = 0;
	d->name = NAME_NONE;
	d->text_len = 0;
	d->chained = 0;
	d->found = 0;
	d->ttl = ~0u;
	if (d->len < DNS_HEADER || d->len > DNS_BYTES || (d->flags & DNS_OPCODE) ||
	    dns_u16(d, 4) != 1)
		return 0;
	if (!(d->flags & DNS_RESPONSE) && answers)
		return 0;
	d->records = d->flags & DNS_RCODE ? 0 : answers;
	dns_name_start(d, DNS_QNAME, DNS_HEADER);
	repeat(DNS_STEPS, dns_step, &d);
	return d->chained;
}

#endif
