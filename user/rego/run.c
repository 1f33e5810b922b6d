// SPDX-License-Identifier: Apache-2.0
/*
 * The interpreter: walks the tree, and where Rego has many ways for a body to
 * hold, goes all of them side by side.
 */
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define WORK_MAX	20000000	/* terms of one query */

/* What "with" put in the place of a rule. */
struct replaced {
	const struct replaced *up;
	const struct rule_set *rules;
	struct value *value;
};

/* The documents that a query sees.  Rules have one value in each, kept in memos. */
struct world {
	struct value *input;	/* NULL: undefined */
	struct value *data;
	const struct replaced *replaced;
};

struct memo {
	struct memo *next;
	const struct world *world;
	struct ways ways;	/* none: undefined */
	bool whole;		/* with the default */
};

static void eval_term(struct run *u, const struct world *w, const struct binding *b,
		      const struct term *t, struct ways *out);
static void eval_body(struct run *u, const struct world *w, const struct binding *b,
		      const struct body *body, struct ways *out);

void way_add(struct run *u, struct ways *out, const struct binding *b, struct value *v)
{
	out->v = arena_grow(u->a, out->v, out->n, sizeof(*out->v));
	out->v[out->n++] = (struct way){ b, v };
}

void enter(struct run *u, struct place at)
{
	if (++u->depth > DEPTH_MAX)
		arena_fail(u->a, at, "nested more than %d deep", DEPTH_MAX);
	if (++u->work > WORK_MAX)
		arena_fail(u->a, at, "takes too long to evaluate");
	u->a->at = at;
}

static const struct binding *bind(struct run *u, const struct binding *up, int var,
				  struct value *v)
{
	struct binding *b = arena_alloc(u->a, sizeof(*b));

	*b = (struct binding){ up, var, { v } };
	return b;
}

static struct value *bound(const struct binding *b, int var)
{
	for (; b; b = b->up)
		if (b->var == var)
			return b->value;
	return NULL;
}

/* ---- Unification ---- */

/* Makes the pattern @t equal to @v; adds a way for each manner to do so. */
static void unify(struct run *u, const struct world *w, const struct binding *b,
		  const struct term *t, struct value *v, struct ways *out)
{
	struct ways now = { 0 }, next;
	size_t i, j;

	if (t->kind == T_VAR && !bound(b, t->var)) {
		way_add(u, out, bind(u, b, t->var, v), v);
		return;
	}
	if (v->type == V_SYMBOL && (t->kind == T_ARRAY || t->kind == T_OBJECT))
		refuse(u, t->at, "the input against a pattern", "ask for its parts");
	if (t->kind == T_ARRAY) {
		if (v->type != V_ARRAY || v->n != t->nargs)
			return;
		way_add(u, &now, b, v);
		for (i = 0; i < t->nargs; i++, now = next) {
			next = (struct ways){ 0 };
			for (j = 0; j < now.n; j++)
				unify(u, w, now.v[j].b, t->args[i], v->v[i], &next);
		}
	} else if (t->kind == T_OBJECT) {
		if (v->type != V_OBJECT || v->n != t->nargs / 2)
			return;
		way_add(u, &now, b, v);
		for (i = 0; i < t->nargs; i += 2, now = next) {
			struct ways key = { 0 };
			struct value *at;

			next = (struct ways){ 0 };
			eval_term(u, w, b, t->args[i], &key);
			at = key.n ? value_at(v, key.v[0].value) : NULL;
			for (j = 0; j < now.n && at; j++)
				unify(u, w, now.v[j].b, t->args[i + 1], at, &next);
		}
	} else {
		eval_term(u, w, b, t, &now);
		for (i = 0; i < now.n; i++) {
			if (v->type == V_SYMBOL || now.v[i].value->type == V_SYMBOL)
				symbol_equal(u, now.v[i].b, now.v[i].value, v, t->at, false, out);
			else if (!value_compare(now.v[i].value, v))
				way_add(u, out, now.v[i].b, v);
		}
		return;
	}
	for (i = 0; i < now.n; i++)
		way_add(u, out, now.v[i].b, v);
}

/* Whether all variables of a pattern have values. */
static bool is_ground(const struct binding *b, const struct term *t)
{
	size_t i;

	if (t->kind == T_VAR)
		return bound(b, t->var);
	if (t->kind == T_ARRAY || t->kind == T_OBJECT)
		for (i = 0; i < t->nargs; i++)
			if (!is_ground(b, t->args[i]))
				return false;
	return true;
}

