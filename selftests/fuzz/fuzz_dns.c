// SPDX-License-Identifier: Apache-2.0
/* libFuzzer: any bytes as a DNS message; what is found must lie within bounds. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "abi.h"

static void repeat(__u32 n, long (*fn)(__u32, void *), void *ctx)
{
	__u32 i;

	for (i = 0; i < n && !fn(i, ctx); i++)
		;
}

#include "dns.h"

/* With other bytes behind the message, so that one that is used shows. */
static void read_filled(struct dns *d, const uint8_t *data, size_t len, int fill)
{
	memset(d, 0, sizeof(*d));
	memset(d->bytes, fill, sizeof(d->bytes));
	memcpy(d->bytes, data, len);
	d->hash_start = 99;
	d->len = len;
	dns_read(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct dns a, b;
	__u32 i;

	if (len > DNS_BYTES)
		return 0;
	read_filled(&a, data, len, 0);
	read_filled(&b, data, len, 0xff);
	if (a.field < DNS_DONE && a.chained)
		abort();	/* it did not come to an end */
	if (a.chained > DNS_CHAIN || a.found > DNS_ADDRESSES || a.text_len > HOST_LEN)
		abort();
	if (len < DNS_HEADER)
		return 0;
	if (a.chained != b.chained || a.found != b.found || a.name != b.name ||
	    memcmp(a.addresses, b.addresses, sizeof(a.addresses)) ||
	    memcmp(a.text, b.text, sizeof(a.text)))
		abort();
	for (i = 0; i < a.text_len; i++)
		if (a.name != NAME_NONE && a.text[i] != '.' && !host_char(a.text[i]))
			abort();
	return 0;
}
