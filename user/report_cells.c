// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report_cells.h"
#include "rule.h"
#include "util.h"

/* ---- One flow ---- */

struct piece {
	char *text;
	size_t len;
	FILE *out;
};

static FILE *piece_open(struct piece *p)
{
	p->text = NULL;
	p->out = open_memstream(&p->text, &p->len);
	if (!p->out)
		abort();
	return p->out;
}

static char *piece_close(struct piece *p)
{
	if (fclose(p->out))
		abort();
	return p->text;
}

static char *name_piece(const struct report *r, __u64 image)
{
	struct piece p;

	print_name(piece_open(&p), r, image);
	return piece_close(&p);
}

static char *path_piece(const struct image *image)
{
	FILE *out;
	struct piece p;

	out = piece_open(&p);
	if (image)
		escape(out, image->path, strnlen(image->path, sizeof(image->path)), ESCAPE_ALL);
	return piece_close(&p);
}

static char *line_piece(const struct report *r, const struct flow *f)
{
	__u64 images[IDENT_LINE];
	size_t n = flow_ancestors(f, images);
	struct piece p;
	FILE *out = piece_open(&p);

	if (f->nline > n)
		fputs("… → ", out);
	while (n--) {
		print_name(out, r, images[n]);
		if (n)
			fputs(" → ", out);
	}
	return piece_close(&p);
}

static char *target_piece(const struct report *r, const struct flow *f)
{
	char name[HOST_KEY];
	const char *sni = report_sni(r, &f->key, name);
	struct piece p;
	FILE *out = piece_open(&p);

	print_target(out, r, &f->key);
	if (sni) {
		fputs(" (", out);
		escape(out, sni, strlen(sni), ESCAPE_ALL);
		fputc(')', out);
	}
	return piece_close(&p);
}

static char *rule_piece(const struct report *r, const struct rule_ref *rule)
{
	char text[RULE_TEXT];
	struct piece p;
	FILE *out = piece_open(&p);

	rule_text(text, sizeof(text), rule, r->sources, r->nsources);
	escape(out, text, strlen(text), ESCAPE_ALL);
	return piece_close(&p);
}

void cells_make(struct cells *c, const struct report *r, const struct flow *f)
{
	c->process = name_piece(r, f->image);
	c->path = path_piece(report_image(r, f->image));
	c->line = line_piece(r, f);
	c->target = target_piece(r, f);
	c->rule = rule_piece(r, &f->rule);
	proto_text(c->proto, &f->key);
	c->verdict = f->key.verdict & VERDICT_DENIED ? "denied" :
		     f->key.verdict & VERDICT_BLOCK ? "would be denied" : "allowed";
}

void cells_free(struct cells *c)
{
	free(c->process);
	free(c->path);
	free(c->line);
	free(c->target);
	free(c->rule);
}

/* ---- Equal flows ---- */

/* Order in which equal ones are neighbours; no other meaning. */
static int by_place(const void *a, const void *b)
{
	const struct flow *x = ((const struct place *)a)->flow;
	const struct flow *y = ((const struct place *)b)->flow;
	int order = memcmp(x->key.addr, y->key.addr, sizeof(x->key.addr));

	if (!order)
		order = (x->key.name > y->key.name) - (x->key.name < y->key.name);
	if (!order)
		order = (x->key.port > y->key.port) - (x->key.port < y->key.port);
	if (!order)
		order = (x->image > y->image) - (x->image < y->image);
	if (!order)
		order = memcmp(&x->key.proto, &y->key.proto, 2);	/* and verdict */
	if (!order)
		order = (x->key.type > y->key.type) - (x->key.type < y->key.type);
	return order ? order : memcmp(&x->rule, &y->rule, sizeof(x->rule));
}

static int by_count(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return (x->flow->first > y->flow->first) - (x->flow->first < y->flow->first);
}

static size_t merge(struct place *p, size_t n)
{
	size_t i, kept = 0;

	for (i = 1; i < n; i++) {
		if (by_place(&p[kept], &p[i])) {
			p[++kept] = p[i];
			continue;
		}
		p[kept].count += p[i].count;
		if (p[i].flow->first < p[kept].flow->first)
			p[kept].flow = p[i].flow;
	}
	return n ? kept + 1 : 0;
}

size_t report_places(const struct report *r, bool blocked, struct place **places)
{
	struct place *p = xcalloc(r->nflows, sizeof(*p));
	size_t i, n = 0;

	for (i = 0; i < r->nflows; i++)
		if (!(r->flows[i].key.verdict & VERDICT_BLOCK) == !blocked)
			p[n++] = (struct place){ &r->flows[i], r->flows[i].count };
	if (n) {
		qsort(p, n, sizeof(*p), by_place);
		n = merge(p, n);
		qsort(p, n, sizeof(*p), by_count);
	}
	*places = p;
	return n;
}

/* ---- All of it ---- */

void report_sums(const struct report *r, struct sums *s)
{
	size_t i;

	*s = (struct sums){ .flows = r->nflows };
	for (i = 0; i < r->nflows; i++) {
		s->blocked += !!(r->flows[i].key.verdict & VERDICT_BLOCK);
		s->denied += !!(r->flows[i].key.verdict & VERDICT_DENIED);
	}
}

const char *report_mode(const struct report *r)
{
	enum scope_mode mode = SCOPE_UNUSED;
	size_t i;

	for (i = 0; i < SCOPES; i++) {
		if (r->modes[i] == SCOPE_UNUSED)
			continue;
		if (mode != SCOPE_UNUSED && r->modes[i] != mode)
			return "mode differs between scopes";
		mode = r->modes[i];
	}
	switch (mode) {
	case SCOPE_TRACE:
		return "mode trace";
	case SCOPE_MONITOR:
		return "mode monitor";
	case SCOPE_UNKNOWN:
		return "mode not known";
	default:
		return "no policy in force";
	}
}

void time_text(char buf[TIME_TEXT], const struct report *r, __u64 ns)
{
	__s64 now = (__s64)ns + r->clock;
	time_t seconds = now / 1000000000;
	size_t n;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	n = strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_TEXT - n, ".%03dZ", (int)(now / 1000000 % 1000));
}
