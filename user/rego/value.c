// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

struct value value_true = { .type = V_BOOL, .boolean = true };
struct value value_false = { .type = V_BOOL };
struct value value_null = { .type = V_NULL };

struct value *value_bool(bool b)
{
	return b ? &value_true : &value_false;
}

struct value *value_number(struct arena *a, double n)
{
	struct value *v = arena_alloc(a, sizeof(*v));

	v->type = V_NUMBER;
	v->number = n;
	return v;
}

struct value *value_string(struct arena *a, const char *s, size_t len)
{
	struct value *v = arena_alloc(a, sizeof(*v));

	v->type = V_STRING;
	v->text = arena_text(a, s, len);
	v->len = len;
	return v;
}

struct value *value_list(struct arena *a, enum value_type type)
{
	struct value *v = arena_alloc(a, sizeof(*v));

	v->type = type;
	return v;
}

static int compare_strings(const struct value *a, const struct value *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->text, b->text, n) : 0;

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int compare_lists(const struct value *a, const struct value *b)
{
	size_t width = a->type == V_OBJECT ? 2 : 1, i;
	int c;

	for (i = 0; i < a->n * width && i < b->n * width; i++) {
		c = value_compare(a->v[i], b->v[i]);
		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

int value_compare(const struct value *a, const struct value *b)
{
	if (a == b)
		return 0;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	switch (a->type) {
	case V_NULL:
		return 0;
	case V_BOOL:
		return a->boolean - b->boolean;
	case V_NUMBER:
		return (a->number > b->number) - (a->number < b->number);
	case V_STRING:
		return compare_strings(a, b);
	case V_SYMBOL:
		return a->symbol != b->symbol ? a->symbol - b->symbol : a->element - b->element;
	default:
		return compare_lists(a, b);
	}
}

void value_push(struct arena *a, struct value *list, struct value *v)
{
	list->v = arena_grow(a, list->v, list->n, sizeof(*list->v));
	list->v[list->n++] = v;
}

void value_pair(struct arena *a, struct value *object, struct value *key, struct value *v)
{
	object->v = arena_grow(a, object->v, object->n, 2 * sizeof(*object->v));
	object->v[2 * object->n] = key;
	object->v[2 * object->n + 1] = v;
	object->n++;
}

static int by_value(const void *a, const void *b)
{
	return value_compare(*(struct value *const *)a, *(struct value *const *)b);
}

bool value_sort(struct value *v)
{
	size_t width = v->type == V_OBJECT ? 2 : 1, i, n = 0;
	bool conflict = false;

	if (v->type < V_OBJECT || !v->n)
		return false;
	qsort(v->v, v->n, width * sizeof(*v->v), by_value);
	for (i = 1; i < v->n; i++) {
		if (value_compare(v->v[n * width], v->v[i * width])) {
			n++;
			memmove(&v->v[n * width], &v->v[i * width], width * sizeof(*v->v));
		} else if (width == 2 && value_compare(v->v[2 * n + 1], v->v[2 * i + 1])) {
			conflict = true;
		}
	}
	v->n = n + 1;
	return conflict;
}

struct value *value_at(const struct value *v, const struct value *key)
{
	size_t width = v->type == V_OBJECT ? 2 : 1;
	struct value **found;

	if (v->type == V_ARRAY) {
		if (key->type != V_NUMBER || !(key->number >= 0) || key->number >= v->n ||
		    key->number != floor(key->number))
			return NULL;
		return v->v[(size_t)key->number];
	}
	if (v->type < V_OBJECT || v->type > V_SET || !v->n)
		return NULL;
	found = bsearch(&key, v->v, v->n, width * sizeof(*v->v), by_value);
	return found ? found[width - 1] : NULL;
}

static void print_string(FILE *out, const struct value *v)
{
	size_t i;

	fputc('"', out);
	for (i = 0; i < v->len; i++) {
		unsigned char c = v->text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_list(FILE *out, const struct value *v)
{
	bool object = v->type == V_OBJECT;
	size_t i;

	if (v->type == V_SET && !v->n) {
		fputs("set()", out);
		return;
	}
	fputc(v->type == V_ARRAY ? '[' : '{', out);
	for (i = 0; i < v->n; i++) {
		if (i)
			fputs(", ", out);
		value_print(out, v->v[object ? 2 * i : i]);
		if (object) {
			fputs(": ", out);
			value_print(out, v->v[2 * i + 1]);
		}
	}
	fputc(v->type == V_ARRAY ? ']' : '}', out);
}

void value_print(FILE *out, const struct value *v)
{
	switch (v->type) {
	case V_NULL:
		fputs("null", out);
		return;
	case V_BOOL:
		fputs(v->boolean ? "true" : "false", out);
		return;
	case V_NUMBER:
		fprintf(out, fabs(v->number) < 1e15 ? "%.15g" : "%.17g", v->number);
		return;
	case V_STRING:
		print_string(out, v);
		return;
	default:
		print_list(out, v);
	}
}

char *value_text(struct arena *a, const struct value *v)
{
	char *text, *copy;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	value_print(f, v);
	fclose(f);
	copy = arena_text(a, text, len);
	free(text);
	return copy;
}
