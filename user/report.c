// SPDX-License-Identifier: Apache-2.0
/* kntrl report: what happened under the policy that is loaded. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "kntrl.h"
#include "log.h"
#include "report.h"
#include "stream.h"
#include "suggest.h"
#include "util.h"

const char report_help[] =
	"Usage: kntrl report [--format FORMAT]\n"
	"       kntrl report --events\n"
	"       kntrl report --suggest [--profiles]\n"
	"       kntrl report --dump MAP\n"
	"\n"
	"Prints the connections that the kernel has recorded under the loaded policy.\n"
	"\n"
	"      --format FORMAT  table (the default), or\n"
	"                       tree      programs, processes, and what they reached\n"
	"                       json      one object per line\n"
	"                       markdown  for $GITHUB_STEP_SUMMARY\n"
	"                       html      one page that needs nothing else\n"
	"                       sarif     what was blocked, for code scanning\n"
	"      --suggest        the smallest policy that allows what has happened\n"
	"      --profiles       with a profile for each program\n"
	"      --events         take the event stream instead of the flow table, each event\n"
	"                       once; as json\n"
	"      --dump MAP       print a map as it is: control, scopes, flows, images, folded\n"
	"  -h, --help           print this text\n"
	"\n"
	"Needs root.  See kntrl(1) and kntrl-maps(7).\n";

struct choice {
	enum format format;
	bool formatted, events, suggest, profiles, help;
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

static int print_report(const struct choice *c)
{
	struct report r;

	if (report_read(&r)) {
		report_free(&r);
		return EXIT_FAILURE;
	}
	if (c->suggest)
		report_suggest(stdout, &r, c->profiles);
	else if (!c->events || !events_print(&r)) {
		if (c->events)
			fputs("kntrl: printing the flow table instead of events\n", stderr);
		report_print(stdout, &r, c->format);
	}
	report_free(&r);
	return EXIT_SUCCESS;
}

/* ---- The command line ---- */

static int take_format(struct choice *c)
{
	c->formatted = true;
	return format_parse(&c->format, "kntrl report", optarg);
}

static int parse(struct choice *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "suggest", no_argument, NULL, 's' },
		{ "profiles", no_argument, NULL, 'p' },
		{ "events", no_argument, NULL, 'e' },
		{ "dump", required_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == 'f' && take_format(c))
			return -1;
		c->events |= opt == 'e';
		c->suggest |= opt == 's';
		c->profiles |= opt == 'p';
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
	if (c.events && c.formatted && c.format != FORMAT_JSON) {
		fputs("kntrl report: --events are printed as json alone\n", stderr);
		return EXIT_FAILURE;
	}
	if (c.suggest && (c.events || c.formatted)) {
		fputs("kntrl report: --suggest prints a policy, and has no --format\n", stderr);
		return EXIT_FAILURE;
	}
	if (c.profiles && !c.suggest) {
		fputs("kntrl report: --profiles goes with --suggest\n", stderr);
		return EXIT_FAILURE;
	}
	if (c.events)
		c.format = FORMAT_JSON;
	return print_report(&c);
}
