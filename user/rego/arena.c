// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "../util.h"

#define BLOCK_SIZE	(256u << 10)

struct block {
	struct block *next;
	max_align_t data[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	size_t room = BLOCK_SIZE;
	struct block *b;

	size = (size + 15) & ~(size_t)15;
	if (size > a->max - a->taken)
		arena_fail(a, a->at, "takes more than %zu MiB of memory; write fewer or simpler rules",
			   a->max >> 20);
	a->taken += size;
	if (size > a->left) {
		if (room < size)
			room = size;
		b = xcalloc(1, sizeof(*b) + room);
		b->next = a->blocks;
		a->blocks = b;
		a->left = room;
	}
	/* Blocks are filled from their end. */
	a->left -= size;
	return (char *)a->blocks->data + a->left;
}

void *arena_copy(struct arena *a, const void *p, size_t size)
{
	void *copy = arena_alloc(a, size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *arena_text(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	return copy;
}

/* Arrays double at the powers of two, so that their room need not be kept. */
void *arena_grow(struct arena *a, void *v, size_t n, size_t size)
{
	void *bigger;

	if (n & (n - 1))
		return v;
	bigger = arena_alloc(a, (n ? 2 * n : 1) * size);
	if (n)
		memcpy(bigger, v, n * size);
	return bigger;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct block *b = a->blocks;

		a->blocks = b->next;
		free(b);
	}
	a->left = a->taken = 0;
}

void arena_fail(struct arena *a, struct place at, const char *fmt, ...)
{
	va_list ap;

	a->at = at;
	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	longjmp(*a->on_error, 1);
}
