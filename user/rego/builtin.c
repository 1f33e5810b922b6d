// SPDX-License-Identifier: Apache-2.0
/*
 * Built-in functions, over constants.  An argument of a wrong type leaves the
 * call undefined, as in OPA without --strict-builtin-errors.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "pattern.h"
#include "../policy.h"
#include "../suggest.h"

static bool is_string(const struct value *v)
{
	return v->type == V_STRING;
}

static bool is_list(const struct value *v)
{
	return v->type == V_ARRAY || v->type == V_SET;
}

static const char *find(const struct value *in, const struct value *what)
{
	return memmem(in->text, in->len, what->text, what->len);
}

/* ---- Comparison, membership ---- */

static struct value *call_equal(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(!value_compare(v[0], v[1]));
}

static struct value *call_neq(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(value_compare(v[0], v[1]));
}

static struct value *call_lt(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(value_compare(v[0], v[1]) < 0);
}

static struct value *call_lte(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(value_compare(v[0], v[1]) <= 0);
}

static struct value *call_gt(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(value_compare(v[0], v[1]) > 0);
}

static struct value *call_gte(struct arena *a, struct value **v)
{
	(void)a;
	return value_bool(value_compare(v[0], v[1]) >= 0);
}

static struct value *call_in(struct arena *a, struct value **v)
{
	size_t i, width = v[1]->type == V_OBJECT ? 2 : 1;

	(void)a;
	if (v[1]->type < V_ARRAY || v[1]->type > V_SET)
		return &value_false;
	for (i = 0; i < v[1]->n; i++)
		if (!value_compare(v[0], v[1]->v[i * width + width - 1]))
			return &value_true;
	return &value_false;
}

/* ---- Numbers and sets ---- */

static struct value *number(struct arena *a, double n)
{
	return isfinite(n) ? value_number(a, n) : NULL;
}

static struct value *call_plus(struct arena *a, struct value **v)
{
	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER)
		return NULL;
	return number(a, v[0]->number + v[1]->number);
}

static struct value *set_minus(struct arena *a, struct value **v, bool keep)
{
	struct value *out = value_list(a, V_SET);
	size_t i;

	for (i = 0; i < v[0]->n; i++)
		if (!value_at(v[1], v[0]->v[i]) != keep)
			value_push(a, out, v[0]->v[i]);
	return out;
}

static struct value *call_minus(struct arena *a, struct value **v)
{
	if (v[0]->type == V_SET && v[1]->type == V_SET)
		return set_minus(a, v, false);
	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER)
		return NULL;
	return number(a, v[0]->number - v[1]->number);
}

static struct value *call_mul(struct arena *a, struct value **v)
{
	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER)
		return NULL;
	return number(a, v[0]->number * v[1]->number);
}

static struct value *call_div(struct arena *a, struct value **v)
{
	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER || !v[1]->number)
		return NULL;
	return number(a, v[0]->number / v[1]->number);
}

static struct value *call_rem(struct arena *a, struct value **v)
{
	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER || !v[1]->number ||
	    v[0]->number != trunc(v[0]->number) || v[1]->number != trunc(v[1]->number))
		return NULL;
	return number(a, fmod(v[0]->number, v[1]->number));
}

static struct value *call_and(struct arena *a, struct value **v)
{
	if (v[0]->type != V_SET || v[1]->type != V_SET)
		return NULL;
	return set_minus(a, v, true);
}

static struct value *call_or(struct arena *a, struct value **v)
{
	struct value *out = value_list(a, V_SET);
	size_t i;

	if (v[0]->type != V_SET || v[1]->type != V_SET)
		return NULL;
	for (i = 0; i < v[0]->n; i++)
		value_push(a, out, v[0]->v[i]);
	for (i = 0; i < v[1]->n; i++)
		value_push(a, out, v[1]->v[i]);
	value_sort(out);
	return out;
}

static struct value *call_count(struct arena *a, struct value **v)
{
	size_t i, n = 0;

	if (v[0]->type >= V_ARRAY && v[0]->type <= V_SET)
		return value_number(a, v[0]->n);
	if (!is_string(v[0]))
		return NULL;
	for (i = 0; i < v[0]->len; i++)
		n += (v[0]->text[i] & 0xc0) != 0x80;
	return value_number(a, n);
}

static struct value *call_sum(struct arena *a, struct value **v)
{
	double sum = 0;
	size_t i;

	if (!is_list(v[0]))
		return NULL;
	for (i = 0; i < v[0]->n; i++) {
		if (v[0]->v[i]->type != V_NUMBER)
			return NULL;
		sum += v[0]->v[i]->number;
	}
	return number(a, sum);
}

