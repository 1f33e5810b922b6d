// SPDX-License-Identifier: Apache-2.0
/*
 * The grammar of Rego (the reference's "Grammar"), of v1 and of v0, which has
 * neither "if" nor "contains" before a body.
 */
#include <string.h>

#include "lex.h"
#include "parse.h"

#define NESTING_MAX	500

struct parser {
	struct lexer l;
	struct arena *a;
	struct module *m;
	int depth;
};

static struct term *parse_in(struct parser *p, bool bar);
static struct term *parse_infix(struct parser *p);
static struct body *parse_query(struct parser *p, char close);

/* ---- Helpers ---- */

__attribute__((noreturn))
static void expected(struct parser *p, const char *what)
{
	const struct token *t = &p->l.tok;

	if (t->kind == TOK_END)
		arena_fail(p->a, t->at, "the file ends where %s should be", what);
	arena_fail(p->a, t->at, "expected %s, found \"%.*s\"", what,
		   (int)(t->len > 40 ? 40 : t->len), t->text);
}

static bool accept(struct parser *p, char c)
{
	if (!lex_is(&p->l, c))
		return false;
	lex_next(&p->l);
	return true;
}

static void expect(struct parser *p, char c)
{
	char what[] = { '"', c, '"', '\0' };

	if (!accept(p, c))
		expected(p, what);
}

static bool accept_name(struct parser *p, const char *name)
{
	if (!lex_is_name(&p->l, name))
		return false;
	lex_next(&p->l);
	return true;
}

static bool is_keyword(const char *name)
{
	static const char *const keywords[] = {
		"as", "default", "else", "every", "false", "if", "import", "in", "not", "null",
		"package", "some", "true", "with",
	};
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (!strcmp(name, keywords[i]))
			return true;
	return false;
}

static const char *expect_name(struct parser *p, const char *what)
{
	const char *name = p->l.tok.text;

	if (p->l.tok.kind != TOK_NAME || is_keyword(name))
		expected(p, what);
	lex_next(&p->l);
	return name;
}

static void enter(struct parser *p)
{
	if (++p->depth > NESTING_MAX)
		arena_fail(p->a, p->l.tok.at, "nested more than %d deep", NESTING_MAX);
}

static struct term *term_new(struct parser *p, enum term_kind kind, struct place at)
{
	struct term *t = arena_alloc(p->a, sizeof(*t));

	t->kind = kind;
	t->at = at;
	return t;
}

static void term_add(struct parser *p, struct term *t, struct term *arg)
{
	t->args = arena_grow(p->a, t->args, t->nargs, sizeof(*t->args));
	t->args[t->nargs++] = arg;
}

static struct term *term_const(struct parser *p, struct value *v, struct place at)
{
	struct term *t = term_new(p, T_CONST, at);

	t->value = v;
	return t;
}

static struct term *term_string(struct parser *p, const char *s, struct place at)
{
	return term_const(p, value_string(p->a, s, strlen(s)), at);
}

static struct term *term_call(struct parser *p, const char *name, struct term *a, struct term *b,
			      struct place at)
{
	struct term *t = term_new(p, T_CALL, at);

	t->name = name;
	term_add(p, t, a);
	term_add(p, t, b);
	return t;
}

/* ---- Terms ---- */

static struct term *parse_comprehension(struct parser *p, enum term_kind kind, struct term *key,
					struct term *value, char close, struct place at)
{
	struct term *t = term_new(p, kind, at);

	lex_next(&p->l);	/* | */
	term_add(p, t, key);
	if (value)
		term_add(p, t, value);
	t->body = parse_query(p, close);
	return t;
}

static struct term *parse_array(struct parser *p)
{
	struct place at = p->l.tok.at;
	struct term *t = term_new(p, T_ARRAY, at), *item;

	lex_next(&p->l);
	while (!accept(p, ']')) {
		item = parse_infix(p);
		if (!t->nargs && lex_is(&p->l, '|'))
			return parse_comprehension(p, T_ARRAY_COMP, item, NULL, ']', at);
		term_add(p, t, item);
		if (!lex_is(&p->l, ']'))
			expect(p, ',');
	}
	return t;
}

