// SPDX-License-Identifier: Apache-2.0
/*
 * From names to what they stand for; then each body is put into an order in
 * which every variable has a value before it is used (safety), and rules that
 * lead back to themselves are refused (recursion).
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define VARS_MAX	256	/* in a rule */
#define CALLS_MAX	200

struct name {
	const char *text;
	int var;
	bool declared;		/* by :=, some, or as an argument */
};

/* The names of a body; what is not found here may be in the body around it. */
struct scope {
	const struct scope *up;
	struct name *v;
	size_t n;
	const char **later;	/* names that are yet to be declared in it */
	size_t nlater;
};

struct resolver {
	struct rego *r;
	struct arena *a;
	struct module *m;
	struct rule *rule;
	struct rule_set *set;
	const char **names;	/* by variable */
	int nvars;
	int depth;
};

static void resolve_term(struct resolver *s, struct scope *sc, struct term *t);
static void resolve_body(struct resolver *s, struct scope *sc, struct body *b, struct term **heads,
			 size_t nheads);

static void enter(struct resolver *s, struct place at)
{
	if (++s->depth > DEPTH_MAX)
		arena_fail(s->a, at, "nested more than %d deep", DEPTH_MAX);
}

/* ---- Packages ---- */

struct package *package_find(const struct package *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->nsub; i++)
		if (!strcmp(p->sub[i]->name, name))
			return p->sub[i];
	return NULL;
}

struct rule_set *rules_find(const struct package *p, const char *name)
{
	size_t i;

	for (i = 0; i < p->nsets; i++)
		if (!strcmp(p->sets[i]->name, name))
			return p->sets[i];
	return NULL;
}

static bool is_word(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789")] == '\0';
}

static void package_write(FILE *f, const struct package *p)
{
	if (!p->up) {
		fputs("data", f);
		return;
	}
	package_write(f, p->up);
	fprintf(f, is_word(p->name) ? ".%s" : "[\"%s\"]", p->name);
}

char *package_text(struct rego *r, const struct package *p)
{
	char *text, *copy;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	package_write(f, p);
	fclose(f);
	copy = arena_text(&r->arena, text, len);
	free(text);
	return copy;
}

static struct package *package_make(struct arena *a, struct package *p, const char *name)
{
	struct package *sub = package_find(p, name);

	if (sub)
		return sub;
	sub = arena_alloc(a, sizeof(*sub));
	sub->name = name;
	sub->up = p;
	p->sub = arena_grow(a, p->sub, p->nsub, sizeof(*p->sub));
	p->sub[p->nsub++] = sub;
	return sub;
}

static void rule_file(struct resolver *s, struct rule *rule)
{
	struct package *p = s->m->package;
	struct rule_set *set = rules_find(p, rule->name);

	if (!strcmp(rule->name, "input") || !strcmp(rule->name, "data"))
		arena_fail(s->a, rule->at, "a rule must not be called %s", rule->name);
	if (!set) {
		set = arena_alloc(s->a, sizeof(*set));
		*set = (struct rule_set){ .name = rule->name, .package = p, .shape = rule->shape,
					  .nargs = rule->nargs };
		p->sets = arena_grow(s->a, p->sets, p->nsets, sizeof(*p->sets));
		p->sets[p->nsets++] = set;
	}
	if (rule->is_default && set->fallback)
		arena_fail(s->a, rule->at, "a second default for \"%s\"", rule->name);
	if (rule->is_default) {
		set->fallback = rule;
		return;
	}
	if (!set->n) {
		set->shape = rule->shape;
		set->nargs = rule->nargs;
	}
	if (set->shape != rule->shape)
		arena_fail(s->a, rule->at, "\"%s\" is a rule of another kind elsewhere", rule->name);
	if (set->nargs != rule->nargs)
		arena_fail(s->a, rule->at, "\"%s\" takes %zu arguments elsewhere", rule->name,
			   set->nargs);
	set->v = arena_grow(s->a, set->v, set->n, sizeof(*set->v));
	set->v[set->n++] = rule;
}

/* ---- Scopes ---- */

static const struct name *scope_find(const struct scope *sc, const char *name)
{
	size_t i;

	for (; sc; sc = sc->up)
		for (i = 0; i < sc->n; i++)
			if (!strcmp(sc->v[i].text, name))
				return &sc->v[i];
	return NULL;
}

