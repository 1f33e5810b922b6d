// SPDX-License-Identifier: Apache-2.0
/* What happens, line by line, for who watches the agent in a terminal. */
#include <string.h>
#include <time.h>

#include "report.h"
#include "rule.h"
#include "util.h"

static void print_time(FILE *out, const struct report *r, __u64 ns)
{
	time_t seconds = ((__s64)ns + r->clock) / 1000000000;
	char text[16];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	fputs(text, out);
}

/* "curl[17] < sh < npm": who, and what led there. */
static void print_process(FILE *out, const struct report *r, const struct flow *f)
{
	__u64 images[IDENT_LINE];
	size_t i, n = flow_ancestors(f, images);

	print_name(out, r, f->image);
	if (f->key.tgid)
		fprintf(out, "[%u]", f->key.tgid);
	for (i = 0; i < n && i < 4; i++) {
		fputs(" < ", out);
		print_name(out, r, images[i]);
	}
	if (i < n)
		fputs(" < …", out);
}

static void live_flow(FILE *out, const struct report *r, const struct flow *f, __u64 time,
		      const struct style *s)
{
	const char *word = f->key.verdict & VERDICT_DENIED ? "denied" :
			   policy_text(&f->key);
	char proto[16], rule[RULE_TEXT];

	proto_text(proto, &f->key);
	rule_text(rule, sizeof(rule), &f->rule, r->sources, r->nsources);
	fputs(s->colour ? DIM : "", out);
	print_time(out, r, time);
	fputs(s->colour ? PLAIN : "", out);
	fputs(s->colour && f->key.verdict & VERDICT_BLOCK ? BOLD RED : "", out);
	fprintf(out, "  %-6s", word);
	fputs(s->colour ? PLAIN : "", out);
	fprintf(out, "  %-4s ", proto);
	print_process(out, r, f);
	fputs("  ->  ", out);
	print_target(out, r, &f->key);
	fputs(s->colour ? DIM "  (" : "  (", out);
	escape(out, rule, strlen(rule), ESCAPE_ALL);
	fputs(s->colour ? ")" PLAIN "\n" : ")\n", out);
}

static void live_dns(FILE *out, const struct report *r, const struct dns_flow *f, __u64 time,
		     const struct style *s)
{
	const char *word = f->key.verdict & VERDICT_DENIED ? "denied" :
			   f->key.verdict & VERDICT_BLOCK ? "block" : "pass";
	char type[DNS_TYPE_TEXT], server[ADDRESS_TEXT];

	fputs(s->colour ? DIM : "", out);
	print_time(out, r, time);
	fputs(s->colour ? PLAIN : "", out);
	fputs(s->colour && f->key.verdict & VERDICT_BLOCK ? BOLD RED : "", out);
	fprintf(out, "  %-6s", word);
	fputs(s->colour ? PLAIN : "", out);
	fputs("  dns  ", out);
	print_name(out, r, f->image);
	if (f->key.tgid)
		fprintf(out, "[%u]", f->key.tgid);
	address_text(server, f->key.server);
	fprintf(out, "  ?   %s %s @ %s\n", f->key.type ? dns_type_text(type, f->key.type) : "?",
		dns_name_text(f), server);
}

void report_live(FILE *out, const struct report *r, const void *data, size_t size,
		 const struct style *s)
{
	const struct event_head *head = data;
	const struct event *e = data;

	if (size < sizeof(*head) || head->len > size)
		return;
	switch (head->type) {
	case EVENT_NETWORK:
	case EVENT_SOCKET:
	case EVENT_PACKET:
	case EVENT_GUARD:
	case EVENT_EXEC:
	case EVENT_FILE:
		live_flow(out, r, &e->flow, head->time, s);
		break;
	case EVENT_DNS:
		live_dns(out, r, &((const struct dns_event *)data)->flow, head->time, s);
	}
}
