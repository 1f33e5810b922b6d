// SPDX-License-Identifier: Apache-2.0
/*
 * libFuzzer: any bytes as what a client says, read at once and in pieces as the
 * bytes themselves have it; the answers must be the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

struct bytes {
	const uint8_t *v;
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

#define UNITS	64

struct answer {
	enum parse status;
	__u64 at;
	struct host_name name;
};

static void name_check(const struct host_name *name)
{
	__u32 i;

	if (name->len > HOST_NAME_MAX_LEN)
		abort();
	for (i = 0; i < name->len; i++)
		if (!is_host_char(name->text[i]))
			abort();
}

/* One hello, head or chunk; the bytes are shown from where it begins, @step more each time. */
static void read_unit(struct client *c, const uint8_t *data, size_t len, size_t step,
		      struct answer *a)
{
	struct bytes b = { 0 };
	struct client_walk w = { .client = c, .bytes = &b, .from = c->unit };

	memset(a, 0, sizeof(*a));
	b.v = data + c->unit;
	do {
		b.n = len - c->unit - b.n > step ? b.n + step : len - c->unit;
		a->status = client_read(&w);
	} while (a->status == PARSE_MORE && b.n < len - c->unit);
	if (c->at < c->unit || c->at - c->unit > 2 * CLIENT_UNIT + TLS_HELLO_MAX)
		abort();
	a->at = c->at;
	if (a->status != PARSE_NAME)
		return;
	a->name = *client_name(c);
	name_check(&a->name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct client whole = { 0 }, cut = { 0 };
	struct answer a, b;
	int i;

	for (i = 0; len && i < UNITS && whole.unit <= len; i++) {
		read_unit(&whole, data, len, len + 1, &a);
		read_unit(&cut, data, len, 1 + data[0] % 7, &b);
		if (a.status != b.status || a.at != b.at || memcmp(&a.name, &b.name, sizeof(a.name)))
			abort();
		if ((a.status != PARSE_NAME && a.status != PARSE_DATA) || whole.kind == CLIENT_TLS)
			break;
		client_next(&whole);
		client_next(&cut);
	}
	return 0;
}
