/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's output file: lines, appended, never torn.  It is buffered; a full
 * disk costs lines, which are counted, and never a moment of waiting.
 */
#ifndef KNTRL_OUTPUT_H
#define KNTRL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#define OUTPUT_BUFFER	65536

struct output {
	const char *path;
	int fd;
	size_t used;
	bool failing;			/* the last write did not succeed */
	unsigned long long lost;	/* lines since it began to fail */
	unsigned long long lost_before;	/* by earlier failures */
	char buffer[OUTPUT_BUFFER];
};

/* Opens @path, a regular file of ours with one name, or makes it.  0, or -1 with a message. */
int output_open(struct output *o, const char *path);

/* Writes what is buffered and opens the path anew: it may have been moved away. */
int output_reopen(struct output *o);

void output_line(struct output *o, const char *line, size_t len);

/* False: something is left in the buffer. */
bool output_flush(struct output *o);

#endif
