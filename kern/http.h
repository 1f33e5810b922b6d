/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * HTTP/1.x requests (RFC 9112), read byte by byte: which host each asks for,
 * and where the next one starts.  Strict: what two servers could read differently
 * is refused, not guessed.
 */
#ifndef KNTRL_HTTP_H
#define KNTRL_HTTP_H

#include "host_name.h"
#include "parse.h"

enum http_at {
	HTTP_START,		/* of a request: empty lines are passed over */
	HTTP_START_LF,
	HTTP_METHOD,
	HTTP_TARGET,
	HTTP_VERSION,
	HTTP_LINE_LF,
	HTTP_NAME,		/* of a field, or the end of the head */
	HTTP_VALUE,
	HTTP_VALUE_LF,
	HTTP_HEAD_LF,
	HTTP_CHUNK,		/* its size (RFC 9112, 7.1) */
	HTTP_CHUNK_LF,
	HTTP_CHUNK_END,
	HTTP_CHUNK_END_LF,
};

enum http_target {
	TARGET_EMPTY,
	TARGET_PATH,		/* /path, or * */
	TARGET_SCHEME,
	TARGET_SLASH,		/* the two behind the scheme */
	TARGET_SLASHES,
	TARGET_HOST,		/* of http://host:port/, or of CONNECT host:port */
	TARGET_PORT,
	TARGET_REST,
};

enum http_field {
	FIELD_OTHER,
	FIELD_HOST,
	FIELD_LENGTH,
	FIELD_CODING,		/* Transfer-Encoding */
	FIELD_UPGRADE,
};

#define HTTP_KNOWN	(1u << 0)	/* a method of HTTP's own */
#define HTTP_CONNECT	(1u << 1)
#define HTTP_SLASH	(1u << 2)	/* "http/" is somewhere in the first line */
#define HTTP_ODD	(1u << 3)	/* no server has to take that line */
#define HTTP_OLD	(1u << 4)	/* HTTP/1.0 */
#define HTTP_TARGETED	(1u << 5)	/* the target names the host */
#define HTTP_HOST	(1u << 6)	/* there was a Host field */
#define HTTP_LENGTH	(1u << 7)
#define HTTP_CHUNKED	(1u << 8)
#define HTTP_UPGRADE	(1u << 9)
#define HTTP_TRAILER	(1u << 10)	/* fields behind the last chunk */
#define HTTP_ENDED	(1u << 11)	/* the value is over, but for blanks */
#define HTTP_AGAIN	(1u << 12)	/* not the connection's first request */
#define HTTP_PORT	(1u << 13)	/* of the Host field */

#define HTTP_TOKEN	32	/* bytes of a word that are kept; no word we know is longer */
#define HTTP_BODY_MAX	(1ull << 62)

struct http {
	__u8 at;		/* enum http_at */
	__u8 target;		/* enum http_target */
	__u8 field;		/* enum http_field */
	__u8 digits;
	__u32 flags;		/* HTTP_* */
	__u32 compared;		/* bytes of Host that are those of the target */
	__u32 token_len;	/* of the word that is being read */
	__u64 token[HTTP_TOKEN / 8];
	__u64 window;		/* the last bytes of the first line */
	__u64 body;		/* bytes of data that follow */
	struct host_name name;
};

/* RFC 9110, 5.6.2 */
static __always_inline _Bool is_token_char(__u8 c)
{
	const __u64 low = 0x03ff6cfa00000000ull, high = 0x57ffffffc7fffffeull;

	if (c >= 128)
		return 0;
	return (c < 64 ? low >> c : high >> (c - 64)) & 1;
}

/* ---- Words ---- */

static __always_inline void token_start(struct http *h)
{
	int i;

	h->token_len = 0;
	for (i = 0; i < HTTP_TOKEN / 8; i++)
		h->token[i] = 0;
}

static __always_inline void token_add(struct http *h, __u8 c)
{
	__u32 n = h->token_len;

	if (n < HTTP_TOKEN)
		h->token[n / 8 % (HTTP_TOKEN / 8)] |= (__u64)c << n % 8 * 8;
	if (n <= HTTP_TOKEN)
		h->token_len++;
}

/* @word is a literal, so that all of this is done by the compiler. */
#define token_is(h, word) token_equals(h, word, sizeof(word) - 1)

