// SPDX-License-Identifier: Apache-2.0
/* kntrl stop: the agent ends, what happened is printed, enforcement ends. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jansson.h>

#include "agent.h"
#include "fail_on.h"
#include "instance.h"
#include "kntrl.h"
#include "log.h"
#include "report.h"
#include "suggest.h"

#define END_SECONDS	30

const char stop_help[] =
	"Usage: kntrl stop [--keep] [--fail-on WHAT,...]\n"
	"\n"
	"Ends the agent, prints what happened, and ends enforcement.\n"
	"\n"
	"      --keep          leave the policy in force\n"
	"      --fail-on WHAT  exit with status 10 when something was blocked (block), or when\n"
	"                      something is missing from the report (lost)\n"
	"  -h, --help          print this text\n";

struct choice {
	bool keep, help;
	unsigned int fail_on;
};

/* ---- The agent ---- */

static int agent_signal(int pidfd)
{
	siginfo_t info = {
		.si_signo = SIGTERM,
		.si_code = SI_QUEUE,
		.si_pid = getpid(),
		.si_value.sival_int = TERM_QUIETLY,
	};

	return syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, &info, 0);
}

/* Whether it was started with --pretty. */
static bool agent_is_pretty(void)
{
	json_t *state = instance_running(NULL) ? json_load_file(STATE_FILE, 0, NULL) : NULL;
	bool pretty = json_is_true(json_object_get(state, "pretty"));

	json_decref(state);
	return pretty;
}

static int agent_end(void)
{
	int pidfd, err = 0;
	pid_t pid = instance_running(&pidfd);
	struct pollfd end;

	if (!pid)
		return 0;
	end = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	if (agent_signal(pidfd)) {
		log_error("process %d: %s", pid, strerror(errno));
		err = -1;
	} else if (poll(&end, 1, END_SECONDS * 1000) != 1) {
		log_error("the agent, process %d, does not end; enforcement is left as it is", pid);
		err = -1;
	}
	close(pidfd);
	return err;
}

/* ---- The command ---- */

static int parse(struct choice *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "keep", no_argument, NULL, 'k' },
		{ "fail-on", required_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == '?' || opt == ':') {
			option_error("kntrl stop", options, opt, argv);
			return -1;
		}
		if (opt == 'f' && fail_on_parse(&c->fail_on, "kntrl stop", optarg))
			return -1;
		c->keep |= opt == 'k';
		c->help |= opt == 'h';
		log_verbose |= opt == 'v';
	}
	if (optind == argc)
		return 0;
	fputs("kntrl stop: it takes no arguments; see kntrl stop --help\n", stderr);
	return -1;
}

int cmd_stop(int argc, char **argv)
{
	struct loading all = { 0 };
	struct choice c = { 0 };
	struct report r;
	bool failed, pretty;

	if (parse(&c, argc, argv))
		return EXIT_FAILURE;
	if (c.help) {
		fputs(stop_help, stdout);
		return EXIT_SUCCESS;
	}
	pretty = agent_is_pretty();
	if (agent_end())
		return EXIT_FAILURE;
	if (report_read(&r)) {
		report_free(&r);
		return EXIT_FAILURE;
	}
	report_print_end(stdout, &r, pretty);
	failed = fail_on_happened(c.fail_on, &r);
	report_free(&r);
	fflush(stdout);
	if (!c.keep && load_end(&all))
		return EXIT_FAILURE;
	return failed ? EXIT_HAPPENED : EXIT_SUCCESS;
}
