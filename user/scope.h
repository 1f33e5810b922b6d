/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes a policy is for: the host's, a cgroup's, or those of a tree. */
#ifndef KNTRL_SCOPE_H
#define KNTRL_SCOPE_H

#include <stdbool.h>

#include "engine.h"
#include "kernel.h"

enum scope_kind { SCOPE_HOST, SCOPE_CGROUP, SCOPE_TREE };

struct scope_choice {
	enum scope_kind kind;
	const char *cgroup;
	int pid;
};

/* "host", "cgroup:PATH", "tree:PID"; false: it is none of them. */
bool scope_parse(struct scope_choice *c, const char *text);

/*
 * The number of the scope that is meant, or of a free one if @make; @s is how its
 * record is to look.  -1 with a message, or when there is none.
 */
int scope_find(const struct engine *e, const struct kernel *k, const struct scope_choice *c,
	       struct scope *s, bool make);

#endif
