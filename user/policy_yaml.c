// SPDX-License-Identifier: Apache-2.0
/*
 * The walk of a YAML document by the schema.  The schema bounds its depth and
 * the limits below bound what libyaml does, so that no input takes time or
 * memory out of proportion to its size.
 */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "policy_internal.h"
#include "policy_schema.h"
#include "suggest.h"
#include "util.h"

#define DEPTH_MAX	32	/* collections in collections */
#define NODES_MAX	2000000	/* some 200 bytes each while a file is read */
#define NAMES_MAX	1000	/* anchors and aliases; libyaml searches them one by one */

/*
 * Errors
 */

struct walk {
	yaml_document_t doc;
	bool *seen;		/* collections, by node */
	const char *name;	/* of the file */
	int file;		/* in policy_src.files */
	FILE *err;
	int errors;
};

/* The way from the root to a value: a key, or an index when @key is NULL. */
#define ANY_INDEX SIZE_MAX
struct where {
	const struct where *up;
	const char *key;
	size_t index;
};

static void print_where(FILE *out, const struct where *at)
{
	if (!at)
		return;
	print_where(out, at->up);
	if (at->key) {
		fputs(at->up ? "." : "", out);
		escape(out, at->key, strlen(at->key), SHOWN_CHARS);
	} else if (at->index == ANY_INDEX) {
		fputs("[]", out);
	} else {
		fprintf(out, "[%zu]", at->index);
	}
}

static void print_error(const struct walk *w, FILE *out, const struct where *at,
			yaml_mark_t mark, const yaml_node_t *value, const char *why)
{
	escape(out, w->name, strlen(w->name), ESCAPE_ALL);
	fprintf(out, ":%zu:%zu: ", mark.line + 1, mark.column + 1);
	print_where(out, at);
	if (at)
		fputs(": ", out);
	if (value && value->type == YAML_SCALAR_NODE) {
		fputc('"', out);
		escape(out, value->data.scalar.value, value->data.scalar.length, SHOWN_CHARS);
		fputs("\": ", out);
	}
	escape(out, why, strlen(why), ESCAPE_ALL);
	fputc('\n', out);
}

/* @value is NULL where there is none to show.  A line is one write, even to stderr. */
static void complain(struct walk *w, const struct where *at, yaml_mark_t mark,
		     const yaml_node_t *value, const char *why)
{
	char *text;
	size_t len;
	FILE *line = open_memstream(&text, &len);

	w->errors++;
	print_error(w, line ? line : w->err, at, mark, value, why);
	if (!line)
		return;
	fclose(line);
	fwrite(text, 1, len, w->err);
	free(text);
}

static const char *unknown_key(const char *name, const struct key *keys)
{
	const char *names[KEYS_MAX + 1] = { NULL }, *meant;
	char known[512] = "";
	size_t i;

	if (!strcmp(name, "<<"))
		return "merge keys (<<) are not supported; write the keys out";
	for (i = 0; i < KEYS_MAX && keys[i].name; i++) {
		names[i] = keys[i].name;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			 i ? ", " : "", keys[i].name);
	}
	meant = suggest(name, names);
	if (meant)
		return wrong("unknown key \"%.80s\"; did you mean \"%s\"?", name, meant);
	return wrong("unknown key \"%.80s\"; known here: %s", name, known);
}

/*
 * The walk
 */

static void read_value(struct walk *w, const struct where *at, const yaml_node_t *n,
		       const struct type *t, void *out);

static yaml_node_t *node(struct walk *w, int id)
{
	return yaml_document_get_node(&w->doc, id);
}

