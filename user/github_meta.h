/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's ranges for Actions, in the format of https://api.github.com/meta.  A
 * key of our own, "fetched", says when ("2026-01-31T12:00:00Z"); without it the
 * file's time counts.
 */
#ifndef KNTRL_GITHUB_META_H
#define KNTRL_GITHUB_META_H

#include <stdio.h>

#include "policy.h"

#define GITHUB_META_STALE	30	/* days, after which a load complains */

struct github_meta {
	struct addr_list ranges;
	int64_t fetched;	/* seconds since 1970 */
};

/*
 * Reads @path; NULL: the file that scripts/github-meta writes, or else the one that
 * came with the program.  Everything in the list "actions" must be a network.  Says
 * on @err what is wrong, and where; returns 0, or -1.  ranges.v is to be freed.
 */
int github_meta_read(const char *path, struct github_meta *m, FILE *err);

/* Days from @fetched until now. */
int github_meta_age(int64_t fetched);

#endif
