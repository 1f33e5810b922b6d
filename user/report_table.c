// SPDX-License-Identifier: Apache-2.0
/* Reports for people: the table of flows, its sum, and what is missing from it. */
#define _GNU_SOURCE 1	/* wcwidth, vasprintf */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "hosts.h"
#include "report_cells.h"
#include "rule.h"
#include "util.h"

enum column { PID, COMM, PROTO, DOMAIN, TARGET, POLICY, COLUMNS };

static const char *const heads[COLUMNS] = {
	"Pid", "Comm", "Proto", "Domain", "Destination Addr", "Policy",
};

/* Widths that are used even where less would do. */
static const unsigned int usual[COLUMNS] = { 4, 7, 5, 31, 18, 7 };

#define GAP	3	/* " | " between columns */

struct row {
	char *cell[COLUMNS];	/* safe for a terminal */
	bool blocked;
};

struct table {
	struct row *rows;
	size_t n;
	unsigned int need[COLUMNS];	/* of the widest cell */
	unsigned int width[COLUMNS];
};

/* ---- Text on a terminal ---- */

/* Decodes a character of @text and says how many columns it takes. */
static size_t next_char(const char *text, unsigned int *columns)
{
	uint32_t c;
	size_t n = utf8_decode(text, strlen(text), &c);
	int width = n ? wcwidth(c) : 1;

	*columns = width < 0 ? 1 : width;
	return n ? n : 1;
}

static unsigned int text_width(const char *text)
{
	unsigned int columns, width = 0;

	while (*text) {
		text += next_char(text, &columns);
		width += columns;
	}
	return width;
}

/* Exactly @width columns: filled with spaces, or cut. */
static void print_padded(FILE *out, const char *text, unsigned int width)
{
	bool cut = text_width(text) > width;
	unsigned int columns, used = 0, room = width - cut;

	while (*text) {
		size_t n = next_char(text, &columns);

		if (used + columns > room)
			break;
		fwrite(text, 1, n, out);
		text += n;
		used += columns;
	}
	if (cut) {
		fputs("…", out);
		used++;
	}
	fprintf(out, "%*s", (int)(width - used), "");
}

/* ---- Cells ---- */

static char *text_cell(const char *text, size_t len)
{
	char *cell = NULL;
	size_t size;
	FILE *f = open_memstream(&cell, &size);

	if (!f)
		abort();
	escape(f, text, len, ESCAPE_ALL);
	fclose(f);
	return cell;
}

__attribute__((format(printf, 1, 2)))
static char *print_cell(const char *fmt, ...)
{
	char *cell;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&cell, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	return cell;
}

static char *name_cell(const struct report *r, __u64 hash)
{
	const struct image *image = report_image(r, hash);

	return image ? text_cell(image->name, strnlen(image->name, sizeof(image->name))) :
		       xstrdup("?");
}

static char *target_cell(const struct report *r, const struct flow *f)
{
	char *cell = NULL;
	size_t size;
	FILE *out = open_memstream(&cell, &size);

	if (!out)
		abort();
	print_target(out, r, &f->key);
	fclose(out);
	return cell;
}

static char *policy_cell(const struct flow *f)
{
	const char *policy = policy_text(&f->key);

	return f->count > 1 ? print_cell("%s (x%llu)", policy, f->count) : xstrdup(policy);
}

/* The name that the client said, else the newest of the address. */
static char *domain_cell(const struct report *r, const struct flow_key *key)
{
	struct host_key keys[NAME_SLOTS];
	char name[HOST_KEY] = "-";

	if (!report_sni(r, key, name) && report_domains(r, key, keys))
		host_key_name(&keys[0], name);
	return xstrdup(name);
}

static void row_fill(struct row *row, const struct report *r, const struct flow *f)
{
	char proto[16];

	proto_text(proto, &f->key);
	row->blocked = f->key.verdict & VERDICT_BLOCK;
	row->cell[PID] = f->key.tgid ? print_cell("%u", f->key.tgid) : xstrdup("-");
	row->cell[COMM] = name_cell(r, f->image);
	row->cell[PROTO] = xstrdup(proto);
	row->cell[DOMAIN] = domain_cell(r, &f->key);
	row->cell[TARGET] = target_cell(r, f);
	row->cell[POLICY] = policy_cell(f);
}

/* ---- The table ---- */

static unsigned int total_width(const struct table *t)
{
	unsigned int c, sum = GAP * (COLUMNS - 1);

	for (c = 0; c < COLUMNS; c++)
		sum += t->width[c];
	return sum;
}

static int excess(const struct table *t, enum column c)
{
	return (int)t->width[c] - (int)usual[c];
}

/* Takes from where there is most beyond the usual, but not from numbers and verdicts. */
static void fit(struct table *t, unsigned int max)
{
	static const enum column soft[] = { COMM, DOMAIN, TARGET };
	unsigned int i;

	if (total_width(t) > max)
		memcpy(t->width, t->need, sizeof(t->width));
	while (total_width(t) > max) {
		enum column most = COLUMNS;

		for (i = 0; i < sizeof(soft) / sizeof(*soft); i++)
			if (t->width[soft[i]] > strlen(heads[soft[i]]) &&
			    (most == COLUMNS || excess(t, soft[i]) > excess(t, most)))
				most = soft[i];
		if (most == COLUMNS)
			return;
		t->width[most]--;
	}
}