static struct value *extreme(struct value *list, int sign)
{
	struct value *best = NULL;
	size_t i;

	if (!is_list(list))
		return NULL;
	for (i = 0; i < list->n; i++)
		if (!best || sign * value_compare(list->v[i], best) > 0)
			best = list->v[i];
	return best;
}

static struct value *call_max(struct arena *a, struct value **v)
{
	(void)a;
	return extreme(v[0], 1);
}

static struct value *call_min(struct arena *a, struct value **v)
{
	(void)a;
	return extreme(v[0], -1);
}

static struct value *call_any(struct arena *a, struct value **v)
{
	size_t i;

	(void)a;
	if (!is_list(v[0]))
		return NULL;
	for (i = 0; i < v[0]->n; i++)
		if (!value_compare(v[0]->v[i], &value_true))
			return &value_true;
	return &value_false;
}

static struct value *call_all(struct arena *a, struct value **v)
{
	size_t i;

	(void)a;
	if (!is_list(v[0]))
		return NULL;
	for (i = 0; i < v[0]->n; i++)
		if (value_compare(v[0]->v[i], &value_true))
			return &value_false;
	return &value_true;
}

/* ---- Strings ---- */

/* The first argument, or any of several, against any of the second: OPA takes lists too. */
static struct value *affix(struct value **v, bool (*has)(const struct value *, const struct value *))
{
	struct value **xs = is_list(v[0]) ? v[0]->v : v, **ys = is_list(v[1]) ? v[1]->v : v + 1;
	size_t nx = is_list(v[0]) ? v[0]->n : 1, ny = is_list(v[1]) ? v[1]->n : 1, i, j;
	bool found = false;

	for (i = 0; i < nx; i++) {
		for (j = 0; j < ny; j++) {
			if (!is_string(xs[i]) || !is_string(ys[j]))
				return NULL;
			found |= has(xs[i], ys[j]);
		}
	}
	return value_bool(found);
}

static bool has_prefix(const struct value *s, const struct value *p)
{
	return s->len >= p->len && !memcmp(s->text, p->text, p->len);
}

static bool has_suffix(const struct value *s, const struct value *p)
{
	return s->len >= p->len && !memcmp(s->text + s->len - p->len, p->text, p->len);
}

static struct value *call_startswith(struct arena *a, struct value **v)
{
	(void)a;
	return is_string(v[0]) && is_string(v[1]) ? affix(v, has_prefix) : NULL;
}

static struct value *call_endswith(struct arena *a, struct value **v)
{
	(void)a;
	return is_string(v[0]) && is_string(v[1]) ? affix(v, has_suffix) : NULL;
}

static struct value *call_any_prefix(struct arena *a, struct value **v)
{
	(void)a;
	return affix(v, has_prefix);
}

static struct value *call_any_suffix(struct arena *a, struct value **v)
{
	(void)a;
	return affix(v, has_suffix);
}

static struct value *call_contains(struct arena *a, struct value **v)
{
	(void)a;
	return is_string(v[0]) && is_string(v[1]) ? value_bool(find(v[0], v[1])) : NULL;
}

static struct value *call_concat(struct arena *a, struct value **v)
{
	struct value *out;
	size_t i, len = 0, at = 0;
	char *text;

	if (!is_string(v[0]) || !is_list(v[1]))
		return NULL;
	for (i = 0; i < v[1]->n; i++) {
		if (!is_string(v[1]->v[i]))
			return NULL;
		len += v[1]->v[i]->len + v[0]->len;
	}
	text = arena_alloc(a, len + 1);
	for (i = 0; i < v[1]->n; i++) {
		const struct value *s = v[1]->v[i];

		if (i) {
			memcpy(text + at, v[0]->text, v[0]->len);
			at += v[0]->len;
		}
		memcpy(text + at, s->text, s->len);
		at += s->len;
	}
	out = value_string(a, text, at);
	return out;
}

static struct value *mapped(struct arena *a, const struct value *s, int (*to)(int))
{
	struct value *out;
	size_t i;
	char *text;

	if (!is_string(s))
		return NULL;
	text = arena_text(a, s->text, s->len);
	for (i = 0; i < s->len; i++)
		if (!(text[i] & 0x80))
			text[i] = to(text[i]);
	out = value_string(a, text, s->len);
	return out;
}

static struct value *call_lower(struct arena *a, struct value **v)
{
	return mapped(a, v[0], tolower);
}

static struct value *call_upper(struct arena *a, struct value **v)
{
	return mapped(a, v[0], toupper);
}

