// SPDX-License-Identifier: Apache-2.0
/*
 * kntrl-load: compiles a policy, puts it in force in the kernel, proves that it
 * is, and exits.  See kntrl-load(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "log.h"
#include "suggest.h"

struct options {
	struct loading load;
	const char *files[POLICY_MAX_FILES], *dirs[POLICY_MAX_FILES];
	int nfiles, ndirs;
	enum policy_mode mode;
	bool dry_run, unload;
};

static const char usage[] =
"usage: kntrl-load [option...] POLICY.yaml...\n"
"Puts a policy in force in the kernel, proves that it is, and exits.\n"
"\n"
"  --mode monitor|trace    report only, or enforce (default: as the policy says)\n"
"  --rules-file FILE       a policy file, like POLICY.yaml\n"
"  --rules-dir DIR         all *.yaml, *.yml and *.rego files of a directory\n"
"  --scope host            every process of this host (the default)\n"
"  --scope cgroup:PATH     the processes of a cgroup, and what they start\n"
"  --scope tree:PID        a process, and what descends from it\n"
"  --github-meta FILE      GitHub's ranges, for allow_github_meta; as api.github.com/meta\n"
"                          has them (see scripts/github-meta)\n"
"  --dry-run               compile, say what would be loaded, touch nothing\n"
"  --unload                end enforcement; with --scope, in that scope alone\n"
"  --token-file FILE       self_protect: where the token of who may change this is\n"
"                          written, and read from to reload or unload\n"
"  --seal                  self_protect: nobody may, until the machine is gone\n"
"  --no-preload            cut connections from before the load that the policy forbids\n"
"  --accept-preempt        enforce although a hook may be skipped (see kntrl-load(8))\n"
"  -v, --verbose           say more; the verifier's log when programs are refused\n"
"      --version, --help\n"
"\n"
"Exit status: 0 loaded and proved live; 1 anything else; 2 the policy is wrong;\n"
"3 this kernel cannot enforce; 4 the self-test failed. But for 0, nothing changed.\n";

static const struct option longopts[] = {
	{ "mode", required_argument, NULL, 'm' },
	{ "rules-file", required_argument, NULL, 'f' },
	{ "rules-dir", required_argument, NULL, 'd' },
	{ "scope", required_argument, NULL, 's' },
	{ "github-meta", required_argument, NULL, 'g' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "unload", no_argument, NULL, 'u' },
	{ "token-file", required_argument, NULL, 't' },
	{ "seal", no_argument, NULL, 'S' },
	{ "no-preload", no_argument, NULL, 'P' },
	{ "accept-preempt", no_argument, NULL, 'p' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

/* ---- Options ---- */

static int usage_error(const char *what, const char *value)
{
	log_error("%s: \"%s\"; see kntrl-load --help", what, value);
	return EXIT_FAILURE;
}

static int source(const char **list, int *n, const char *name)
{
	if (*n == POLICY_MAX_FILES)
		return usage_error("too many policies", name);
	list[(*n)++] = name;
	return -1;
}

/* Returns -1 to go on, else the exit status. */
static int option(struct options *o, int c)
{
	switch (c) {
	case 'm':
		if (strcmp(optarg, "monitor") && strcmp(optarg, "trace"))
			return usage_error("--mode is monitor or trace", optarg);
		o->mode = *optarg == 't' ? MODE_TRACE : MODE_MONITOR;
		return -1;
	case 'f':
		return source(o->files, &o->nfiles, optarg);
	case 'd':
		return source(o->dirs, &o->ndirs, optarg);
	case 's':
		o->load.scoped = true;
		if (!scope_parse(&o->load.scope, optarg))
			return usage_error("--scope is host, cgroup:PATH or tree:PID", optarg);
		return -1;
	case 'g':
		if (strstr(optarg, "://"))
			return usage_error("--github-meta is a file; scripts/github-meta fetches it", optarg);
		o->load.policy.github_meta = optarg;
		return -1;
	case 'n':
		o->dry_run = true;
		return -1;
	case 'u':
		o->unload = true;
		return -1;
	case 'p':
		o->load.accept_preempt = true;
		return -1;
	case 't':
		o->load.token_file = optarg;
		return -1;
	case 'S':
		o->load.seal = true;
		return -1;
	case 'P':
		o->load.no_preload = true;
		return -1;
	case 'v':
		log_verbose = true;
		return -1;
	case 'V':
		puts("kntrl-load " KNTRL_VERSION);
		return EXIT_SUCCESS;
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	return EXIT_FAILURE;
}

/* What is read later wins: directories over files. */
static int policies_read(struct options *o)
{
	int i, errors = 0;

	for (i = 0; i < o->nfiles; i++)
		errors += policy_read_file(&o->load.policy, o->files[i], stderr);
	for (i = 0; i < o->ndirs; i++)
		errors += policy_read_dir(&o->load.policy, o->dirs[i], stderr);
	if (o->mode != MODE_UNSET)
		o->load.policy.mode = o->mode;
	if (o->load.policy.mode == MODE_UNSET)
		o->load.policy.mode = MODE_MONITOR;
	return errors ? EXIT_POLICY_WRONG : -1;
}

static int options_read(struct options *o, int argc, char **argv)
{
	int c, status = -1;

	opterr = 0;
	while (status < 0 && (c = getopt_long(argc, argv, ":v", longopts, NULL)) != -1) {
		if (c == '?' || c == ':') {
			option_error("kntrl-load", longopts, c, argv);
			return EXIT_FAILURE;
		}
		status = option(o, c);
	}
	for (; status < 0 && optind < argc; optind++)
		status = source(o->files, &o->nfiles, argv[optind]);
	if (status < 0 && !o->nfiles && !o->ndirs && !o->unload) {
		log_error("no policy given; see kntrl-load --help");
		return EXIT_FAILURE;
	}
	return status < 0 ? policies_read(o) : status;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int status;

	log_start("kntrl-load");
	policy_init(&o.load.policy);
	status = options_read(&o, argc, argv);
	if (status < 0)
		status = o.unload ? load_end(&o.load) : o.dry_run ? load_dry_run(&o.load) :
			 load(&o.load);
	policy_free(&o.load.policy);
	return status;
}