static bool is_plain(const yaml_node_t *n)
{
	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* The null of the YAML 1.2 core schema, 10.3.2. */
static bool is_null(const yaml_node_t *n)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	size_t i;

	if (n->type != YAML_SCALAR_NODE || !is_plain(n))
		return false;
	for (i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (!strcmp((const char *)n->data.scalar.value, nulls[i]))
			return true;
	return false;
}

static const char *choose(const char *text, const struct type *t, int *out)
{
	const struct choice *c;

	for (c = t->choices; c->name; c++) {
		if (strcmp(text, c->name))
			continue;
		*out = t->flags ? *out | c->value : c->value;
		return NULL;
	}
	return wrong("must be %s", t->what);
}

static const char *read_scalar(const yaml_node_t *n, const struct type *t, void *out)
{
	const char *text = (const char *)n->data.scalar.value;
	const char *why = check_text(text, n->data.scalar.length);

	if (why)
		return why;
	if (t->plain && !is_plain(n))
		return wrong("must be %s", t->what);
	if (t->choices)
		return choose(text, t, out);
	if (t->parse)
		return t->parse(text, out);
	if (!t->text)
		return t->item && !t->secret ?
		       wrong("must be %s; write [\"%.80s\"]", t->what, text) :
		       wrong("must be %s", t->what);
	why = t->text(text);
	if (!why)
		*(char **)out = xstrdup(text);
	return why;
}

static void read_sequence(struct walk *w, const struct where *up, const yaml_node_t *n,
			  const struct type *t, void *out)
{
	const yaml_node_item_t *i = n->data.sequence.items.start;
	struct where at = { up, NULL, 0 };

	for (; i < n->data.sequence.items.top; i++, at.index++) {
		const yaml_node_t *item = node(w, *i);
		char *elem = t->size ? list_add(out, t->size) : out;

		if (t->size)
			*(struct origin *)(elem + t->origin) = (struct origin){
				.file = w->file,
				.line = item->start_mark.line + 1,
				.column = item->start_mark.column + 1,
				.index = at.index,
			};
		read_value(w, &at, item, t->item, elem);
	}
}

static const char *key_name(struct walk *w, const struct where *at, const yaml_node_t *n)
{
	if (n->type == YAML_SCALAR_NODE)
		return (const char *)n->data.scalar.value;
	complain(w, at, n->start_mark, NULL, "a key must be plain text");
	return NULL;
}

/* A mapping whose keys are the author's own; the values may be secrets. */
static void read_entries(struct walk *w, const struct where *up, const yaml_node_t *n,
			 const struct type *t, void *out)
{
	const yaml_node_pair_t *p = n->data.mapping.pairs.start;

	for (; p < n->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = node(w, p->key), *value = node(w, p->value);
		struct where at = { up, key_name(w, up, key), 0 };
		const char *why;

		if (!at.key)
			continue;
		if (value->type != YAML_SCALAR_NODE || is_null(value)) {
			complain(w, &at, value->start_mark, NULL, "must be text");
			continue;
		}
		why = check_text(at.key, key->data.scalar.length);
		if (!why)
			why = check_text((const char *)value->data.scalar.value,
					 value->data.scalar.length);
		if (!why)
			why = t->entry(at.key, (const char *)value->data.scalar.value, out);
		if (why)
			complain(w, &at, value->start_mark, NULL, why);
	}
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

/* Reads one pair and adds its key to the set in @given. */
static void read_pair(struct walk *w, const struct where *up, const yaml_node_pair_t *pair,
		      const struct type *t, uint32_t *given, char *out)
{
	const yaml_node_t *n = node(w, pair->key);
	struct where at = { up, key_name(w, up, n), 0 };
	const struct key *k;

	if (!at.key)
		return;
	k = find_key(t->keys, at.key);
	if (!k || strlen(at.key) != n->data.scalar.length) {
		complain(w, up, n->start_mark, NULL, unknown_key(at.key, t->keys));
		return;
	}
	if (*given & 1u << (k - t->keys)) {
		complain(w, &at, n->start_mark, NULL, "is given twice");
		return;
	}
	*given |= 1u << (k - t->keys);
	if (k->not_with && *given & 1u << (find_key(t->keys, k->not_with) - t->keys))
		complain(w, &at, n->start_mark, NULL,
			 wrong("stands beside %s; keep one of the two", k->not_with));
	read_value(w, &at, node(w, pair->value), k->type, out + k->offset);
}

static void read_mapping(struct walk *w, const struct where *at, const yaml_node_t *n,
			 const struct type *t, void *out)
{
	const yaml_node_pair_t *p = n->data.mapping.pairs.start;
	const struct key *k;
	uint32_t given = 0;

	for (; p < n->data.mapping.pairs.top; p++)
		read_pair(w, at, p, t, &given, out);
	for (k = t->keys; k->name; k++)
		if (k->required && !(given & 1u << (k - t->keys)))
			complain(w, at, n->start_mark, NULL,
				 wrong("lacks the key \"%s\"", k->name));
}

static void read_collection(struct walk *w, const struct where *at, const yaml_node_t *n,
			    const struct type *t, void *out)
{
	bool *seen = &w->seen[n - w->doc.nodes.start], again = *seen;
	int errors = w->errors;
	const char *why = NULL;

	/* Else a few aliases of aliases could name more values than fit any memory. */
	*seen = true;
	if (again)
		why = "an alias can repeat one value, not a list or mapping; write it out";
	else if (n->type == YAML_SEQUENCE_NODE && t->item)
		read_sequence(w, at, n, t, out);
	else if (n->type == YAML_MAPPING_NODE && t->keys)
		read_mapping(w, at, n, t, out);
	else if (n->type == YAML_MAPPING_NODE && t->entry)
		read_entries(w, at, n, t, out);
	else
		why = wrong("must be %s", t->what);
	if (!why && t->finish && w->errors == errors)
		why = t->finish(out);
	if (why)
		complain(w, at, n->start_mark, NULL, why);
}

static void read_value(struct walk *w, const struct where *at, const yaml_node_t *n,
		       const struct type *t, void *out)
{
	const char *why;

	if (n->type != YAML_SCALAR_NODE) {
		read_collection(w, at, n, t, out);
		return;
	}
	if (is_null(n)) {
		complain(w, at, n->start_mark, NULL, t->item ?
			 "has no value; write [] for an empty list" :
			 wrong("has no value; must be %s", t->what));
		return;
	}
	why = read_scalar(n, t, out);
	if (why)
		complain(w, at, n->start_mark, t->secret ? NULL : n, why);
}

/*
 * What is to be settled before libyaml builds a document
 */

static void fail(struct walk *w, yaml_mark_t mark, const char *why)
{
	complain(w, NULL, mark, NULL, why);
}

/* Returns whether the text is fit to be parsed. */
static bool check_bytes(struct walk *w, const char *text, size_t len)
{
	yaml_mark_t mark = { 0, 0, 0 };
	uint32_t c;
	size_t n;

	for (; len; text += n, len -= n, mark.index++) {
		n = utf8_decode(text, len, &c);
		if (!n) {
			fail(w, mark, wrong("byte 0x%02x is not valid UTF-8", (uint8_t)*text));
			return false;
		}
		/* Directives serve no policy, and libyaml searches them one by one. */
		if (c == '%' && !mark.column) {
			fail(w, mark, "YAML directives (%) are not supported");
			return false;
		}
		if (c == '\n') {
			mark.line++;
			mark.column = 0;
			continue;
		}
		if (is_unsafe_char(c) && c != '\t' && c != '\r' && !(c == 0xfeff && !mark.index)) {
			fail(w, mark, wrong("control character (U+%04X)", c));
			return false;
		}
		mark.column++;
	}
	return true;
}

struct census {
	unsigned int depth, documents, nodes, names;
};

static const yaml_char_t *event_tag(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.tag;
	default:
		return NULL;
	}
}

static bool has_name(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return true;
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return false;
	}
}