static void eval_unify(struct run *u, const struct world *w, const struct binding *b,
		       const struct term *x, const struct term *y, struct ways *out)
{
	struct ways now = { 0 }, next;
	const struct term *swap = x;
	size_t i, j;

	if (x->kind == T_ARRAY && y->kind == T_ARRAY && x->nargs == y->nargs) {
		way_add(u, &now, b, &value_true);
		for (i = 0; i < x->nargs; i++, now = next) {
			next = (struct ways){ 0 };
			for (j = 0; j < now.n; j++)
				eval_unify(u, w, now.v[j].b, x->args[i], y->args[i], &next);
		}
		for (i = 0; i < now.n; i++)
			way_add(u, out, now.v[i].b, &value_true);
		return;
	}
	if (!is_ground(b, y)) {
		x = y;
		y = swap;
	}
	eval_term(u, w, b, y, &now);
	for (i = 0; i < now.n; i++)
		unify(u, w, now.v[i].b, x, now.v[i].value, out);
}

/* ---- Rules ---- */

/* Of what is put into lists: @b must ask no more than @base. */
static void only_constant(struct run *u, const struct binding *b, const struct binding *base,
			  const struct value *v, struct place at)
{
	for (; b != base && b; b = b->up)
		if (b->var == -1)
			refuse(u, b->literal->at, "a list whose contents depend on the input",
			       "say the condition where the list is used");
	if (v->type == V_SYMBOL)
		refuse(u, at, "a list with parts of the input in it", "compare the parts one by one");
}

static void values_add(struct run *u, struct value *list, const struct ways *ways)
{
	size_t i;

	for (i = 0; i < ways->n; i++)
		value_push(u->a, list, ways->v[i].value);
}

/* The values of one definition's value for each way that its body holds. */
static void eval_definition(struct run *u, const struct world *w, const struct rule *rule,
			    const struct binding *args, struct ways *out)
{
	struct ways ways = { 0 };
	size_t i;

	if (rule->body)
		eval_body(u, w, args, rule->body, &ways);
	else
		way_add(u, &ways, args, &value_true);
	for (i = 0; i < ways.n; i++) {
		if (rule->value)
			eval_term(u, w, ways.v[i].b, rule->value, out);
		else
			way_add(u, out, ways.v[i].b, &value_true);
	}
}

/* From one list of arguments, if they fit. */
static void eval_chosen(struct run *u, const struct world *w, const struct rule *rule,
			struct value **args, struct ways *out)
{
	struct ways in = { 0 }, next;
	int mark = u->elements;
	size_t j, k;

	way_add(u, &in, &none, NULL);
	for (j = 0; j < rule->nargs; j++, in = next) {
		next = (struct ways){ 0 };
		for (k = 0; k < in.n; k++)
			unify(u, w, in.v[k].b, rule->args[j], args[j], &next);
	}
	for (k = 0; k < in.n; k++)
		eval_definition(u, w, rule, in.v[k].b, out);
	ways_finish(u, out, mark, rule->at);
}

/* A definition and what stands behind its "else", each where those before it fail. */
static void eval_chain(struct run *u, const struct world *w, const struct rule *rule,
		       struct value **args, struct ways *out)
{
	struct ways open = { 0 }, next;
	size_t i, j;

	way_add(u, &open, &none, NULL);
	for (; rule && open.n; rule = rule->otherwise, open = next) {
		struct ways ways = { 0 };

		eval_chosen(u, w, rule, args, &ways);
		for (i = 0; i < open.n; i++) {
			for (j = 0; j < ways.n; j++) {
				const struct binding *b = assume_all(u, open.v[i].b, ways.v[j].b);

				if (b)
					way_add(u, out, b, ways.v[j].value);
			}
		}
		next = (struct ways){ 0 };
		for (i = 0; i < open.n && rule->otherwise; i++)
			negate(u, open.v[i].b, &ways, NULL, u->elements, &next);
	}
}

static struct ways eval_complete(struct run *u, const struct world *w,
				 const struct rule_set *set, struct value **args)
{
	struct ways out = { 0 };
	size_t i;

	for (i = 0; i < set->n; i++) {
		size_t from = out.n;

		eval_chain(u, w, set->v[i], args, &out);
		ways_reduce(u, &out, from, set->name, set->v[i]->at);
	}
	return out;
}

/* Its value where no definition has one. */
static void eval_default(struct run *u, const struct world *w, const struct rule_set *set,
			 struct ways *ways)
{
	struct ways value = { 0 }, where = { 0 };
	size_t i;

