// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "suggest.h"
#include "util.h"

#define WORD_MAX	32	/* longer words are no slips of ours */
#define OPTIONS_MAX	32

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Of Levenshtein: letters to insert, remove or replace. */
static unsigned int edit_distance(const char *a, const char *b)
{
	unsigned int row[WORD_MAX + 1], i, j;
	size_t n = strlen(b);

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= n; j++) {
			unsigned int replaced = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(replaced, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[n];
}

const char *suggest(const char *word, const char *const *known)
{
	unsigned int distance, best = UINT32_MAX;
	const char *nearest = NULL;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *known; known++) {
		if (strlen(*known) > WORD_MAX)
			continue;
		/* What was cut short is a slip by one. */
		distance = word[0] && !strncmp(word, *known, strlen(word)) && strcmp(word, *known) ?
			   1 : edit_distance(word, *known);
		if (distance < best) {
			best = distance;
			nearest = *known;
		}
	}
	return nearest && best <= 1 + strlen(nearest) / 3 ? nearest : NULL;
}

static const char *suggest_option(const char *word, const struct option *options)
{
	const char *names[OPTIONS_MAX + 1];
	char bare[WORD_MAX + 1];
	size_t n = 0;

	for (; options->name && n < OPTIONS_MAX; options++)
		names[n++] = options->name;
	names[n] = NULL;
	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(word, "="), word);
	return suggest(bare, names);
}

static void unknown_option(const char *word, const struct option *options)
{
	const char *nearest = suggest_option(word + 2, options);

	fputs("unknown option \"", stderr);
	escape(stderr, word, strcspn(word, "="), WORD_MAX);
	fputc('"', stderr);
	if (nearest)
		fprintf(stderr, "; did you mean \"--%s\"?", nearest);
}

void option_error(const char *command, const struct option *options, int c, char **argv)
{
	const char *word = argv[optind - 1];

	fprintf(stderr, "%s: ", command);
	if (c == ':')
		fprintf(stderr, "option \"%s\" needs a value", word);
	else if (optopt && !strncmp(word, "--", 2))
		fprintf(stderr, "option \"%.*s\" takes no value", (int)strcspn(word, "="), word);
	else if (optopt)
		fprintf(stderr, "unknown option \"-%c\"", optopt > ' ' && optopt < 127 ? optopt : '?');
	else
		unknown_option(word, options);
	fprintf(stderr, "; see %s --help\n", command);
}
