/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNTRL_REGO_PARSE_H
#define KNTRL_REGO_PARSE_H

#include "ast.h"

/* Both end with arena_fail() at the first error. */
struct module *parse_module(struct arena *a, uint32_t file, const char *text, size_t len);
struct value *parse_json(struct arena *a, uint32_t file, const char *text, size_t len);

#endif