	eval_term(u, w, &none, set->fallback->value, &value);
	negate(u, &none, ways, NULL, u->elements, &where);
	for (i = 0; i < where.n && value.n; i++)
		way_add(u, ways, where.v[i].b, value.v[0].value);
}

/* A rule of several values, which must not depend on an input that is not known. */
static struct value *eval_partial(struct run *u, const struct world *w, const struct rule_set *set)
{
	struct value *list = value_list(u->a, set->shape == R_SET ? V_SET : V_OBJECT);
	size_t i, j, k;

	for (i = 0; i < set->n; i++) {
		const struct rule *rule = set->v[i];
		struct ways ways = { 0 }, keys = { 0 };

		if (rule->body)
			eval_body(u, w, &none, rule->body, &ways);
		else
			way_add(u, &ways, &none, NULL);
		for (j = 0; j < ways.n; j++)
			eval_term(u, w, ways.v[j].b, rule->key, &keys);
		for (j = 0; j < keys.n; j++)
			only_constant(u, keys.v[j].b, &none, keys.v[j].value, rule->at);
		if (set->shape == R_SET)
			values_add(u, list, &keys);
		for (j = 0; j < keys.n && set->shape == R_OBJECT; j++) {
			struct ways value = { 0 };

			if (rule->value)
				eval_term(u, w, keys.v[j].b, rule->value, &value);
			else
				way_add(u, &value, &none, &value_true);
			for (k = 0; k < value.n; k++) {
				only_constant(u, value.v[k].b, &none, value.v[k].value, rule->at);
				value_pair(u->a, list, keys.v[j].value, value.v[k].value);
			}
		}
	}
	if (value_sort(list))
		arena_fail(u->a, set->v[0]->at, "%s has two values for one key", set->name);
	return list;
}

static bool defaults_to_false(const struct rule_set *set)
{
	const struct term *t = set->fallback->value;

	return t->kind == T_CONST && t->value->type == V_BOOL && !t->value->boolean;
}

/* The values of a rule that is no function, each with the literals it rests on. */
static struct ways eval_rules(struct run *u, const struct world *w, struct rule_set *set)
{
	bool truth = u->truth;
	const struct replaced *p;
	struct ways ways = { 0 };
	struct memo *m;

	u->truth = false;
	for (p = w->replaced; p; p = p->up) {
		if (p->rules == set) {
			way_add(u, &ways, &none, p->value);
			return ways;
		}
	}
	for (m = set->memo; m && m->world != w; m = m->next)
		;
	if (!m) {
		m = arena_alloc(u->a, sizeof(*m));
		if (set->shape == R_COMPLETE)
			ways = eval_complete(u, w, set, &(struct value *){ NULL });
		else
			way_add(u, &ways, &none, eval_partial(u, w, set));
		*m = (struct memo){ set->memo, w, ways, !set->fallback };
		set->memo = m;
	}
	if (!m->whole && !(truth && defaults_to_false(set))) {
		eval_default(u, w, set, &m->ways);
		m->whole = true;
	}
	return m->ways;
}

/* Goes on from @b by the ways of a rule. */
static void join(struct run *u, const struct binding *b, const struct ways *ways, struct ways *out)
{
	size_t i;

	for (i = 0; i < ways->n; i++) {
		const struct binding *next = assume_all(u, b, ways->v[i].b);

		if (next)
			way_add(u, out, next, ways->v[i].value);
	}
}

/* ---- References ---- */

/* From one value to those that a step leads to. */
static void step(struct run *u, const struct world *w, const struct binding *b, struct value *from,
		 const struct term *t, struct ways *out)
{
	size_t width = from->type == V_OBJECT ? 2 : 1, i;
	bool unbound = t->kind == T_VAR && !bound(b, t->var);
	struct ways keys = { 0 };

	if (from->type < V_ARRAY)
		return;
	if (unbound && is_symbol_list(from)) {
		struct value *element;

		b = element_new(u, b, from, t->at, &element);
		way_add(u, out, bind(u, b, t->var, symbol(u, SYM_INDEX, 0)), element);
		return;
	}
	if (unbound && from->type == V_SYMBOL) {
		if (from->symbol == SYM_INPUT)
			refuse(u, t->at, "some key of input", "name it");
		return;
	}
	if (unbound) {
		for (i = 0; i < from->n; i++) {
			struct value *key = from->v[i * width];

			if (from->type == V_ARRAY)
				key = value_number(u->a, i);
			way_add(u, out, bind(u, b, t->var, key), from->v[i * width + width - 1]);
		}
		return;
	}
	eval_term(u, w, b, t, &keys);
	for (i = 0; i < keys.n; i++) {
		struct value *key = keys.v[i].value, *at;

		if (from->type == V_SYMBOL || key->type == V_SYMBOL) {
			symbol_step(u, keys.v[i].b, from, key, t->at, out);
			continue;
		}
		at = value_at(from, key);
		if (at)
			way_add(u, out, keys.v[i].b, at);
	}
}

