// SPDX-License-Identifier: Apache-2.0
/*
 * A report as one HTML file that asks for nothing: no script, no other file, and a
 * policy of its own (CSP) that would refuse them.  Its filters are style sheets.
 */
#include <stdlib.h>
#include <string.h>

#include "report_cells.h"
#include "report_tree.h"

static void put(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("&<>\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>kntrl report</title>\n<style>\n"
	":root{--ink:#1d2430;--soft:#667085;--line:#dfe3ea;--paper:#fff;--page:#f6f7f9;--bad:#c22f2f;--good:#2c7a4b}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#343b48;"
	"--paper:#1b2029;--page:#13171e;--bad:#ff7b72;--good:#6cc48d}}\n"
	"body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}\n"
	"main{max-width:76rem;margin:auto;padding:1.5rem}\n"
	"h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:0 0 .7rem}\n"
	"section{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:1rem 1.2rem;"
	"margin:1rem 0;overflow-x:auto}\n"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;"
	"border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}\n"
	"th{color:var(--soft);font-weight:600;white-space:nowrap}td.n,th.n{text-align:right}\n"
	"code,.tree{font:13px/1.6 ui-monospace,monospace}\n"
	".block{color:var(--bad);font-weight:600}.pass{color:var(--good)}.soft{color:var(--soft)}\n"
	".tree ul{list-style:none;margin:0;padding-left:1.3rem;border-left:1px solid var(--line)}\n"
	".tree>ul{border:0;padding:0}summary{cursor:pointer}\n"
	"label{margin-right:1.2rem}pre{white-space:pre-wrap;margin:0}\n"
	"svg{width:100%;height:60px;display:block}\n"
	"body:has(#only-blocked:checked) .pass-row,body:has(#only-allowed:checked) .block-row{display:none}\n"
	"</style></head><body><main>\n";

/* ---- The table ---- */

static void put_row(FILE *out, const struct report *r, const struct place *p)
{
	bool blocked = p->flow->key.verdict & VERDICT_BLOCK;
	char first[TIME_TEXT];
	struct cells c;

	cells_make(&c, r, p->flow);
	time_text(first, r, p->flow->first);
	fprintf(out, "<tr class=\"%s-row\"><td class=\"%s\">%s</td><td><b>", blocked ? "block" : "pass",
		blocked ? "block" : "pass", c.verdict);
	put(out, c.process);
	fputs("</b><br><span class=\"soft\">", out);
	put(out, c.line);
	fprintf(out, "</span></td><td>%s</td><td><code>", c.proto);
	put(out, c.target);
	fputs("</code></td><td>", out);
	put(out, c.rule);
	fprintf(out, "</td><td class=\"n\">%llu</td><td class=\"soft\">%s</td></tr>\n", p->count, first);
	cells_free(&c);
}

static void put_table(FILE *out, const struct report *r)
{
	struct place *places;
	size_t i, n, side;

	fputs("<section><h2>Destinations</h2><p>"
	      "<label><input type=\"radio\" name=\"show\" checked> all</label>"
	      "<label><input type=\"radio\" name=\"show\" id=\"only-blocked\"> blocked</label>"
	      "<label><input type=\"radio\" name=\"show\" id=\"only-allowed\"> allowed</label></p>\n"
	      "<table><tr><th>Verdict<th>Process<th>Protocol<th>Destination<th>Rule"
	      "<th class=\"n\">Attempts<th>First</tr>\n", out);
	for (side = 0; side < 2; side++) {
		n = report_places(r, !side, &places);
		for (i = 0; i < n; i++)
			put_row(out, r, &places[i]);
		free(places);
	}
	fputs("</table></section>\n", out);
}

/* ---- The time line: one mark for each flow's first attempt ---- */

static void put_time_line(FILE *out, const struct report *r)
{
	__u64 from = ~0ull, to = 0;
	char first[TIME_TEXT], last[TIME_TEXT];
	size_t i;

	for (i = 0; i < r->nflows; i++) {
		from = r->flows[i].first < from ? r->flows[i].first : from;
		to = r->flows[i].first > to ? r->flows[i].first : to;
	}
	if (!r->nflows)
		return;
	time_text(first, r, from);
	time_text(last, r, to);
	fputs("<section><h2>Time line</h2><svg viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\">"
	      "<line x1=\"0\" y1=\"30\" x2=\"1000\" y2=\"30\" stroke=\"var(--line)\" stroke-width=\"2\"/>\n",
	      out);
	for (i = 0; i < r->nflows; i++) {
		bool blocked = r->flows[i].key.verdict & VERDICT_BLOCK;
		double x = to > from ? 5 + 990.0 * (r->flows[i].first - from) / (to - from) : 500;

		fprintf(out, "<rect class=\"%s-row\" x=\"%.1f\" y=\"%d\" width=\"2.5\" height=\"22\" "
			"fill=\"var(--%s)\"/>\n", blocked ? "block" : "pass", x, blocked ? 6 : 32,
			blocked ? "bad" : "good");
	}
	fprintf(out, "</svg><p class=\"soft\">%s to %s; blocked above the line, allowed below</p></section>\n",
		first, last);
}

/* ---- The tree ---- */

static void put_flow(FILE *out, const struct report *r, const struct flow *f)
{
	bool blocked = f->key.verdict & VERDICT_BLOCK;
	struct cells c;

	cells_make(&c, r, f);
	fprintf(out, "<li class=\"%s-row\"><span class=\"%s\">%s %s ", blocked ? "block" : "pass",
		blocked ? "block" : "pass", blocked ? "✗" : "→", c.proto);
	put(out, c.target);
	fputs("</span>", out);
	if (blocked) {
		fprintf(out, " <span class=\"soft\">%s: ", c.verdict);
		put(out, c.rule);
		fputs("</span>", out);
	}
	fputs("</li>\n", out);
	cells_free(&c);
}

static void put_nodes(FILE *out, const struct report *r, const struct tree *t, size_t first)
{
	size_t i, f;

	fputs("<ul>\n", out);
	for (i = first; i; i = t->nodes[i].next) {
		const struct tree_node *n = &t->nodes[i];
		struct cells c;
		struct flow name = { .image = n->image };

		cells_make(&c, r, &name);
		fprintf(out, "<li><details open><summary class=\"%s\" title=\"", n->blocked ? "block" : "");
		put(out, c.path);
		fputs("\">", out);
		if (n->tgid)
			fprintf(out, "[%u] ", n->tgid);
		put(out, c.process);
		fputs("</summary>", out);
		cells_free(&c);
		if (n->flow)
			fputs("<ul>\n", out);
		for (f = n->flow; f; f = t->next_flow[f - 1])
			put_flow(out, r, &r->flows[f - 1]);
		if (n->flow)
			fputs("</ul>\n", out);
		if (n->child)
			put_nodes(out, r, t, n->child);
		fputs("</details></li>\n", out);
	}
	fputs("</ul>\n", out);
}

static void put_tree(FILE *out, const struct report *r)
{
	struct tree t;

	tree_make(&t, r);
	fputs("<section class=\"tree\"><h2>Process tree</h2>\n", out);
	put_nodes(out, r, &t, t.nodes[0].child);
	fputs("</section>\n", out);
	tree_free(&t);
}

/* ---- The page ---- */

static void put_losses(FILE *out, const struct report *r)
{
	const struct style plain = { 0 };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		abort();
	report_losses(f, r, &plain);
	fclose(f);
	if (size) {
		fputs("<section><h2 class=\"block\">Not whole</h2><pre>", out);
		put(out, text);
		fputs("</pre></section>\n", out);
	}
	free(text);
}

void report_html(FILE *out, const struct report *r)
{
	struct sums s;

	report_sums(r, &s);
	fputs(head, out);
	fprintf(out, "<h1>kntrl: %s%zu of %zu flows blocked</span></h1>\n"
		"<p class=\"soft\">%zu denied, %zu would be; %s</p>\n",
		s.blocked ? "<span class=\"block\">" : "<span>", s.blocked, s.flows, s.denied,
		s.blocked - s.denied, report_mode(r));
	put_losses(out, r);
	put_table(out, r);
	put_time_line(out, r);
	put_tree(out, r);
	fputs("</main></body></html>\n", out);
}
