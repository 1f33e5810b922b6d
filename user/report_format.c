// SPDX-License-Identifier: Apache-2.0
/* The forms that a report can take, by name. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report.h"
#include "suggest.h"
#include "util.h"

void style_of(struct style *s, FILE *out)
{
	const char *no_colour = getenv("NO_COLOR");
	struct winsize size;

	memset(s, 0, sizeof(*s));
	if (!isatty(fileno(out)))
		return;
	s->colour = !no_colour || !no_colour[0];
	if (!ioctl(fileno(out), TIOCGWINSZ, &size))
		s->width = size.ws_col;
}

static void ending(FILE *out, const struct report *r, const struct style *s)
{
	report_summary(out, r);
	report_losses(out, r, s);
}

static void print_table(FILE *out, const struct report *r)
{
	struct style s;

	style_of(&s, out);
	report_table(out, r, &s);
	report_dns_table(out, r, &s);
	ending(out, r, &s);
}

static void print_tree(FILE *out, const struct report *r)
{
	struct style s;

	style_of(&s, out);
	report_tree(out, r, &s);
	fputc('\n', out);
	ending(out, r, &s);
}

/* What is for programs has no place for warnings. */
static void losses_aside(const struct report *r)
{
	struct style s;

	style_of(&s, stderr);
	report_losses(stderr, r, &s);
}

static void print_json(FILE *out, const struct report *r)
{
	report_json(out, r);
	losses_aside(r);
}

static void print_sarif(FILE *out, const struct report *r)
{
	report_sarif(out, r);
	losses_aside(r);
}

static const struct {
	const char *name;
	void (*print)(FILE *out, const struct report *r);
} formats[] = {
	[FORMAT_TABLE] = { "table", print_table },
	[FORMAT_TREE] = { "tree", print_tree },
	[FORMAT_JSON] = { "json", print_json },
	[FORMAT_MARKDOWN] = { "markdown", report_markdown },
	[FORMAT_HTML] = { "html", report_html },
	[FORMAT_SARIF] = { "sarif", print_sarif },
};

int format_parse(enum format *format, const char *command, const char *name)
{
	const char *names[FORMATS + 1] = { NULL }, *nearest;
	int i;

	for (i = 0; i < FORMATS; i++) {
		names[i] = formats[i].name;
		if (strcmp(name, names[i]))
			continue;
		*format = i;
		return 0;
	}
	nearest = suggest(name, names);
	fprintf(stderr, "%s: --format: \"", command);
	escape(stderr, name, strlen(name), 32);
	fputs("\" is not a format; ", stderr);
	if (nearest)
		fprintf(stderr, "did you mean \"%s\"?\n", nearest);
	else
		fputs("use " FORMAT_NAMES "\n", stderr);
	return -1;
}

void report_print(FILE *out, const struct report *r, enum format format)
{
	formats[format].print(out, r);
}

void report_print_end(FILE *out, const struct report *r, bool tree)
{
	report_print(out, r, FORMAT_TABLE);
	if (!tree)
		return;
	fputc('\n', out);
	report_print(out, r, FORMAT_TREE);
}