static void steps(struct run *u, const struct world *w, const struct ways *from,
		  struct term *const *t, size_t n, struct ways *out)
{
	struct ways now = *from, next;
	size_t i, j;

	for (i = 0; i < n; i++, now = next) {
		next = (struct ways){ 0 };
		for (j = 0; j < now.n; j++)
			step(u, w, now.v[j].b, now.v[j].value, t[i], &next);
	}
	for (j = 0; j < now.n; j++)
		way_add(u, out, now.v[j].b, now.v[j].value);
}

/* Into data: packages and the documents beside them are one tree. */
static void eval_data(struct run *u, const struct world *w, const struct binding *b,
		      const struct package *p, struct value *base, struct term *const *t, size_t n,
		      struct ways *out);

static void data_child(struct run *u, const struct world *w, const struct binding *b,
		       const struct package *p, struct value *base, struct value *key,
		       struct term *const *t, size_t n, struct ways *out)
{
	struct rule_set *set = p && key->type == V_STRING ? rules_find(p, key->text) : NULL;
	const struct package *sub = p && key->type == V_STRING ? package_find(p, key->text) : NULL;
	struct ways from = { 0 }, ways;

	if (key->type == V_SYMBOL)
		refuse(u, u->a->at, "a key of data from the input", "compare it with the keys: some k, v in data.x");
	base = base ? value_at(base, key) : NULL;
	if (set && set->shape == R_FUNCTION)
		return;
	if (!set) {
		if (sub || base)
			eval_data(u, w, b, sub, base, t, n, out);
		return;
	}
	ways = eval_rules(u, w, set);
	join(u, b, &ways, &from);
	steps(u, w, &from, t, n, out);
}

/* The keys of a package and of a document. */
static struct value *data_keys(struct run *u, const struct package *p, const struct value *base)
{
	struct value *keys = value_list(u->a, V_SET);
	size_t i;

	for (i = 0; base && base->type == V_OBJECT && i < base->n; i++)
		value_push(u->a, keys, base->v[2 * i]);
	for (i = 0; i < p->nsub; i++)
		value_push(u->a, keys, value_string(u->a, p->sub[i]->name, strlen(p->sub[i]->name)));
	for (i = 0; i < p->nsets; i++)
		value_push(u->a, keys, value_string(u->a, p->sets[i]->name, strlen(p->sets[i]->name)));
	value_sort(keys);
	return keys;
}

static void eval_data(struct run *u, const struct world *w, const struct binding *b,
		      const struct package *p, struct value *base, struct term *const *t, size_t n,
		      struct ways *out)
{
	struct ways from = { 0 }, keys = { 0 };
	struct value *all;
	size_t i;

	if (!p) {
		way_add(u, &from, b, base);
		steps(u, w, &from, t, n, out);
		return;
	}
	if (!n)
		arena_fail(u->a, u->a->at, "a whole package is no value; name the rule");
	if (t[0]->kind == T_VAR && !bound(b, t[0]->var)) {
		all = data_keys(u, p, base);
		for (i = 0; i < all->n; i++)
			data_child(u, w, bind(u, b, t[0]->var, all->v[i]), p, base, all->v[i], t + 1,
				   n - 1, out);
		return;
	}
	eval_term(u, w, b, t[0], &keys);
	for (i = 0; i < keys.n; i++)
		data_child(u, w, keys.v[i].b, p, base, keys.v[i].value, t + 1, n - 1, out);
}

static void eval_ref(struct run *u, const struct world *w, const struct binding *b,
		     const struct term *t, struct ways *out)
{
	struct ways from = { 0 };

	if (t->args[0]->kind == T_DATA) {
		eval_data(u, w, b, &u->r->root, w->data, t->args + 1, t->nargs - 1, out);
		return;
	}
	eval_term(u, w, b, t->args[0], &from);
	steps(u, w, &from, t->args + 1, t->nargs - 1, out);
}

/* ---- Terms ---- */

/* All combinations of the values of several terms. */
struct combined {
	const struct binding *b;
	struct value **v;
};

