/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy is put in force, or ended: the order of steps, for kntrl-load and
 * kntrl.  Two at a time would undo each other's work, so that all but the dry run
 * hold a lock until their process ends.
 */
#ifndef KNTRL_LOAD_H
#define KNTRL_LOAD_H

#include <stdbool.h>

#include "policy.h"
#include "scope.h"

/* Exit statuses; the functions below return them too. */
#define EXIT_POLICY_WRONG	2
#define EXIT_KERNEL_CANNOT	3
#define EXIT_NOT_PROVED		4

struct loading {
	struct policy_src policy;
	struct scope_choice scope;
	bool scoped;		/* a scope was asked for */
	bool accept_preempt, no_preload;
	bool last_out;		/* load_end(): with the last policy, all that is loaded goes */
	const char *token_file;	/* see self.h; NULL: none */
	bool seal;
	int heir;		/* a pipe that takes the token, as self.h says; 0: none */
	const char *output;	/* the agent's file of events; NULL: none */
};

/* Compiles, loads, pins, proves that it is live.  Unless it is, nothing has changed. */
int load(const struct loading *o);

/* Compiles, says on stdout what would be loaded. */
int load_dry_run(const struct loading *o);

/* Ends enforcement; in one scope alone, if that was asked for. */
int load_end(const struct loading *o);

/* Exempts the process scope.pid from all policies, until it execs. */
int load_exempt(const struct loading *o);

/* Takes a step in a child, so that its lock and its memory go; its status. */
int load_apart(int (*step)(const struct loading *), const struct loading *o);

/* Proves that what is pinned is live; -1: nothing is, or the host has no policy. */
int load_adopt(const char *output);

#endif
