/* SPDX-License-Identifier: Apache-2.0 */
/* --fail-on: what makes a run fail, or a job that ends with kntrl stop. */
#ifndef KNTRL_FAIL_ON_H
#define KNTRL_FAIL_ON_H

#include <stdbool.h>

#include "report.h"

#define FAIL_ON_BLOCK	1	/* something was blocked, or would have been */
#define FAIL_ON_LOST	2	/* something is missing from the report */

/* Adds what @list, separated by commas, names; 0, or -1 with a message. */
int fail_on_parse(unsigned int *on, const char *command, const char *list);

bool fail_on_happened(unsigned int on, const struct report *r);

#endif
