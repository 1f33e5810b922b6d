/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.self_protect as the loader sees it: what the programs must know to
 * recognise what is ours, and the token of who may change it.  See kern/self.bpf.c.
 */
#ifndef KNTRL_SELF_H
#define KNTRL_SELF_H

#include "engine.h"

/*
 * Shows the kernel the token in @file, 64 hexadecimal digits, if what is loaded
 * asks for one; from then on this process may change it.  NULL, or a file that is not
 * there yet: none.  0 when it may; -1 with a message.
 */
int self_unlock(const char *file);

/* Tells the hooks that protect what is loaded what that is.  0, or -1 with a message. */
int self_know(struct engine *e);

/* Likewise of a file: what is kept from whom is judged (OWN_*).  One that is not there is none. */
int self_file(const struct engine *e, const char *name, __u32 kind);

/*
 * Before a policy that protects itself is put in force, its hooks being attached:
 * unlocks this process.  The token is written to @file
 * unless NULL, readable by root alone; one that is in force stays.  With @seal, or no
 * file, nobody has it once this process ends; but for who reads from the pipe @heir,
 * if that is not 0.  0, or -1 with a message.
 */
int self_prepare(struct engine *e, const char *file, bool seal, int heir);

/* The same, for the process that cleans up should we die: by the token, or -1. */
int self_show(const struct unlock *token);

#endif
