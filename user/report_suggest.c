// SPDX-License-Identifier: Apache-2.0
/* The smallest policy that allows what a run did, to be read before it is used. */
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "hosts.h"
#include "report_cells.h"
#include "target.h"
#include "util.h"

#define NEEDED_BY	4	/* programs that a comment names */

enum list { NOWHERE, SERVERS, HOSTS, ADDRESSES, RAW };

/* Which list an attempt needs an entry in; what is allowed without any needs none. */
static enum list list_of(const struct flow *f)
{
	const struct flow_key *k = &f->key;

	if (f->rule.kind == RULE_REPLY || f->rule.kind == RULE_DHCP || f->rule.kind == RULE_EXEMPT)
		return NOWHERE;
	if (k->type == EVENT_SOCKET)
		return f->rule.kind == RULE_RAW_SOCKETS ? RAW : NOWHERE;
	if (k->type != EVENT_NETWORK && k->type != EVENT_PACKET)
		return NOWHERE;
	if (k->port == PORT_DNS && proto_bit(k->proto) != PROTO_BIT_OTHER)
		return SERVERS;
	return addr_is_loopback(k->addr) ? NOWHERE : ADDRESSES;
}

/* ---- Entries ---- */

struct entry {
	const struct flow *flow;
	enum list list;
	struct host_key host;	/* HOSTS: its text alone */
	__u16 port;		/* 0: any, or it has none */
	const char *profile;	/* name of the program, of up to NAME_LEN; NULL: for all */
};

/* Programs of one name have one profile. */
static int by_profile(const struct entry *x, const struct entry *y)
{
	if (!x->profile || !y->profile)
		return !!x->profile - !!y->profile;
	return strncmp(x->profile, y->profile, NAME_LEN);
}

static bool is_network(enum list list)
{
	return list == HOSTS || list == ADDRESSES;
}

/* By list, but that the lists of a profile stand together. */
static int by_section(const struct entry *x, const struct entry *y)
{
	int order = 0;

	if (is_network(x->list) && is_network(y->list))
		order = by_profile(x, y);
	return order ? order : (int)x->list - (int)y->list;
}

static int by_entry(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = by_section(x, y);

	if (!order && x->list == RAW)
		return (x->flow->image > y->flow->image) - (x->flow->image < y->flow->image);
	if (!order)
		order = x->list == HOSTS ? strcmp(x->host.text, y->host.text) :
					   memcmp(x->flow->key.addr, y->flow->key.addr, 16);
	return order ? order : (int)x->port - (int)y->port;
}

/* Its name, if that is whole and a policy can have it. */
static const char *profile_of(const struct report *r, const struct flow *f)
{
	const struct image *image = report_image(r, f->image);
	size_t i, n, len = image ? strnlen(image->name, sizeof(image->name)) : 0;
	uint32_t c;

	for (i = 0; i < len; i += n) {
		n = utf8_decode(image->name + i, len - i, &c);
		if (!n || is_unsafe_char(c))
			return NULL;
	}
	return len && len < NAME_LEN - 1 && !memchr(image->name, '/', len) ? image->name : NULL;
}

/*
 * The names that @f may have gone by: what its client said, if that is a name of
 * its address; else all of them, for which one was meant is not known.
 */
static size_t hosts_of(const struct report *r, const struct flow *f, struct host_key keys[NAME_SLOTS])
{
	size_t i, n = report_domains(r, &f->key, keys);
	char name[HOST_KEY];
	struct host_key said;

	if (!report_sni(r, &f->key, name) || !host_key_make(&said, name))
		return n;
	for (i = 0; i < n; i++) {
		if (strcmp(keys[i].text, said.text))
			continue;
		keys[0] = said;
		return 1;
	}
	return n;
}

static size_t entries_make(struct entry **entries, const struct report *r, bool profiles)
{
	size_t i, j, hosts, room = 0, n = 0;
	struct host_key keys[NAME_SLOTS];
	struct entry *e = NULL;

	for (i = 0; i < r->nflows; i++) {
		const struct flow *f = &r->flows[i];
		struct entry one = { .flow = f, .list = list_of(f) };

		if (one.list == NOWHERE)
			continue;
		hosts = one.list == ADDRESSES ? hosts_of(r, f, keys) : 0;
		if (one.list == ADDRESSES && proto_bit(f->key.proto) != PROTO_BIT_OTHER)
			one.port = f->key.port;
		if (one.list == ADDRESSES && profiles)
			one.profile = profile_of(r, f);
		if (hosts)
			one.list = HOSTS;
		if (n + NAME_SLOTS > room) {
			room = 2 * room + NAME_SLOTS;
			e = xreallocarray(e, room, sizeof(*e));
		}
		for (j = 0; j < hosts || !j; j++) {
			if (hosts)
				one.host = keys[j];
			e[n++] = one;
		}
	}
	if (n)
		qsort(e, n, sizeof(*e), by_entry);
	*entries = e;
	return n;
}