static int var_new(struct resolver *s, const char *name)
{
	if (s->nvars == VARS_MAX)
		arena_fail(s->a, s->rule->at, "more than %d variables in a rule", VARS_MAX);
	s->names = arena_grow(s->a, s->names, s->nvars, sizeof(*s->names));
	s->names[s->nvars] = name;
	return s->nvars++;
}

static int scope_add(struct resolver *s, struct scope *sc, const char *name, bool declared)
{
	int var = var_new(s, name);

	if (!strcmp(name, "_"))
		return var;
	sc->v = arena_grow(s->a, sc->v, sc->n, sizeof(*sc->v));
	sc->v[sc->n++] = (struct name){ name, var, declared };
	return var;
}

static const struct import *import_find(const struct module *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->nimports; i++)
		if (!strcmp(m->imports[i].alias, name))
			return &m->imports[i];
	return NULL;
}

static bool is_global(const struct resolver *s, const char *name)
{
	return !strcmp(name, "input") || !strcmp(name, "data") || import_find(s->m, name) ||
	       rules_find(s->m->package, name);
}

static bool is_later(const struct scope *sc, const char *name)
{
	size_t i;

	for (i = 0; i < sc->nlater; i++)
		if (!strcmp(sc->later[i], name))
			return true;
	return false;
}

/* ---- Names of a body: those it declares, and those it merely uses ---- */

static void note_later(struct resolver *s, struct scope *sc, const struct term *t)
{
	size_t i;

	if (t->kind == T_VAR) {
		sc->later = arena_grow(s->a, sc->later, sc->nlater, sizeof(*sc->later));
		sc->later[sc->nlater++] = t->name;
	}
	if (t->kind == T_ARRAY)
		for (i = 0; i < t->nargs; i++)
			note_later(s, sc, t->args[i]);
	if (t->kind == T_OBJECT)
		for (i = 1; i < t->nargs; i += 2)
			note_later(s, sc, t->args[i]);
}

static void note_uses(struct resolver *s, struct scope *sc, const struct term *t)
{
	size_t i;

	enter(s, t->at);
	if (t->kind == T_VAR && strcmp(t->name, "_") && !scope_find(sc, t->name) &&
	    !is_global(s, t->name) && !is_later(sc, t->name))
		scope_add(s, sc, t->name, false);
	if (t->kind != T_ARRAY_COMP && t->kind != T_SET_COMP && t->kind != T_OBJECT_COMP)
		for (i = 0; i < t->nargs; i++)
			note_uses(s, sc, t->args[i]);
	s->depth--;
}

static void note_declarations(struct resolver *s, struct scope *sc, const struct body *b)
{
	size_t i, j;

	for (i = 0; i < b->n; i++) {
		const struct expr *e = b->v[i];

		if (e->kind == E_ASSIGN)
			note_later(s, sc, e->a);
		if (e->kind == E_SOME)
			for (j = 0; j < e->nvars; j++)
				note_later(s, sc, e->vars[j]);
		if (e->kind != E_SOME_IN)
			continue;
		if (e->a)
			note_later(s, sc, e->a);
		note_later(s, sc, e->b);
	}
}

static void note_body_uses(struct resolver *s, struct scope *sc, const struct body *b)
{
	size_t i, j;

	for (i = 0; i < b->n; i++) {
		const struct expr *e = b->v[i];

		if (e->kind == E_NOT)
			note_body_uses(s, sc, e->body);
		if (e->a && e->kind != E_EVERY && e->kind != E_SOME_IN)
			note_uses(s, sc, e->a);
		if (e->b && e->kind != E_EVERY && e->kind != E_SOME_IN)
			note_uses(s, sc, e->b);
		if (e->c)
			note_uses(s, sc, e->c);
		for (j = 0; j < e->nwith; j++)
			note_uses(s, sc, e->with[j].value);
	}
}

/* ---- Terms ---- */

static void calls_add(struct resolver *s, struct rule_set *callee)
{
	size_t i;

	for (i = 0; i < s->set->ncalls; i++)
		if (s->set->calls[i] == callee)
			return;
	s->set->calls = arena_grow(s->a, s->set->calls, s->set->ncalls, sizeof(callee));
	s->set->calls[s->set->ncalls++] = callee;
}

