// SPDX-License-Identifier: Apache-2.0
/* Reports for programs: one JSON object per line.  What is not known is null. */
#include <inttypes.h>
#include <string.h>

#include "hosts.h"
#include "report_cells.h"
#include "rule.h"
#include "util.h"

/* ---- Values ---- */

static void json_char(FILE *out, uint32_t c, const char *bytes, size_t n)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", (char)c);
	else if (is_unsafe_char(c))
		fprintf(out, "\\u%04" PRIx32, c);	/* all unsafe ones are below U+10000 */
	else
		fwrite(bytes, 1, n, out);
}

void json_text(FILE *out, const char *text, size_t len)
{
	uint32_t c;
	size_t n;

	fputc('"', out);
	for (; len; text += n, len -= n) {
		n = utf8_decode(text, len, &c);
		if (n) {
			json_char(out, c, text, n);
			continue;
		}
		fputs("\\ufffd", out);
		n = 1;
	}
	fputc('"', out);
}

static void json_words(FILE *out, const char *text)
{
	json_text(out, text, strlen(text));
}

static void json_time(FILE *out, const struct report *r, __u64 ns)
{
	char text[TIME_TEXT];

	time_text(text, r, ns);
	fprintf(out, "\"%s\"", text);
}

static void json_name(FILE *out, const struct image *image)
{
	if (image)
		json_text(out, image->name, strnlen(image->name, sizeof(image->name)));
	else
		json_words(out, "?");
}

static void json_path(FILE *out, const struct image *image)
{
	if (image && image->path[0])
		json_text(out, image->path, strnlen(image->path, sizeof(image->path)));
	else
		fputs("null", out);
}

/* ---- Parts of an object ---- */

static void json_process(FILE *out, const struct report *r, const struct flow *f)
{
	const struct image *image = report_image(r, f->image);

	if (f->key.type == EVENT_PACKET)
		fputs("\"pid\":null", out);
	else
		fprintf(out, "\"pid\":%u", f->key.tgid);
	fputs(",\"task_name\":", out);
	json_name(out, image);
	fputs(",\"exe\":", out);
	json_path(out, image);
	if (f->key.type == EVENT_PACKET)
		fputs(",\"uid\":null", out);
	else
		fprintf(out, ",\"uid\":%u", f->uid);
}

static void json_sni(FILE *out, const struct report *r, const struct flow_key *key)
{
	char name[HOST_KEY];
	const char *sni = report_sni(r, key, name);

	fputs(",\"sni\":", out);
	if (sni)
		json_words(out, sni);
	else
		fputs("null", out);
}

static void json_domains(FILE *out, const struct report *r, const struct flow_key *key)
{
	struct host_key keys[NAME_SLOTS];
	size_t i, n = report_domains(r, key, keys);
	char name[HOST_KEY];

	fputs(",\"domains\":[", out);
	for (i = 0; i < n; i++) {
		host_key_name(&keys[i], name);
		fputs(i ? "," : "", out);
		json_words(out, name);
	}
	fputs("]", out);
}

static void json_target(FILE *out, const struct report *r, const struct flow *f)
{
	char proto[16], target[ADDRESS_TEXT];

	if (f->key.type == EVENT_EXEC) {
		const struct image *program = report_program(r, &f->key);

		fputs(",\"proto\":\"exec\",\"program\":", out);
		json_name(out, program);
		fputs(",\"file\":", out);
		json_path(out, program);
		return;
	}

	if (f->key.type == EVENT_FILE) {
		fputs(",\"proto\":\"file\",\"access\":", out);
		json_words(out, access_text(&f->key));
		fprintf(out, ",\"flags\":%u,\"file\":", access_flags(&f->key));
		json_path(out, report_program(r, &f->key));
		return;
	}

	proto_text(proto, &f->key);
	target_text(target, &f->key);
	fprintf(out, ",\"proto\":\"%s\",\"daddr\":\"%s\",\"dport\":%u", proto, target,
		f->key.type == EVENT_SOCKET || f->key.type == EVENT_GUARD ? 0 : f->key.port);
	json_domains(out, r, &f->key);
	json_sni(out, r, &f->key);
}

static void json_rule(FILE *out, const struct report *r, const struct rule_ref *rule)
{
	char text[RULE_TEXT];

	rule_text(text, sizeof(text), rule, r->sources, r->nsources);
	fputs(",\"rule\":", out);
	json_words(out, text);
}

/* What was blocked says itself under which mode; what passed is under that of its scope. */
static const char *mode_of(const struct report *r, __u32 scope, __u8 verdict)
{
	enum scope_mode mode = scope < SCOPES ? r->modes[scope] : SCOPE_UNUSED;

	if (verdict & VERDICT_DENIED)
		return "\"trace\"";
	if (verdict & VERDICT_BLOCK)
		return "\"monitor\"";
	return mode == SCOPE_TRACE ? "\"trace\"" : mode == SCOPE_MONITOR ? "\"monitor\"" : "null";
}

