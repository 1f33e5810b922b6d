/* SPDX-License-Identifier: Apache-2.0 */
/* Rego modules as they are written. */
#ifndef KNTRL_REGO_AST_H
#define KNTRL_REGO_AST_H

#include "value.h"

enum term_kind {
	T_CONST,	/* value */
	T_VAR,		/* name; var after resolution */
	T_REF,		/* args[0] is the head, then one term for each step */
	T_CALL,		/* name, args */
	T_ARRAY, T_SET,	/* args */
	T_OBJECT,	/* args: key, value, key, value, ... */
	T_ARRAY_COMP, T_SET_COMP,	/* args[0] | body */
	T_OBJECT_COMP,			/* args[0]: args[1] | body */
	/* After resolution: */
	T_INPUT, T_DATA,	/* the documents; a reference into them is a T_REF */
	T_RULE,			/* rules */
};

struct rule_set;
struct builtin;

struct term {
	enum term_kind kind;
	struct place at;
	struct value *value;
	const char *name;	/* of a call: with dots */
	int var;		/* unique in its rule */
	struct term **args;
	size_t nargs;
	struct body *body;
	struct rule_set *rules;		/* T_RULE; T_CALL of a function */
	const struct builtin *builtin;	/* T_CALL of another */
};

struct with {
	struct term *target;	/* T_REF or T_VAR */
	struct term *value;
};

enum expr_kind {
	E_TERM,			/* a: holds unless undefined or false */
	E_NOT,			/* not <body of one expression> */
	E_ASSIGN,		/* a := b */
	E_UNIFY,		/* a = b */
	E_SOME,			/* some x, y: vars[] */
	E_SOME_IN,		/* some a, b in c; a may be NULL */
	E_EVERY,		/* every a, b in c { body }; a may be NULL */
};

struct expr {
	enum expr_kind kind;
	struct place at;
	struct term *a, *b, *c;
	struct term **vars;
	size_t nvars;
	struct body *body;
	struct with *with;
	size_t nwith;
};

struct body {
	struct expr **v;
	size_t n;
	int first, last;	/* after resolution: variables of its own, [first, last) */
};

enum rule_shape { R_COMPLETE, R_FUNCTION, R_SET, R_OBJECT };

/* One definition.  else_ is tried where this one has no value. */
struct rule {
	struct place at;
	const char *name;
	enum rule_shape shape;
	bool is_default;
	struct term **args;	/* R_FUNCTION */
	size_t nargs;
	struct term *key;	/* R_SET: the element; R_OBJECT */
	struct term *value;	/* NULL: true */
	struct body *body;	/* NULL: always */
	struct rule *otherwise;
};

/* All definitions of one name in one package. */
struct rule_set {
	const char *name;
	struct package *package;
	enum rule_shape shape;
	size_t nargs;
	struct rule **v;
	size_t n;
	struct rule *fallback;	/* the default */
	int mark;		/* of the search for recursion */
	struct rule_set **calls;
	size_t ncalls;
	struct memo *memo;
};

struct import {
	struct place at;
	const char **path;	/* "data", "kntrl", ... */
	size_t npath;
	const char *alias;
};

struct module {
	uint32_t file;
	const char **path;	/* of the package, without "data" */
	size_t npath;
	struct import *imports;
	size_t nimports;
	struct rule **rules;
	size_t nrules;
	bool v1;		/* import rego.v1 */
	size_t before;		/* rules in modules before it */
	struct package *package;
};

/* A node of the tree of packages. */
struct package {
	const char *name;
	struct package *up;
	struct package **sub;
	size_t nsub;
	struct rule_set **sets;
	size_t nsets;
};

#endif