static __always_inline _Bool token_equals(const struct http *h, const char *word, __u32 len)
{
	__u32 w, i;

	if (h->token_len != len)
		return 0;
	for (w = 0; w < HTTP_TOKEN / 8; w++) {
		__u64 v = 0;

		for (i = 0; i < 8; i++)
			if (w * 8 + i < len)
				v |= (__u64)(__u8)word[w * 8 + i] << i * 8;
		if (h->token[w] != v)
			return 0;
	}
	return 1;
}

/* ---- The first line ---- */

/* Something that HTTP does not have: is it HTTP at all? */
static __always_inline int http_not(const struct http *h)
{
	return h->flags & (HTTP_KNOWN | HTTP_SLASH | HTTP_AGAIN) ? PARSE_BAD : PARSE_PLAIN;
}

static __always_inline void http_method_known(struct http *h)
{
	if (token_is(h, "CONNECT"))
		h->flags |= HTTP_CONNECT | HTTP_KNOWN;
	if (token_is(h, "GET") || token_is(h, "HEAD") || token_is(h, "POST") ||
	    token_is(h, "PUT") || token_is(h, "DELETE") || token_is(h, "OPTIONS") ||
	    token_is(h, "TRACE") || token_is(h, "PATCH") || token_is(h, "PRI"))
		h->flags |= HTTP_KNOWN;
}

static __always_inline int http_odd(struct http *h)
{
	h->flags |= HTTP_ODD;
	return PARSE_MORE;
}

static __always_inline int http_target_host(struct http *h, __u8 c)
{
	if (c == ':') {
		h->target = TARGET_PORT;
		return PARSE_MORE;
	}
	if (!(h->flags & HTTP_CONNECT) && (c == '/' || c == '?' || c == '#')) {
		h->target = TARGET_REST;
		return PARSE_MORE;
	}
	h->flags |= HTTP_TARGETED;
	/* With user:password@, brackets, escapes: nobody needs them, so nobody can hide in them. */
	return host_name_add(&h->name, c) ? PARSE_MORE : http_odd(h);
}

static __always_inline int http_target_byte(struct http *h, __u8 c)
{
	switch (h->target) {
	case TARGET_EMPTY:
		if (h->flags & HTTP_CONNECT) {
			h->target = TARGET_HOST;
			return http_target_host(h, c);
		}
		h->target = c == '/' || c == '*' ? TARGET_PATH : TARGET_SCHEME;
		return PARSE_MORE;
	case TARGET_SCHEME:
		if (c == ':')
			h->target = TARGET_SLASH;
		return is_token_char(c) || c == ':' ? PARSE_MORE : http_odd(h);
	case TARGET_SLASH:
	case TARGET_SLASHES:
		h->target++;
		return c == '/' ? PARSE_MORE : http_odd(h);
	case TARGET_HOST:
		return http_target_host(h, c);
	case TARGET_PORT:
		if (!(h->flags & HTTP_CONNECT) && (c == '/' || c == '?' || c == '#'))
			h->target = TARGET_REST;
		else if (c < '0' || c > '9')
			return http_odd(h);
	}
	return PARSE_MORE;
}

/* The first line is over. */
static __always_inline int http_line(struct http *h, _Bool whole)
{
	_Bool old = token_is(h, "HTTP/1.0");

	if (!whole || (!old && !token_is(h, "HTTP/1.1")) || (h->flags & HTTP_ODD) ||
	    h->target == TARGET_EMPTY)
		return http_not(h);
	/* A scheme without a host, a host without a letter. */
	if (h->target != TARGET_PATH && !(h->flags & HTTP_TARGETED))
		return PARSE_BAD;
	if (old)
		h->flags |= HTTP_OLD;
	token_start(h);
	h->at = HTTP_NAME;
	return PARSE_MORE;
}

static __always_inline int http_line_byte(struct http *h, __u8 c)
{
	h->window = h->window << 8 | ascii_lower(c);
	if ((h->window & 0xffffffffffull) == 0x687474702full /* "http/" */)
		h->flags |= HTTP_SLASH;
	if (c == '\n')
		return http_line(h, h->at == HTTP_VERSION || h->at == HTTP_LINE_LF);
	if (h->at == HTTP_LINE_LF)
		return http_not(h);	/* a CR alone */
	if (c == '\r') {
		if (h->at != HTTP_VERSION)
			h->flags |= HTTP_ODD;
		h->at = HTTP_LINE_LF;
		return PARSE_MORE;
	}
	if (c == '\t' || c == '\v' || c == '\f')
		return http_odd(h);	/* blanks to some */
	if (c < ' ' || c == 0x7f)
		return http_not(h);
	if (c == ' ') {
		if (h->at == HTTP_METHOD)
			http_method_known(h);
		else if (h->at == HTTP_VERSION)
			h->flags |= HTTP_ODD;
		h->at = h->at == HTTP_METHOD ? HTTP_TARGET : HTTP_VERSION;
		token_start(h);
		return PARSE_MORE;
	}
	if (h->at == HTTP_TARGET)
		return http_target_byte(h, c);
	token_add(h, c);
	return h->at == HTTP_VERSION || is_token_char(c) ? PARSE_MORE : http_odd(h);
}

