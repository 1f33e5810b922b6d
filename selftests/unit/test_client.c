// SPDX-License-Identifier: Apache-2.0
/* What a client says first: ClientHellos and requests, good and bad, cut anywhere. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"

struct bytes {
	const unsigned char *v;
	size_t n;
};

typedef const struct bytes *bytes_ref;

static int byte_at(bytes_ref b, __u32 i)
{
	return i < b->n ? b->v[i] : -1;
}

static void repeat(__u32 n, long (*fn)(__u32, void *), void *ctx)
{
	__u32 i;

	for (i = 0; i < n && !fn(i, ctx); i++)
		;
}

#include "client.h"

static int tests, failures;

static void check(bool right, const char *name)
{
	tests++;
	failures += !right;
	printf("%sok %d - %s\n", right ? "" : "not ", tests, name);
}

/* ---- Reading ---- */

struct answer {
	enum parse status;
	char name[HOST_NAME_SIZE];
	__u64 unit;		/* after it, where the next one begins */
};

/* The bytes come in two parts, the first @cut of them alone. */
static void read_cut(const void *data, size_t n, size_t cut, struct answer *a)
{
	struct client c = { 0 };
	struct bytes b = { data, cut };
	struct client_walk w = { .client = &c, .bytes = &b };
	struct host_name *name;

	memset(a, 0, sizeof(*a));
	if (client_read(&w) == PARSE_MORE) {
		b.n = n;
		client_read(&w);
	}
	a->status = c.status;
	if (c.status != PARSE_NAME)
		return;
	name = client_name(&c);
	memcpy(a->name, name->text, name->len);
	if (c.kind == CLIENT_HTTP) {
		client_next(&c);
		a->unit = c.unit;
	}
}

static bool same(const struct answer *a, const struct answer *b)
{
	return a->status == b->status && !strcmp(a->name, b->name) && a->unit == b->unit;
}

/* The answer, if it is the same wherever the bytes are cut. */
static void read_all(const void *data, size_t n, struct answer *a)
{
	struct answer other;
	size_t cut;

	read_cut(data, n, n, a);
	for (cut = 0; cut < n; cut++) {
		read_cut(data, n, cut, &other);
		if (!same(a, &other)) {
			printf("# another answer when cut at %zu of %zu\n", cut, n);
			a->status = -1;
			return;
		}
	}
}

/* Every byte is needed: of anything shorter it is not known yet. */
static bool needs_all(const void *data, size_t n)
{
	struct answer a;
	size_t less;

	for (less = 0; less < n; less++) {
		read_cut(data, less, less, &a);
		if (a.status != PARSE_MORE)
			return false;
	}
	return true;
}

/* ---- ClientHellos ---- */

struct hello {
	unsigned char v[20000];
	size_t n;
};

static void put(struct hello *h, unsigned int bytes, unsigned long value)
{
	while (bytes--)
		h->v[h->n++] = value >> 8 * bytes;
}

static void put_at(struct hello *h, size_t at, unsigned int bytes, unsigned long value)
{
	size_t n = h->n;

	h->n = at;
	put(h, bytes, value);
	h->n = n;
}

static void put_name(struct hello *h, const char *name)
{
	size_t n = strlen(name);

	put(h, 2, 0);
	put(h, 2, n + 5);
	put(h, 2, n + 3);
	put(h, 1, 0);
	put(h, 2, n);
	memcpy(h->v + h->n, name, n);
	h->n += n;
}

static void put_blank(struct hello *h, unsigned int type, size_t n)
{
	put(h, 2, type);
	put(h, 2, n);
	memset(h->v + h->n, 0x5a, n);
	h->n += n;
}

