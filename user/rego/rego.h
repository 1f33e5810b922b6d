/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rego: rules in files, read, checked together, and run by a tree-walking
 * interpreter.  The language is that of kntrl(1), "Rego".
 */
#ifndef KNTRL_REGO_H
#define KNTRL_REGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct rego;

struct rego *rego_new(void);
void rego_free(struct rego *r);

/*
 * Add a file of rules (*.rego), or a document for data (*.json).  What is wrong
 * goes to @err as FILE:LINE:COLUMN: WHAT.  Return the number of errors.
 */
int rego_add(struct rego *r, const char *file, const void *text, size_t len, FILE *err);
int rego_add_json(struct rego *r, const char *file, const void *text, size_t len, FILE *err);

/* Names, safety, recursion.  To be called once, when all files are added. */
int rego_check(struct rego *r, FILE *err);

enum rego_outcome { REGO_PASS, REGO_FAIL, REGO_ERROR };

struct rego_result {
	const char *package, *name;
	const char *file;	/* of the rule, or of the error */
	uint32_t line;
	enum rego_outcome outcome;
	const char *why;	/* REGO_ERROR */
};

/* Runs each rule named test_*, and tells of each in the order they are written in. */
void rego_test(struct rego *r, void (*tell)(const struct rego_result *, void *), void *arg);

/*
 * The value of the rule "data.p.q" for an input document (JSON, or NULL), as
 * text that the caller frees.  NULL: undefined, or an error, which goes to @err.
 */
char *rego_value(struct rego *r, const char *rule, const char *input, FILE *err);

/* ---- What rules ask of the input, for the compiler ---- */

enum rego_about {
	REGO_TASK_NAME,		/* one of the process's names is text */
	REGO_EXE,		/* its executable is at text */
	REGO_ANCESTOR,		/* text is among its ancestors */
	REGO_DOMAIN,		/* some name of the address is text, or ends in it */
	REGO_ADDRESS,		/* it is in the prefix */
	REGO_PORT,		/* it is one of lo to hi */
	REGO_PROTO,		/* it is one of protos, never negated, as are ports */
};

#define REGO_PROTO_TCP	1	/* as PROTO_BIT_* */
#define REGO_PROTO_UDP	2
#define REGO_PROTO_ANY	7

struct rego_literal {
	enum rego_about about;
	bool negated;
	bool below;		/* REGO_DOMAIN: text starts with a dot, names end in it */
	const char *text;
	uint8_t addr[16];	/* IPv4 as ::ffff:a.b.c.d; host bits are zero */
	uint8_t prefixlen;	/* below 96: IPv6 alone */
	uint8_t protos;
	uint16_t lo, hi;
};

/* All of @a lies in @b, both about addresses. */
bool rego_prefix_within(const struct rego_literal *a, const struct rego_literal *b);

/* All literals hold: then a rule does, which allows, or denies. */
struct rego_clause {
	bool denies;
	const char *file;
	uint32_t line, column;	/* of the rule */
	const struct rego_literal *v;
	size_t n;
};

struct rego_clauses {
	struct rego_clause *v;
	size_t n;
};

/*
 * The rules "policy" of the packages in kntrl.network, and ancestry_denied of
 * kntrl, as clauses that live as long as @r.  @data is a JSON object whose keys
 * are added to data; input.mode is @mode.  What cannot be said in clauses is an
 * error.  Returns the number of errors.
 */
int rego_lower(struct rego *r, const char *data, const char *mode, struct rego_clauses *out,
	       FILE *err);

#endif
