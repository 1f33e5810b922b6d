// SPDX-License-Identifier: Apache-2.0
/* DNS messages: questions and answers, good and bad, cut anywhere. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "abi.h"

static void repeat(__u32 n, long (*fn)(__u32, void *), void *ctx)
{
	__u32 i;

	for (i = 0; i < n && !fn(i, ctx); i++)
		;
}

#include "dns.h"

static int tests, failures;

static void check(bool right, const char *name)
{
	tests++;
	failures += !right;
	printf("%sok %d - %s\n", right ? "" : "not ", tests, name);
}

/* ---- Messages ---- */

static struct dns d;
static unsigned int n;	/* bytes of it */

static void put(unsigned int bytes, unsigned long value)
{
	while (bytes--)
		d.bytes[n++] = value >> 8 * bytes;
}

static void put_name(const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		put(1, len);
		memcpy(d.bytes + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	put(1, 0);
}

static void header(unsigned int flags, unsigned int questions, unsigned int answers)
{
	memset(&d, 0, sizeof(d));
	n = 0;
	put(2, 0x1234);
	put(2, flags);
	put(2, questions);
	put(2, answers);
	put(4, 0);
}

static void question(unsigned int flags, unsigned int answers, const char *name, unsigned int type)
{
	header(flags, 1, answers);
	put_name(name);
	put(2, type);
	put(2, DNS_IN);
}

/* A record whose owner is a pointer, but for its data. */
static void record(unsigned int owner, unsigned int type, unsigned long ttl, unsigned int len)
{
	put(2, 0xc000 | owner);
	put(2, type);
	put(2, DNS_IN);
	put(4, ttl);
	put(2, len);
}

static void record_a(unsigned int owner, unsigned long v4)
{
	record(owner, DNS_A, 60, 4);
	put(4, v4);
}

/* Returns where the alias's name is. */
static unsigned int record_alias(unsigned int owner, unsigned long ttl, const char *name)
{
	unsigned int at;

	record(owner, DNS_CNAME, ttl, strlen(name) + 2);
	at = n;
	put_name(name);
	return at;
}

static bool read_all(void)
{
	d.hash_start = 99;
	d.len = n;
	return dns_read(&d);
}

/* What is found is in the order of @v4. */
static bool found(unsigned int count, const unsigned long *v4)
{
	unsigned int i;

	if (!read_all() || d.found != count)
		return false;
	for (i = 0; i < count; i++)
		if (memcmp(d.addresses[i].addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) ||
		    d.addresses[i].addr[15] != (v4[i] & 0xff) ||
		    d.addresses[i].addr[12] != v4[i] >> 24)
			return false;
	return true;
}

static bool finds_nothing(void)
{
	return found(0, NULL);
}

/* ---- Tests ---- */

static void test_questions(void)
{
	static char longest[512];
	__u64 hash;
	int i;

	question(0x0100, 0, "WwW.GitHub.com", DNS_A);
	check(read_all() && d.type == DNS_A && d.id == 0x1234 && d.text_len == 14 &&
	      !strcmp(d.text, "www.github.com"), "a question, in mixed case");
	hash = d.name;
	question(0x0100, 0, "www.github.com", DNS_AAAA);
	check(read_all() && d.name == hash && d.type == DNS_AAAA, "its hash has no case");
	question(0x0100, 0, "www.github.co", DNS_A);
	check(read_all() && d.name != hash && d.name > NAME_NONE, "another name, another hash");
	question(0x0100, 0, "a b.test", DNS_A);
	check(read_all() && d.name == NAME_NONE, "a name that no rule is about");
	question(0x0100, 0, "", 2);
	check(read_all() && !d.text_len, "the root");
	for (i = 0; i < 4; i++)
		memset(longest + 64 * i, 'a' + i, 63), longest[64 * i + 63] = '.';
	longest[253] = '\0';
	question(0, 0, longest, 16);
	check(read_all() && d.text_len == 253 && !memcmp(d.text, longest, 253),
	      "253 bytes, labels of 63");
	longest[253] = 'd';
	longest[254] = '\0';
	question(0, 0, longest, 16);
	check(!read_all(), "254 are refused");
	header(0, 1, 0);
	put(2, 0xc00c);
	put(4, 0x00010001);
	check(!read_all(), "a pointer in a question is refused");
	question(0, 0, "a.test", DNS_A);
	d.bytes[5] = 2;
	check(!read_all(), "two questions are refused");
	question(0x2800, 0, "a.test", DNS_A);
	check(!read_all(), "an update is refused");
	question(0, 1, "a.test", DNS_A);
	record_a(12, 0x01020304);
	check(!read_all(), "a question that brings answers is refused");
	question(0, 0, "a.test", DNS_A);
	d.bytes[n - 1] = 3;
	check(!read_all(), "another class is refused");
	question(0, 0, "a.test", DNS_A);
	for (i = n - 1; i >= 0; i--) {
		n = i;
		if (read_all())
			break;
	}
	check(i < 0, "a question cut anywhere is refused");
}

static void test_answers(void)
{
	static unsigned long v4[DNS_ADDRESSES];
	unsigned int at, i;
	bool all = true;

	question(0x8180, 2, "a.test", DNS_A);
	record_a(12, v4[0] = 0x01020304);
	record_a(12, v4[1] = 0x05060708);
	check(found(2, v4) && d.addresses[0].ttl == 60, "two addresses");
	n -= 3;
	check(found(1, v4), "cut short, what is whole counts");
	question(0x8180, DNS_ADDRESSES + 1, "a.test", DNS_A);
	for (i = 0; i <= DNS_ADDRESSES; i++) {
		record_a(12, 0x01000000 + i);
		v4[i % DNS_ADDRESSES] = 0x01000000 + i;
	}
	v4[0] = 0x01000000;
	check(found(DNS_ADDRESSES, v4), "128 addresses, and no more");
	question(0x8180, 3, "a.test", DNS_A);
	at = record_alias(12, 20, "a.cdn.test");
	at = record_alias(at, 90, "b.cdn.test");
	record_a(at, v4[0] = 0x01020304);
	check(found(1, v4) && d.addresses[0].ttl == 20, "through two aliases, the least TTL");
	question(0x8180, 2, "a.test", DNS_A);
	record_alias(12, 20, "a.cdn.test");
	put_name("A.CDN.test");
	put(2, DNS_A);
	put(2, DNS_IN);
	put(4, 1);
	put(2, 4);
	put(4, v4[0]);
	check(found(1, v4), "an alias spelled out, in another case");
	question(0x8180, 2, "a.test", DNS_A);
	at = record_alias(12, 20, "a.cdn.test");
	record_a(at + 2, 0x01020304);
	check(finds_nothing(), "an address of the alias's parent is none of ours");
	question(0x8180, 1, "a.test", DNS_A);
	record_a(14, 0x01020304);
	check(finds_nothing(), "nor of the name's parent");
	question(0x8180, 1, "a.test", DNS_A);
	record_a(n, 0x01020304);
	check(finds_nothing() && d.field == DNS_BAD, "a pointer to itself");
	question(0x8180, 1, "a.test", DNS_A);
	record_a(n + 10, 0x01020304);
	check(finds_nothing() && d.field == DNS_BAD, "a pointer forward");
	question(0x8180, 1, "a.test", DNS_A);
	record_a(4, 0x01020304);
	check(finds_nothing() && d.field == DNS_BAD, "a pointer into the header");
	question(0x8183, 1, "a.test", DNS_A);
	record_a(12, 0x01020304);
	check(finds_nothing(), "no such name");
	question(0x8180, 1, "a.test", DNS_A);
	record(12, DNS_AAAA, 60, 16);
	n += 16;
	check(finds_nothing(), "another type than was asked for");
	question(0x8180, 1, "a.test", DNS_A);
	record(12, DNS_A, 60, 16);
	n += 16;
	check(finds_nothing(), "an address of the wrong length");
	question(0x8180, 1, "a.test", DNS_AAAA);
	record(12, DNS_AAAA, 0x80000001, 16);
	memset(d.bytes + n, 0x20, 16);
	n += 16;
	check(read_all() && d.found == 1 && d.addresses[0].addr[9] == 0x20 && !d.addresses[0].ttl,
	      "an IPv6 address; a TTL with its sign is none");
	for (i = n; i--; ) {
		n = i;
		all &= !read_all() || !d.found;
	}
	check(all, "cut anywhere, it is nothing");
	question(0x8180, 3, "a.test", DNS_A);
	record_alias(12, 20, "b.test");
	record(12, 46, 60, 20);
	n += 20;
	record_a(12, v4[0]);
	check(found(1, v4), "signatures are passed over");
}

int main(void)
{
	test_questions();
	test_answers();
	printf("1..%d\n", tests);
	return failures != 0;
}
