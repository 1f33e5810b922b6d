// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "report_cells.h"
#include "report_tree.h"
#include "util.h"

/* ---- The tree ---- */

static size_t node_new(struct tree *t, size_t parent, __u64 image, __u64 exec, __u32 tgid)
{
	struct tree_node *n;

	if (t->n == t->size) {
		t->size = t->size ? 2 * t->size : 64;
		t->nodes = xreallocarray(t->nodes, t->size, sizeof(*t->nodes));
	}
	n = &t->nodes[t->n];
	*n = (struct tree_node){ .image = image, .exec = exec, .tgid = tgid, .parent = parent };
	if (!t->n++)
		return 0;
	n = &t->nodes[parent];
	if (n->last)
		t->nodes[n->last].next = t->n - 1;
	else
		n->child = t->n - 1;
	n->last = t->n - 1;
	return t->n - 1;
}

/* That child of @parent, made if there is none. */
static size_t node_at(struct tree *t, size_t parent, __u64 image, __u64 exec, __u32 tgid)
{
	size_t i;

	for (i = t->nodes[parent].child; i; i = t->nodes[i].next)
		if (t->nodes[i].image == image && t->nodes[i].exec == exec &&
		    t->nodes[i].tgid == tgid)
			return i;
	return node_new(t, parent, image, exec, tgid);
}

static void flow_add(struct tree *t, const struct report *r, size_t number)
{
	const struct flow *f = &r->flows[number];
	__u64 images[IDENT_LINE];
	size_t at = 0, n = flow_ancestors(f, images);
	struct tree_node *node;

	while (n--)
		at = node_at(t, at, images[n], 0, 0);
	at = node_at(t, at, f->image, f->key.exec, f->key.tgid);
	node = &t->nodes[at];
	if (node->last_flow)
		t->next_flow[node->last_flow - 1] = number + 1;
	else
		node->flow = number + 1;
	node->last_flow = number + 1;
	if (!(f->key.verdict & VERDICT_BLOCK))
		return;
	for (; !t->nodes[at].blocked; at = t->nodes[at].parent)
		t->nodes[at].blocked = true;
}

void tree_make(struct tree *t, const struct report *r)
{
	size_t i;

	*t = (struct tree){ .next_flow = xcalloc(r->nflows, sizeof(*t->next_flow)) };
	node_new(t, 0, 0, 0, 0);
	for (i = 0; i < r->nflows; i++)
		flow_add(t, r, i);
}

void tree_free(struct tree *t)
{
	free(t->nodes);
	free(t->next_flow);
}

/* ---- On a terminal ---- */

struct drawing {
	FILE *out;
	const struct report *r;
	const struct tree *t;
	const struct style *s;
	char lead[8 * (IDENT_LINE + 2)];	/* the lines from further up */
	size_t len;
};

static void branch(const struct drawing *d, bool last)
{
	fprintf(d->out, "%s%s", d->lead, last ? "└── " : "├── ");
}

static size_t lead_push(struct drawing *d, bool last)
{
	size_t before = d->len;

	d->len += sprintf(d->lead + d->len, "%s", last ? "    " : "│   ");
	return before;
}

static void lead_pop(struct drawing *d, size_t before)
{
	d->len = before;
	d->lead[before] = '\0';
}

static void draw_flow(const struct drawing *d, const struct flow *f, bool last)
{
	bool blocked = f->key.verdict & VERDICT_BLOCK;
	const char *red = blocked && d->s->colour ? BOLD RED : "";
	struct cells c;

	cells_make(&c, d->r, f);
	branch(d, last);
	fprintf(d->out, "%s%s %s %s", red, blocked ? "✗" : "→", c.proto, c.target);
	if (f->count > 1)
		fprintf(d->out, " (x%llu)", f->count);
	if (blocked)
		fprintf(d->out, "  %s: %s", c.verdict, c.rule);
	fprintf(d->out, "%s\n", *red ? PLAIN : "");
	cells_free(&c);
}

static void draw_name(const struct drawing *d, const struct tree_node *n)
{
	const char *red = n->blocked && d->s->colour ? RED : "";

	fputs(red, d->out);
	if (n->tgid)
		fprintf(d->out, "[%u] ", n->tgid);
	print_name(d->out, d->r, n->image);
	fprintf(d->out, "%s\n", *red ? PLAIN : "");
}

/* As deep as a line is long: IDENT_LINE programs and the process. */
static void draw_below(struct drawing *d, const struct tree_node *n)
{
	size_t i, before;

	for (i = n->flow; i; i = d->t->next_flow[i - 1])
		draw_flow(d, &d->r->flows[i - 1], !d->t->next_flow[i - 1] && !n->child);
	for (i = n->child; i; i = d->t->nodes[i].next) {
		bool last = !d->t->nodes[i].next;

		branch(d, last);
		draw_name(d, &d->t->nodes[i]);
		before = lead_push(d, last);
		draw_below(d, &d->t->nodes[i]);
		lead_pop(d, before);
	}
}

void report_tree(FILE *out, const struct report *r, const struct style *s)
{
	struct tree t;
	struct drawing d = { .out = out, .r = r, .t = &t, .s = s };
	size_t i;

	tree_make(&t, r);
	fputs("Process Tree\n", out);
	for (i = t.nodes[0].child; i; i = t.nodes[i].next) {
		fputc('\n', out);
		draw_name(&d, &t.nodes[i]);
		draw_below(&d, &t.nodes[i]);
	}
	tree_free(&t);
}