/* The message alone; @key is the length of its key share, and @names how often it is named. */
static void message(struct hello *h, const char *name, size_t key, int names)
{
	size_t extensions;

	h->n = 0;
	put(h, 1, 1);
	put(h, 3, 0);
	put(h, 2, 0x0303);
	h->n += 32;
	put(h, 1, 32);
	h->n += 32;
	put(h, 2, 4);
	put(h, 4, 0x13011302);
	put(h, 2, 0x0100);
	extensions = h->n;
	put(h, 2, 0);
	put_blank(h, 0x1a1a, 0);
	while (names--)
		put_name(h, name);
	put_blank(h, 51, key);
	put_at(h, extensions, 2, h->n - extensions - 2);
	put_at(h, 1, 3, h->n - 4);
}

/* In records of at most @most bytes. */
static void records(struct hello *out, const struct hello *in, size_t most)
{
	size_t at, n;

	out->n = 0;
	for (at = 0; at < in->n; at += n) {
		n = in->n - at < most ? in->n - at : most;
		put(out, 3, 0x160301);
		put(out, 2, n);
		memcpy(out->v + out->n, in->v + at, n);
		out->n += n;
	}
}

static bool hello_is(const struct hello *m, size_t most, enum parse status, const char *name)
{
	static struct hello h;
	struct answer a;

	records(&h, m, most);
	read_all(h.v, h.n, &a);
	return a.status == status && (status != PARSE_NAME || !strcmp(a.name, name));
}

static void test_hellos(void)
{
	static struct hello m, r;
	struct answer a;

	memset(&m, 0, sizeof(m));
	message(&m, "GitHub.com", 32, 1);
	check(hello_is(&m, 16384, PARSE_NAME, "github.com"), "a hello, cut at every byte");
	check(hello_is(&m, 1, PARSE_NAME, "github.com"), "a record for each byte");
	check(hello_is(&m, 7, PARSE_NAME, "github.com"), "records of seven bytes");
	message(&m, "github.com.", 1184 + 32, 1);
	check(hello_is(&m, 16384, PARSE_NAME, "github.com"), "a post-quantum key, a dot at the end");
	message(&m, "github.com", 4096, 1);
	check(hello_is(&m, 1000, PARSE_NAME, "github.com"), "4 KB of keys in records of 1000");
	message(&m, "", 32, 0);
	check(hello_is(&m, 16384, PARSE_NAME, ""), "a hello that names nobody");
	message(&m, "github.com", 32, 2);
	check(hello_is(&m, 16384, PARSE_BAD, NULL), "a hello that names two is refused");
	message(&m, "git hub.com", 32, 1);
	check(hello_is(&m, 16384, PARSE_BAD, NULL), "so is a name with a blank");
	message(&m, "github.com", 16384, 1);
	check(hello_is(&m, 16384, PARSE_BAD, NULL), "and more than 16 KB");
	message(&m, "github.com", 32, 1);
	records(&r, &m, 16384);
	put(&r, 1, 0);
	put_at(&r, 3, 2, m.n + 1);
	read_all(r.v, r.n, &a);
	check(a.status == PARSE_BAD, "and what follows it in its record");
	records(&r, &m, 16384);
	r.v[0] = 23;
	read_all(r.v, r.n, &a);
	check(a.status == PARSE_BAD, "application data first is refused");
	records(&r, &m, 16384);
	r.v[5] = 2;
	read_all(r.v, r.n, &a);
	check(a.status == PARSE_BAD, "another handshake message first too");
	read_all("\x80\x2e\x01\x00\x02", 5, &a);
	check(a.status == PARSE_BAD, "a hello of SSL 2.0 too");
}

/* ---- Requests ---- */

