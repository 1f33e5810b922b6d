// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "../util.h"

#define NODES_MAX	5000	/* instructions of a pattern, repetitions written out */
#define NESTING_MAX	100

struct reader {
	struct arena *a;
	const char *p, *end;
	const char *why;
	int depth;
};

static struct node *parse_alternatives(struct reader *r);

static struct node *node_new(struct arena *a, enum node_kind kind)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->kind = kind;
	return n;
}

static void node_add(struct arena *a, struct node *n, struct node *sub)
{
	n->v = arena_grow(a, n->v, n->n, sizeof(*n->v));
	n->v[n->n++] = sub;
}

static void chars_add(struct node *n, int from, int to)
{
	for (; from <= to; from++)
		n->chars[from / 64] |= 1ull << (from % 64);
}

static bool chars_has(const struct node *n, unsigned char c)
{
	return n->chars[c / 64] >> (c % 64) & 1;
}

static void chars_invert(struct node *n)
{
	int i;

	for (i = 0; i < 4; i++)
		n->chars[i] = ~n->chars[i];
}

static struct node *one_char(struct arena *a, unsigned char c)
{
	struct node *n = node_new(a, N_CHARS);

	chars_add(n, c, c);
	return n;
}

static struct node *any_char(struct arena *a, const char *but)
{
	struct node *n = node_new(a, N_CHARS);

	for (; *but; but++)
		chars_add(n, (unsigned char)*but, (unsigned char)*but);
	chars_invert(n);
	return n;
}

static struct node *repeat_node(struct arena *a, struct node *sub, int min, int max)
{
	struct node *n = node_new(a, N_REPEAT);

	n->min = min;
	n->max = max;
	node_add(a, n, sub);
	return n;
}

static struct node *fail(struct reader *r, const char *why)
{
	if (!r->why)
		r->why = why;
	return node_new(r->a, N_CAT);
}

static bool more(const struct reader *r)
{
	return r->p < r->end && !r->why;
}

/* ---- Regular expressions ---- */

/* \d and the like into a class; returns false where it is none of them. */
static bool class_escape(struct node *n, char c)
{
	struct node set = { 0 };
	int i;

	switch (c | 32) {
	case 'd':
		chars_add(&set, '0', '9');
		break;
	case 'w':
		chars_add(&set, '0', '9');
		chars_add(&set, 'A', 'Z');
		chars_add(&set, 'a', 'z');
		chars_add(&set, '_', '_');
		break;
	case 's':
		chars_add(&set, '\t', '\n');
		chars_add(&set, '\f', '\r');
		chars_add(&set, ' ', ' ');
		break;
	default:
		return false;
	}
	if (!(c & 32))
		chars_invert(&set);
	for (i = 0; i < 4; i++)
		n->chars[i] |= set.chars[i];
	return true;
}

/* The character that an escape stands for, or -1. */
static int char_escape(char c)
{
	static const char from[] = "nrtfv", to[] = "\n\r\t\f\v";
	const char *p = strchr(from, c);

	if (p && c)
		return to[p - from];
	if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (unsigned char)c >= 0x80)
		return -1;
	return (unsigned char)c;
}

static struct node *parse_escape(struct reader *r)
{
	struct node *n = node_new(r->a, N_CHARS);
	int c;

	if (!more(r))
		return fail(r, "ends in \\");
	if (class_escape(n, *r->p)) {
		r->p++;
		return n;
	}
	c = char_escape(*r->p++);
	return c < 0 ? fail(r, "has an escape that is not supported") : one_char(r->a, c);
}

static struct node *parse_class(struct reader *r)
{
	struct node *n = node_new(r->a, N_CHARS);
	bool invert = more(r) && *r->p == '^', first = true;

	r->p += invert;
	for (; more(r) && (*r->p != ']' || first); first = false) {
		int c = (unsigned char)*r->p++, to;

		if (c == '[' && more(r) && *r->p == ':')
			return fail(r, "has a named class, which is not supported");
		if (c == '\\' && more(r)) {
			if (class_escape(n, *r->p)) {
				r->p++;
				continue;
			}
			c = char_escape(*r->p++);
		}
		to = c;
		if (r->end - r->p > 1 && *r->p == '-' && r->p[1] != ']') {
			to = (unsigned char)r->p[1];
			r->p += 2;
			if (to == '\\' && more(r))
				to = char_escape(*r->p++);
		}
		if (c < 0 || to < c || to >= 0x80)
			return fail(r, "has a class that is not supported");
		chars_add(n, c, to);
	}
	if (!more(r))
		return fail(r, "has a [ without ]");
	r->p++;
	if (invert)
		chars_invert(n);
	return n;
}

static struct node *parse_group(struct reader *r)
{
	struct node *n;

