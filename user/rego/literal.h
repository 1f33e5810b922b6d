/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule asks of the input while it is not known: literals, each of which
 * holds or not.  A clause is a list of literals that must all hold.
 */
#ifndef KNTRL_REGO_LITERAL_H
#define KNTRL_REGO_LITERAL_H

#include "rego.h"
#include "value.h"

/* What stands for a part of the input. */
enum symbol {
	SYM_INPUT, SYM_TASK_NAME, SYM_EXE, SYM_PROTO, SYM_DADDR, SYM_DPORT,
	SYM_ANCESTORS, SYM_DOMAINS,
	SYM_ANCESTOR, SYM_DOMAIN,	/* some element of those lists; value.element */
	SYM_INDEX,			/* of such an element */
};

/*
 * About one element of a list, which is to be there: number @element.  About
 * any element of it: 0.
 */
struct literal {
	struct rego_literal l;
	int element;
	struct place at;
};

/* Of a literal when another is known to hold. */
enum relation { REL_OPEN, REL_IMPLIED, REL_IMPOSSIBLE };

enum relation literal_relate(const struct literal *known, const struct literal *l);

/* The literals of which one holds when @l does not; returns how many, at most 2. */
int literal_negate(const struct literal *l, struct literal out[2]);

#endif