static const struct {
	const char *bytes;
	enum parse status;
	const char *name;	/* of PARSE_NAME */
} requests[] = {
	{ "GET / HTTP/1.1\r\nHost: GitHub.com\r\n\r\n", PARSE_NAME, "github.com" },
	{ "GET / HTTP/1.1\nHost: github.com\n\n", PARSE_NAME, "github.com" },
	{ "\r\n\r\nGET / HTTP/1.1\r\nHost: github.com\r\n\r\n", PARSE_NAME, "github.com" },
	{ "GET / HTTP/1.1\r\nHost: github.com:80\r\n\r\n", PARSE_NAME, "github.com" },
	{ "GET / HTTP/1.1\r\nX-Host: evil.example\r\nHOST:\tgithub.com \r\n\r\n", PARSE_NAME,
	  "github.com" },
	{ "GET http://github.com/x HTTP/1.1\r\nHost: github.com\r\n\r\n", PARSE_NAME, "github.com" },
	{ "CONNECT github.com:443 HTTP/1.1\r\nHost: github.com:443\r\n\r\n", PARSE_NAME,
	  "github.com" },
	{ "PROPFIND / HTTP/1.0\r\nHost: github.com\r\n\r\n", PARSE_NAME, "github.com" },
	{ "GET http://evil.example/ HTTP/1.1\r\nHost: github.com\r\n\r\n", PARSE_BAD },
	{ "GET http://u@evil.example/ HTTP/1.1\r\nHost: github.com\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com\r\nHost: evil.example\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com\r\n evil.example\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost : evil.example\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com evil.example\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nAccept: *\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1 \r\nHost: github.com\r\n\r\n", PARSE_BAD },
	{ "GET\t/ HTTP/1.1\r\nHost: github.com\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\rHost: github.com\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com\r\nContent-Length: 1\r\n"
	  "Transfer-Encoding: chunked\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
	  PARSE_BAD },
	{ "GET / HTTP/1.1\r\nHost: github.com\r\nUpgrade: h2c\r\n\r\n", PARSE_BAD },
	{ "GET / HTTP/2.0\r\nHost: github.com\r\n\r\n", PARSE_BAD },
	{ "SSH-2.0-OpenSSH_9.2\r\n", PARSE_PLAIN },
	{ "EHLO localhost\r\n", PARSE_PLAIN },
	{ "\x01\x02\x03", PARSE_PLAIN },
};

static void test_requests(void)
{
	struct answer a;
	char name[160];
	size_t i;

	for (i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		read_all(requests[i].bytes, strlen(requests[i].bytes), &a);
		snprintf(name, sizeof(name), "request %zu: %.*s", i,
			 (int)strcspn(requests[i].bytes, "\r\n\t\x01"), requests[i].bytes);
		check(a.status == requests[i].status &&
		      (!requests[i].name || !strcmp(a.name, requests[i].name)), name);
	}
	check(needs_all(requests[0].bytes, strlen(requests[0].bytes)),
	      "a request is not known before its last byte");
}

/* Every request of a connection is read, and what lies between them passed over. */
static void test_pipeline(void)
{
	static const char bytes[] =
		"POST / HTTP/1.1\r\nHost: github.com\r\nContent-Length: 30\r\n\r\n"
		"GET / HTTP/1.1\r\nHost: no.one\r\n"
		"POST / HTTP/1.1\r\nHost: api.github.com\r\nTransfer-Encoding: chunked\r\n\r\n"
		"3\r\nabc\r\n0\r\n\r\n"
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
	struct client c = { 0 };
	struct bytes b = { (const unsigned char *)bytes, sizeof(bytes) - 1 };
	struct client_walk w = { .client = &c, .bytes = &b };
	char names[256] = "";
	enum parse status;
	int i;

	for (i = 0; i < 10; i++) {
		status = client_read(&w);
		if (status != PARSE_NAME && status != PARSE_DATA)
			break;
		if (status == PARSE_NAME) {
			strncat(names, client_name(&c)->text, client_name(&c)->len);
			strcat(names, " ");
		}
		client_next(&c);
	}
	check(!strcmp(names, "github.com api.github.com evil.example "), names);
}

int main(void)
{
	test_hellos();
	test_requests();
	test_pipeline();
	printf("1..%d\n", tests);
	return failures != 0;
}
