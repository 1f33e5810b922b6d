// SPDX-License-Identifier: Apache-2.0
/* kntrl start: its options, and the policy that they make. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "kntrl.h"
#include "log.h"
#include "suggest.h"
#include "util.h"

const char start_help[] =
	"Usage: kntrl start [OPTION...]\n"
	"\n"
	"Puts a policy in force and reports what happens under it.  Returns, or with\n"
	"--daemonize goes into the background, only when enforcement is proved live.\n"
	"Without any rules, what is in force already stays; else nothing is allowed.\n"
	"\n"
	"      --mode MODE           monitor (the default): report only; trace: enforce\n"
	"      --allowed-hosts LIST  host names, separated by commas (example.com,.github.com)\n"
	"      --allowed-ips LIST    addresses and networks, separated by commas\n"
	"      --allow-local-ranges[=BOOL]\n"
	"                            10/8, 172.16/12, 192.168/16, fc00::/7, fe80::/10 (true)\n"
	"      --allow-github-meta[=BOOL]\n"
	"                            the ranges of api.github.com/meta (false)\n"
	"      --allow-metadata[=BOOL]\n"
	"                            metadata endpoints: 169.254.169.254, ... (false)\n"
	"      --monitor-processes[=BOOL]\n"
	"                            rules about processes' ancestry (true)\n"
	"      --rules-file FILE     a policy\n"
	"      --rules-dir DIR       all policies of a directory\n"
	"  -o, --output-file-name FILE\n"
	"                            events as JSON, one per line (/tmp/kntrl.out)\n"
	"      --pretty[=BOOL]       at the end, print processes as a tree too (false)\n"
	"      --daemonize[=BOOL]    run in the background (false)\n"
	"      --keep                when ended by a signal, leave the policy in force\n"
	"      --accept-preempt      enforce although a hook may be skipped\n"
	"  -h, --help                print this text\n"
	"\n"
	"Options win over --rules-dir, that over --rules-file, that over the defaults.\n"
	"SIGHUP reads the rules again; SIGUSR1 opens the output file again.\n"
	"Exit status as that of kntrl-load(8).\n";

enum {
	HOSTS = 256, IPS, LOCAL, GITHUB, METADATA, PROCESSES, FILE_OF, DIR_OF, MODE, DAEMONIZE,
	KEEP, PREEMPT, PRETTY,
};

static const struct option options[] = {
	{ "mode", required_argument, NULL, MODE },
	{ "allowed-hosts", required_argument, NULL, HOSTS },
	{ "allowed-ips", required_argument, NULL, IPS },
	{ "allow-local-ranges", optional_argument, NULL, LOCAL },
	{ "allow-github-meta", optional_argument, NULL, GITHUB },
	{ "allow-metadata", optional_argument, NULL, METADATA },
	{ "monitor-processes", optional_argument, NULL, PROCESSES },
	{ "rules-file", required_argument, NULL, FILE_OF },
	{ "rules-dir", required_argument, NULL, DIR_OF },
	{ "output-file-name", required_argument, NULL, 'o' },
	{ "pretty", optional_argument, NULL, PRETTY },
	{ "daemonize", optional_argument, NULL, DAEMONIZE },
	{ "keep", no_argument, NULL, KEEP },
	{ "accept-preempt", no_argument, NULL, PREEMPT },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL },
};

/* ---- The policy ---- */

int orders_policy(const struct orders *o, struct policy_src *p)
{
	int errors = 0;

	p->agent = true;
	if (o->rules_file)
		errors += policy_read_file(p, o->rules_file, stderr);
	if (o->rules_dir)
		errors += policy_read_dir(p, o->rules_dir, stderr);
	if (o->hosts)
		errors += policy_add_hosts(p, o->hosts, stderr);
	if (o->ips)
		errors += policy_add_ips(p, o->ips, stderr);
	if (o->local_ranges != UNSET)
		p->allow_local_ranges = o->local_ranges;
	if (o->github_meta != UNSET)
		p->allow_github_meta = o->github_meta;
	if (o->metadata != UNSET)
		p->allow_metadata = o->metadata;
	if (o->processes != UNSET)
		p->process_enabled = o->processes;
	if (o->mode != MODE_UNSET)
		p->mode = o->mode;
	if (p->mode == MODE_UNSET)
		p->mode = MODE_MONITOR;
	return errors;
}

/* ---- Options ---- */

static int wrong(const char *option, const char *value, const char *right)
{
	fprintf(stderr, "kntrl start: --%s: \"", option);
	escape(stderr, value, strlen(value), 64);
	fprintf(stderr, "\" is not %s\n", right);
	return -1;
}

