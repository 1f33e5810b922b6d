// SPDX-License-Identifier: Apache-2.0
/* The way in: files are added, checked together, and then asked. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "parse.h"
#include "../util.h"

#define MEMORY_MAX	(512u << 20)
#define RULES_MAX	20000

struct rego *rego_new(void)
{
	struct rego *r = xcalloc(1, sizeof(*r));

	r->arena.max = MEMORY_MAX;
	r->data = value_list(&r->arena, V_OBJECT);
	return r;
}

void rego_free(struct rego *r)
{
	if (!r)
		return;
	arena_free(&r->arena);
	free(r);
}

static int complain(const struct rego *r, FILE *err)
{
	const struct place *at = &r->arena.at;

	if (at->file < r->nfiles) {
		escape(err, r->files[at->file], strlen(r->files[at->file]), ESCAPE_ALL);
		fprintf(err, ":%u:%u: ", at->line, at->column);
	}
	escape(err, r->arena.why, strlen(r->arena.why), ESCAPE_ALL);
	fputc('\n', err);
	return 1;
}

static uint32_t file_add(struct rego *r, const char *file)
{
	r->files = arena_grow(&r->arena, r->files, r->nfiles, sizeof(*r->files));
	r->files[r->nfiles] = arena_text(&r->arena, file, strlen(file));
	r->arena.at = (struct place){ r->nfiles, 1, 1 };
	return r->nfiles++;
}

static void module_add(struct rego *r, struct module *m)
{
	size_t i;

	for (i = 0; i < r->nmodules; i++)
		m->before += r->modules[i]->nrules;
	if (m->before + m->nrules > RULES_MAX)
		arena_fail(&r->arena, (struct place){ m->file, 1, 1 }, "more than %d rules", RULES_MAX);
	r->modules = arena_grow(&r->arena, r->modules, r->nmodules, sizeof(*r->modules));
	r->modules[r->nmodules++] = m;
}

int rego_add(struct rego *r, const char *file, const void *text, size_t len, FILE *err)
{
	jmp_buf on_error;

	r->arena.on_error = &on_error;
	if (setjmp(on_error))
		return complain(r, err);
	module_add(r, parse_module(&r->arena, file_add(r, file), text, len));
	return 0;
}

/* Keys of documents are united; a key that stands in two is an error. */
static void data_add(struct rego *r, const struct value *v, struct place at)
{
	size_t i;

	if (v->type != V_OBJECT)
		arena_fail(&r->arena, at, "must be an object: its keys are those of data");
	for (i = 0; i < v->n; i++)
		value_pair(&r->arena, r->data, v->v[2 * i], v->v[2 * i + 1]);
	if (value_sort(r->data))
		arena_fail(&r->arena, at, "has a key that another document has too");
}

int rego_add_json(struct rego *r, const char *file, const void *text, size_t len, FILE *err)
{
	struct place at = { 0, 1, 1 };
	jmp_buf on_error;

	r->arena.on_error = &on_error;
	if (setjmp(on_error))
		return complain(r, err);
	at.file = file_add(r, file);
	data_add(r, parse_json(&r->arena, at.file, text, len), at);
	return 0;
}

int rego_check(struct rego *r, FILE *err)
{
	jmp_buf on_error;

	r->arena.on_error = &on_error;
	if (setjmp(on_error))
		return complain(r, err);
	resolve(r);
	r->checked = true;
	return 0;
}

int rego_lower(struct rego *r, const char *data, const char *mode, struct rego_clauses *out,
	       FILE *err)
{
	struct value *given = r->data;
	jmp_buf on_error;

	*out = (struct rego_clauses){ 0 };
	if (!r->checked && rego_check(r, err))
		return 1;
	r->arena.on_error = &on_error;
	if (setjmp(on_error)) {
		r->data = given;
		return complain(r, err);
	}
	r->data = value_list(&r->arena, V_OBJECT);
	data_add(r, given, (struct place){ 0 });
	data_add(r, parse_json(&r->arena, 0, data, strlen(data)), (struct place){ 0, 1, 1 });
	lower(r, mode, out);
	r->data = given;
	return 0;
}

/* ---- Tests ---- */

static void run_test(struct rego *r, const struct module *m, struct rule_set *set,
		     struct rego_result *result)
{
	struct value *v;
	jmp_buf on_error;

	r->arena.on_error = &on_error;
	result->package = package_text(r, m->package);
	result->outcome = REGO_ERROR;
	result->why = r->arena.why;
	if (setjmp(on_error)) {
		result->file = r->files[r->arena.at.file];
		result->line = r->arena.at.line;
		return;
	}
	v = rego_run(r, set, NULL);
	result->outcome = v && !value_compare(v, &value_true) ? REGO_PASS : REGO_FAIL;
}

void rego_test(struct rego *r, void (*tell)(const struct rego_result *, void *), void *arg)
{
	size_t i, j;

	for (i = 0; i < r->nmodules; i++) {
		const struct module *m = r->modules[i];

		for (j = 0; j < m->nrules; j++) {
			const struct rule *rule = m->rules[j];
			struct rule_set *set = rules_find(m->package, rule->name);
			struct rego_result result = { .name = rule->name, .file = r->files[m->file],
						      .line = rule->at.line };

			if (strncmp(rule->name, "test_", 5) || set->shape != R_COMPLETE ||
			    !set->n || set->v[0] != rule)
				continue;
			run_test(r, m, set, &result);
			tell(&result, arg);
		}
	}
}

/* data.p.q: a rule by its full name. */
static struct rule_set *rule_named(struct rego *r, const char *name)
{
	char *rest = arena_text(&r->arena, name, strlen(name)), *part = strsep(&rest, ".");
	struct package *p = &r->root;

	if (strcmp(part, "data"))
		return NULL;
	while (p && rest && strchr(rest, '.'))
		p = package_find(p, strsep(&rest, "."));
	return p && rest ? rules_find(p, rest) : NULL;
}

static struct value *ask(struct rego *r, const char *rule, const char *input)
{
	struct rule_set *set = rule_named(r, rule);
	struct value *document = NULL;

	if (!set || set->shape == R_FUNCTION)
		return NULL;
	if (input)
		document = parse_json(&r->arena, file_add(r, "input"), input, strlen(input));
	return rego_run(r, set, document);
}

char *rego_value(struct rego *r, const char *rule, const char *input, FILE *err)
{
	struct value *v;
	jmp_buf on_error;

	r->arena.on_error = &on_error;
	if (setjmp(on_error)) {
		complain(r, err);
		return NULL;
	}
	v = ask(r, rule, input);
	return v ? xstrdup(value_text(&r->arena, v)) : NULL;
}
