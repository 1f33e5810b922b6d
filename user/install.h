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

/* The scope that a process is in, or -1 with a message. */
int scope_of_process(const struct engine *e, int pid);

/* The scope ends; its processes are judged by the scopes around it alone. */
int scope_remove(struct engine *e, __u32 id);

#endif