/* "--flag" alone is true. */
static int truth(enum tristate *to, const char *option)
{
	static const char *const yes[] = { "true", "yes", "on", "1" };
	static const char *const no[] = { "false", "no", "off", "0" };
	size_t i;

	*to = optarg ? UNSET : YES;
	for (i = 0; optarg && i < 4; i++) {
		if (!strcmp(optarg, yes[i]))
			*to = YES;
		if (!strcmp(optarg, no[i]))
			*to = NO;
	}
	return *to == UNSET ? wrong(option, optarg, "true or false") : 0;
}

static int mode_set(struct orders *o)
{
	if (strcmp(optarg, "monitor") && strcmp(optarg, "trace"))
		return wrong("mode", optarg, "a mode; use monitor or trace");
	o->mode = *optarg == 't' ? MODE_TRACE : MODE_MONITOR;
	return 0;
}

/* A daemon has no directory of its own; links are followed anew at each reload. */
static char *absolute(const char *path)
{
	char *here, *full;
	size_t len;

	if (*path == '/')
		return xstrdup(path);
	here = getcwd(NULL, 0);
	if (!here)
		return xstrdup(path);
	len = strlen(here) + strlen(path) + 2;
	full = xmalloc(len);
	snprintf(full, len, "%s/%s", here, path);
	free(here);
	return full;
}

/* 0, or -1 with a message. */
static int option_take(struct orders *o, int c, const char *name)
{
	enum tristate flag;
	int err = 0;

	if (c != 'o' && c != DAEMONIZE && c != PRETTY && c != KEEP && c != PREEMPT && c != 'v')
		o->ruled = true;
	switch (c) {
	case MODE:
		return mode_set(o);
	case HOSTS:
		o->hosts = optarg;
		return 0;
	case IPS:
		o->ips = optarg;
		return 0;
	case LOCAL:
		return truth(&o->local_ranges, name);
	case GITHUB:
		return truth(&o->github_meta, name);
	case METADATA:
		return truth(&o->metadata, name);
	case PROCESSES:
		return truth(&o->processes, name);
	case FILE_OF:
		o->rules_file = absolute(optarg);
		return 0;
	case DIR_OF:
		o->rules_dir = absolute(optarg);
		return 0;
	case 'o':
		free(o->output);
		o->output = absolute(optarg);
		return 0;
	case PRETTY:
		err = truth(&flag, name);
		o->pretty = flag == YES;
		return err;
	case DAEMONIZE:
		err = truth(&flag, name);
		o->daemonize = flag == YES;
		return err;
	case KEEP:
		o->keep = true;
		return 0;
	case PREEMPT:
		o->accept_preempt = true;
		return 0;
	case 'v':
		log_verbose = true;
		return 0;
	}
	return -1;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct orders *o, int argc, char **argv)
{
	int c, at = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:vh", options, &at)) != -1) {
		if (c == 'h') {
			fputs(start_help, stdout);
			return EXIT_SUCCESS;
		}
		if (c == '?' || c == ':') {
			option_error("kntrl start", options, c, argv);
			return EXIT_FAILURE;
		}
		if (option_take(o, c, options[at].name))
			return EXIT_FAILURE;
	}
	if (optind == argc)
		return -1;
	fputs("kntrl start: it takes no arguments, but there is \"", stderr);
	escape(stderr, argv[optind], strlen(argv[optind]), 64);
	fputs("\"; a policy is given with --rules-file\n", stderr);
	return EXIT_FAILURE;
}

/* ---- Into the background ---- */

/* The parent returns with the daemon's word that all stands, or its exit status. */
static int daemonize(const struct orders *o)
{
	int ready[2], status = 0;
	char word;
	pid_t pid;

	if (pipe(ready)) {
		log_error("%s", strerror(errno));
		return EXIT_FAILURE;
	}
	pid = fork();
	if (pid < 0) {
		log_error("%s", strerror(errno));
		return EXIT_FAILURE;
	}
	if (!pid) {
		close(ready[0]);
		setsid();
		if (chdir("/"))
			log_warn("/: %s", strerror(errno));
		_exit(agent_run(o, ready[1]));
	}
	close(ready[1]);
	if (read(ready[0], &word, 1) == 1) {
		log_note("the agent runs as process %d; its output: %s", pid, o->output);
		return EXIT_SUCCESS;
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int cmd_start(int argc, char **argv)
{
	struct orders o = {
		.local_ranges = UNSET, .github_meta = UNSET, .metadata = UNSET, .processes = UNSET,
		.output = xstrdup("/tmp/kntrl.out"),
	};
	int status = parse(&o, argc, argv);

	if (status < 0)
		status = o.daemonize ? daemonize(&o) : agent_run(&o, -1);
	free(o.output);
	return status;
}