/* ---- Fields ---- */

static __always_inline int http_field_start(struct http *h, enum http_field field, __u32 flag)
{
	h->field = field;
	if (h->flags & flag)
		return PARSE_BAD;	/* given twice */
	h->flags |= flag;
	return PARSE_MORE;
}

static __always_inline int http_field(struct http *h)
{
	int status = PARSE_MORE;

	h->field = FIELD_OTHER;
	h->flags &= ~HTTP_ENDED;
	h->at = HTTP_VALUE;
	if (!h->token_len)
		return PARSE_BAD;
	if (token_is(h, "host"))
		status = http_field_start(h, FIELD_HOST, HTTP_HOST);
	else if (token_is(h, "content-length"))
		status = http_field_start(h, FIELD_LENGTH, HTTP_LENGTH);
	else if (token_is(h, "transfer-encoding"))
		status = http_field_start(h, FIELD_CODING, HTTP_CHUNKED);
	else if (token_is(h, "upgrade"))
		status = http_field_start(h, FIELD_UPGRADE, HTTP_UPGRADE);
	/* In a trailer they say nothing, and who sends them there wants to be misread. */
	if (h->field && (h->flags & HTTP_TRAILER))
		return PARSE_BAD;
	token_start(h);
	return status;
}

static __always_inline int http_name_byte(struct http *h, __u8 c)
{
	if (c == ':')
		return http_field(h);
	/* Folded lines and blanks before the colon among them (RFC 9112, 5.1 and 5.2). */
	if (!is_token_char(c))
		return PARSE_BAD;
	token_add(h, ascii_lower(c));
	return PARSE_MORE;
}

static __always_inline int http_host_byte(struct http *h, __u8 c)
{
	__u32 i = h->compared;

	if (h->flags & HTTP_PORT)
		return c >= '0' && c <= '9' ? PARSE_MORE : PARSE_BAD;
	if (c == ':') {
		h->flags |= HTTP_PORT;
		return PARSE_MORE;
	}
	if (!(h->flags & HTTP_TARGETED))
		return host_name_add(&h->name, c) ? PARSE_MORE : PARSE_BAD;
	/* The target decides (RFC 9112, 3.2.2); that no server reads the other, it must be the same. */
	if (i >= h->name.len || h->name.text[i % HOST_NAME_SIZE] != (char)ascii_lower(c))
		return PARSE_BAD;
	h->compared++;
	return PARSE_MORE;
}

static __always_inline int http_value_byte(struct http *h, __u8 c)
{
	if (h->field == FIELD_OTHER)
		return c ? PARSE_MORE : PARSE_BAD;
	if (c == ' ' || c == '\t') {
		if (h->token_len)
			h->flags |= HTTP_ENDED;
		return PARSE_MORE;
	}
	if (h->flags & HTTP_ENDED)
		return PARSE_BAD;
	token_add(h, ascii_lower(c));
	if (h->field == FIELD_HOST)
		return http_host_byte(h, c);
	if (h->field != FIELD_LENGTH)
		return PARSE_MORE;
	if (c < '0' || c > '9' || h->body > HTTP_BODY_MAX / 16)
		return PARSE_BAD;
	h->body = h->body * 10 + (c - '0');
	return PARSE_MORE;
}

/* A line of the head is over: what it had to say must be what is known. */
static __always_inline int http_value_end(struct http *h)
{
	_Bool good = 1;

	switch (h->field) {
	case FIELD_HOST:
		good = h->name.len && (!(h->flags & HTTP_TARGETED) || h->compared == h->name.len);
		break;
	case FIELD_LENGTH:
		good = h->token_len;
		break;
	case FIELD_CODING:
		good = token_is(h, "chunked");
		break;
	case FIELD_UPGRADE:
		/* Not h2c: its requests are not to be read here (RFC 7540, 3.2). */
		good = token_is(h, "websocket");
		break;
	}
	token_start(h);
	h->at = HTTP_NAME;
	return good ? PARSE_MORE : PARSE_BAD;
}