static struct term *parse_object(struct parser *p, struct term *key, struct place at)
{
	struct term *t = term_new(p, T_OBJECT, at), *value;

	for (;;) {
		expect(p, ':');
		value = parse_infix(p);
		if (!t->nargs && lex_is(&p->l, '|'))
			return parse_comprehension(p, T_OBJECT_COMP, key, value, '}', at);
		term_add(p, t, key);
		term_add(p, t, value);
		if (!lex_is(&p->l, '}'))
			expect(p, ',');
		if (accept(p, '}'))
			return t;
		key = parse_infix(p);
	}
}

static struct term *parse_braces(struct parser *p)
{
	struct place at = p->l.tok.at;
	struct term *t, *item;

	lex_next(&p->l);
	if (accept(p, '}'))
		return term_new(p, T_OBJECT, at);
	item = parse_infix(p);
	if (lex_is(&p->l, ':'))
		return parse_object(p, item, at);
	if (lex_is(&p->l, '|'))
		return parse_comprehension(p, T_SET_COMP, item, NULL, '}', at);
	t = term_new(p, T_SET, at);
	for (;;) {
		term_add(p, t, item);
		if (!lex_is(&p->l, '}'))
			expect(p, ',');
		if (accept(p, '}'))
			return t;
		item = parse_infix(p);
	}
}

static void parse_args(struct parser *p, struct term *call)
{
	expect(p, '(');
	while (!accept(p, ')')) {
		term_add(p, call, parse_in(p, true));
		if (!lex_is(&p->l, ')'))
			expect(p, ',');
	}
}

/* The name of a function, from a reference made of names. */
static const char *dotted(struct parser *p, const struct term *t)
{
	const char *text = t->name;
	size_t i, len = strlen(text);

	for (i = 1; t->kind == T_REF && i < t->nargs; i++) {
		const struct value *v = t->args[i]->value;
		char *longer;

		if (t->args[i]->kind != T_CONST || v->type != V_STRING)
			arena_fail(p->a, t->at, "is not the name of a function");
		longer = arena_alloc(p->a, len + v->len + 2);
		memcpy(longer, text, len);
		longer[len] = '.';
		memcpy(longer + len + 1, v->text, v->len);
		len += v->len + 1;
		text = longer;
	}
	return text;
}

static struct term *parse_call(struct parser *p, struct term *head)
{
	struct term *t = term_new(p, T_CALL, head->at);

	if (!head->name || head->kind == T_CALL)
		arena_fail(p->a, head->at, "only a function can be called");
	t->name = dotted(p, head);
	parse_args(p, t);
	if (strcmp(t->name, "set") || t->nargs)
		return t;
	return term_const(p, value_list(p->a, V_SET), head->at);
}

/* What may follow a term without a space: .name [index] (arguments) */
static struct term *parse_steps(struct parser *p, struct term *head)
{
	struct term *ref = NULL;

	while (!p->l.tok.space && (lex_is(&p->l, '.') || lex_is(&p->l, '[') || lex_is(&p->l, '('))) {
		struct place at = p->l.tok.at;

		if (lex_is(&p->l, '(')) {
			head = parse_call(p, ref ? ref : head);
			ref = NULL;
			continue;
		}
		if (!ref) {
			ref = term_new(p, T_REF, head->at);
			ref->name = head->kind == T_VAR ? head->name : NULL;
			term_add(p, ref, head);
		}
		if (accept(p, '.')) {
			if (p->l.tok.kind != TOK_NAME)
				expected(p, "a name");
			term_add(p, ref, term_string(p, p->l.tok.text, p->l.tok.at));
			lex_next(&p->l);
		} else {
			lex_next(&p->l);
			if (lex_is(&p->l, ']'))
				arena_fail(p->a, at, "an index is missing");
			term_add(p, ref, parse_in(p, true));
			expect(p, ']');
		}
	}
	return ref ? ref : head;
}

static struct term *parse_name(struct parser *p)
{
	struct place at = p->l.tok.at;
	struct term *t;

