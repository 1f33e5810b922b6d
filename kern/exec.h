/* SPDX-License-Identifier: GPL-2.0-only */
/* Which programs may be executed. */
#ifndef KNTRL_EXEC_H
#define KNTRL_EXEC_H

#include "maps.h"

/*
 * Judges the program of t->exec_facts, which @image names in reports.  Returns
 * whether it is denied.
 */
int exec_judge(struct task *t, __u64 image);

#endif
