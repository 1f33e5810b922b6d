/* SPDX-License-Identifier: Apache-2.0 */
/* Path patterns of a policy, as the kernel compares them (kern/files.bpf.c). */
#ifndef KNTRL_PATHS_H
#define KNTRL_PATHS_H

#include "compile.h"

/*
 * Adds a pattern that check_path_pattern() took, as FILE_* of @class, and the
 * numbers of what is there now and has several names.  Returns NULL, or what is
 * wrong, in words that follow it.
 */
const char *paths_add(struct tables *t, const __u64 seed[2], const char *pattern, __u32 class,
		      const struct rule_ref *rule);

#endif
