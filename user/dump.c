// SPDX-License-Identifier: Apache-2.0
/*
 * kntrl report --dump: maps as they are, in lines of "field: value" with an
 * empty line between entries.  For where bpftool(8) is not to be had.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "pins.h"
#include "report.h"
#include "rule.h"
#include "suggest.h"
#include "util.h"

enum kind { NUMBER, HASHES, ADDRESS, TEXT, RULE, SECRET };

struct field {
	const char *name;
	size_t offset, size;
	enum kind kind;
};

#define FIELD(type, member, kind) \
	{ #member, offsetof(struct type, member), sizeof(((struct type *)0)->member), kind }
#define COUNTER(name, counter) \
	{ name, offsetof(struct control, counters[counter]), sizeof(__u64), NUMBER }

static const struct field control_fields[] = {
	FIELD(control, abi, NUMBER), FIELD(control, seed, SECRET), FIELD(control, epoch, NUMBER),
	FIELD(control, flags, NUMBER), FIELD(control, mnt_ns, NUMBER),
	FIELD(control, last_exec, NUMBER), FIELD(control, last_flow, NUMBER),
	FIELD(control, leave, HASHES), FIELD(control, join, HASHES),
	FIELD(control, join_tgid, NUMBER), FIELD(control, adopt_all, NUMBER),
	FIELD(control, adopted, NUMBER), FIELD(control, deferred, NUMBER),
	COUNTER("events_lost", COUNT_EVENTS_LOST), COUNTER("flows_folded", COUNT_FLOWS_FOLDED),
	COUNTER("blocks_folded", COUNT_BLOCKS_FOLDED),
	COUNTER("images_lost", COUNT_IMAGES_LOST), COUNTER("undecided", COUNT_UNDECIDED),
	COUNTER("questions_lost", COUNT_QUESTIONS_LOST),
	COUNTER("answers_ignored", COUNT_ANSWERS_IGNORED),
	{ NULL },
};

static const struct field scope_fields[] = {
	FIELD(scope, slot, NUMBER), FIELD(scope, cgroup, NUMBER),
	FIELD(scope, cgroup_level, NUMBER), FIELD(scope, generation, NUMBER),
	{ NULL },
};

static const struct field flow_fields[] = {
	FIELD(flow, key.exec, NUMBER), FIELD(flow, key.addr, ADDRESS),
	FIELD(flow, key.tgid, NUMBER), FIELD(flow, key.scope, NUMBER),
	FIELD(flow, key.port, NUMBER), FIELD(flow, key.proto, NUMBER),
	FIELD(flow, key.verdict, NUMBER), FIELD(flow, key.type, NUMBER), FIELD(flow, rule, RULE),
	FIELD(flow, image, HASHES), FIELD(flow, first, NUMBER), FIELD(flow, last, NUMBER),
	FIELD(flow, count, NUMBER), FIELD(flow, cgroup, NUMBER), FIELD(flow, uid, NUMBER),
	FIELD(flow, nline, NUMBER), FIELD(flow, line, HASHES),
	{ NULL },
};

static const struct field image_fields[] = {
	FIELD(named_image, hash, HASHES), FIELD(named_image, image.name, TEXT),
	FIELD(named_image, image.path, TEXT),
	{ NULL },
};

static const struct field folded_fields[] = {
	FIELD(folded_flow, key.image, HASHES), FIELD(folded_flow, key.rule, RULE),
	FIELD(folded_flow, key.addr, ADDRESS), FIELD(folded_flow, count, NUMBER),
	{ NULL },
};

/* ---- One entry ---- */

static __u64 number(const void *at, size_t size)
{
	const __u8 *u8 = at;
	const __u16 *u16 = at;
	const __u32 *u32 = at;
	const __u64 *u64 = at;

	return size == 1 ? *u8 : size == 2 ? *u16 : size == 4 ? *u32 : *u64;
}

