// SPDX-License-Identifier: Apache-2.0
/*
 * What was blocked, as SARIF 2.1.0 (OASIS), so that code scanning shows it.  Each
 * result stands in the policy: there it is to be changed, if it is to be.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "report_cells.h"

#define SCHEMA	"https://json.schemastore.org/sarif-2.1.0.json"
#define RESULTS	5000	/* what GitHub takes of a run */

static json_t *message(const struct cells *c, __u64 count)
{
	return json_pack("{s:o}", "text",
			 json_sprintf("%s%s%s%s %s: %s %s (%s), %llu attempt%s", c->process,
				      *c->line ? " (led there by " : "", c->line, *c->line ? ")" : "",
				      c->verdict, c->proto, c->target, c->rule, count,
				      count == 1 ? "" : "s"));
}

/* A URI reference (RFC 3986): all but unreserved characters and "/" as %XX. */
static json_t *uri(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
	char text[3 * SOURCE_LEN + 1], *at = text;

	for (; *path && at < text + sizeof(text) - 3; path++) {
		if (strchr(plain, *path))
			*at++ = *path;
		else
			at += sprintf(at, "%%%02X", (unsigned char)*path);
	}
	*at = '\0';
	return json_string(text);
}

static json_t *locations(const struct report *r, const struct rule_ref *rule)
{
	const char *source = rule->source < r->nsources ? r->sources[rule->source] : "policy.yaml";

	return json_pack("[{s:{s:{s:o},s:{s:i}}}]", "physicalLocation", "artifactLocation", "uri",
			 uri(source), "region", "startLine", 1);
}

/* The same block in the next run is the same alert.  FNV-1a is unique enough for that. */
static json_t *fingerprint(const struct cells *c)
{
	const char *const parts[] = { c->process, c->proto, c->target, c->rule };
	uint64_t h = 0xcbf29ce484222325ull;
	const char *at;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		for (at = parts[i]; *at; at++)
			h = (h ^ (unsigned char)*at) * 0x100000001b3ull;
		h = (h ^ '\n') * 0x100000001b3ull;
	}
	return json_pack("{s:o}", "kntrl/v1", json_sprintf("%016" PRIx64, h));
}

static json_t *result(const struct report *r, const struct place *p)
{
	struct cells c;
	json_t *all;

	cells_make(&c, r, p->flow);
	all = json_pack("{s:s,s:s,s:o,s:o,s:o}", "ruleId", "blocked", "level",
			p->flow->key.verdict & VERDICT_DENIED ? "error" : "warning", "message",
			message(&c, p->count), "locations", locations(r, &p->flow->rule),
			"partialFingerprints", fingerprint(&c));
	cells_free(&c);
	return all;
}

static json_t *driver(void)
{
	return json_pack("{s:s,s:s,s:[{s:s,s:s,s:{s:s}}]}", "name", "kntrl", "version",
			 KNTRL_VERSION, "rules", "id", "blocked", "name", "Blocked",
			 "shortDescription", "text", "The policy does not allow what a process did.");
}

void report_sarif(FILE *out, const struct report *r)
{
	json_t *results = json_array(), *all;
	struct place *places;
	size_t i, n = report_places(r, true, &places);

	for (i = 0; i < n && i < RESULTS; i++)
		json_array_append_new(results, result(r, &places[i]));
	free(places);
	all = json_pack("{s:s,s:s,s:[{s:{s:o},s:o}]}", "$schema", SCHEMA, "version", "2.1.0", "runs",
			"tool", "driver", driver(), "results", results);
	json_dumpf(all, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(all);
}
