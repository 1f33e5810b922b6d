/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled tables go into the kernel, and a scope is switched over to them. */
#ifndef KNTRL_INSTALL_H
#define KNTRL_INSTALL_H

#include "compile.h"
#include "engine.h"

/* Reads a scope's record.  0, or -1 with a message. */
int scope_read(const struct engine *e, __u32 id, struct scope *s);

/*
 * Puts @t into a free slot, then makes it the policy of scope @id with one
 * store; @like gives the record's other fields.  What was in force before goes
 * when no program can be using it any more.  On failure, -1 with a message and
 * nothing changed.
 */
int scope_install(struct engine *e, __u32 id, const struct scope *like, struct tables *t);

/* In the set of the scopes that a process is in. */
static inline __u64 scope_bit(__u32 id)
{
	return 1ull << id;
}

/* The scope ends; its processes are judged by the other scopes they are in alone. */
int scope_remove(struct engine *e, __u32 id);

#endif