static struct value *trimmed(struct arena *a, const struct value *s, const char *set, size_t n,
			     bool left, bool right)
{
	const char *p = s->text, *end = s->text + s->len;

	while (left && p < end && memchr(set, *p, n))
		p++;
	while (right && p < end && memchr(set, end[-1], n))
		end--;
	return value_string(a, p, end - p);
}

static struct value *call_trim(struct arena *a, struct value **v)
{
	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	return trimmed(a, v[0], v[1]->text, v[1]->len, true, true);
}

static struct value *call_trim_left(struct arena *a, struct value **v)
{
	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	return trimmed(a, v[0], v[1]->text, v[1]->len, true, false);
}

static struct value *call_trim_right(struct arena *a, struct value **v)
{
	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	return trimmed(a, v[0], v[1]->text, v[1]->len, false, true);
}

static struct value *call_trim_space(struct arena *a, struct value **v)
{
	return is_string(v[0]) ? trimmed(a, v[0], " \t\r\n\v\f", 6, true, true) : NULL;
}

static struct value *call_trim_prefix(struct arena *a, struct value **v)
{
	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	if (!has_prefix(v[0], v[1]))
		return v[0];
	return value_string(a, v[0]->text + v[1]->len, v[0]->len - v[1]->len);
}

static struct value *call_trim_suffix(struct arena *a, struct value **v)
{
	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	if (!has_suffix(v[0], v[1]))
		return v[0];
	return value_string(a, v[0]->text, v[0]->len - v[1]->len);
}

static struct value *call_split(struct arena *a, struct value **v)
{
	struct value *out = value_list(a, V_ARRAY);
	const char *p, *end, *at;

	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	p = v[0]->text;
	end = p + v[0]->len;
	if (!v[1]->len) {
		for (; p < end; p++)
			value_push(a, out, value_string(a, p, 1));
		return out;
	}
	while ((at = memmem(p, end - p, v[1]->text, v[1]->len))) {
		value_push(a, out, value_string(a, p, at - p));
		p = at + v[1]->len;
	}
	value_push(a, out, value_string(a, p, end - p));
	return out;
}

static struct value *call_replace(struct arena *a, struct value **v)
{
	struct value *parts[2] = { v[2], NULL };

	if (!is_string(v[0]) || !is_string(v[1]) || !is_string(v[2]))
		return NULL;
	parts[1] = call_split(a, v);
	return call_concat(a, parts);
}

static void print_verb(FILE *f, char verb, const struct value *v)
{
	if (verb == 'd')
		fprintf(f, "%.0f", v->number);
	else if (is_string(v))
		fwrite(v->text, 1, v->len, f);
	else
		value_print(f, v);
}

static struct value *call_sprintf(struct arena *a, struct value **v)
{
	const char *p, *end;
	struct value *out;
	size_t len, used = 0;
	char *text;
	FILE *f;

	if (!is_string(v[0]) || v[1]->type != V_ARRAY)
		return NULL;
	/* Look first: an error leaves by a long way, and the stream must not stay behind. */
	p = v[0]->text;
	end = p + v[0]->len;
	for (; p < end; p++) {
		if (*p != '%')
			continue;
		if (++p < end && *p == '%')
			continue;
		if (p == end || !strchr("sdv", *p))
			arena_fail(a, a->at, "sprintf: only %%s, %%d, %%v and %%%% are supported");
		if (used == v[1]->n || (*p == 's' && !is_string(v[1]->v[used])) ||
		    (*p == 'd' && v[1]->v[used]->type != V_NUMBER))
			arena_fail(a, a->at, "sprintf: %%%c and its value do not go together", *p);
		used++;
	}
	f = open_memstream(&text, &len);
	for (p = v[0]->text, used = 0; p < end; p++) {
		if (*p == '%' && *++p != '%')
			print_verb(f, *p, v[1]->v[used++]);
		else
			fputc(*p, f);
	}
	fclose(f);
	out = value_string(a, text, len);
	free(text);
	return out;
}

static struct value *call_to_number(struct arena *a, struct value **v)
{
	char *end;
	double n;

	switch (v[0]->type) {
	case V_NULL:
		return value_number(a, 0);
	case V_BOOL:
		return value_number(a, v[0]->boolean);
	case V_NUMBER:
		return v[0];
	case V_STRING:
		if (!v[0]->len || strspn(v[0]->text, "0123456789+-.eE") != v[0]->len)
			return NULL;
		n = strtod(v[0]->text, &end);
		return *end ? NULL : number(a, n);
	default:
		return NULL;
	}
}

