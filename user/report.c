// SPDX-License-Identifier: Apache-2.0
/* kntrl report: what happened under the policy that is loaded. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "kntrl.h"
#include "log.h"
#include "report.h"
#include "suggest.h"
#include "util.h"

#define READER_LOCK	RUN_DIR "/reader.lock"

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

/* The event stream has one reader; -1 when that is somebody else. */
static int reader_lock(void)
{
	int fd;

	if (mkdir(RUN_DIR, 0700) && errno != EEXIST) {
		fprintf(stderr, "kntrl: %s: %s\n", RUN_DIR, strerror(errno));
		return -1;
	}
	fd = open(READER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		fprintf(stderr, "kntrl: %s: %s\n", READER_LOCK, strerror(errno));
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	if (errno == EWOULDBLOCK)
		fputs("kntrl: another process reads the event stream\n", stderr);
	else
		fprintf(stderr, "kntrl: %s: %s\n", READER_LOCK, strerror(errno));
	close(fd);
	return -1;
}

static int event_print(void *report, void *data, size_t size)
{
	const struct event_head *head = data;
	const struct event *e = data;

	if (size < sizeof(*head) || head->len > size)
		return 0;
	switch (head->type) {
	case EVENT_NETWORK:
	case EVENT_SOCKET:
	case EVENT_PACKET:
	case EVENT_EXEC:
		json_flow(stdout, report, &e->flow, head->time);
	}
	return ferror(stdout) ? -EIO : 0;
}

/* Returns false when the stream cannot be had. */
static bool events_print(struct report *r)
{
	struct ring_buffer *ring = NULL;
	int fd, n = -1, lock = reader_lock();

	if (lock < 0)
		return false;
	fd = pin_open(PIN_EVENTS);
	if (fd >= 0)
		ring = ring_buffer__new(fd, event_print, r, NULL);
	if (ring)
		n = ring_buffer__consume(ring);
	else if (fd >= 0)
		fprintf(stderr, "kntrl: %s/%s: %s\n", PIN_DIR, PIN_EVENTS, strerror(errno));
	ring_buffer__free(ring);
	if (fd >= 0)
		close(fd);
	close(lock);
	return n >= 0;
}

/* ---- The report ---- */

static void style_of(struct style *s, FILE *out)
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

static int print_report(const struct choice *c)
{
	struct style out, err;
	struct report r;

	if (report_read(&r)) {
		report_free(&r);
		return EXIT_FAILURE;
	}
	style_of(&out, stdout);
	style_of(&err, stderr);
	if (c->format == FORMAT_JSON) {
		bool done = c->events && events_print(&r);

		if (c->events && !done)
			fputs("kntrl: printing the flow table instead of events\n", stderr);
		if (!done)
			report_json(stdout, &r);
		report_losses(stderr, &r, &err);
	} else {
		report_table(stdout, &r, &out);
		report_summary(stdout, &r);
		report_losses(stdout, &r, &out);
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