static const char *count_event(struct census *c, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		c->documents++;
		break;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		c->depth++;
		/* fall through */
	case YAML_SCALAR_EVENT:
	case YAML_ALIAS_EVENT:
		c->nodes++;
		c->names += has_name(e);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		c->depth--;
		break;
	default:
		break;
	}
	if (c->documents > 1)
		return "a second document starts; a file holds one policy";
	if (c->depth > DEPTH_MAX)
		return wrong("nested deeper than %d levels", DEPTH_MAX);
	if (c->nodes > NODES_MAX)
		return wrong("more than %d values", NODES_MAX);
	if (c->names > NAMES_MAX)
		return wrong("more than %d anchors and aliases", NAMES_MAX);
	return NULL;
}

static void report_syntax(struct walk *w, const yaml_parser_t *parser)
{
	if (parser->error == YAML_MEMORY_ERROR) {
		fail(w, parser->mark, "out of memory");
		return;
	}
	if (!parser->context) {
		fail(w, parser->problem_mark, wrong("YAML: %s", parser->problem));
		return;
	}
	fail(w, parser->problem_mark,
	     wrong("YAML: %s, %s at line %zu", parser->problem, parser->context,
		   parser->context_mark.line + 1));
}

static void start_parser(yaml_parser_t *parser, const char *text, size_t len)
{
	if (!yaml_parser_initialize(parser))
		abort();
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
}

