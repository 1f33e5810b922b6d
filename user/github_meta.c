// SPDX-License-Identifier: Apache-2.0
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "addr.h"
#include "github_meta.h"
#include "util.h"

#define FETCHED_FILE	"/var/lib/kntrl/github-meta.json"

/* A range that is wider is no provider's: it would open most of the internet. */
#define V4_WIDEST	(96 + 8)
#define V6_WIDEST	16

/* ---- Where it is ---- */

/* Beside the program as it is installed, or as it is built. */
static const char *const beside[] = {
	"/../share/kntrl/github-meta.json", "/../policies/github-meta.json",
};

static const char *default_path(char buf[PATH_MAX])
{
	char dir[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir));
	size_t i;

	if (!access(FETCHED_FILE, F_OK) || n <= 0 || n == sizeof(dir))
		return FETCHED_FILE;
	dir[n] = '\0';
	*strrchr(dir, '/') = '\0';
	for (i = 0; i < sizeof(beside) / sizeof(*beside); i++)
		if (snprintf(buf, PATH_MAX, "%s%s", dir, beside[i]) < PATH_MAX && !access(buf, F_OK))
			return buf;
	return FETCHED_FILE;
}

/* ---- What is in it ---- */

static int complain(FILE *err, const char *path, const char *what)
{
	escape(err, path, strlen(path), ESCAPE_ALL);
	fprintf(err, ": %s\n", what);
	return -1;
}

static int complain_of(FILE *err, const char *path, size_t i, const char *text, const char *why)
{
	escape(err, path, strlen(path), ESCAPE_ALL);
	fprintf(err, ": actions[%zu]: \"", i);
	escape(err, text, strlen(text), 64);
	fprintf(err, "\": %s\n", why);
	return -1;
}

/* NULL, or what is wrong. */
static const char *range_parse(const char *text, struct addr_rule *r)
{
	const char *why = parse_addr_rule(text, r);

	if (why)
		return why;
	if (!strchr(text, '/') || *text == '[' || r->ports.lo || r->ports.hi != UINT16_MAX)
		return "is not a network; write ADDRESS/LENGTH";
	if (r->prefixlen < (addr_is_v4(r->addr) ? V4_WIDEST : V6_WIDEST))
		return "is wider than what GitHub can have";
	return NULL;
}

static int ranges_take(struct github_meta *m, const json_t *list, const char *path, FILE *err)
{
	size_t i, n = json_array_size(list);

	if (!n)
		return complain(err, path, "\"actions\" must be a list of networks, as in the answer of https://api.github.com/meta");
	m->ranges.v = xcalloc(n, sizeof(*m->ranges.v));
	for (i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		const char *why = text ? range_parse(text, &m->ranges.v[i]) : "is not a string";

		if (why)
			return complain_of(err, path, i, text ? text : "?", why);
	}
	m->ranges.n = n;
	return 0;
}

static int time_take(struct github_meta *m, const json_t *when, const char *path, FILE *err)
{
	const char *text = json_string_value(when), *end;
	struct tm tm = { 0 };
	struct stat st;

	if (!when) {
		m->fetched = stat(path, &st) ? 0 : st.st_mtime;
		return 0;
	}
	end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (!end || *end)
		return complain(err, path, "\"fetched\" must be a time like \"2026-01-31T12:00:00Z\"");
	m->fetched = timegm(&tm);
	return 0;
}

static int take(struct github_meta *m, const json_t *all, const char *path, FILE *err)
{
	if (!json_is_object(all))
		return complain(err, path, "is not a JSON object");
	if (time_take(m, json_object_get(all, "fetched"), path, err))
		return -1;
	return ranges_take(m, json_object_get(all, "actions"), path, err);
}

int github_meta_read(const char *path, struct github_meta *m, FILE *err)
{
	char buf[PATH_MAX], *text;
	const char *why;
	json_error_t e;
	json_t *all;
	size_t len;
	int wrong;

	memset(m, 0, sizeof(*m));
	if (!path)
		path = default_path(buf);
	text = policy_file(path, &len, &why);
	if (!text)
		return complain(err, path, why);
	all = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	free(text);
	if (!all) {
		escape(err, path, strlen(path), ESCAPE_ALL);
		fprintf(err, ":%d:%d: ", e.line, e.column);
		escape(err, e.text, strlen(e.text), ESCAPE_ALL);
		fputc('\n', err);
		return -1;
	}
	wrong = take(m, all, path, err);
	json_decref(all);
	if (wrong) {
		free(m->ranges.v);
		memset(m, 0, sizeof(*m));
	}
	return wrong;
}

int github_meta_age(int64_t fetched)
{
	int64_t seconds = time(NULL) - fetched;

	return seconds > 0 ? seconds / 86400 : 0;
}