static struct combined *combine(struct run *u, const struct world *w, const struct binding *b,
				struct term *const *t, size_t n, size_t *count)
{
	struct combined *now = arena_alloc(u->a, sizeof(*now)), *next;
	size_t nnow = 1, nnext, i, j, k;

	now->b = b;
	now->v = arena_alloc(u->a, (n + 1) * sizeof(*now->v));
	for (i = 0; i < n; i++) {
		next = NULL;
		nnext = 0;
		for (j = 0; j < nnow; j++) {
			struct ways ways = { 0 };

			eval_term(u, w, now[j].b, t[i], &ways);
			for (k = 0; k < ways.n; k++) {
				next = arena_grow(u->a, next, nnext, sizeof(*next));
				next[nnext].b = ways.v[k].b;
				next[nnext].v = ways.n == 1 ? now[j].v :
					arena_copy(u->a, now[j].v, (n + 1) * sizeof(*now->v));
				next[nnext++].v[i] = ways.v[k].value;
			}
		}
		now = next;
		nnow = nnext;
	}
	*count = nnow;
	return now;
}

static void eval_call(struct run *u, const struct world *w, const struct binding *b,
		      const struct term *t, struct ways *out)
{
	const struct replaced *p;
	struct combined *args;
	struct ways ways;
	struct value *v;
	size_t n, i, j;
	bool known;

	args = combine(u, w, b, t->args, t->nargs, &n);
	for (i = 0; i < n; i++) {
		u->a->at = t->at;
		for (p = w->replaced; p && p->rules != t->rules; p = p->up)
			;
		for (j = 0, known = true; j < t->nargs; j++)
			known &= args[i].v[j]->type != V_SYMBOL;
		if (t->builtin && !known) {
			symbol_call(u, args[i].b, t, args[i].v, out);
			continue;
		}
		if (!t->builtin && !p) {
			ways = eval_complete(u, w, t->rules, args[i].v);
			join(u, args[i].b, &ways, out);
			continue;
		}
		v = t->builtin ? t->builtin->call(u->a, args[i].v) : p->value;
		if (v)
			way_add(u, out, args[i].b, v);
	}
}

static void eval_list(struct run *u, const struct world *w, const struct binding *b,
		      const struct term *t, struct ways *out)
{
	struct combined *items;
	struct value *v;
	size_t n, i, j;

	items = combine(u, w, b, t->args, t->nargs, &n);
	for (i = 0; i < n; i++) {
		v = value_list(u->a, t->kind == T_ARRAY ? V_ARRAY : t->kind == T_SET ? V_SET : V_OBJECT);
		for (j = 0; j < t->nargs; j++)
			only_constant(u, b, b, items[i].v[j], t->args[j]->at);
		for (j = 0; j < t->nargs; j += t->kind == T_OBJECT ? 2 : 1) {
			if (t->kind == T_OBJECT)
				value_pair(u->a, v, items[i].v[j], items[i].v[j + 1]);
			else
				value_push(u->a, v, items[i].v[j]);
		}
		if (value_sort(v))
			arena_fail(u->a, t->at, "a key has two values");
		way_add(u, out, items[i].b, v);
	}
}

static void eval_comprehension(struct run *u, const struct world *w, const struct binding *b,
			       const struct term *t, struct ways *out)
{
	struct ways ways = { 0 };
	struct value *v;
	size_t i, j, n;

	v = value_list(u->a, t->kind == T_ARRAY_COMP ? V_ARRAY :
		       t->kind == T_SET_COMP ? V_SET : V_OBJECT);
	eval_body(u, w, b, t->body, &ways);
	for (i = 0; i < ways.n; i++) {
		struct combined *items = combine(u, w, ways.v[i].b, t->args, t->nargs, &n);

		for (j = 0; j < n; j++) {
			only_constant(u, items[j].b, b, items[j].v[0], t->at);
			only_constant(u, b, b, items[j].v[t->nargs - 1], t->at);
			if (t->nargs == 2)
				value_pair(u->a, v, items[j].v[0], items[j].v[1]);
			else
				value_push(u->a, v, items[j].v[0]);
		}
	}
	if (value_sort(v))
		arena_fail(u->a, t->at, "a key has two values");
	way_add(u, out, b, v);
}

