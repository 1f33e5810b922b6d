/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs and maps in the kernel, as far as they do not depend on a
 * policy: loaded, attached and pinned once, then found again by their pins.
 */
#ifndef KNTRL_ENGINE_H
#define KNTRL_ENGINE_H

#include <stdbool.h>

#include "abi.h"
#include "kernel.h"

struct engine {
	char dir[64];		/* where the pins are */
	struct control *control;	/* mapped */
	bool fresh;		/* loaded by us, and not in force yet */
	int janitor;		/* pipe to the process that cleans up should we die; -1: none */
};

/* Finds what is pinned.  0; -ENOENT when nothing is; -1 with a message otherwise. */
int engine_find(struct engine *e);

/*
 * Loads, attaches and pins beside PIN_DIR what every policy needs, and loads what
 * those with these POLICY_* @flags do.  Nothing is judged until a scope has a policy.
 * @seed: of all hashes.  0; or with a message, and nothing left behind,
 * -EOPNOTSUPP when the kernel refuses, -1 otherwise.
 */
int engine_load(struct engine *e, const struct kernel *k, const __u64 seed[2], __u32 flags);

/*
 * Attaches what a policy with these POLICY_* needs and others do not; loads it first, if
 * no policy before had.  0, or -1 with a message.
 */
int engine_attach(struct engine *e, const struct kernel *k, __u32 flags);

/* Gives the process that cleans up should we die the token that it will need. */
void engine_unlock_janitor(struct engine *e, const struct unlock *token);

/* The pins move to PIN_DIR, and stay. */
int engine_commit(struct engine *e);

/* A fresh engine and its pins go away. */
void engine_discard(struct engine *e);

/* Descriptor of a pinned map or program, or -1 with a message. */
int engine_fd(const struct engine *e, const char *name);

/* Names all processes that have no identity yet, and puts those of scopes' cgroups there. */
int engine_adopt(struct engine *e);

/*
 * Takes processes out of the scopes @leave and into @join, a bit each: those that
 * descend from @root, or all if 0.
 */
int engine_move(struct engine *e, __u64 leave, __u64 join, __u32 root);

/* Exempts process @pid, as it is now, from all policies, until it execs; its children are not. */
int engine_exempt(struct engine *e, __u32 pid);

/* Verdicts kept by threads end. */
void engine_new_epoch(struct engine *e);

/* Everything goes, whatever is in force.  0, or -1 with a message. */
int engine_unload(void);

#endif