	if (more(r) && *r->p == '?') {
		if (r->end - r->p < 2 || r->p[1] != ':')
			return fail(r, "has a flag or a named group, which are not supported");
		r->p += 2;
	}
	if (++r->depth > NESTING_MAX)
		return fail(r, "is nested too deeply");
	n = parse_alternatives(r);
	r->depth--;
	if (!more(r))
		return fail(r, "has a ( without )");
	r->p++;
	return n;
}

static struct node *parse_atom(struct reader *r)
{
	char c = *r->p++;

	switch (c) {
	case '^':
		return node_new(r->a, N_BEGIN);
	case '$':
		return node_new(r->a, N_END);
	case '.':
		return any_char(r->a, "\n");
	case '(':
		return parse_group(r);
	case '[':
		return parse_class(r);
	case '\\':
		return parse_escape(r);
	case '*':
	case '+':
	case '?':
		return fail(r, "repeats nothing");
	default:
		return one_char(r->a, c);
	}
}

static int parse_count(struct reader *r)
{
	int n = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9' && n < 10000)
		n = n * 10 + *r->p++ - '0';
	return n;
}

static struct node *parse_counts(struct reader *r, struct node *n)
{
	int min, max;

	if (r->end - r->p < 2 || r->p[1] < '0' || r->p[1] > '9')
		return n;	/* a { for itself */
	r->p++;
	min = max = parse_count(r);
	if (r->p < r->end && *r->p == ',') {
		r->p++;
		max = r->p < r->end && *r->p != '}' ? parse_count(r) : -1;
	}
	if (r->p == r->end || *r->p != '}' || min > 1000 || max > 1000 || (max >= 0 && max < min))
		return fail(r, "has a count that is not right");
	r->p++;
	return repeat_node(r->a, n, min, max);
}

static struct node *parse_repeats(struct reader *r, struct node *n)
{
	const char *before = NULL;

	while (more(r) && r->p != before) {
		before = r->p;
		if (*r->p == '{') {
			n = parse_counts(r, n);
		} else if (strchr("*+?", *r->p) && *r->p) {
			n = repeat_node(r->a, n, *r->p == '+', *r->p == '?' ? 1 : -1);
			r->p++;
		}
		/* A lazy repetition matches the same texts. */
		if (r->p != before && more(r) && *r->p == '?')
			r->p++;
	}
	return n;
}

static struct node *parse_alternatives(struct reader *r)
{
	struct node *alt = node_new(r->a, N_ALT), *cat = node_new(r->a, N_CAT);

	while (more(r) && *r->p != ')') {
		if (*r->p == '|') {
			r->p++;
			node_add(r->a, alt, cat);
			cat = node_new(r->a, N_CAT);
		} else if (*r->p == '{') {
			r->p++;
			node_add(r->a, cat, one_char(r->a, '{'));
		} else {
			node_add(r->a, cat, parse_repeats(r, parse_atom(r)));
		}
	}
	node_add(r->a, alt, cat);
	return alt->n == 1 ? cat : alt;
}

struct node *pattern_regex(struct arena *a, const char *text, size_t len, const char **why)
{
	struct reader r = { .a = a, .p = text, .end = text + len };
	struct node *n = parse_alternatives(&r);

	if (more(&r))
		fail(&r, "has a ) without (");
	*why = r.why;
	return r.why ? NULL : n;
}

/* ---- Globs ---- */

static struct node *glob_cat(struct reader *r, const char *delimiters);

static struct node *glob_braces(struct reader *r, const char *delimiters)
{
	struct node *alt = node_new(r->a, N_ALT);

	if (++r->depth > NESTING_MAX)
		return fail(r, "is nested too deeply");
	do {
		node_add(r->a, alt, glob_cat(r, delimiters));
	} while (more(r) && *r->p == ',' && r->p++);
	r->depth--;
	if (!more(r))
		return fail(r, "has a { without }");
	r->p++;
	return alt;
}

static struct node *glob_class(struct reader *r)
{
	if (r->p < r->end && *r->p == '!') {
		struct node *n;

		r->p++;
		n = parse_class(r);
		chars_invert(n);
		return n;
	}
	return parse_class(r);
}

static struct node *glob_cat(struct reader *r, const char *delimiters)
{
	struct node *cat = node_new(r->a, N_CAT);

	while (more(r) && !(r->depth && (*r->p == ',' || *r->p == '}'))) {
		struct node *n;
		char c = *r->p++;

		if (c == '*' && more(r) && *r->p == '*') {
			r->p++;
			n = repeat_node(r->a, any_char(r->a, ""), 0, -1);
		} else if (c == '*') {
			n = repeat_node(r->a, any_char(r->a, delimiters), 0, -1);
		} else if (c == '?') {
			n = any_char(r->a, delimiters);
		} else if (c == '[') {
			n = glob_class(r);
		} else if (c == '{') {
			n = glob_braces(r, delimiters);
		} else {
			if (c == '\\' && more(r))
				c = *r->p++;
			n = one_char(r->a, c);
		}
		node_add(r->a, cat, n);
	}
	return cat;
}

