/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions as regex.match takes them (RE2), and patterns of glob.match. */
#ifndef KNTRL_REGO_PATTERN_H
#define KNTRL_REGO_PATTERN_H

#include "value.h"

enum node_kind { N_CHARS, N_CAT, N_ALT, N_REPEAT, N_BEGIN, N_END };

struct node {
	enum node_kind kind;
	uint64_t chars[4];	/* N_CHARS: a set of bytes */
	struct node **v;	/* N_CAT, N_ALT, N_REPEAT: one */
	size_t n;
	int min, max;		/* N_REPEAT; max -1: without end */
};

/* NULL: not a pattern, or one with something that is not supported; @why says what. */
struct node *pattern_regex(struct arena *a, const char *text, size_t len, const char **why);
struct node *pattern_glob(struct arena *a, const char *text, size_t len, const char *delimiters,
			  const char **why);

/* Whether @text has a match in it, in time that grows with pattern times text. */
bool pattern_match(struct arena *a, const struct node *n, const char *text, size_t len);

#endif