static void json_verdict(FILE *out, const struct report *r, const char *policy, __u32 scope,
			 __u8 verdict, const struct rule_ref *rule)
{
	fprintf(out, ",\"policy\":\"%s\",\"mode\":%s,\"denied\":%s",
		policy, mode_of(r, scope, verdict), verdict & VERDICT_DENIED ? "true" : "false");
	json_rule(out, r, rule);
}

static void json_ancestors(FILE *out, const struct report *r, const struct flow *f)
{
	__u64 images[IDENT_LINE];
	size_t i, n = flow_ancestors(f, images);

	fputs(",\"ancestors\":[", out);
	for (i = 0; i < n; i++) {
		if (i)
			fputc(',', out);
		json_name(out, report_image(r, images[i]));
	}
	fputc(']', out);
}

/* ---- Objects ---- */

void json_flow(FILE *out, const struct report *r, const struct flow *f, __u64 time)
{
	fputs("{\"ts\":", out);
	json_time(out, r, time);
	fputc(',', out);
	json_process(out, r, f);
	json_target(out, r, f);
	json_verdict(out, r, policy_text(&f->key), f->key.scope, f->key.verdict, &f->rule);
	json_ancestors(out, r, f);
	fprintf(out, ",\"cgroup\":%llu,\"count\":%llu,\"first\":", f->cgroup, f->count);
	json_time(out, r, f->first);
	fputs(",\"last\":", out);
	json_time(out, r, f->last);
	fputs("}\n", out);
}

static void json_answer(FILE *out, const struct dns_flow *f)
{
	char addr[ADDRESS_TEXT];
	size_t i;

	fputs(",\"answers\":[", out);
	for (i = 0; i < f->naddresses && i < DNS_ANSWERS; i++) {
		address_text(addr, f->addresses[i]);
		fprintf(out, "%s\"%s\"", i ? "," : "", addr);
	}
	fputs("],\"rcode\":", out);
	if (f->answered)
		fprintf(out, "%u", f->rcode);
	else
		fputs("null", out);
}

static void json_dns(FILE *out, const struct report *r, const struct dns_flow *f, __u64 time)
{
	const struct image *image = report_image(r, f->image);
	char type[DNS_TYPE_TEXT], server[ADDRESS_TEXT];

	fputs("{\"ts\":", out);
	json_time(out, r, time);
	if (f->key.tgid)
		fprintf(out, ",\"pid\":%u", f->key.tgid);
	else
		fputs(",\"pid\":null", out);
	fputs(",\"task_name\":", out);
	json_name(out, image);
	fputs(",\"exe\":", out);
	json_path(out, image);
	fprintf(out, ",\"uid\":%u,\"proto\":\"dns\",\"domain\":", f->uid);
	json_words(out, dns_name_text(f));
	address_text(server, f->key.server);
	fprintf(out, ",\"type\":\"%s\",\"server\":\"%s\"",
		f->key.type ? dns_type_text(type, f->key.type) : "?", server);
	json_answer(out, f);
	json_verdict(out, r, f->key.verdict & VERDICT_BLOCK ? "block" : "pass", f->key.scope, f->key.verdict, &f->rule);
	fprintf(out, ",\"cgroup\":%llu,\"count\":%llu,\"first\":", f->cgroup, f->count);
	json_time(out, r, f->first);
	fputs(",\"last\":", out);
	json_time(out, r, f->last);
	fputs("}\n", out);
}

void json_event(FILE *out, const struct report *r, const void *data, size_t size)
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
		json_flow(out, r, &e->flow, head->time);
		break;
	case EVENT_DNS:
		json_dns(out, r, &((const struct dns_event *)data)->flow, head->time);
	}
}

static void json_folded(FILE *out, const struct report *r, const struct folded_flow *f)
{
	const struct image *image = report_image(r, f->key.image);
	char prefix[ADDRESS_TEXT];

	prefix_text(prefix, f->key.addr);
	fputs("{\"ts\":null,\"pid\":null,\"task_name\":", out);
	json_name(out, image);
	fputs(",\"exe\":", out);
	json_path(out, image);
	fprintf(out, ",\"uid\":null,\"proto\":null,\"daddr\":\"%s\",\"dport\":null,\"domains\":[]"
		",\"sni\":null"
		",\"policy\":\"block\",\"mode\":null,\"denied\":null", prefix);
	json_rule(out, r, &f->key.rule);
	fprintf(out, ",\"ancestors\":[],\"cgroup\":null,\"count\":%llu,\"first\":null"
		",\"last\":null}\n", f->count);
}

void report_json(FILE *out, const struct report *r)
{
	size_t i;

	for (i = 0; i < r->nflows; i++)
		json_flow(out, r, &r->flows[i], r->flows[i].first);
	for (i = 0; i < r->nfolded; i++)
		json_folded(out, r, &r->folded[i]);
	for (i = 0; i < r->nquestions; i++)
		json_dns(out, r, &r->questions[i].flow, r->questions[i].flow.first);
}
