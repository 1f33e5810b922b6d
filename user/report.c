// SPDX-License-Identifier: Apache-2.0
/* kntrl report: what happened under the policy that is loaded. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kntrl.h"
#include "log.h"
#include "report.h"
#include "stream.h"
#include "suggest.h"
#include "util.h"

const char report_help[] =
	"Usage: kntrl report [--format table|json] [--events]\n"
	"       kntrl report --dump MAP\n"
	"\n"
	"Prints the connections that the kernel has recorded under the loaded policy.\n"
	"\n"
	"      --format FORMAT  table (the default), or json: one object per line\n"
	"      --events         take the event stream instead of the flow table, each event\n"
	"                       once; as json\n"
	"      --dump MAP       print a map as it is: control, scopes, flows, images, folded\n"
	"  -h, --help           print this text\n"
	"\n"
	"Needs root.  See kntrl(1) and kntrl-maps(7).\n";

enum format { FORMAT_UNSET, FORMAT_TABLE, FORMAT_JSON };

struct choice {
	enum format format;
	bool events, help;
	const char *map;
};

/* ---- Events ---- */

static int event_print(void *report, void *data, size_t size)
{
	json_event(stdout, report, data, size);
	return ferror(stdout) ? -EIO : 0;
}

/* Returns false when the stream cannot be had. */
static bool events_print(struct report *r)
{
	struct stream s;
	int n;

	if (stream_open(&s, event_print, r))
		return false;
	n = ring_buffer__consume(s.ring);
	stream_close(&s);
	return n >= 0;
}

/* ---- The report ---- */

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

void report_print_tables(FILE *out, const struct report *r)
{
	struct style s;

	style_of(&s, out);
	report_table(out, r, &s);
	report_summary(out, r);
	report_losses(out, r, &s);
}

static int print_report(const struct choice *c)
{
	struct style err;
	struct report r;

	if (report_read(&r)) {
		report_free(&r);
		return EXIT_FAILURE;
	}
	if (c->format == FORMAT_JSON) {
		bool done = c->events && events_print(&r);

		if (c->events && !done)
			fputs("kntrl: printing the flow table instead of events\n", stderr);
		if (!done)
			report_json(stdout, &r);
		style_of(&err, stderr);
		report_losses(stderr, &r, &err);
	} else {
		report_print_tables(stdout, &r);
	}
	report_free(&r);
	return EXIT_SUCCESS;
}

/* ---- The command line ---- */

static int set_format(struct choice *c, const char *name)
{
	static const char *const names[] = { "table", "json", NULL };
	const char *nearest = suggest(name, names);

	if (!strcmp(name, "table")) {
		c->format = FORMAT_TABLE;
		return 0;
	}
	if (!strcmp(name, "json")) {
		c->format = FORMAT_JSON;
		return 0;
	}
	fputs("kntrl report: --format: \"", stderr);
	escape(stderr, name, strlen(name), 32);
	fputs("\" is not a format; ", stderr);
	if (nearest)
		fprintf(stderr, "did you mean \"%s\"?\n", nearest);
	else
		fputs("use table or json\n", stderr);
	return -1;
}

static int parse(struct choice *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "events", no_argument, NULL, 'e' },
		{ "dump", required_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == 'f' && set_format(c, optarg))
			return -1;
		c->events |= opt == 'e';
		c->help |= opt == 'h';
		log_verbose |= opt == 'v';
		if (opt == 'd')
			c->map = optarg;
		if (opt == '?' || opt == ':') {
			option_error("kntrl report", options, opt, argv);
			return -1;
		}
	}
	if (optind < argc) {
		fputs("kntrl report: it takes no arguments, but there is \"", stderr);
		escape(stderr, argv[optind], strlen(argv[optind]), 64);
		fputs("\"; see kntrl report --help\n", stderr);
		return -1;
	}
	return 0;
}

int cmd_report(int argc, char **argv)
{
	struct choice c = { 0 };

	if (parse(&c, argc, argv))
		return EXIT_FAILURE;
	if (c.help) {
		fputs(report_help, stdout);
		return EXIT_SUCCESS;
	}
	if (c.map)
		return dump(stdout, c.map) ? EXIT_FAILURE : EXIT_SUCCESS;
	if (c.events && c.format == FORMAT_TABLE) {
		fputs("kntrl report: --events has no table; use --format json\n", stderr);
		return EXIT_FAILURE;
	}
	if (c.events)
		c.format = FORMAT_JSON;
	return print_report(&c);
}
