/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * What a client says on a connection: TLS, HTTP/1.x, or neither.  Decided on
 * its first byte wherever that can be, so that no protocol waits for us.
 *
 * The includer says what the bytes at hand are (bytes_ref), gives
 * byte_at(bytes, i), which is the i-th or -1 behind the last, and
 * repeat(n, fn, ctx) as in verdict.h.
 */
#ifndef KNTRL_CLIENT_H
#define KNTRL_CLIENT_H

#include "http.h"
#include "tls.h"

#define CLIENT_UNIT	0x7fff	/* bytes within which a hello or a head must end */
#define CLIENT_STEPS	(2 * CLIENT_UNIT)

enum client_kind {
	CLIENT_NEW,
	CLIENT_TLS,
	CLIENT_HTTP,
	CLIENT_SSL2,		/* perhaps a hello of SSL 2.0: its third byte tells */
};

struct client {
	__u64 unit;		/* where in the stream the hello, head or chunk began */
	__u64 at;		/* where the next byte is that must be read */
	__u8 kind;		/* enum client_kind */
	__u8 status;		/* enum parse */
	union {
		struct tls tls;
		struct http http;
	};
};

/* Bytes of the stream, the first of them at @from. */
struct client_walk {
	struct client *client;
	bytes_ref bytes;
	__u64 from;
};

static __always_inline int client_http(struct client *c, __u8 byte)
{
	c->kind = CLIENT_HTTP;
	return http_byte(&c->http, byte);
}

static __always_inline int client_first(struct client *c, __u8 byte)
{
	if (byte >= 0x80) {
		c->kind = CLIENT_SSL2;
		return PARSE_MORE;
	}
	if (byte < TLS_TYPE_FIRST || byte > TLS_TYPE_LAST)
		return client_http(c, byte);
	/* An alert, or application data: some servers wait for the hello behind it. */
	c->kind = CLIENT_TLS;
	return tls_byte(&c->tls, byte);
}

/* RFC 6101, E.2: two bytes of length, a type, which is 1; it can name no host. */
static __always_inline int client_ssl2(const struct client *c, __u8 byte)
{
	if (c->at - c->unit < 3)
		return PARSE_MORE;
	return byte == 1 ? PARSE_BAD : PARSE_PLAIN;
}

static __always_inline int client_byte(struct client *c, __u8 byte)
{
	switch (c->kind) {
	case CLIENT_NEW:
		return client_first(c, byte);
	case CLIENT_TLS:
		return tls_byte(&c->tls, byte);
	case CLIENT_HTTP:
		return http_byte(&c->http, byte);
	}
	return client_ssl2(c, byte);
}

static long client_step(__u32 step, void *data)
{
	struct client_walk *w = data;
	struct client *c = w->client;
	int status, byte;

	(void)step;
	if (c->kind == CLIENT_TLS) {
		c->at += tls_skip(&c->tls, &status);
		c->status = status;
		if (status != PARSE_MORE)
			return 1;
	}
	if (c->at - c->unit > CLIENT_UNIT) {
		c->status = PARSE_BAD;
		return 1;
	}
	if (c->at < w->from || c->at - w->from > CLIENT_UNIT)
		return 1;
	byte = byte_at(w->bytes, (c->at - w->from) & CLIENT_UNIT);
	if (byte < 0)
		return 1;
	c->at++;
	c->status = client_byte(c, byte);
	return c->status != PARSE_MORE;
}

/*
 * Reads on, as far as there are bytes.  PARSE_MORE: from c->unit on, more must
 * come, the byte at c->at among them.  Otherwise all before c->at must be there
 * before any of it may go.
 */
static __always_inline enum parse client_read(struct client_walk *w)
{
	repeat(CLIENT_STEPS, client_step, w);
	return w->client->status;
}

/*
 * After PARSE_NAME and PARSE_DATA, on HTTP: everything up to the next request
 * or chunk, at c->unit, may go.
 */
static __always_inline void client_next(struct client *c)
{
	c->at += c->http.body;
	c->unit = c->at;
	c->status = PARSE_MORE;
	if (c->http.at == HTTP_START && !(c->http.flags & HTTP_AGAIN)) {
		__builtin_memset(&c->http, 0, sizeof(c->http));
		c->kind = CLIENT_NEW;
	}
}

/* The host it names, in lower case and without a dot at its end; an empty one: none. */
static __always_inline struct host_name *client_name(struct client *c)
{
	struct host_name *name = c->kind == CLIENT_TLS ? &c->tls.name : &c->http.name;

	if (name->len && name->text[(name->len - 1) % HOST_NAME_SIZE] == '.')
		name->len--;
	return name;
}

#endif
