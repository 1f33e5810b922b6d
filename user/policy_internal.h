/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that make up policy.h share; nobody else includes this. */
#ifndef KNTRL_POLICY_INTERNAL_H
#define KNTRL_POLICY_INTERNAL_H

#include "policy.h"

#define SHOWN_CHARS	80	/* of a value in a message */
#define VALUE_MAX	8192	/* bytes of one value; longer than any path or URL we take */

/* policy.c */

/* Appends a zeroed element to a struct { T *v; size_t n; }. */
void *list_add(void *list, size_t size);

/* Removes the repetitions of every list; the first of each stays. */
void policy_unite(struct policy_src *p);

/* Returns the index of a source in p->files, or -1 when there are too many. */
int policy_add_source(struct policy_src *p, const char *name, FILE *err);

/*
 * policy_values.c: each returns NULL, or what is wrong and what would be
 * right, in words that follow the value.
 */

/* Words made to order; valid until the thread's next call. */
const char *wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

const char *check_text(const char *text, size_t len);	/* of any value */
const char *check_process(const char *text);
const char *check_full_path(const char *text);
const char *check_socket(const char *text);
const char *check_path_pattern(const char *text);
const char *check_env_name(const char *text);
const char *check_unit(const char *text);
const char *check_url(const char *text);
const char *check_header_name(const char *text);
const char *parse_server(const char *text, struct addr_rule *out);
const char *parse_pid(const char *text, int32_t *out);
const char *parse_timeout(const char *text, unsigned int *ms);

#endif
