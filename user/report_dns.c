// SPDX-License-Identifier: Apache-2.0
/* What was asked of name servers: each name and server once, for people. */
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "util.h"

#define DOMAIN_WIDTH	31	/* columns that are used even where less would do */

const char *dns_type_text(char buf[DNS_TYPE_TEXT], __u16 type)
{
	static const struct {
		__u16 type;
		const char *name;
	} known[] = {
		{ 1, "A" }, { 2, "NS" }, { 5, "CNAME" }, { 6, "SOA" }, { 10, "NULL" }, { 12, "PTR" },
		{ 15, "MX" }, { 16, "TXT" }, { 28, "AAAA" }, { 33, "SRV" }, { 35, "NAPTR" },
		{ 48, "DNSKEY" }, { 64, "SVCB" }, { 65, "HTTPS" }, { 255, "ANY" },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].type == type)
			return known[i].name;
	snprintf(buf, DNS_TYPE_TEXT, "TYPE%u", type);	/* RFC 3597, 5 */
	return buf;
}

const char *dns_name_text(const struct dns_flow *f)
{
	if (!f->key.type)
		return "?";
	return f->name[0] ? f->name : ".";
}

static int by_name(const void *a, const void *b)
{
	const struct dns_flow *const *x = a, *const *y = b;
	int d = strcmp(dns_name_text(*x), dns_name_text(*y));

	return d ? d : memcmp((*x)->key.server, (*y)->key.server, sizeof((*x)->key.server));
}

static bool same(const struct dns_flow *a, const struct dns_flow *b)
{
	return !by_name(&a, &b) && !((a->key.verdict ^ b->key.verdict) & VERDICT_BLOCK);
}

/* A question that was blocked for some process, and not for another, is told as both. */
static int by_all(const void *a, const void *b)
{
	const struct dns_flow *const *x = a, *const *y = b;
	int d = by_name(a, b);

	return d ? d : (int)((*x)->key.verdict & VERDICT_BLOCK) -
		       (int)((*y)->key.verdict & VERDICT_BLOCK);
}

size_t report_questions(const struct report *r, const struct dns_flow ***list)
{
	const struct dns_flow **v = xcalloc(r->nquestions + 1, sizeof(*v));
	size_t i, n = 0;

	for (i = 0; i < r->nquestions; i++)
		v[i] = &r->questions[i].flow;
	qsort(v, r->nquestions, sizeof(*v), by_all);
	for (i = 0; i < r->nquestions; i++)
		if (!n || !same(v[n - 1], v[i]))
			v[n++] = v[i];
	*list = v;
	return n;
}

static void dashes(FILE *out, int n)
{
	while (n-- > 0)
		fputc('-', out);
	fputc('\n', out);
}

void report_dns_table(FILE *out, const struct report *r, const struct style *s)
{
	const struct dns_flow **list;
	size_t i, n = report_questions(r, &list);
	int width = DOMAIN_WIDTH;
	char server[ADDRESS_TEXT];

	for (i = 0; i < n; i++)
		if ((int)strlen(dns_name_text(list[i])) > width)
			width = strlen(dns_name_text(list[i]));
	if (n)
		fprintf(out, "\n%-*s | DNS Server\n", width, "Domain");
	for (i = 0; i < n; i++) {
		bool blocked = list[i]->key.verdict & VERDICT_BLOCK;

		if (!i)
			dashes(out, width + 22);
		address_text(server, list[i]->key.server);
		fprintf(out, "%-*s | %s%s%s%s\n", width, dns_name_text(list[i]), server,
			blocked && s->colour ? RED : "", blocked ? " (block)" : "",
			blocked && s->colour ? PLAIN : "");
	}
	if (n)
		fputc('\n', out);
	free(list);
}