static struct value *call_format_int(struct arena *a, struct value **v)
{
	char text[32];

	if (v[0]->type != V_NUMBER || v[1]->type != V_NUMBER || v[1]->number != 10 ||
	    fabs(v[0]->number) > 1e15)
		return NULL;
	snprintf(text, sizeof(text), "%.0f", floor(v[0]->number));
	return value_string(a, text, strlen(text));
}

/* ---- Addresses ---- */

static bool cidr_read(const struct value *v, struct addr_rule *r)
{
	struct port_range any = { 0, UINT16_MAX };

	return is_string(v) && strlen(v->text) == v->len && !parse_addr_rule(v->text, r) &&
	       !memcmp(&r->ports, &any, sizeof(any)) && v->text[0] != '[';
}

static bool cidr_covers(const struct addr_rule *outer, const struct addr_rule *inner)
{
	unsigned int bytes = outer->prefixlen / 8, bits = outer->prefixlen % 8;
	bool v4[2] = { outer->prefixlen >= 96 && !memcmp(outer->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12),
		       inner->prefixlen >= 96 && !memcmp(inner->addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) };

	if (v4[0] != v4[1] || outer->prefixlen > inner->prefixlen ||
	    memcmp(outer->addr, inner->addr, bytes))
		return false;
	return !bits || !((outer->addr[bytes] ^ inner->addr[bytes]) >> (8 - bits));
}

static struct value *call_cidr_contains(struct arena *a, struct value **v)
{
	struct addr_rule outer, inner;

	(void)a;
	if (!cidr_read(v[0], &outer) || !cidr_read(v[1], &inner))
		return NULL;
	return value_bool(cidr_covers(&outer, &inner));
}

/* Pairs of what covers and what is covered; of a string the string stands for itself. */
static struct value *call_cidr_matches(struct arena *a, struct value **v)
{
	struct value *out = value_list(a, V_SET);
	struct value **xs = is_list(v[0]) ? v[0]->v : v, **ys = is_list(v[1]) ? v[1]->v : v + 1;
	size_t nx = is_list(v[0]) ? v[0]->n : 1, ny = is_list(v[1]) ? v[1]->n : 1, i, j;

	for (i = 0; i < nx; i++) {
		for (j = 0; j < ny; j++) {
			struct value *in[2] = { xs[i], ys[j] }, *pair, *is;

			is = call_cidr_contains(a, in);
			if (!is)
				return NULL;
			if (!is->boolean)
				continue;
			pair = value_list(a, V_ARRAY);
			value_push(a, pair, v[0]->type == V_ARRAY ? value_number(a, i) : xs[i]);
			value_push(a, pair, v[1]->type == V_ARRAY ? value_number(a, j) : ys[j]);
			value_push(a, out, pair);
		}
	}
	value_sort(out);
	return out;
}

/* ---- Patterns ---- */

static struct value *call_regex_match(struct arena *a, struct value **v)
{
	const char *why;
	struct node *n;

	if (!is_string(v[0]) || !is_string(v[1]))
		return NULL;
	n = pattern_regex(a, v[0]->text, v[0]->len, &why);
	if (!n)
		arena_fail(a, a->at, "the pattern \"%.80s\" %s", v[0]->text, why);
	return value_bool(pattern_match(a, n, v[1]->text, v[1]->len));
}

static const char *glob_delimiters(struct arena *a, const struct value *v)
{
	char *text;
	size_t i;

	if (v->type == V_NULL)
		return "";
	if (v->type != V_ARRAY)
		return NULL;
	if (!v->n)
		return ".";
	text = arena_alloc(a, v->n + 1);
	for (i = 0; i < v->n; i++) {
		if (!is_string(v->v[i]) || v->v[i]->len != 1)
			return NULL;
		text[i] = v->v[i]->text[0];
	}
	return text;
}

static struct value *call_glob_match(struct arena *a, struct value **v)
{
	const char *delimiters = glob_delimiters(a, v[1]), *why;
	struct node *n;

	if (!is_string(v[0]) || !is_string(v[2]) || !delimiters)
		return NULL;
	n = pattern_glob(a, v[0]->text, v[0]->len, delimiters, &why);
	if (!n)
		arena_fail(a, a->at, "the pattern \"%.80s\" %s", v[0]->text, why);
	return value_bool(pattern_match(a, n, v[2]->text, v[2]->len));
}

/* ---- Collections ---- */

static struct value *call_object_get(struct arena *a, struct value **v)
{
	struct value *at = v[0];
	size_t i;

