/* SPDX-License-Identifier: Apache-2.0 */
/* How the tables say what a policy may hold, and where each value goes. */
#ifndef KNTRL_POLICY_SCHEMA_H
#define KNTRL_POLICY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#define KEYS_MAX 16	/* of a mapping */

struct key;

struct choice {
	const char *name;
	int value;
};

/* What a value may be.  A member that is not set means that it may not be that. */
struct type {
	const char *what;	/* follows "must be" */

	/* A scalar: one of a few words, stored as int; a text, stored as char *; or parsed. */
	const struct choice *choices;
	const char *(*text)(const char *text);
	const char *(*parse)(const char *text, void *out);
	bool flags;		/* choices are or-ed into what is there */
	bool plain;		/* quotes would make it something else */
	bool secret;		/* never shown */

	/* A mapping with known keys, or with any. */
	const struct key *keys;
	const char *(*entry)(const char *key, const char *value, void *out);

	/* A sequence; of size 0, its items share one destination. */
	const struct type *item;
	size_t size, origin;	/* of an element, and of the struct origin in it */

	/* Looks at the whole mapping or sequence when each part of it is right. */
	const char *(*finish)(void *out);
};

struct key {
	const char *name;
	const struct type *type;
	size_t offset;		/* of its destination in that of the mapping */
	bool required;
	const char *not_with;	/* a key that says the same in another way */
};

extern const struct type policy_schema;

#endif
