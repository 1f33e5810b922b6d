/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once, bounded, and errors that end the work:
 * whatever a rule file holds, it costs bounded memory, and nothing leaks.
 */
#ifndef KNTRL_REGO_ARENA_H
#define KNTRL_REGO_ARENA_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct block;

/* Where something was written; lines and columns from 1. */
struct place {
	uint32_t file;		/* index into rego.files */
	uint32_t line, column;
};

struct arena {
	struct block *blocks;
	size_t left, taken, max;	/* bytes */
	jmp_buf *on_error;
	struct place at;		/* of the error */
	char why[512];
};

void *arena_alloc(struct arena *a, size_t size);	/* zeroed */
void *arena_copy(struct arena *a, const void *p, size_t size);
char *arena_text(struct arena *a, const char *s, size_t len);	/* with a NUL */
void arena_free(struct arena *a);

/* Ends the work that was begun with setjmp(*on_error). */
__attribute__((noreturn, format(printf, 3, 4)))
void arena_fail(struct arena *a, struct place at, const char *fmt, ...);

/* Makes room for one more in an arena's array of @n elements; @size of each. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t size);

#endif
