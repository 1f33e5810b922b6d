/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody probably meant to type. */
#ifndef KNTRL_SUGGEST_H
#define KNTRL_SUGGEST_H

#include <stddef.h>

struct option;

/* The word of @known (ends with NULL) that @word is a slip of, or NULL. */
const char *suggest(const char *word, const char *const *known);

/*
 * Says what getopt_long() stumbled over, after it returned @c, '?' or ':', with
 * opterr 0 and an option string that starts with ':'.  @command is the program,
 * or the program and its subcommand.
 */
void option_error(const char *command, const struct option *options, int c, char **argv);

#endif
