/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c, the interpreter, and symbol.c, which stands in for an input not known, share. */
#ifndef KNTRL_REGO_RUN_H
#define KNTRL_REGO_RUN_H

#include "internal.h"
#include "literal.h"

/* Values of variables, and literals taken to hold, so far; a chain, so that ways share their
 * beginning. */
struct binding {
	const struct binding *up;
	int var;			/* -1: a literal */
	union {
		struct value *value;
		const struct literal *literal;
	};
};

/* One way so far, and a value that it led to. */
struct way {
	const struct binding *b;
	struct value *value;
};

struct ways {
	struct way *v;
	size_t n;
};

struct run {
	struct rego *r;
	struct arena *a;
	unsigned long work;
	int depth;
	int elements;		/* numbers given out */
	const char *mode;	/* of the policy, for an input that is not known */
	bool truth;		/* the next rule is asked whether it holds: false is as undefined */
};

struct literals {
	struct literal *v;
	size_t n;
};

/* run.c */
void enter(struct run *u, struct place at);
void way_add(struct run *u, struct ways *out, const struct binding *b, struct value *v);

/* symbol.c: chains of literals; NULL: they cannot all hold.  @none is an empty chain. */
extern const struct binding none;
const struct binding *assume(struct run *u, const struct binding *b, const struct literal *l);
const struct binding *assume_all(struct run *u, const struct binding *b, const struct binding *of);

/*
 * The literals of @b that came after @base.  Elements after @mark end here: what
 * was asked of each becomes one literal of its list.
 */
struct literals literals_after(struct run *u, const struct binding *b, const struct binding *base,
			       int mark);

/* To @out: ways from @b on which none of @ways, which went on from @base, holds. */
void negate(struct run *u, const struct binding *b, const struct ways *ways,
	    const struct binding *base, int mark, struct ways *out);

/* Values at the end of a rule, of which the way, but for literals, no longer matters. */
void ways_finish(struct run *u, struct ways *ways, int mark, struct place at);
void ways_reduce(struct run *u, struct ways *ways, size_t from, const char *name, struct place at);

struct value *symbol(struct run *u, enum symbol what, int element);
bool is_symbol_list(const struct value *v);
const struct binding *element_new(struct run *u, const struct binding *b, const struct value *list,
				  struct place at, struct value **element);

/* Steps from a symbol, or to one. */
struct value *symbol_field(struct run *u, const struct value *key, struct place at);
void symbol_step(struct run *u, const struct binding *b, struct value *from, struct value *key,
		 struct place at, struct ways *out);

/* x == y, where one is a symbol: ways on which it holds, and with @both those on which not. */
void symbol_equal(struct run *u, const struct binding *b, const struct value *x,
		  const struct value *y, struct place at, bool both, struct ways *out);
void symbol_call(struct run *u, const struct binding *b, const struct term *t, struct value **v,
		 struct ways *out);

__attribute__((noreturn))
void refuse(struct run *u, struct place at, const char *what, const char *hint);

#endif