/* How many of the @n entries from @e on are the same one. */
static size_t same(const struct entry *e, size_t n)
{
	size_t i = 1;

	while (i < n && !by_entry(&e[0], &e[i]))
		i++;
	return i;
}

/* ---- Text ---- */

static void put_reason(FILE *out, const struct report *r, const struct entry *e, size_t n,
		       const char *indent)
{
	__u64 told[NEEDED_BY], attempts = 0;
	size_t i, j, ntold = 0;

	fprintf(out, "%s#", indent);
	for (i = 0; i < n; i++) {
		attempts += e[i].flow->count;
		for (j = 0; j < ntold && told[j] != e[i].flow->image; j++)
			;
		if (j < ntold || ntold == NEEDED_BY)
			continue;
		told[ntold++] = e[i].flow->image;
		fputs(j ? ", " : " ", out);
		print_name(out, r, e[i].flow->image);
	}
	fprintf(out, ": %llu attempt%s\n", attempts, attempts == 1 ? "" : "s");
}

static void put_address(FILE *out, const struct entry *e, const char *indent)
{
	char text[ADDRESS_TEXT];

	address_text(text, e->flow->key.addr);
	if (!e->port)
		fprintf(out, "%s- \"%s\"\n", indent, text);
	else
		fprintf(out, addr_is_v4(e->flow->key.addr) ? "%s- \"%s:%u\"\n" : "%s- \"[%s]:%u\"\n",
			indent, text, e->port);
}

static void put_host(FILE *out, const struct entry *e, const char *indent)
{
	char name[HOST_KEY];

	host_key_name(&e->host, name);
	if (e->port)
		fprintf(out, "%s- \"%s:%u\"\n", indent, name, e->port);
	else
		fprintf(out, "%s- \"%s\"\n", indent, name);
}

/* A JSON string is a YAML string. */
static void put_string(FILE *out, const char *text, size_t size)
{
	json_text(out, text, strnlen(text, size));
}

static void put_raw(FILE *out, const struct report *r, const struct entry *e, size_t n)
{
	const struct image *image = report_image(r, e->flow->image);

	put_reason(out, r, e, n, "      ");
	if (!image || image->path[0] != '/') {
		fputs("      # its path is not known: it stays denied\n", out);
		return;
	}
	fputs("      - ", out);
	put_string(out, image->path, sizeof(image->path));
	fputc('\n', out);
}

/* The entries of one list or of one profile, @n of them. */
static void put_list(FILE *out, const struct report *r, const struct entry *e, size_t n,
		     const char *indent)
{
	size_t i, count;

	for (i = 0; i < n; i += count) {
		count = same(&e[i], n - i);
		if (e->list == RAW) {
			put_raw(out, r, &e[i], count);
			continue;
		}
		put_reason(out, r, &e[i], count, indent);
		if (e->list == HOSTS)
			put_host(out, &e[i], indent);
		else
			put_address(out, &e[i], indent);
	}
}

/* Up to where the list or the profile is another. */
static size_t section(const struct entry *e, size_t n)
{
	size_t i = 1;

	while (i < n && !by_section(&e[0], &e[i]))
		i++;
	return i;
}

/* @before: the entry in front of them, or NULL. */
static void put_section(FILE *out, const struct report *r, const struct entry *e, size_t n,
			const struct entry *before)
{
	if (e->profile && (!before || !before->profile))
		fputs("    profiles:\n", out);
	if (e->profile && (!before || by_profile(before, e))) {
		fputs("      - process: ", out);
		put_string(out, e->profile, NAME_LEN);
		fputc('\n', out);
	}
	if (e->list == SERVERS)
		fputs("  dns:\n    allowed_servers:\n", out);
	else
		fprintf(out, "%s%s:\n", e->profile ? "        " : "    ",
			e->list == RAW ? "raw_sockets_exempt" : e->list == HOSTS ? "allowed_hosts" :
			e->profile ? "allowed_cidrs" : "allowed_ips");
	put_list(out, r, e, n, e->profile ? "          " : "      ");
}

void report_suggest(FILE *out, const struct report *r, bool profiles)
{
	struct entry *e;
	size_t i, count, n = entries_make(&e, r, profiles);
	bool network = false;

	fprintf(out, "# Written by kntrl report --suggest, from %zu flows. Read it before you use it:\n"
		"# whatever was in that run, it is allowed to do it again.\n"
		"version: \"1\"\nmode: trace\nrules:\n", r->nflows);
	for (i = 0; i <= n; i += count) {
		if (!network && (i == n || e[i].list != SERVERS)) {
			fputs("  network:\n    allow_local_ranges: false\n", out);
			network = true;
		}
		if (i == n)
			break;
		count = section(&e[i], n - i);
		put_section(out, r, &e[i], count, i ? &e[i - 1] : NULL);
	}
	free(e);
}