	if (accept_name(p, "true"))
		return term_const(p, &value_true, at);
	if (accept_name(p, "false"))
		return term_const(p, &value_false, at);
	if (accept_name(p, "null"))
		return term_const(p, &value_null, at);
	t = term_new(p, T_VAR, at);
	t->name = expect_name(p, "a value");
	return t;
}

static struct term *parse_number(struct parser *p, bool minus)
{
	struct place at = p->l.tok.at;
	struct value *v = p->l.tok.value;

	if (p->l.tok.kind != TOK_NUMBER)
		expected(p, "a number");
	lex_next(&p->l);
	return term_const(p, minus ? value_number(p->a, -v->number) : v, at);
}

static struct term *parse_primary(struct parser *p)
{
	struct place at = p->l.tok.at;
	struct value *v = p->l.tok.value;
	struct term *t;

	switch (p->l.tok.kind) {
	case TOK_STRING:
		lex_next(&p->l);
		return term_const(p, v, at);
	case TOK_NUMBER:
		return parse_number(p, false);
	case TOK_NAME:
		return parse_name(p);
	default:
		break;
	}
	if (accept(p, '-'))
		return parse_number(p, true);
	if (lex_is(&p->l, '['))
		return parse_array(p);
	if (lex_is(&p->l, '{'))
		return parse_braces(p);
	if (!accept(p, '('))
		expected(p, "a value");
	t = parse_in(p, true);
	expect(p, ')');
	return t;
}

static struct term *parse_term(struct parser *p)
{
	struct term *t;

	enter(p);
	t = parse_steps(p, parse_primary(p));
	p->depth--;
	return t;
}

/* ---- Operators, from the strongest to the weakest ---- */

static struct term *parse_factor(struct parser *p)
{
	struct term *t = parse_term(p);

	while (lex_is(&p->l, '*') || lex_is(&p->l, '/') || lex_is(&p->l, '%')) {
		const char *op = lex_is(&p->l, '*') ? "mul" : lex_is(&p->l, '/') ? "div" : "rem";
		struct place at = t->at;

		lex_next(&p->l);
		t = term_call(p, op, t, parse_term(p), at);
	}
	return t;
}

static struct term *parse_sum(struct parser *p)
{
	struct term *t = parse_factor(p);

	while (lex_is(&p->l, '+') || lex_is(&p->l, '-')) {
		const char *op = lex_is(&p->l, '+') ? "plus" : "minus";
		struct place at = t->at;

		lex_next(&p->l);
		t = term_call(p, op, t, parse_factor(p), at);
	}
	return t;
}

static struct term *parse_and(struct parser *p)
{
	struct term *t = parse_sum(p);
	struct place at = t->at;

	while (accept(p, '&'))
		t = term_call(p, "and", t, parse_sum(p), at);
	return t;
}

/*
 * [x | ...] and {x | ...} are comprehensions; a union of sets in that place needs
 * parentheses.
 */
static struct term *parse_or(struct parser *p, bool bar)
{
	struct term *t = parse_and(p);
	struct place at = t->at;

	while (bar && accept(p, '|'))
		t = term_call(p, "or", t, parse_and(p), at);
	return t;
}

static const char *comparison(const struct token *t)
{
	switch (t->kind) {
	case TOK_EQ:
		return "equal";
	case TOK_NE:
		return "neq";
	case TOK_LE:
		return "lte";
	case TOK_GE:
		return "gte";
	case TOK_CHAR:
		return t->c == '<' ? "lt" : t->c == '>' ? "gt" : NULL;
	default:
		return NULL;
	}
}

static struct term *parse_relation(struct parser *p, bool bar)
{
	struct term *t = parse_or(p, bar);
	const char *op = comparison(&p->l.tok);
	struct place at = t->at;

	while (op) {
		lex_next(&p->l);
		t = term_call(p, op, t, parse_or(p, bar), at);
		op = comparison(&p->l.tok);
	}
	return t;
}

static struct term *parse_in(struct parser *p, bool bar)
{
	struct term *t;

	enter(p);
	t = parse_relation(p, bar);
	while (lex_is_name(&p->l, "in")) {
		struct place at = t->at;

		lex_next(&p->l);
		t = term_call(p, "in", t, parse_relation(p, bar), at);
	}
	p->depth--;
	return t;
}