static void eval_term(struct run *u, const struct world *w, const struct binding *b,
		      const struct term *t, struct ways *out)
{
	struct value *v = NULL;
	struct ways ways;

	enter(u, t->at);
	switch (t->kind) {
	case T_CONST:
		v = t->value;
		break;
	case T_VAR:
		v = bound(b, t->var);
		break;
	case T_INPUT:
		v = w->input;
		break;
	case T_RULE:
		ways = eval_rules(u, w, t->rules);
		join(u, b, &ways, out);
		break;
	case T_DATA:
		eval_data(u, w, b, &u->r->root, w->data, NULL, 0, out);
		break;
	case T_REF:
		eval_ref(u, w, b, t, out);
		break;
	case T_CALL:
		eval_call(u, w, b, t, out);
		break;
	case T_ARRAY:
	case T_SET:
	case T_OBJECT:
		eval_list(u, w, b, t, out);
		break;
	default:
		eval_comprehension(u, w, b, t, out);
	}
	if (v)
		way_add(u, out, b, v);
	u->depth--;
}

/* ---- Statements ---- */

static bool is_true(const struct value *v)
{
	return v->type != V_BOOL || v->boolean;
}

static void some_in_symbol(struct run *u, const struct world *w, const struct binding *b,
			   const struct expr *e, const struct value *list, struct ways *out)
{
	struct ways keys = { 0 };
	struct value *element;
	size_t i;

	if (list->symbol == SYM_INPUT)
		refuse(u, e->at, "some part of input", "name it");
	if (!is_symbol_list(list))
		return;
	b = element_new(u, b, list, e->at, &element);
	if (e->a)
		unify(u, w, b, e->a, symbol(u, SYM_INDEX, 0), &keys);
	else
		way_add(u, &keys, b, NULL);
	for (i = 0; i < keys.n; i++)
		unify(u, w, keys.v[i].b, e->b, element, out);
}

static void eval_some_in(struct run *u, const struct world *w, const struct binding *b,
			 const struct expr *e, struct ways *out)
{
	struct ways lists = { 0 };
	size_t i, j, k;

	eval_term(u, w, b, e->c, &lists);
	for (i = 0; i < lists.n; i++) {
		struct value *list = lists.v[i].value;
		size_t width = list->type == V_OBJECT ? 2 : 1;

		if (list->type == V_SYMBOL)
			some_in_symbol(u, w, lists.v[i].b, e, list, out);
		if (list->type < V_ARRAY || list->type > V_SET)
			continue;
		for (j = 0; j < list->n; j++) {
			struct value *key = list->v[j * width];
			struct ways keys = { 0 };

			if (list->type == V_ARRAY)
				key = value_number(u->a, j);
			if (e->a)
				unify(u, w, lists.v[i].b, e->a, key, &keys);
			else
				way_add(u, &keys, lists.v[i].b, key);
			for (k = 0; k < keys.n; k++)
				unify(u, w, keys.v[k].b, e->b, list->v[j * width + width - 1], out);
		}
	}
}

/* Ways from @b on which the body holds for an element. */
static void every_one(struct run *u, const struct world *w, const struct binding *b,
		      const struct expr *e, struct value *key, struct value *v, struct ways *out)
{
	const struct binding *in = bind(u, b, e->b->var, v);
	struct ways ways = { 0 };
	int mark = u->elements;
	size_t i, j;

	if (e->a)
		in = bind(u, in, e->a->var, key);
	eval_body(u, w, in, e->body, &ways);
	for (i = 0; i < ways.n; i++) {
		struct literals l = literals_after(u, ways.v[i].b, in, mark);
		const struct binding *next = b;

		for (j = 0; j < l.n && next; j++)
			next = assume(u, next, &l.v[j]);
		if (!next)
			continue;
		way_add(u, out, next, &value_true);
		if (next == b)
			return;
	}
}

static void every_known(struct run *u, const struct world *w, const struct binding *b,
			const struct expr *e, const struct value *list, struct ways *out)
{
	size_t width = list->type == V_OBJECT ? 2 : 1, i, j;
	struct ways now = { 0 }, next;

	if (list->type < V_ARRAY || list->type > V_SET)
		return;
	way_add(u, &now, b, &value_true);
	for (i = 0; i < list->n && now.n; i++, now = next) {
		struct value *key = list->type == V_ARRAY ? value_number(u->a, i) : list->v[i * width];

		next = (struct ways){ 0 };
		for (j = 0; j < now.n; j++)
			every_one(u, w, now.v[j].b, e, key, list->v[i * width + width - 1], &next);
	}
	for (j = 0; j < now.n; j++)
		way_add(u, out, now.v[j].b, &value_true);
}

