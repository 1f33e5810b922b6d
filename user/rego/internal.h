/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this directory share; nobody else includes this. */
#ifndef KNTRL_REGO_INTERNAL_H
#define KNTRL_REGO_INTERNAL_H

#include "ast.h"
#include "rego.h"

#define DEPTH_MAX	2000	/* of terms in terms, and of rules calling rules */

struct rego {
	struct arena arena;
	const char **files;
	size_t nfiles;
	struct module **modules;
	size_t nmodules;
	struct package root;
	struct value *data;	/* an object */
	bool checked;
};

/* resolve.c; ends with arena_fail() at the first error. */
void resolve(struct rego *r);
struct package *package_find(const struct package *p, const char *name);
struct rule_set *rules_find(const struct package *p, const char *name);
char *package_text(struct rego *r, const struct package *p);

/* builtin.c */
struct builtin {
	const char *name;
	int nargs;
	struct value *(*call)(struct arena *a, struct value **v);	/* NULL: undefined */
};

const struct builtin *builtin_find(const char *name);
const char *builtin_suggest(const char *name);	/* or NULL */

/* run.c: the value of a rule that is no function; NULL: undefined. */
struct value *rego_run(struct rego *r, struct rule_set *set, struct value *input);

/* run.c; ends with arena_fail() at what clauses cannot say. */
void lower(struct rego *r, const char *mode, struct rego_clauses *out);

#endif
