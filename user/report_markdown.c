// SPDX-License-Identifier: Apache-2.0
/*
 * A report for $GITHUB_STEP_SUMMARY and for comments: the sum, what was blocked,
 * and, folded away, what was allowed.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "report_cells.h"

#define ROWS	500	/* of a table: a summary may have 1 MiB, and a reader some patience */

/*
 * Text that means nothing to Markdown: what is neither letter, digit nor space
 * becomes a character reference, which CommonMark (2.5) takes as text alone.
 */
static void put(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c < 0x80 && !isalnum(c) && c != ' ' && c != '-')
			fprintf(out, "&#%u;", c);
		else
			fputc(c, out);
	}
}

static void put_row(FILE *out, const struct report *r, const struct place *p, bool blocked)
{
	struct cells c;

	cells_make(&c, r, p->flow);
	fputs("| ", out);
	put(out, c.process);
	fputs(" | ", out);
	put(out, c.line);
	fprintf(out, " | %s | ", c.proto);
	put(out, c.target);
	fputs(" | ", out);
	if (blocked)
		fprintf(out, "%s | ", c.verdict);
	put(out, c.rule);
	fprintf(out, " | %llu |\n", p->count);
	cells_free(&c);
}

static void put_table(FILE *out, const struct report *r, bool blocked)
{
	struct place *places;
	size_t i, n = report_places(r, blocked, &places);

	if (blocked)
		fputs("| Process | Led there by | Protocol | Destination | | Rule | Attempts |\n"
		      "|---|---|---|---|---|---|--:|\n", out);
	else
		fputs("| Process | Led there by | Protocol | Destination | Rule | Attempts |\n"
		      "|---|---|---|---|---|--:|\n", out);
	for (i = 0; i < n && i < ROWS; i++)
		put_row(out, r, &places[i], blocked);
	if (n > ROWS)
		fprintf(out, "\n… and %zu more; `kntrl report --format json` has all.\n", n - ROWS);
	free(places);
}

static void put_questions(FILE *out, const struct report *r)
{
	const struct dns_flow **list;
	size_t i, n = report_questions(r, &list);
	char server[ADDRESS_TEXT];

	if (n)
		fprintf(out, "\n<details><summary>Names asked for: %zu</summary>\n\n"
			"| Domain | DNS server | |\n|---|---|---|\n", n);
	for (i = 0; i < n && i < ROWS; i++) {
		fputs("| ", out);
		put(out, dns_name_text(list[i]));
		address_text(server, list[i]->key.server);
		fprintf(out, " | %s | %s |\n", server,
			list[i]->key.verdict & VERDICT_BLOCK ? "blocked" : "");
	}
	if (n > ROWS)
		fprintf(out, "\n… and %zu more; `kntrl report --format json` has all.\n", n - ROWS);
	if (n)
		fputs("\n</details>\n", out);
	free(list);
}

static void put_losses(FILE *out, const struct report *r)
{
	const struct style plain = { 0 };
	char *text = NULL, *line, *rest;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	report_losses(f, r, &plain);
	fclose(f);
	if (size)
		fputs("\n> [!WARNING]\n", out);
	for (rest = text; size && (line = strsep(&rest, "\n")); ) {
		if (!*line)
			continue;
		fputs("> ", out);
		put(out, line);
		fputs("<br>\n", out);
	}
	free(text);
}

void report_markdown(FILE *out, const struct report *r)
{
	struct sums s;

	report_sums(r, &s);
	if (s.blocked)
		fprintf(out, "## kntrl: %zu of %zu flows blocked\n\n%zu denied, %zu would be; %s.\n",
			s.blocked, s.flows, s.denied, s.blocked - s.denied, report_mode(r));
	else
		fprintf(out, "## kntrl: nothing blocked\n\n%zu flow%s, all allowed; %s.\n", s.flows,
			s.flows == 1 ? "" : "s", report_mode(r));
	put_losses(out, r);
	if (s.blocked) {
		fputs("\n### Blocked\n\n", out);
		put_table(out, r, true);
	}
	if (s.flows > s.blocked) {
		fprintf(out, "\n<details><summary>Allowed: %zu flow%s</summary>\n\n",
			s.flows - s.blocked, s.flows - s.blocked == 1 ? "" : "s");
		put_table(out, r, false);
		fputs("\n</details>\n", out);
	}
	put_questions(out, r);
}