/* No element is such that the body fails. */
static void every_symbol(struct run *u, const struct world *w, const struct binding *b,
			 const struct expr *e, const struct value *list, struct ways *out)
{
	struct ways hold = { 0 }, fail = { 0 };
	const struct binding *in;
	struct value *element;
	int mark = u->elements;

	if (!is_symbol_list(list))
		refuse(u, e->at, "every part of that", "ask for input.ancestors or input.domains");
	in = element_new(u, b, list, e->at, &element);
	every_one(u, w, in, e, symbol(u, SYM_INDEX, 0), element, &hold);
	negate(u, in, &hold, in, u->elements, &fail);
	negate(u, b, &fail, b, mark, out);
}

static void eval_every(struct run *u, const struct world *w, const struct binding *b,
		       const struct expr *e, struct ways *out)
{
	struct ways lists = { 0 };
	size_t i;

	eval_term(u, w, b, e->c, &lists);
	for (i = 0; i < lists.n; i++) {
		if (lists.v[i].value->type == V_SYMBOL)
			every_symbol(u, w, lists.v[i].b, e, lists.v[i].value, out);
		else
			every_known(u, w, lists.v[i].b, e, lists.v[i].value, out);
	}
}

/* @v at the end of @path within @in. */
static struct value *replace(struct run *u, struct value *in, struct term *const *path, size_t n,
			     struct value *v)
{
	struct value *out = value_list(u->a, V_OBJECT), *old;
	size_t i;

	if (!n)
		return v;
	if (in && in->type == V_SYMBOL)
		refuse(u, path[0]->at, "\"with\" in place of a part of the input", "replace input whole");
	if (path[0]->kind != T_CONST)
		arena_fail(u->a, path[0]->at, "\"with\" takes a constant path");
	for (i = 0; in && in->type == V_OBJECT && i < in->n; i++)
		if (value_compare(in->v[2 * i], path[0]->value))
			value_pair(u->a, out, in->v[2 * i], in->v[2 * i + 1]);
	old = in && in->type == V_OBJECT ? value_at(in, path[0]->value) : NULL;
	value_pair(u->a, out, path[0]->value, replace(u, old, path + 1, n - 1, v));
	value_sort(out);
	return out;
}

static void apply_with(struct run *u, struct world *w, const struct with *with, struct value *v)
{
	const struct term *t = with->target, *head = t->kind == T_REF ? t->args[0] : t;
	struct term *const *path = t->kind == T_REF ? t->args + 1 : NULL;
	size_t n = t->kind == T_REF ? t->nargs - 1 : 0;
	struct replaced *p;

	if (head->kind == T_INPUT) {
		w->input = replace(u, w->input, path, n, v);
	} else if (head->kind == T_DATA) {
		w->data = replace(u, w->data, path, n, v);
	} else if (head->kind == T_RULE && !n) {
		p = arena_alloc(u->a, sizeof(*p));
		*p = (struct replaced){ w->replaced, head->rules, v };
		w->replaced = p;
	} else {
		arena_fail(u->a, t->at, "\"with\" replaces input, data or a rule");
	}
}

/* A rule and nothing else. */
static bool names_rule(const struct term *t)
{
	size_t i;

	if (t->kind != T_REF || t->args[0]->kind != T_DATA)
		return t->kind == T_RULE;
	for (i = 1; i < t->nargs; i++)
		if (t->args[i]->kind != T_CONST)
			return false;
	return true;
}

static void eval_expr(struct run *u, const struct world *w, const struct binding *b,
		      const struct expr *e, struct ways *out);

/* The statement in a world of its own. */
static void eval_with(struct run *u, const struct world *w, const struct binding *b,
		      const struct expr *e, struct ways *out)
{
	struct world *inner = arena_copy(u->a, w, sizeof(*w));
	struct expr plain = *e;
	size_t i;

	for (i = 0; i < e->nwith; i++) {
		struct ways v = { 0 };

		eval_term(u, w, b, e->with[i].value, &v);
		if (!v.n)
			return;
		apply_with(u, inner, &e->with[i], v.v[0].value);
	}
	plain.nwith = 0;
	eval_expr(u, inner, b, &plain, out);
}

