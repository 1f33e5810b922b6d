/* SPDX-License-Identifier: Apache-2.0 */
/* Names that are known without waiting for a program to ask. */
#ifndef KNTRL_RESOLVE_H
#define KNTRL_RESOLVE_H

#include "compile.h"
#include "engine.h"

/*
 * The names of /etc/hosts that a rule allows count for @scope, and those that an
 * earlier load took from there no longer.  In a new scope no other name counts yet.
 */
void resolve_hosts_file(const struct engine *e, const struct tables *t, __u32 scope);

/*
 * Asks name servers once for the hosts that @p allows, so that their answers
 * count at once, as any others do.  Takes RESOLVE_SECONDS at most.
 */
void resolve_allowed(const struct policy_src *p);

#define RESOLVE_SECONDS	3

#endif