/* Within brackets and arguments. */
static struct term *parse_infix(struct parser *p)
{
	return parse_in(p, false);
}

/* ---- Statements ---- */

static struct expr *expr_new(struct parser *p, enum expr_kind kind)
{
	struct expr *e = arena_alloc(p->a, sizeof(*e));

	e->kind = kind;
	e->at = p->l.tok.at;
	return e;
}

static void body_add(struct parser *p, struct body *b, struct expr *e)
{
	b->v = arena_grow(p->a, b->v, b->n, sizeof(*b->v));
	b->v[b->n++] = e;
}

static struct expr *parse_some(struct parser *p)
{
	struct expr *e = expr_new(p, E_SOME);
	size_t i;

	lex_next(&p->l);
	do {
		e->vars = arena_grow(p->a, e->vars, e->nvars, sizeof(*e->vars));
		e->vars[e->nvars++] = parse_term(p);
	} while (accept(p, ','));
	if (accept_name(p, "in")) {
		if (e->nvars > 2)
			arena_fail(p->a, e->at, "\"some ... in\" takes one name or two");
		e->kind = E_SOME_IN;
		e->a = e->nvars == 2 ? e->vars[0] : NULL;
		e->b = e->vars[e->nvars - 1];
		e->c = parse_in(p, true);
		return e;
	}
	for (i = 0; i < e->nvars; i++)
		if (e->vars[i]->kind != T_VAR)
			arena_fail(p->a, e->vars[i]->at, "\"some\" takes names of variables");
	return e;
}

static struct expr *parse_every(struct parser *p)
{
	struct expr *e = expr_new(p, E_EVERY);

	lex_next(&p->l);
	e->b = parse_term(p);
	if (accept(p, ',')) {
		e->a = e->b;
		e->b = parse_term(p);
	}
	if (e->b->kind != T_VAR || (e->a && e->a->kind != T_VAR))
		arena_fail(p->a, e->at, "\"every\" takes names of variables");
	if (!accept_name(p, "in"))
		expected(p, "\"in\"");
	e->c = parse_in(p, true);
	expect(p, '{');
	e->body = parse_query(p, '}');
	return e;
}

static void parse_withs(struct parser *p, struct expr *e)
{
	while (accept_name(p, "with")) {
		struct with *w;

		e->with = arena_grow(p->a, e->with, e->nwith, sizeof(*e->with));
		w = &e->with[e->nwith++];
		w->target = parse_term(p);
		if (!accept_name(p, "as"))
			expected(p, "\"as\"");
		w->value = parse_in(p, true);
	}
}

static struct expr *parse_expr(struct parser *p)
{
	struct expr *e = expr_new(p, E_TERM);

	e->a = parse_in(p, true);
	if (p->l.tok.kind == TOK_ASSIGN)
		e->kind = E_ASSIGN;
	else if (lex_is(&p->l, '='))
		e->kind = E_UNIFY;
	else
		return e;
	lex_next(&p->l);
	e->b = parse_in(p, true);
	return e;
}

static struct expr *parse_statement(struct parser *p)
{
	struct expr *e, *inner;

	enter(p);
	if (lex_is_name(&p->l, "some")) {
		e = parse_some(p);
	} else if (lex_is_name(&p->l, "every")) {
		e = parse_every(p);
	} else if (lex_is_name(&p->l, "not")) {
		e = expr_new(p, E_NOT);
		lex_next(&p->l);
		e->body = arena_alloc(p->a, sizeof(*e->body));
		inner = parse_expr(p);
		if (inner->kind == E_ASSIGN)
			arena_fail(p->a, e->at, "\"not\" of an assignment");
		parse_withs(p, inner);
		body_add(p, e->body, inner);
	} else {
		e = parse_expr(p);
	}
	parse_withs(p, e);
	p->depth--;
	return e;
}

/* Statements up to @close, apart by ; or in lines of their own. */
static struct body *parse_query(struct parser *p, char close)
{
	struct body *b = arena_alloc(p->a, sizeof(*b));

