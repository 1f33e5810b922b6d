/* SPDX-License-Identifier: Apache-2.0 */
/* A flow as pieces of text, and equal flows as one: what all forms of a report need. */
#ifndef KNTRL_REPORT_CELLS_H
#define KNTRL_REPORT_CELLS_H

#include "report.h"

/* Valid UTF-8 without control characters; the mark-up of a format is not escaped. */
struct cells {
	char *process;		/* name */
	char *path;		/* of its executable; empty: not known */
	char *line;		/* "bash → npm → sh": what led there, the farthest first */
	char *target;		/* "192.0.2.1:443 (name that the client said)" */
	char *rule;
	char proto[16];
	const char *verdict;	/* "denied", "would be denied", "allowed" */
};

void cells_make(struct cells *c, const struct report *r, const struct flow *f);
void cells_free(struct cells *c);

/* Flows of one program to one place that were judged alike. */
struct place {
	const struct flow *flow;	/* the first of them */
	__u64 count;			/* attempts */
};

/* The blocked ones or the others, the most frequent first; to be freed.  How many. */
size_t report_places(const struct report *r, bool blocked, struct place **places);

struct sums {
	size_t flows, blocked, denied;
};

void report_sums(const struct report *r, struct sums *s);

/* "mode trace", or what else is to be said of it. */
const char *report_mode(const struct report *r);

/* As RFC 3339 has it: UTC, milliseconds. */
#define TIME_TEXT	32
void time_text(char buf[TIME_TEXT], const struct report *r, __u64 ns);

#endif