struct node *pattern_glob(struct arena *a, const char *text, size_t len, const char *delimiters,
			  const char **why)
{
	struct reader r = { .a = a, .p = text, .end = text + len };
	struct node *n = node_new(a, N_CAT);

	node_add(a, n, node_new(a, N_BEGIN));
	node_add(a, n, glob_cat(&r, delimiters));
	node_add(a, n, node_new(a, N_END));
	*why = r.why;
	return r.why ? NULL : n;
}

/* ---- Matching: all ways at once (Thompson 1968) ---- */

enum op { OP_CHARS, OP_SPLIT, OP_BEGIN, OP_END, OP_MATCH };

struct inst {
	enum op op;
	const struct node *chars;
	int x, y;
};

struct program {
	struct inst v[NODES_MAX];
	int n;
	bool full;
};

static int emit(struct program *p, enum op op)
{
	if (p->n == NODES_MAX) {
		p->full = true;
		return 0;
	}
	p->v[p->n] = (struct inst){ .op = op, .x = p->n + 1, .y = -1 };
	return p->n++;
}

static void translate(struct program *p, const struct node *n)
{
	int split = 0, i, last;
	size_t j;

	if (p->full)
		return;
	switch (n->kind) {
	case N_CHARS:
		p->v[emit(p, OP_CHARS)].chars = n;
		return;
	case N_BEGIN:
	case N_END:
		emit(p, n->kind == N_BEGIN ? OP_BEGIN : OP_END);
		return;
	case N_CAT:
		for (j = 0; j < n->n; j++)
			translate(p, n->v[j]);
		return;
	case N_ALT:
		last = -1;
		for (j = 0; j < n->n; j++) {
			split = emit(p, OP_SPLIT);
			translate(p, n->v[j]);
			i = emit(p, OP_SPLIT);	/* to the end, by way of those before */
			p->v[i].x = last < 0 ? i : last;
			last = i;
			p->v[split].y = p->n;
		}
		p->v[split].y = -1;
		/* The chain of ends leads to what follows. */
		while (last >= 0) {
			i = p->v[last].x;
			p->v[last].x = p->n;
			last = i == last ? -1 : i;
		}
		return;
	case N_REPEAT:
		for (i = 0; i < n->min && !p->full; i++)
			translate(p, n->v[0]);
		if (n->max < 0) {
			split = emit(p, OP_SPLIT);
			translate(p, n->v[0]);
			p->v[emit(p, OP_SPLIT)].x = split;
			p->v[split].y = p->n;
			return;
		}
		for (; i < n->max && !p->full; i++) {
			split = emit(p, OP_SPLIT);
			translate(p, n->v[0]);
			p->v[split].y = p->n;
		}
	}
}

struct threads {
	int v[NODES_MAX], n;
	bool on[NODES_MAX];
};

/* Follows what takes no character, with a stack of its own. */
static void thread_add(const struct program *p, struct threads *t, int *stack, int pc, bool begin,
		       bool end)
{
	int top = 0;

	stack[top++] = pc;
	while (top) {
		const struct inst *in;

		pc = stack[--top];
		if (pc < 0 || t->on[pc])
			continue;
		t->on[pc] = true;
		in = &p->v[pc];
		if (in->op == OP_SPLIT) {
			stack[top++] = in->x;
			stack[top++] = in->y;
		} else if (in->op == OP_BEGIN || in->op == OP_END) {
			if (in->op == OP_BEGIN ? begin : end)
				stack[top++] = in->x;
		} else {
			t->v[t->n++] = pc;
		}
	}
}

/* What a match needs, some 250 KB. */
struct match {
	struct program program;
	struct threads a, b;
	int stack[3 * NODES_MAX];
};

static bool match_run(struct match *m, const char *text, size_t len)
{
	const struct program *p = &m->program;
	struct threads *now = &m->a, *next = &m->b, *other;
	size_t at;
	int i;

	for (at = 0; at <= len; at++) {
		thread_add(p, now, m->stack, 0, !at, at == len);
		memset(next->on, 0, p->n * sizeof(*next->on));
		next->n = 0;
		for (i = 0; i < now->n; i++) {
			const struct inst *in = &p->v[now->v[i]];

			if (in->op == OP_MATCH)
				return true;
			if (at < len && chars_has(in->chars, text[at]))
				thread_add(p, next, m->stack, in->x, false, at + 1 == len);
		}
		other = now;
		now = next;
		next = other;
	}
	return false;
}

bool pattern_match(struct arena *a, const struct node *n, const char *text, size_t len)
{
	struct match *m = xmalloc(sizeof(*m));
	bool full, found;

	m->program.n = m->a.n = m->b.n = 0;
	m->program.full = false;
	translate(&m->program, n);
	emit(&m->program, OP_MATCH);
	memset(m->a.on, 0, sizeof(m->a.on));
	full = m->program.full;
	found = !full && match_run(m, text, len);
	free(m);
	if (full)
		arena_fail(a, a->at, "a pattern with more than %d parts", NODES_MAX);
	return found;
}