	for (;;) {
		body_add(p, b, parse_statement(p));
		if (accept(p, close))
			return b;
		if (!accept(p, ';') && !p->l.tok.newline)
			expected(p, "an operator, or a new line");
		if (accept(p, close))
			return b;
	}
}

/* ---- Modules ---- */

static const char **parse_path(struct parser *p, size_t *n)
{
	const char **path = NULL;

	*n = 0;
	do {
		path = arena_grow(p->a, path, *n, sizeof(*path));
		if (p->l.tok.kind != TOK_NAME)
			expected(p, "a name");
		path[(*n)++] = p->l.tok.text;
		lex_next(&p->l);
		while (lex_is(&p->l, '[')) {
			lex_next(&p->l);
			path = arena_grow(p->a, path, *n, sizeof(*path));
			if (p->l.tok.kind != TOK_STRING)
				expected(p, "a string");
			path[(*n)++] = p->l.tok.value->text;
			lex_next(&p->l);
			expect(p, ']');
		}
	} while (accept(p, '.'));
	return path;
}

static void parse_import(struct parser *p)
{
	struct import i = { .at = p->l.tok.at };

	lex_next(&p->l);
	i.path = parse_path(p, &i.npath);
	i.alias = i.path[i.npath - 1];
	if (accept_name(p, "as"))
		i.alias = expect_name(p, "a name");
	if (!strcmp(i.path[0], "rego") && i.npath == 2 && !strcmp(i.path[1], "v1")) {
		p->m->v1 = true;
		return;
	}
	if (!strcmp(i.path[0], "future"))
		return;
	if (strcmp(i.path[0], "data") && strcmp(i.path[0], "input"))
		arena_fail(p->a, i.at, "only data, input, rego.v1 and future.keywords can be imported");
	p->m->imports = arena_grow(p->a, p->m->imports, p->m->nimports, sizeof(i));
	p->m->imports[p->m->nimports++] = i;
}

static void rule_add(struct parser *p, struct rule *r)
{
	p->m->rules = arena_grow(p->a, p->m->rules, p->m->nrules, sizeof(*p->m->rules));
	p->m->rules[p->m->nrules++] = r;
}

static bool accept_is(struct parser *p)
{
	if (p->l.tok.kind != TOK_ASSIGN && !lex_is(&p->l, '='))
		return false;
	lex_next(&p->l);
	return true;
}

/* A body in braces, or behind "if" a single statement. */
static struct body *parse_body(struct parser *p)
{
	bool has_if = accept_name(p, "if");
	struct body *b;

	if (!has_if && !lex_is(&p->l, '{'))
		return NULL;
	if (!has_if && p->m->v1)
		arena_fail(p->a, p->l.tok.at, "\"if\" must stand before a rule's body (import rego.v1)");
	if (accept(p, '{'))
		return parse_query(p, '}');
	b = arena_alloc(p->a, sizeof(*b));
	body_add(p, b, parse_statement(p));
	return b;
}

static void parse_head(struct parser *p, struct rule *r)
{
	struct term call = { 0 };

	if (!p->l.tok.space && lex_is(&p->l, '(')) {
		r->shape = R_FUNCTION;
		parse_args(p, &call);
		r->args = call.args;
		r->nargs = call.nargs;
	} else if (!p->l.tok.space && lex_is(&p->l, '[')) {
		lex_next(&p->l);
		r->key = parse_infix(p);
		expect(p, ']');
		r->shape = R_SET;
	} else if (!p->l.tok.space && lex_is(&p->l, '.')) {
		arena_fail(p->a, p->l.tok.at, "a rule's name must have no dots here; put it into a package");
	} else if (lex_is_name(&p->l, "contains")) {
		lex_next(&p->l);
		r->key = parse_infix(p);
		r->shape = R_SET;
		return;
	}
	if (accept_is(p)) {
		r->value = parse_in(p, true);
		if (r->shape == R_SET)
			r->shape = R_OBJECT;
	} else if (r->shape == R_SET && p->m->v1) {
		if (!lex_is_name(&p->l, "if"))
			arena_fail(p->a, r->at, "\"contains\" must stand in a set's rule (import rego.v1)");
		r->shape = R_OBJECT;
	}
}