/* Returns whether the stream can be loaded; tags are errors that do not stop it. */
static bool check_events(struct walk *w, const char *text, size_t len)
{
	struct census census = { 0 };
	yaml_parser_t parser;
	const char *why = NULL;
	bool end = false;
	yaml_event_t e;

	start_parser(&parser, text, len);
	while (!end && !why) {
		if (!yaml_parser_parse(&parser, &e)) {
			report_syntax(w, &parser);
			break;
		}
		why = count_event(&census, &e);
		if (why)
			fail(w, e.start_mark, why);
		else if (event_tag(&e))
			fail(w, e.start_mark, "tags (!) are not supported; write the value alone");
		end = e.type == YAML_STREAM_END_EVENT;
		if (end && !census.documents) {
			why = "the file is empty; an empty policy is written {}";
			fail(w, (yaml_mark_t){ 0, 0, 0 }, why);
		}
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&parser);
	return end && !why;
}

static void read_document(struct walk *w, struct policy_src *p, const char *text, size_t len)
{
	yaml_parser_t parser;

	start_parser(&parser, text, len);
	if (yaml_parser_load(&parser, &w->doc)) {
		w->seen = xcalloc(w->doc.nodes.top - w->doc.nodes.start, sizeof(*w->seen));
		read_value(w, NULL, yaml_document_get_root_node(&w->doc), &policy_schema, p);
		free(w->seen);
		yaml_document_delete(&w->doc);
	} else {
		report_syntax(w, &parser);
	}
	yaml_parser_delete(&parser);
}

int policy_read_buffer(struct policy_src *p, const char *name, const void *buf, size_t len,
		       FILE *err)
{
	struct walk w = { .name = name, .err = err };

	w.file = policy_add_source(p, name, err);
	if (w.file < 0)
		return 1;
	if (len > POLICY_FILE_MAX) {
		fail(&w, (yaml_mark_t){ 0, 0, 0 },
		     wrong("larger than %u MiB", POLICY_FILE_MAX >> 20));
		return w.errors;
	}
	if (!check_bytes(&w, buf, len) || !check_events(&w, buf, len))
		return w.errors;
	read_document(&w, p, buf, len);
	if (!w.errors)
		policy_unite(p);
	return w.errors;
}

static void print_type(FILE *out, const struct where *at, const struct type *t)
{
	const struct where each = { at, NULL, ANY_INDEX };
	const struct key *k = t->item ? t->item->keys : t->keys;

	if (at) {
		print_where(out, at);
		fprintf(out, ": %s", t->what);
		if (t->item)
			fprintf(out, ", each %s", t->item->what);
		fputc('\n', out);
	}
	for (; k && k->name; k++) {
		const struct where below = { t->item ? &each : at, k->name, 0 };

		print_type(out, &below, k->type);
	}
}

void policy_print_schema(FILE *out)
{
	print_type(out, NULL, &policy_schema);
}