static __always_inline void http_start(struct http *h)
{
	h->target = TARGET_EMPTY;
	h->flags &= HTTP_AGAIN;
	h->compared = 0;
	h->window = 0;
	h->body = 0;
	h->name.len = 0;
	token_start(h);
}

static __always_inline int http_head(struct http *h)
{
	if (h->flags & HTTP_TRAILER) {
		h->body = 0;
		h->at = HTTP_START;
		return PARSE_DATA;
	}
	if (!(h->flags & (HTTP_HOST | HTTP_TARGETED)))
		return PARSE_BAD;
	if ((h->flags & HTTP_LENGTH) && (h->flags & HTTP_CHUNKED))
		return PARSE_BAD;
	if ((h->flags & HTTP_CHUNKED) && (h->flags & (HTTP_OLD | HTTP_CONNECT | HTTP_UPGRADE)))
		return PARSE_BAD;
	if (h->body && (h->flags & (HTTP_CONNECT | HTTP_UPGRADE)))
		return PARSE_BAD;
	h->at = h->flags & HTTP_CHUNKED ? HTTP_CHUNK : HTTP_START;
	h->digits = 0;
	/* What the two ends have agreed upon may follow, or another request. */
	if (h->flags & (HTTP_CONNECT | HTTP_UPGRADE))
		h->flags &= ~HTTP_AGAIN;
	else
		h->flags |= HTTP_AGAIN;
	return PARSE_NAME;
}

static __always_inline int http_head_byte(struct http *h, __u8 c)
{
	if (h->at == HTTP_NAME && c != '\n' && c != '\r')
		return http_name_byte(h, c);
	if (c == '\n') {
		if (h->at == HTTP_HEAD_LF || (h->at == HTTP_NAME && !h->token_len))
			return http_head(h);
		return h->at == HTTP_NAME ? PARSE_BAD : http_value_end(h);
	}
	if (h->at != HTTP_VALUE && h->at != HTTP_NAME)
		return PARSE_BAD;	/* a CR alone */
	if (c == '\r') {
		if (h->at == HTTP_NAME && h->token_len)
			return PARSE_BAD;
		h->at = h->at == HTTP_NAME ? HTTP_HEAD_LF : HTTP_VALUE_LF;
		return PARSE_MORE;
	}
	return http_value_byte(h, c);
}

/* ---- Chunks: lines end in CR LF, and there are no extensions ---- */

static __always_inline int http_hex(__u8 c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static __always_inline int http_chunk_byte(struct http *h, __u8 c)
{
	int digit;

	switch (h->at) {
	case HTTP_CHUNK:
		digit = http_hex(c);
		if (digit < 0) {
			h->at = HTTP_CHUNK_LF;
			return c == '\r' && h->digits ? PARSE_MORE : PARSE_BAD;
		}
		h->body = h->body << 4 | digit;
		return ++h->digits <= 15 ? PARSE_MORE : PARSE_BAD;
	case HTTP_CHUNK_LF:
		if (c != '\n')
			return PARSE_BAD;
		h->digits = 0;
		if (h->body) {
			h->at = HTTP_CHUNK_END;
			return PARSE_DATA;
		}
		h->flags |= HTTP_TRAILER;
		h->at = HTTP_NAME;
		token_start(h);
		return PARSE_MORE;
	case HTTP_CHUNK_END:
		h->body = 0;
		h->at = HTTP_CHUNK_END_LF;
		return c == '\r' ? PARSE_MORE : PARSE_BAD;
	}
	h->at = HTTP_CHUNK;
	return c == '\n' ? PARSE_MORE : PARSE_BAD;
}

/*
 * After PARSE_NAME and PARSE_DATA, h->body bytes follow that are data, and then
 * the next byte to be read.
 */
static __always_inline int http_byte(struct http *h, __u8 c)
{
	if (h->at == HTTP_START || h->at == HTTP_START_LF) {
		if (h->at == HTTP_START && c == '\r') {
			h->at = HTTP_START_LF;
			return PARSE_MORE;
		}
		if (c == '\n') {
			h->at = HTTP_START;
			return PARSE_MORE;
		}
		if (h->at == HTTP_START_LF || c == ' ' || c == '\t')
			return PARSE_BAD;
		if (!is_token_char(c))
			return http_not(h);
		http_start(h);
		h->at = HTTP_METHOD;
	}
	if (h->at <= HTTP_LINE_LF)
		return http_line_byte(h, c);
	return h->at < HTTP_CHUNK ? http_head_byte(h, c) : http_chunk_byte(h, c);
}

#endif
