/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that made flows, under the programs that led to them. */
#ifndef KNTRL_REPORT_TREE_H
#define KNTRL_REPORT_TREE_H

#include "report.h"

/*
 * A program in the line of some process, or a process itself.  Of what came before
 * only the programs are known: two shells of one parent are one node.
 */
struct tree_node {
	__u64 image;
	__u64 exec;		/* of a process; 0: a program that led to one */
	__u32 tgid;
	size_t parent, child, last, next;	/* numbers of nodes; 0: none */
	size_t flow, last_flow;	/* its flows, by number + 1; 0: none */
	bool blocked;		/* some flow of it, or below it, is */
};

struct tree {
	struct tree_node *nodes;	/* nodes[0] is above all */
	size_t n, size;
	size_t *next_flow;	/* of the same process, by number; number + 1 */
};

void tree_make(struct tree *t, const struct report *r);
void tree_free(struct tree *t);

#endif
