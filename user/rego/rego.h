/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rego: rules in files, read, checked together, and run by a tree-walking
 * interpreter.  The language is that of kntrl(1), "Rego".
 */
#ifndef KNTRL_REGO_H
#define KNTRL_REGO_H

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

#endif
