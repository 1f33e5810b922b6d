/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every program needs: allocation that does not fail, and text that is
 * safe to put on a terminal.
 */
#ifndef KNTRL_UTIL_H
#define KNTRL_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* As their namesakes, but when memory is short they say so and abort. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);

/*
 * Decodes the first character of @text (RFC 3629: no surrogates, no overlong
 * forms).  Returns its length in bytes, or 0 when the text is ill-formed.
 */
size_t utf8_decode(const void *text, size_t len, uint32_t *c);

/* Characters that act on a terminal or on the order of what is shown, or are none. */
bool is_unsafe_char(uint32_t c);

#define ESCAPE_ALL SIZE_MAX

/*
 * Writes @text with unsafe characters and ill-formed bytes as \n, \xNN or
 * \uNNNN.  Of a text longer than @max characters the rest becomes "…".
 */
void escape(FILE *out, const void *text, size_t len, size_t max);

#endif
