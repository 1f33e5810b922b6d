/* SPDX-License-Identifier: Apache-2.0 */
/* Values of Rego. */
#ifndef KNTRL_REGO_VALUE_H
#define KNTRL_REGO_VALUE_H

#include <stdbool.h>

#include "arena.h"

/* In the order in which values of different types are sorted (OPA: ast.Compare). */
enum value_type {
	V_NULL, V_BOOL, V_NUMBER, V_STRING, V_ARRAY, V_OBJECT, V_SET,
	V_SYMBOL,	/* a part of an input that is not known; never within other values */
};

struct value {
	enum value_type type;
	union {
		bool boolean;
		double number;
		struct {
			const char *text;
			size_t len;
		};
		struct {
			struct value **v;	/* of an object: key, value, key, value, ... */
			size_t n;		/* of an object: pairs */
		};
		struct {
			int symbol;		/* enum symbol */
			int element;
		};
	};
};

extern struct value value_true, value_false, value_null;

struct value *value_bool(bool b);
struct value *value_number(struct arena *a, double n);
struct value *value_string(struct arena *a, const char *s, size_t len);
struct value *value_list(struct arena *a, enum value_type type);

int value_compare(const struct value *a, const struct value *b);

/* To a list that is not shared yet; sets and objects are put in order by value_sort(). */
void value_push(struct arena *a, struct value *list, struct value *v);
void value_pair(struct arena *a, struct value *object, struct value *key, struct value *v);

/* Returns whether a key had two different values. */
bool value_sort(struct value *v);

/* The element of an array, object or set at @key, or NULL. */
struct value *value_at(const struct value *v, const struct value *key);

void value_print(FILE *out, const struct value *v);
char *value_text(struct arena *a, const struct value *v);

#endif