static void eval_expr(struct run *u, const struct world *w, const struct binding *b,
		      const struct expr *e, struct ways *out)
{
	struct ways ways = { 0 };
	int mark = u->elements;
	size_t i;

	if (e->nwith) {
		eval_with(u, w, b, e, out);
		return;
	}
	enter(u, e->at);
	switch (e->kind) {
	case E_TERM:
		u->truth = names_rule(e->a);
		eval_term(u, w, b, e->a, &ways);
		u->truth = false;
		for (i = 0; i < ways.n; i++)
			if (is_true(ways.v[i].value))
				way_add(u, out, ways.v[i].b, &value_true);
		break;
	case E_NOT:
		eval_body(u, w, b, e->body, &ways);
		negate(u, b, &ways, b, mark, out);
		break;
	case E_ASSIGN:
		eval_term(u, w, b, e->b, &ways);
		for (i = 0; i < ways.n; i++)
			unify(u, w, ways.v[i].b, e->a, ways.v[i].value, out);
		break;
	case E_UNIFY:
		eval_unify(u, w, b, e->a, e->b, out);
		break;
	case E_SOME:
		way_add(u, out, b, &value_true);
		break;
	case E_SOME_IN:
		eval_some_in(u, w, b, e, out);
		break;
	case E_EVERY:
		eval_every(u, w, b, e, out);
	}
	u->depth--;
}

static void eval_body(struct run *u, const struct world *w, const struct binding *b,
		      const struct body *body, struct ways *out)
{
	struct ways now = { 0 }, next;
	size_t i, j;

	way_add(u, &now, b, &value_true);
	for (i = 0; i < body->n; i++, now = next) {
		next = (struct ways){ 0 };
		for (j = 0; j < now.n; j++)
			eval_expr(u, w, now.v[j].b, body->v[i], &next);
	}
	for (j = 0; j < now.n; j++)
		way_add(u, out, now.v[j].b, &value_true);
}

/* ---- From outside ---- */

struct value *rego_run(struct rego *r, struct rule_set *set, struct value *input)
{
	struct run u = { .r = r, .a = &r->arena };
	struct world *w = arena_alloc(u.a, sizeof(*w));
	struct ways ways;

	*w = (struct world){ .input = input, .data = r->data };
	ways = eval_rules(&u, w, set);
	return ways.n ? ways.v[0].value : NULL;
}

/* ---- Clauses ---- */

static void clause_add(struct run *u, const struct rule *rule, const struct binding *b,
		       struct rego_clauses *out)
{
	struct literals l = literals_after(u, b, NULL, 0);
	struct rego_literal *v = arena_alloc(u->a, (l.n + 1) * sizeof(*v));
	struct rego_clause *c;
	size_t i;

	for (i = 0; i < l.n; i++)
		v[i] = l.v[i].l;
	out->v = arena_grow(u->a, out->v, out->n, sizeof(*out->v));
	c = &out->v[out->n++];
	*c = (struct rego_clause){ .denies = !strcmp(rule->name, "ancestry_denied"),
				   .file = u->r->files[rule->at.file], .line = rule->at.line,
				   .column = rule->at.column, .v = v, .n = l.n };
}

/* Each definition by itself, so that a clause knows its line; then all, for conflicts. */
static void lower_set(struct run *u, const struct world *w, struct rule_set *set,
		      struct rego_clauses *out)
{
	size_t i, j;

	if (set->shape != R_COMPLETE)
		arena_fail(u->a, set->v[0]->at, "%s must be a rule without key and arguments", set->name);
	if (set->fallback && !defaults_to_false(set))
		arena_fail(u->a, set->fallback->at, "the default of %s must be false", set->name);
	for (i = 0; i < set->n; i++) {
		struct ways ways = { 0 };

		u->work = 0;
		eval_chain(u, w, set->v[i], &(struct value *){ NULL }, &ways);
		ways_reduce(u, &ways, 0, set->name, set->v[i]->at);
		for (j = 0; j < ways.n; j++)
			if (!value_compare(ways.v[j].value, &value_true))
				clause_add(u, set->v[i], ways.v[j].b, out);
	}
	u->work = 0;
	u->truth = true;
	eval_rules(u, w, set);
}

void lower(struct rego *r, const char *mode, struct rego_clauses *out)
{
	struct run u = { .r = r, .a = &r->arena, .mode = mode };
	struct package *kntrl = package_find(&r->root, "kntrl"), *network;
	struct world *w = arena_alloc(u.a, sizeof(*w));
	struct rule_set *set;
	size_t i;

	*w = (struct world){ .input = symbol(&u, SYM_INPUT, 0), .data = r->data };
	if (!kntrl)
		return;
	set = rules_find(kntrl, "ancestry_denied");
	if (set)
		lower_set(&u, w, set, out);
	network = package_find(kntrl, "network");
	for (i = 0; network && i < network->nsub; i++) {
		set = rules_find(network->sub[i], "policy");
		if (set)
			lower_set(&u, w, set, out);
	}
}
