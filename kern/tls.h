/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * A ClientHello, read byte by byte: SSL 3.0 to TLS 1.3 (RFC 5246, RFC 8446), in one
 * record or in many, its fragments cut anywhere.  Strict: what two servers
 * could read differently is refused, not guessed.
 *
 * An encrypted ClientHello is judged by its outer name, like any other: the
 * inner one is the extension's content.
 */
#ifndef KNTRL_TLS_H
#define KNTRL_TLS_H

#include "host_name.h"
#include "parse.h"

#define TLS_HANDSHAKE	22	/* content types are 20 (change_cipher_spec) to 24 (heartbeat) */
#define TLS_TYPE_FIRST	20
#define TLS_TYPE_LAST	24
#define TLS_FRAGMENT_MAX 16384	/* RFC 8446, 5.1 */
#define TLS_HELLO_MAX	16384	/* of the handshake message; a longer one is refused */

#define TLS_HEADER	5	/* bytes in front of a fragment */
#define TLS_RANDOM	32
#define TLS_SESSION_MAX	32

/* The numbers of a ClientHello, in their order; what they count is passed over. */
enum tls_field {
	TLS_MESSAGE_TYPE,
	TLS_MESSAGE_LENGTH,
	TLS_VERSION,
	TLS_SESSION,
	TLS_CIPHERS,
	TLS_COMPRESSIONS,
	TLS_EXTENSIONS,
	TLS_EXTENSION_TYPE,
	TLS_EXTENSION_LENGTH,
	TLS_NAME_LIST,		/* RFC 6066, 3 */
	TLS_NAME_TYPE,
	TLS_NAME_LENGTH,
	TLS_NAME,
};

struct tls {
	__u8 header;		/* bytes of the record's header that were read */
	__u8 field;		/* enum tls_field */
	__u8 digits;		/* bytes of the number that were read */
	__u8 named;		/* there was a server_name extension */
	__u8 high;		/* first byte of a fragment's length, while its header is read */
	__u8 pad;
	__u16 fragment;		/* left of the record's fragment; 0: a header is due */
	__u16 type;		/* of the extension */
	__u32 number;		/* as far as it was read */
	__u32 message;		/* left of the handshake message */
	__u32 skip;		/* of which so many bytes say nothing */
	__u32 extension;	/* length that the inner ones must add up to */
	struct host_name name;
};

static __always_inline __u32 tls_width(__u8 field)
{
	switch (field) {
	case TLS_MESSAGE_TYPE:
	case TLS_SESSION:
	case TLS_COMPRESSIONS:
	case TLS_NAME_TYPE:
	case TLS_NAME:
		return 1;
	case TLS_MESSAGE_LENGTH:
		return 3;
	}
	return 2;
}

/* The next number, behind @skip bytes that it does not need. */
static __always_inline int tls_next(struct tls *t, enum tls_field field, __u32 skip)
{
	t->field = field;
	if (skip > t->message)
		return PARSE_BAD;
	t->skip = skip;
	return PARSE_MORE;
}

static __always_inline int tls_length(struct tls *t, __u32 n)
{
	if (n > TLS_HELLO_MAX)
		return PARSE_BAD;
	t->message = n;
	return tls_next(t, TLS_VERSION, 0);
}

static __always_inline int tls_extension(struct tls *t, __u32 n)
{
	if (t->type)
		return tls_next(t, TLS_EXTENSION_TYPE, n);
	/* server_name; twice is an error (RFC 8446, 4.2), and empty is a server's. */
	if (t->named || n > t->message)
		return PARSE_BAD;
	t->named = 1;
	t->extension = n;
	return tls_next(t, TLS_NAME_LIST, 0);
}