static void print_hashes(FILE *out, const char *at, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += sizeof(__u64))
		fprintf(out, "%s%016llx", i ? " " : "", number(at + i, sizeof(__u64)));
}

static void print_rule(FILE *out, const char *at)
{
	char text[RULE_TEXT];
	struct rule_ref rule;

	memcpy(&rule, at, sizeof(rule));
	rule_text(text, sizeof(text), &rule, NULL, 0);
	fprintf(out, "%s (kind %u, source %u, sub %u, index %u)", text, rule.kind, rule.source,
		rule.sub, rule.index);
}

static void print_field(FILE *out, const struct field *f, const char *entry)
{
	const char *at = entry + f->offset;
	char text[ADDRESS_TEXT];

	fprintf(out, "%s: ", f->name);
	switch (f->kind) {
	case HASHES:
		print_hashes(out, at, f->size);
		break;
	case ADDRESS:
		address_text(text, (const __u8 *)at);
		fputs(text, out);
		break;
	case TEXT:
		escape(out, at, strnlen(at, f->size), ESCAPE_ALL);
		break;
	case RULE:
		print_rule(out, at);
		break;
	case SECRET:
		fputs("(secret)", out);
		break;
	default:
		fprintf(out, "%llu", number(at, f->size));
	}
	fputc('\n', out);
}

static void print_entry(FILE *out, const struct field *f, const void *entry)
{
	for (; f->name; f++)
		print_field(out, f, entry);
	fputc('\n', out);
}

/* ---- Maps ---- */

static int dump_control(FILE *out)
{
	struct control c;

	if (control_read(&c))
		return -1;
	print_entry(out, control_fields, &c);
	return 0;
}

static int dump_scopes(FILE *out)
{
	int fd = map_open(PIN_SCOPES, sizeof(__u32), sizeof(struct scope));
	struct scope scope;
	__u32 i;

	if (fd < 0)
		return -1;
	for (i = 0; i < SCOPES; i++) {
		if (bpf_map_lookup_elem(fd, &i, &scope) || !scope.slot)
			continue;
		fprintf(out, "scope: %u\n", i);
		print_entry(out, scope_fields, &scope);
	}
	close(fd);
	return 0;
}

static void dump_entries(FILE *out, const struct field *fields, const void *entries, size_t n,
			 size_t size)
{
	size_t i;

	for (i = 0; i < n; i++)
		print_entry(out, fields, (const char *)entries + i * size);
}

static int dump_report(FILE *out, const char *name)
{
	struct report r;

	if (report_read(&r)) {
		report_free(&r);
		return -1;
	}
	if (!strcmp(name, PIN_FLOWS))
		dump_entries(out, flow_fields, r.flows, r.nflows, sizeof(*r.flows));
	else if (!strcmp(name, PIN_IMAGES))
		dump_entries(out, image_fields, r.images, r.nimages, sizeof(*r.images));
	else
		dump_entries(out, folded_fields, r.folded, r.nfolded, sizeof(*r.folded));
	report_free(&r);
	return 0;
}

static const char *const dump_maps[] = {
	PIN_CONTROL, PIN_SCOPES, PIN_FLOWS, PIN_IMAGES, PIN_FOLDED, NULL,
};

int dump(FILE *out, const char *name)
{
	const char *nearest = suggest(name, dump_maps);

	if (nearest && !strcmp(name, nearest)) {
		if (!strcmp(name, PIN_CONTROL))
			return dump_control(out);
		if (!strcmp(name, PIN_SCOPES))
			return dump_scopes(out);
		return dump_report(out, name);
	}
	fputs("kntrl report: --dump: \"", stderr);
	escape(stderr, name, strlen(name), 32);
	fputs("\" is not a map that can be printed; ", stderr);
	if (nearest)
		fprintf(stderr, "did you mean \"%s\"?\n", nearest);
	else
		fputs("use control, scopes, flows, images or folded\n", stderr);
	return -1;
}