static void calls_add_all(struct resolver *s, const struct package *p)
{
	size_t i;

	for (i = 0; i < p->nsets; i++)
		calls_add(s, p->sets[i]);
	for (i = 0; i < p->nsub; i++)
		calls_add_all(s, p->sub[i]);
}

static void become_rule(struct resolver *s, struct term *t, struct rule_set *set)
{
	if (set->shape == R_FUNCTION)
		arena_fail(s->a, t->at, "\"%s\" is a function; call it", set->name);
	t->kind = T_RULE;
	t->rules = set;
	calls_add(s, set);
}

static const char *const_string(const struct term *t)
{
	return t->kind == T_CONST && t->value->type == V_STRING ? t->value->text : NULL;
}

/* A reference into data: down to a rule, as far as its steps are constant. */
static void resolve_data(struct resolver *s, struct term *t)
{
	struct package *p = &s->r->root;
	size_t i;

	for (i = 1; i < t->nargs && p; i++) {
		const char *key = const_string(t->args[i]);
		struct rule_set *set;

		if (!key)
			break;
		set = rules_find(p, key);
		if (set) {
			t->args += i;
			t->nargs -= i;
			become_rule(s, t->args[0], set);
			return;
		}
		p = package_find(p, key);
	}
	if (p)
		calls_add_all(s, p);
}

static struct term *string_term(struct resolver *s, const char *text, struct place at)
{
	struct term *t = arena_alloc(s->a, sizeof(*t));

	t->kind = T_CONST;
	t->at = at;
	t->value = value_string(s->a, text, strlen(text));
	return t;
}

/* Replaces the name of an import by the path it stands for. */
static void expand_import(struct resolver *s, struct term *t, const struct import *i)
{
	struct term **args = arena_alloc(s->a, (i->npath + t->nargs) * sizeof(*args));
	struct term *head = arena_alloc(s->a, sizeof(*head));
	size_t n;

	head->kind = T_VAR;
	head->at = t->at;
	head->name = i->path[0];
	args[0] = head;
	for (n = 1; n < i->npath; n++)
		args[n] = string_term(s, i->path[n], t->at);
	if (t->nargs)
		memcpy(args + n, t->args + 1, (t->nargs - 1) * sizeof(*args));
	t->nargs = n + (t->nargs ? t->nargs - 1 : 0);
	t->args = args;
	t->kind = T_REF;
}

static void resolve_global(struct resolver *s, struct term *t)
{
	if (!strcmp(t->name, "input"))
		t->kind = T_INPUT;
	else if (!strcmp(t->name, "data"))
		t->kind = T_DATA;
	else
		become_rule(s, t, rules_find(s->m->package, t->name));
}

static void resolve_var(struct resolver *s, struct scope *sc, struct term *t)
{
	const struct name *n = strcmp(t->name, "_") ? scope_find(sc, t->name) : NULL;

	if (!strcmp(t->name, "_")) {
		t->var = var_new(s, "_");
	} else if (n) {
		t->var = n->var;
	} else if (is_later(sc, t->name)) {
		arena_fail(s->a, t->at, "var %s referenced above its assignment", t->name);
	} else if (import_find(s->m, t->name)) {
		expand_import(s, t, import_find(s->m, t->name));
		resolve_term(s, sc, t);
	} else if (is_global(s, t->name)) {
		resolve_global(s, t);
	} else {
		arena_fail(s->a, t->at, "var %s is unsafe: nothing gives it a value", t->name);
	}
}

static void resolve_ref(struct resolver *s, struct scope *sc, struct term *t)
{
	const struct term *head = t->args[0];
	const struct import *imp = NULL;
	size_t i;

	if (head->kind == T_VAR && !scope_find(sc, head->name))
		imp = import_find(s->m, head->name);
	if (imp)
		expand_import(s, t, imp);
	for (i = 0; i < t->nargs; i++)
		resolve_term(s, sc, t->args[i]);
	if (t->args[0]->kind == T_DATA)
		resolve_data(s, t);
}

/* A function by its name: of this package, of data by its path, or of an import. */
static struct rule_set *function_find(struct resolver *s, const char *name)
{
	char *copy = arena_text(s->a, name, strlen(name)), *part = copy, *dot;
	const struct import *imp;
	struct package *p = s->m->package;
	size_t i;