	(void)a;
	if (v[0]->type != V_OBJECT)
		return NULL;
	if (v[1]->type != V_ARRAY) {
		at = value_at(v[0], v[1]);
		return at ? at : v[2];
	}
	for (i = 0; i < v[1]->n && at; i++)
		at = value_at(at, v[1]->v[i]);
	return at ? at : v[2];
}

static struct value *call_object_keys(struct arena *a, struct value **v)
{
	struct value *out = value_list(a, V_SET);
	size_t i;

	if (v[0]->type != V_OBJECT)
		return NULL;
	for (i = 0; i < v[0]->n; i++)
		value_push(a, out, v[0]->v[2 * i]);
	return out;
}

static struct value *call_array_concat(struct arena *a, struct value **v)
{
	struct value *out = value_list(a, V_ARRAY);
	size_t i, j;

	for (i = 0; i < 2; i++) {
		if (v[i]->type != V_ARRAY)
			return NULL;
		for (j = 0; j < v[i]->n; j++)
			value_push(a, out, v[i]->v[j]);
	}
	return out;
}

static struct value *is_type(struct value **v, enum value_type type)
{
	return v[0]->type == type ? &value_true : NULL;
}

#define IS_TYPE(name, type)							\
static struct value *call_is_##name(struct arena *a, struct value **v)		\
{										\
	(void)a;								\
	return is_type(v, type);						\
}

IS_TYPE(string, V_STRING)
IS_TYPE(number, V_NUMBER)
IS_TYPE(boolean, V_BOOL)
IS_TYPE(array, V_ARRAY)
IS_TYPE(set, V_SET)
IS_TYPE(object, V_OBJECT)
IS_TYPE(null, V_NULL)

static const struct builtin builtins[] = {
	{ "equal", 2, call_equal },
	{ "neq", 2, call_neq },
	{ "lt", 2, call_lt },
	{ "lte", 2, call_lte },
	{ "gt", 2, call_gt },
	{ "gte", 2, call_gte },
	{ "in", 2, call_in },
	{ "plus", 2, call_plus },
	{ "minus", 2, call_minus },
	{ "mul", 2, call_mul },
	{ "div", 2, call_div },
	{ "rem", 2, call_rem },
	{ "and", 2, call_and },
	{ "or", 2, call_or },
	{ "count", 1, call_count },
	{ "sum", 1, call_sum },
	{ "max", 1, call_max },
	{ "min", 1, call_min },
	{ "any", 1, call_any },
	{ "all", 1, call_all },
	{ "startswith", 2, call_startswith },
	{ "endswith", 2, call_endswith },
	{ "strings.any_prefix_match", 2, call_any_prefix },
	{ "strings.any_suffix_match", 2, call_any_suffix },
	{ "contains", 2, call_contains },
	{ "concat", 2, call_concat },
	{ "lower", 1, call_lower },
	{ "upper", 1, call_upper },
	{ "trim", 2, call_trim },
	{ "trim_left", 2, call_trim_left },
	{ "trim_right", 2, call_trim_right },
	{ "trim_space", 1, call_trim_space },
	{ "trim_prefix", 2, call_trim_prefix },
	{ "trim_suffix", 2, call_trim_suffix },
	{ "split", 2, call_split },
	{ "replace", 3, call_replace },
	{ "sprintf", 2, call_sprintf },
	{ "to_number", 1, call_to_number },
	{ "format_int", 2, call_format_int },
	{ "net.cidr_contains", 2, call_cidr_contains },
	{ "net.cidr_contains_matches", 2, call_cidr_matches },
	{ "regex.match", 2, call_regex_match },
	{ "glob.match", 3, call_glob_match },
	{ "object.get", 3, call_object_get },
	{ "object.keys", 1, call_object_keys },
	{ "array.concat", 2, call_array_concat },
	{ "is_string", 1, call_is_string },
	{ "is_number", 1, call_is_number },
	{ "is_boolean", 1, call_is_boolean },
	{ "is_array", 1, call_is_array },
	{ "is_set", 1, call_is_set },
	{ "is_object", 1, call_is_object },
	{ "is_null", 1, call_is_null },
};

#define BUILTINS (sizeof(builtins) / sizeof(*builtins))

const struct builtin *builtin_find(const char *name)
{
	size_t i;

	for (i = 0; i < BUILTINS; i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

const char *builtin_suggest(const char *name)
{
	const char *names[BUILTINS + 1];
	size_t i;

	for (i = 0; i < BUILTINS; i++)
		names[i] = builtins[i].name;
	names[BUILTINS] = NULL;
	return suggest(name, names);
}