/* A number has been read. */
static __always_inline int tls_number(struct tls *t, __u32 n)
{
	switch (t->field) {
	case TLS_MESSAGE_TYPE:
		return n == 1 /* client_hello */ ? tls_next(t, TLS_MESSAGE_LENGTH, 0) : PARSE_BAD;
	case TLS_MESSAGE_LENGTH:
		return tls_length(t, n);
	case TLS_VERSION:
		return n >> 8 == 3 ? tls_next(t, TLS_SESSION, TLS_RANDOM) : PARSE_BAD;
	case TLS_SESSION:
		return n <= TLS_SESSION_MAX ? tls_next(t, TLS_CIPHERS, n) : PARSE_BAD;
	case TLS_CIPHERS:
		return n && !(n & 1) ? tls_next(t, TLS_COMPRESSIONS, n) : PARSE_BAD;
	case TLS_COMPRESSIONS:
		return n ? tls_next(t, TLS_EXTENSIONS, n) : PARSE_BAD;
	case TLS_EXTENSIONS:
		return n == t->message ? tls_next(t, TLS_EXTENSION_TYPE, 0) : PARSE_BAD;
	case TLS_EXTENSION_TYPE:
		t->type = n;
		return tls_next(t, TLS_EXTENSION_LENGTH, 0);
	case TLS_EXTENSION_LENGTH:
		return tls_extension(t, n);
	case TLS_NAME_LIST:
		return n + 2 == t->extension ? tls_next(t, TLS_NAME_TYPE, 0) : PARSE_BAD;
	case TLS_NAME_TYPE:
		return n == 0 /* host_name */ ? tls_next(t, TLS_NAME_LENGTH, 0) : PARSE_BAD;
	case TLS_NAME_LENGTH:
		/* The one name fills the list. */
		t->extension -= 5;
		return n && n == t->extension ? tls_next(t, TLS_NAME, 0) : PARSE_BAD;
	}
	if (!host_name_add(&t->name, n))
		return PARSE_BAD;
	return tls_next(t, --t->extension ? TLS_NAME : TLS_EXTENSION_TYPE, 0);
}

/* Between two fields: whether the message ends here, and may. */
static __always_inline int tls_end(const struct tls *t)
{
	if (t->message || t->skip || t->digits || t->field < TLS_VERSION)
		return PARSE_MORE;
	if (t->field != TLS_EXTENSION_TYPE && t->field != TLS_EXTENSIONS)
		return PARSE_BAD;
	/* Nothing may follow the hello in its record. */
	return t->fragment ? PARSE_BAD : PARSE_NAME;
}

static __always_inline int tls_header(struct tls *t, __u8 c)
{
	switch (t->header++) {
	case 0:
		return c == TLS_HANDSHAKE ? PARSE_MORE : PARSE_BAD;
	case 1:
		return c == 3 ? PARSE_MORE : PARSE_BAD;
	case 2:
		return PARSE_MORE;
	case 3:
		t->high = c;
		return PARSE_MORE;
	}
	t->fragment = t->high << 8 | c;
	t->header = 0;
	return t->fragment && t->fragment <= TLS_FRAGMENT_MAX ? PARSE_MORE : PARSE_BAD;
}

/*
 * Bytes that need not be read, and may not even be there yet; they are taken as
 * passed.  The answer is in @status.
 */
static __always_inline __u32 tls_skip(struct tls *t, int *status)
{
	__u32 n = t->skip < t->fragment ? t->skip : t->fragment;

	*status = PARSE_MORE;
	if (!n)
		return 0;
	t->skip -= n;
	t->fragment -= n;
	t->message -= n;
	*status = tls_end(t);
	return n;
}

static __always_inline int tls_byte(struct tls *t, __u8 c)
{
	int status;

	if (!t->fragment)
		return tls_header(t, c);
	t->fragment--;
	if (t->field >= TLS_VERSION) {
		if (!t->message)
			return PARSE_BAD;
		t->message--;
	}
	t->number = t->number << 8 | c;
	if (++t->digits < tls_width(t->field))
		return PARSE_MORE;
	t->digits = 0;
	status = tls_number(t, t->number);
	t->number = 0;
	return status == PARSE_MORE ? tls_end(t) : status;
}

#endif