	dot = strchr(copy, '.');
	if (dot || !rules_find(p, copy)) {
		part = strsep(&copy, ".");
		imp = import_find(s->m, part);
		p = &s->r->root;
		for (i = 1; imp && p && i + !copy < imp->npath; i++)
			p = package_find(p, imp->path[i]);
		if (!imp && strcmp(part, "data"))
			return NULL;
		if (imp && !copy)
			return p ? rules_find(p, imp->path[imp->npath - 1]) : NULL;
		while (p && copy && strchr(copy, '.'))
			p = package_find(p, strsep(&copy, "."));
		part = copy;
	}
	return p && part ? rules_find(p, part) : NULL;
}

static void resolve_call(struct resolver *s, struct scope *sc, struct term *t)
{
	size_t nargs, i;
	const char *near;

	for (i = 0; i < t->nargs; i++)
		resolve_term(s, sc, t->args[i]);
	t->rules = function_find(s, t->name);
	if (t->rules && t->rules->shape != R_FUNCTION)
		arena_fail(s->a, t->at, "\"%s\" is not a function", t->name);
	if (t->rules)
		calls_add(s, t->rules);
	else
		t->builtin = builtin_find(t->name);
	if (!t->rules && !t->builtin) {
		near = builtin_suggest(t->name);
		arena_fail(s->a, t->at, near ? "unknown function %s; did you mean %s?" :
			   "unknown function %s", t->name, near);
	}
	nargs = t->rules ? t->rules->nargs : (size_t)t->builtin->nargs;
	if (t->nargs != nargs)
		arena_fail(s->a, t->at, "%s takes %zu arguments, not %zu", t->name, nargs, t->nargs);
}

static void resolve_term(struct resolver *s, struct scope *sc, struct term *t)
{
	size_t i;

	enter(s, t->at);
	switch (t->kind) {
	case T_VAR:
		resolve_var(s, sc, t);
		break;
	case T_REF:
		resolve_ref(s, sc, t);
		break;
	case T_CALL:
		resolve_call(s, sc, t);
		break;
	case T_ARRAY_COMP:
	case T_SET_COMP:
	case T_OBJECT_COMP:
		resolve_body(s, &(struct scope){ .up = sc }, t->body, t->args, t->nargs);
		break;
	default:
		for (i = 0; i < t->nargs; i++)
			resolve_term(s, sc, t->args[i]);
	}
	s->depth--;
}

/* ---- Bodies ---- */

static void declare(struct resolver *s, struct scope *sc, struct term *t)
{
	size_t i;

	if (t->kind == T_VAR) {
		for (i = 0; i < sc->n && strcmp(t->name, "_"); i++)
			if (!strcmp(sc->v[i].text, t->name))
				arena_fail(s->a, t->at, "var %s %s above", t->name,
					   sc->v[i].declared ? "assigned" : "referenced");
		t->var = scope_add(s, sc, t->name, true);
	} else if (t->kind == T_ARRAY) {
		for (i = 0; i < t->nargs; i++)
			declare(s, sc, t->args[i]);
	} else if (t->kind == T_OBJECT) {
		for (i = 0; i < t->nargs; i += 2) {
			resolve_term(s, sc, t->args[i]);
			declare(s, sc, t->args[i + 1]);
		}
	} else if (t->kind != T_CONST) {
		arena_fail(s->a, t->at, "cannot be assigned to");
	}
}

static void resolve_every(struct resolver *s, struct scope *sc, struct expr *e)
{
	struct scope names = { .up = sc };
	int first = s->nvars;

	if (e->a)
		declare(s, &names, e->a);
	declare(s, &names, e->b);
	resolve_body(s, &(struct scope){ .up = &names }, e->body, NULL, 0);
	e->body->first = first;
}