static void parse_else(struct parser *p, struct rule *first)
{
	struct rule *r = first;

	while (lex_is_name(&p->l, "else")) {
		struct rule *next = arena_copy(p->a, first, sizeof(*first));

		if (first->shape == R_SET || first->shape == R_OBJECT)
			arena_fail(p->a, p->l.tok.at, "\"else\" in a rule of several values");
		next->at = p->l.tok.at;
		next->value = NULL;
		next->otherwise = NULL;
		lex_next(&p->l);
		if (accept_is(p))
			next->value = parse_in(p, true);
		next->body = parse_body(p);
		r->otherwise = next;
		r = next;
	}
}

static void parse_default(struct parser *p)
{
	struct rule *r = arena_alloc(p->a, sizeof(*r));

	r->at = p->l.tok.at;
	lex_next(&p->l);
	r->is_default = true;
	r->name = expect_name(p, "a rule's name");
	if (!p->l.tok.space && lex_is(&p->l, '('))
		arena_fail(p->a, r->at, "\"default\" of a function is not supported yet");
	if (!accept_is(p))
		expected(p, "\":=\"");
	r->value = parse_in(p, true);
	rule_add(p, r);
}

static void parse_rule(struct parser *p)
{
	struct rule *r = arena_alloc(p->a, sizeof(*r));

	r->at = p->l.tok.at;
	r->name = expect_name(p, "a rule");
	parse_head(p, r);
	r->body = parse_body(p);
	if (!r->body && !r->value && r->shape != R_SET)
		expected(p, "a value or a body");
	parse_else(p, r);
	rule_add(p, r);
	/* v0: p { ... } { ... } */
	while (!p->m->v1 && r->body && !p->l.tok.newline && lex_is(&p->l, '{')) {
		struct rule *more = arena_copy(p->a, r, sizeof(*r));

		more->at = p->l.tok.at;
		more->otherwise = NULL;
		more->body = parse_body(p);
		rule_add(p, more);
	}
}

struct module *parse_module(struct arena *a, uint32_t file, const char *text, size_t len)
{
	struct parser p = { .a = a, .m = arena_alloc(a, sizeof(*p.m)) };

	p.m->file = file;
	lex_start(&p.l, a, file, text, len);
	if (!accept_name(&p, "package"))
		expected(&p, "\"package\"");
	p.m->path = parse_path(&p, &p.m->npath);
	while (lex_is_name(&p.l, "import"))
		parse_import(&p);
	while (p.l.tok.kind != TOK_END) {
		if (!p.l.tok.newline)
			expected(&p, "a new line");
		if (lex_is_name(&p.l, "default"))
			parse_default(&p);
		else
			parse_rule(&p);
	}
	return p.m;
}

static struct value *json_value(struct arena *a, const struct term *t)
{
	struct value *v;
	size_t i;

	switch (t->kind) {
	case T_CONST:
		return t->value;
	case T_ARRAY:
		v = value_list(a, V_ARRAY);
		for (i = 0; i < t->nargs; i++)
			value_push(a, v, json_value(a, t->args[i]));
		return v;
	case T_OBJECT:
		v = value_list(a, V_OBJECT);
		for (i = 0; i < t->nargs; i += 2) {
			struct value *key = json_value(a, t->args[i]);

			if (key->type != V_STRING)
				arena_fail(a, t->args[i]->at, "a key must be a string");
			value_pair(a, v, key, json_value(a, t->args[i + 1]));
		}
		if (value_sort(v))
			arena_fail(a, t->at, "a key stands there twice");
		return v;
	default:
		arena_fail(a, t->at, "is not JSON");
	}
}

struct value *parse_json(struct arena *a, uint32_t file, const char *text, size_t len)
{
	struct parser p = { .a = a, .m = arena_alloc(a, sizeof(*p.m)) };
	struct term *t;

	lex_start(&p.l, a, file, text, len);
	t = parse_infix(&p);
	if (p.l.tok.kind != TOK_END)
		expected(&p, "the end of the file");
	return json_value(a, t);
}