static unsigned int larger(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

static void table_fill(struct table *t, const struct report *r, const struct style *s)
{
	unsigned int c;
	size_t i;

	t->n = r->nflows;
	t->rows = xcalloc(t->n, sizeof(*t->rows));
	for (i = 0; i < t->n; i++)
		row_fill(&t->rows[i], r, &r->flows[i]);
	for (c = 0; c < COLUMNS; c++) {
		t->need[c] = strlen(heads[c]);
		for (i = 0; i < t->n; i++)
			t->need[c] = larger(t->need[c], text_width(t->rows[i].cell[c]));
		t->width[c] = larger(t->need[c], usual[c]);
	}
	if (s->width)
		fit(t, s->width);
}

static void table_free(struct table *t)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < t->n; i++)
		for (c = 0; c < COLUMNS; c++)
			free(t->rows[i].cell[c]);
	free(t->rows);
}

static void print_row(FILE *out, const struct table *t, char *const cell[COLUMNS], bool red)
{
	unsigned int c;

	for (c = 0; c < POLICY; c++) {
		print_padded(out, cell[c], t->width[c]);
		fputs(" | ", out);
	}
	fprintf(out, "%s%s%s\n", red ? RED : "", cell[POLICY], red ? PLAIN : "");
}

static void print_dashes(FILE *out, unsigned int n)
{
	while (n--)
		fputc('-', out);
	fputc('\n', out);
}

void report_table(FILE *out, const struct report *r, const struct style *s)
{
	struct table t;
	size_t i;

	table_fill(&t, r, s);
	print_row(out, &t, (char *const *)heads, false);
	for (i = 0; i < t.n; i++) {
		print_dashes(out, total_width(&t));
		print_row(out, &t, t.rows[i].cell, t.rows[i].blocked && s->colour);
	}
	print_dashes(out, total_width(&t));
	table_free(&t);
}

/* ---- The sum ---- */

void report_summary(FILE *out, const struct report *r)
{
	struct sums s;

	report_sums(r, &s);
	fprintf(out, "%zu flow%s, ", s.flows, s.flows == 1 ? "" : "s");
	if (s.blocked)
		fprintf(out, "%zu blocked (%zu denied, %zu would be), ", s.blocked, s.denied,
			s.blocked - s.denied);
	else
		fputs("none blocked, ", out);
	fprintf(out, "%s\n", report_mode(r));
}

/* ---- What is missing ---- */

struct loss {
	const char *what, *why;
};

static const struct loss losses[COUNTERS] = {
	[COUNT_EVENTS_LOST] = { "events lost", "nobody read the event stream in time; the flow "
				"table counts what they told all the same" },
	[COUNT_FLOWS_FOLDED] = { "allowed attempts not listed", "the flow table is full" },
	[COUNT_BLOCKS_FOLDED] = { "blocked attempts neither listed nor counted by prefix",
				  "both tables are full" },
	[COUNT_IMAGES_LOST] = { "programs shown as \"?\"", "the table of their names is full" },
	[COUNT_QUESTIONS_LOST] = { "questions to name servers not listed", "their table is full; "
				   "blocked ones are among the flows" },
	[COUNT_ANSWERS_IGNORED] = { "answers of name servers ignored", "they match no question that "
				    "was asked: another id, name or server; late, or forged" },
	[COUNT_UNDECIDED] = { "attempts that could not be decided", "the policy's tables or the "
			      "process's identity were not to be had; trace mode denies these" },
};

__attribute__((format(printf, 5, 6)))
static void warn(FILE *out, const struct style *s, const char *why, __u64 n, const char *fmt, ...)
{
	va_list ap;

	fputs(s->colour ? BOLD RED "warning: " : "warning: ", out);
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fprintf(out, ": %llu; %s%s\n", n, why, s->colour ? PLAIN : "");
}

static void folded_table(FILE *out, const struct report *r)
{
	char prefix[ADDRESS_TEXT], rule[RULE_TEXT];
	size_t i;

	fprintf(out, "%10s | %-16s | %-20s | %s\n", "Attempts", "Comm", "Prefix", "Rule");
	for (i = 0; i < r->nfolded; i++) {
		const struct folded_flow *f = &r->folded[i];
		char *name = name_cell(r, f->key.image);

		prefix_text(prefix, f->key.addr);
		rule_text(rule, sizeof(rule), &f->key.rule, r->sources, r->nsources);
		fprintf(out, "%10llu | ", f->count);
		print_padded(out, name, text_width(name) > 16 ? text_width(name) : 16);
		fprintf(out, " | %-20s | ", prefix);
		escape(out, rule, strlen(rule), ESCAPE_ALL);
		fputc('\n', out);
		free(name);
	}
}

void report_losses(FILE *out, const struct report *r, const struct style *s)
{
	__u64 folded = 0;
	size_t i;

	for (i = 0; i < r->nfolded; i++)
		folded += r->folded[i].count;
	if (folded) {
		warn(out, s, "the flow table is full", folded,
		     "blocked attempts counted by prefix alone");
		folded_table(out, r);
	}
	for (i = 0; i < COUNTERS; i++)
		if (r->counters[i])
			warn(out, s, losses[i].why, r->counters[i], "%s", losses[i].what);
	for (i = 0; i < r->nskipped; i++)
		warn(out, s, "its CPU was in the middle of running it; what happened then, it did "
		     "not see", r->skipped[i].count, "times %s was skipped", r->skipped[i].prog);
}