static void resolve_expr(struct resolver *s, struct scope *sc, struct expr *e)
{
	size_t i;

	enter(s, e->at);
	if (e->kind == E_NOT)
		resolve_expr(s, sc, e->body->v[0]);
	if (e->c)
		resolve_term(s, sc, e->c);
	if (e->kind == E_EVERY) {
		resolve_every(s, sc, e);
	} else if (e->kind == E_SOME_IN) {
		if (e->a)
			declare(s, sc, e->a);
		declare(s, sc, e->b);
	} else {
		if (e->b)
			resolve_term(s, sc, e->b);
		if (e->a && e->kind == E_ASSIGN)
			declare(s, sc, e->a);
		else if (e->a)
			resolve_term(s, sc, e->a);
	}
	for (i = 0; i < e->nvars && e->kind == E_SOME; i++)
		declare(s, sc, e->vars[i]);
	for (i = 0; i < e->nwith; i++) {
		resolve_term(s, sc, e->with[i].target);
		resolve_term(s, sc, e->with[i].value);
	}
	s->depth--;
}

static void resolve_body(struct resolver *s, struct scope *sc, struct body *b, struct term **heads,
			 size_t nheads)
{
	size_t i;

	b->first = s->nvars;
	note_declarations(s, sc, b);
	note_body_uses(s, sc, b);
	for (i = 0; i < b->n; i++)
		resolve_expr(s, sc, b->v[i]);
	for (i = 0; i < nheads; i++)
		resolve_term(s, sc, heads[i]);
	b->last = s->nvars;
}

/* ---- Safety ---- */

/* What one expression needs, and what it gives a value to; by variable. */
struct vars {
	bool v[VARS_MAX];
};

struct flow {
	struct resolver *s;
	struct vars *bound, *gives;
	int lacks;		/* variable that is needed and has no value; -1: none */
	struct place at;	/* of it */
};

static void flow_body(struct flow *f, const struct body *b, int first, int last);

static void flow_need(struct flow *f, const struct term *t)
{
	if (!f->bound->v[t->var] && !f->gives->v[t->var] && f->lacks < 0) {
		f->lacks = t->var;
		f->at = t->at;
	}
}

static bool is_comprehension(const struct term *t)
{
	return t->kind == T_ARRAY_COMP || t->kind == T_SET_COMP || t->kind == T_OBJECT_COMP;
}

static void flow_term(struct flow *f, const struct term *t)
{
	size_t i;

	if (t->kind == T_VAR)
		flow_need(f, t);
	if (is_comprehension(t)) {
		flow_body(f, t->body, t->body->first, t->body->last);
		return;
	}
	for (i = 0; i < t->nargs; i++) {
		if (t->kind == T_REF && i && t->args[i]->kind == T_VAR)
			f->gives->v[t->args[i]->var] = true;
		else
			flow_term(f, t->args[i]);
	}
}

/* A pattern gives values to its variables. */
static void flow_pattern(struct flow *f, const struct term *t)
{
	size_t i;

	if (t->kind == T_VAR) {
		f->gives->v[t->var] = true;
	} else if (t->kind == T_ARRAY) {
		for (i = 0; i < t->nargs; i++)
			flow_pattern(f, t->args[i]);
	} else if (t->kind == T_OBJECT) {
		for (i = 0; i < t->nargs; i += 2) {
			flow_term(f, t->args[i]);
			flow_pattern(f, t->args[i + 1]);
		}
	} else {
		flow_term(f, t);
	}
}

/* Of the two sides of =, one must have a value. */
static void flow_unify(struct flow *f, const struct term *a, const struct term *b)
{
	int lacks = f->lacks;
	size_t i;

	if (a->kind == T_ARRAY && b->kind == T_ARRAY && a->nargs == b->nargs) {
		for (i = 0; i < a->nargs; i++)
			flow_unify(f, a->args[i], b->args[i]);
		return;
	}
	flow_term(f, b);
	if (f->lacks == lacks) {
		flow_pattern(f, a);
		return;
	}
	f->lacks = lacks;
	flow_term(f, a);
	if (f->lacks == lacks)
		flow_pattern(f, b);
}

static void flow_expr(struct flow *f, const struct expr *e)
{
	size_t i;

	for (i = 0; i < e->nwith; i++)
		flow_term(f, e->with[i].value);
	switch (e->kind) {
	case E_TERM:
		flow_term(f, e->a);
		break;
	case E_NOT:
		flow_body(f, e->body, 0, 0);
		break;
	case E_ASSIGN:
		flow_term(f, e->b);
		flow_pattern(f, e->a);
		break;
	case E_UNIFY:
		flow_unify(f, e->a, e->b);
		break;
	case E_SOME:
		break;
	case E_SOME_IN:
		flow_term(f, e->c);
		if (e->a)
			flow_pattern(f, e->a);
		flow_pattern(f, e->b);
		break;
	case E_EVERY:
		flow_term(f, e->c);
		flow_body(f, e->body, e->body->first, e->body->last);
	}
}

