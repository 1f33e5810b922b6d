// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>

#include "fail_on.h"
#include "suggest.h"
#include "util.h"

static const char *const words[] = { "block", "lost", NULL };

static int word_add(unsigned int *on, const char *command, const char *word)
{
	const char *nearest;
	int i;

	for (i = 0; words[i]; i++) {
		if (!strcmp(word, words[i])) {
			*on |= 1u << i;		/* FAIL_ON_* */
			return 0;
		}
	}
	nearest = suggest(word, words);
	fprintf(stderr, "%s: --fail-on: \"", command);
	escape(stderr, word, strlen(word), 32);
	if (nearest)
		fprintf(stderr, "\" is not known; did you mean \"%s\"?\n", nearest);
	else
		fputs("\" is not known; use block or lost\n", stderr);
	return -1;
}

int fail_on_parse(unsigned int *on, const char *command, const char *list)
{
	char *copy = xstrdup(list), *rest = copy, *word;
	int err = 0;

	while (!err && (word = strsep(&rest, ",")))
		err = word_add(on, command, word);
	free(copy);
	return err;
}

static bool is_blocked(const struct report *r)
{
	size_t i;

	for (i = 0; i < r->nflows; i++)
		if (r->flows[i].key.verdict & VERDICT_BLOCK)
			return true;
	for (i = 0; i < r->nquestions; i++)
		if (r->questions[i].flow.key.verdict & VERDICT_BLOCK)
			return true;
	return r->nfolded;
}

static bool is_lost(const struct report *r)
{
	bool lost = r->nfolded || r->nskipped;
	size_t i;

	for (i = 0; i < COUNTERS; i++)
		lost |= r->counters[i] != 0;
	return lost;
}

bool fail_on_happened(unsigned int on, const struct report *r)
{
	return (on & FAIL_ON_BLOCK && is_blocked(r)) || (on & FAIL_ON_LOST && is_lost(r));
}