/* A body within: what it takes from outside must have a value already. */
static void flow_body(struct flow *f, const struct body *b, int first, int last)
{
	struct vars *outer = f->bound, *given = f->gives, bound = *f->bound, gives;
	size_t i;
	int v;

	for (v = 0; v < f->s->nvars; v++)
		bound.v[v] |= given->v[v] || (v >= first && v < last);
	f->bound = &bound;
	f->gives = &gives;
	for (i = 0; i < b->n; i++) {
		memset(&gives, 0, sizeof(gives));
		flow_expr(f, b->v[i]);
		for (v = 0; v < f->s->nvars && f->lacks < 0; v++) {
			if (gives.v[v] && !bound.v[v]) {
				f->lacks = v;
				f->at = b->v[i]->at;
			}
		}
	}
	f->bound = outer;
	f->gives = given;
}

static void order_body(struct resolver *s, struct vars *bound, struct body *b);

/* Puts the bodies within in order too. */
static void order_term(struct resolver *s, const struct vars *bound, struct term *t)
{
	struct vars inner;
	size_t i;

	if (!is_comprehension(t)) {
		for (i = 0; i < t->nargs; i++)
			order_term(s, bound, t->args[i]);
		return;
	}
	inner = *bound;
	order_body(s, &inner, t->body);
	for (i = 0; i < t->nargs; i++) {
		struct vars gives = { 0 };
		struct flow f = { .s = s, .bound = &inner, .gives = &gives, .lacks = -1 };

		flow_term(&f, t->args[i]);
		if (f.lacks >= 0)
			arena_fail(s->a, f.at, "var %s is unsafe: nothing gives it a value",
				   s->names[f.lacks]);
		order_term(s, &inner, t->args[i]);
	}
}

static void order_expr(struct resolver *s, const struct vars *bound, struct expr *e)
{
	struct vars inner = *bound;
	size_t i;

	if (e->a && e->kind != E_EVERY)
		order_term(s, bound, e->a);
	if (e->b && e->kind != E_EVERY)
		order_term(s, bound, e->b);
	if (e->c)
		order_term(s, bound, e->c);
	for (i = 0; i < e->nwith; i++)
		order_term(s, bound, e->with[i].value);
	if (e->kind == E_EVERY) {
		if (e->a)
			inner.v[e->a->var] = true;
		inner.v[e->b->var] = true;
	}
	if (e->body)
		order_body(s, &inner, e->body);
}

/* Each time the first expression that can be evaluated; @bound grows by what they give. */
static void order_body(struct resolver *s, struct vars *bound, struct body *b)
{
	struct flow f = { .s = s, .bound = bound };
	struct vars gives;
	size_t done, i;
	int v;

	enter(s, b->v[0]->at);
	for (done = 0; done < b->n; done++) {
		struct flow first = { .lacks = -1 };
		struct expr *e;

		for (i = done; i < b->n; i++) {
			memset(&gives, 0, sizeof(gives));
			f.gives = &gives;
			f.lacks = -1;
			flow_expr(&f, b->v[i]);
			if (f.lacks < 0)
				break;
			if (first.lacks < 0)
				first = f;
		}
		if (i == b->n)
			arena_fail(s->a, first.at, strcmp(s->names[first.lacks], "_") ?
				   "var %s is unsafe: nothing gives it a value here" :
				   "var %s is unsafe in \"not\"; ask in a rule of its own, and negate that",
				   s->names[first.lacks]);
		e = b->v[i];
		memmove(&b->v[done + 1], &b->v[done], (i - done) * sizeof(*b->v));
		b->v[done] = e;
		for (v = 0; v < s->nvars; v++)
			bound->v[v] |= gives.v[v];
		order_expr(s, bound, e);
	}
	s->depth--;
}

/* ---- Rules ---- */

static void order_head(struct resolver *s, struct vars *bound, struct term *t)
{
	struct body b = { .v = (struct expr *[]){ &(struct expr){ .kind = E_TERM, .at = t->at, .a = t } },
			  .n = 1 };

	order_body(s, bound, &b);
}

static void bind_args(struct resolver *s, struct vars *bound, const struct term *t)
{
	size_t i;

	if (t->kind == T_VAR)
		bound->v[t->var] = true;
	for (i = 0; i < t->nargs; i++)
		bind_args(s, bound, t->args[i]);
}

static void resolve_args(struct resolver *s, struct scope *sc, struct term *t)
{
	size_t i;

	if (t->kind == T_VAR) {
		const struct name *n = strcmp(t->name, "_") ? scope_find(sc, t->name) : NULL;

		t->var = n ? n->var : scope_add(s, sc, t->name, true);
	} else if (t->kind != T_CONST && t->kind != T_ARRAY && t->kind != T_OBJECT) {
		arena_fail(s->a, t->at, "cannot be an argument of a rule");
	}
	for (i = 0; i < t->nargs; i++)
		resolve_args(s, sc, t->args[i]);
}

static void resolve_rule(struct resolver *s, struct rule *rule)
{
	struct scope args = { 0 }, body = { .up = &args };
	struct term *heads[2];
	struct vars bound = { 0 };
	size_t n = 0, i;

	s->rule = rule;
	s->nvars = s->depth = 0;
	s->names = NULL;
	for (i = 0; i < rule->nargs; i++)
		resolve_args(s, &args, rule->args[i]);
	if (rule->key)
		heads[n++] = rule->key;
	if (rule->value)
		heads[n++] = rule->value;
	resolve_body(s, &body, rule->body ? rule->body : &(struct body){ 0 }, heads, n);
	for (i = 0; i < rule->nargs; i++)
		bind_args(s, &bound, rule->args[i]);
	if (rule->body)
		order_body(s, &bound, rule->body);
	for (i = 0; i < n; i++)
		order_head(s, &bound, heads[i]);
}

/* ---- Recursion ---- */

static void no_recursion(struct rego *r, struct rule_set *set, int depth)
{
	struct place at = set->n ? set->v[0]->at : set->fallback->at;
	size_t i;

	if (depth > CALLS_MAX)
		arena_fail(&r->arena, at, "rules lead to one another more than %d deep", CALLS_MAX);
	if (set->mark == 1)
		arena_fail(&r->arena, at, "rule %s is recursive: it leads back to itself", set->name);
	if (set->mark)
		return;
	set->mark = 1;
	for (i = 0; i < set->ncalls; i++)
		no_recursion(r, set->calls[i], depth + 1);
	set->mark = 2;
}

static void module_file(struct rego *r, struct module *m)
{
	struct resolver s = { .r = r, .a = &r->arena, .m = m };
	size_t i;

	m->package = &r->root;
	for (i = 0; i < m->npath; i++)
		m->package = package_make(s.a, m->package, m->path[i]);
	for (i = 0; i < m->nrules; i++)
		rule_file(&s, m->rules[i]);
}

static void check_default_shape(struct rego *r, const struct rule_set *set)
{
	if (set->fallback && set->n && set->shape != R_COMPLETE)
		arena_fail(&r->arena, set->fallback->at, "a default for a rule of several values");
}

static void module_resolve(struct rego *r, struct module *m)
{
	struct resolver s = { .r = r, .a = &r->arena, .m = m };
	struct rule *rule;
	size_t i;

	for (i = 0; i < m->nrules; i++) {
		s.set = rules_find(m->package, m->rules[i]->name);
		check_default_shape(r, s.set);
		for (rule = m->rules[i]; rule; rule = rule->otherwise)
			resolve_rule(&s, rule);
	}
}

void resolve(struct rego *r)
{
	struct module *m;
	size_t i, j;

	for (i = 0; i < r->nmodules; i++)
		module_file(r, r->modules[i]);
	for (i = 0; i < r->nmodules; i++)
		module_resolve(r, r->modules[i]);
	for (i = 0; i < r->nmodules; i++) {
		m = r->modules[i];
		for (j = 0; j < m->nrules; j++)
			no_recursion(r, rules_find(m->package, m->rules[j]->name), 0);
	}
}
