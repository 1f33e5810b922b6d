// SPDX-License-Identifier: Apache-2.0
/* kntrl run: a command, and all that comes of it, under a policy of its own. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "fail_on.h"
#include "instance.h"
#include "kntrl.h"
#include "load.h"
#include "log.h"
#include "report.h"
#include "suggest.h"
#include "util.h"

#define END_SECONDS	5
#define CANNOT_EXEC	126	/* as in a shell: found, but not executable */
#define NOT_FOUND	127

const char run_help[] =
	"Usage: kntrl run [OPTION...] POLICY... -- COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs a command under a policy, which holds for it and all that descends from it,\n"
	"beside what the host's policy says.  Then prints what happened, on stderr, and ends\n"
	"the policy.  What the command left running is killed before that.\n"
	"\n"
	"      --mode MODE       monitor: report only; trace: enforce.  Instead of the policy's\n"
	"      --user NAME       run the command as that user; by default as yourself, root\n"
	"      --fail-on WHAT    exit with status 10 when something was blocked (block), or when\n"
	"                        something is missing from the report (lost)\n"
	"      --format FORMAT   of the report: " FORMAT_NAMES "\n"
	"  -o, --output-file-name FILE\n"
	"                        append the report to a file instead\n"
	"      --accept-preempt  enforce although a hook may be skipped\n"
	"  -h, --help            print this text\n"
	"\n"
	"Exit status: the command's; 128 and the number of the signal that ended it; 127 or 126\n"
	"if it could not be run; or that of kntrl-load(8) if the policy could not be loaded.\n";

struct choice {
	struct loading load;
	const char *user;
	unsigned int fail_on;
	enum format format;
	FILE *to;		/* the report */
	char **command;
	bool help;
};

/* ---- The command ---- */

static void user_become(const struct passwd *u)
{
	if (initgroups(u->pw_name, u->pw_gid) || setgid(u->pw_gid) || setuid(u->pw_uid)) {
		log_error("user %s: %s", u->pw_name, strerror(errno));
		_exit(EXIT_FAILURE);
	}
	setenv("HOME", u->pw_dir, 1);
	setenv("USER", u->pw_name, 1);
	setenv("LOGNAME", u->pw_name, 1);
	setenv("SHELL", u->pw_shell, 1);
}

/* In the child: nothing of the command has run yet when the policy is in force. */
static void command_run(const struct choice *c, const struct passwd *user, int go,
			const sigset_t *signals)
{
	char word;

	if (read(go, &word, 1) != 1)
		_exit(EXIT_FAILURE);
	close(go);
	if (user)
		user_become(user);
	sigprocmask(SIG_SETMASK, signals, NULL);
	execvp(c->command[0], c->command);
	log_error("%s: %s", c->command[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : CANNOT_EXEC);
}

static pid_t command_start(const struct choice *c, const struct passwd *user,
			   const sigset_t *signals, int *go)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC)) {
		log_error("%s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (!pid) {
		close(ends[1]);
		command_run(c, user, ends[0], signals);
	}
	if (pid < 0)
		log_error("%s", strerror(errno));
	close(ends[0]);
	*go = ends[1];
	return pid;
}

/* ---- Waiting ---- */

/* All that may be sent to us and is meant for the command. */
static void signals_take(sigset_t *taken, sigset_t *before)
{
	static const int list[] = {
		SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM, SIGCHLD,
	};
	size_t i;

	sigemptyset(taken);
	for (i = 0; i < sizeof(list) / sizeof(*list); i++)
		sigaddset(taken, list[i]);
	sigprocmask(SIG_BLOCK, taken, before);
}

/* Reaps whoever has ended, orphans too; true when @pid is among them. */
static bool reap(pid_t pid, int *status)
{
	bool ended = false;
	pid_t who;
	int s;

	while ((who = waitpid(-1, &s, WNOHANG)) > 0) {
		if (who != pid)
			continue;
		*status = s;
		ended = true;
	}
	return ended;
}

static int command_wait(pid_t pid, const sigset_t *taken)
{
	siginfo_t info;
	int status = 0;

	while (!reap(pid, &status)) {
		if (sigwaitinfo(taken, &info) < 0 || info.si_signo == SIGCHLD)
			continue;
		/* What a terminal sends, it sends to the command as well. */
		if (info.si_code != SI_KERNEL)
			kill(pid, info.si_signo);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Kills this process's children; how many there are. */
static int children_kill(void)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int n = 0, pid;

	while (f && fscanf(f, "%d", &pid) == 1) {
		kill(pid, SIGKILL);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

/*
 * Orphans of the command come to us (PR_SET_CHILD_SUBREAPER), and theirs in turn.
 * None may outlive the policy.  False: they came faster than they went.
 */
static bool leftovers_end(void)
{
	time_t until = time(NULL) + END_SECONDS;
	int n = children_kill();

	if (n)
		log_note("%d process%s that the command left running %s killed", n,
			 n == 1 ? "" : "es", n == 1 ? "is" : "are");
	while (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
		children_kill();
		usleep(1000);
		if (time(NULL) > until)
			return false;
	}
	return true;
}

/* ---- The report ---- */

static __u64 now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The scope that is the tree of @pid, or 0. */
static __u32 scope_of(pid_t pid)
{
	int fd = map_open(PIN_SCOPES, sizeof(__u32), sizeof(struct scope));
	struct scope s;
	__u32 i;

	for (i = 1; fd >= 0 && i < SCOPE_SELFTEST; i++)
		if (!bpf_map_lookup_elem(fd, &i, &s) && s.slot && s.root == (__u32)pid)
			break;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && i < SCOPE_SELFTEST ? i : 0;
}

/* Scopes' numbers are used again: what is older is another's. */
static int run_report(const struct choice *c, __u32 scope, __u64 since)
{
	struct report r;
	bool failed;

	if (report_read(&r)) {
		report_free(&r);
		return EXIT_FAILURE;
	}
	report_narrow(&r, scope, since);
	report_print(c->to, &r, c->format);
	if (fflush(c->to) || ferror(c->to))
		log_error("the report: %s", strerror(errno));
	failed = fail_on_happened(c->fail_on, &r);
	report_free(&r);
	return failed ? EXIT_HAPPENED : EXIT_SUCCESS;
}

/* ---- All of it ---- */

static int run_loaded(struct choice *c, pid_t pid, int go, const sigset_t *taken)
{
	__u32 scope = scope_of(pid);
	__u64 since = now();
	int status, reported;

	if (write(go, "", 1) != 1)
		log_error("the command ended before it began");
	close(go);
	status = command_wait(pid, taken);
	if (!leftovers_end()) {
		log_error("processes of the command cannot be ended; their policy stays, as scope tree:%d",
			  pid);
		return EXIT_FAILURE;
	}
	reported = run_report(c, scope, since);
	c->load.last_out = !instance_running(NULL);
	if (load_apart(load_end, &c->load))
		return EXIT_FAILURE;
	return reported ? reported : status;
}

static int run(struct choice *c)
{
	const struct passwd *user = c->user ? getpwnam(c->user) : NULL;
	sigset_t taken, before;
	int go, status;
	pid_t pid;

	if (c->user && !user) {
		log_error("there is no user \"%s\"", c->user);
		return EXIT_FAILURE;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signals_take(&taken, &before);
	pid = command_start(c, user, &before, &go);
	if (pid < 0)
		return EXIT_FAILURE;
	c->load.scope.pid = pid;
	status = load_apart(load, &c->load);
	if (!status)
		return run_loaded(c, pid, go, &taken);
	kill(pid, SIGKILL);
	return status;
}

/* ---- Options ---- */

static int policies_read(struct choice *c, char **files, int n)
{
	struct policy_src *p = &c->load.policy;
	enum policy_mode mode = p->mode;
	int i, errors = 0;

	for (i = 0; i < n; i++)
		errors += policy_read_file(p, files[i], stderr);
	if (mode != MODE_UNSET)
		p->mode = mode;
	if (p->mode == MODE_UNSET)
		p->mode = MODE_MONITOR;
	return errors;
}

static int option_take(struct choice *c, int opt)
{
	switch (opt) {
	case 'm':
		if (strcmp(optarg, "monitor") && strcmp(optarg, "trace")) {
			log_error("--mode is monitor or trace");
			return -1;
		}
		c->load.policy.mode = *optarg == 't' ? MODE_TRACE : MODE_MONITOR;
		return 0;
	case 'u':
		c->user = optarg;
		return 0;
	case 'f':
		return fail_on_parse(&c->fail_on, "kntrl run", optarg);
	case 'F':
		return format_parse(&c->format, "kntrl run", optarg);
	case 'o':
		c->to = fopen(optarg, "ae");
		if (!c->to)
			log_error("%s: %s", optarg, strerror(errno));
		return c->to ? 0 : -1;
	case 'p':
		c->load.accept_preempt = true;
		return 0;
	case 'v':
		log_verbose = true;
		return 0;
	}
	c->help = true;
	return 0;
}

/* Where the command begins: behind the first "--"; argc if there is none. */
static int command_find(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		;
	return i;
}

/* Returns -1 to go on, else the exit status. */
static int parse(struct choice *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "user", required_argument, NULL, 'u' },
		{ "fail-on", required_argument, NULL, 'f' },
		{ "format", required_argument, NULL, 'F' },
		{ "output-file-name", required_argument, NULL, 'o' },
		{ "accept-preempt", no_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt, end = command_find(argc, argv);

	opterr = 0;
	while ((opt = getopt_long(end, argv, ":o:vh", options, NULL)) != -1) {
		if (opt == '?' || opt == ':') {
			option_error("kntrl run", options, opt, argv);
			return EXIT_FAILURE;
		}
		if (option_take(c, opt))
			return EXIT_FAILURE;
	}
	if (c->help) {
		fputs(run_help, stdout);
		return EXIT_SUCCESS;
	}
	if (end + 1 >= argc || optind >= end) {
		fputs("kntrl run: it takes a policy and a command, as in: kntrl run policy.yaml -- make\n",
		      stderr);
		return EXIT_FAILURE;
	}
	c->command = argv + end + 1;
	return policies_read(c, argv + optind, end - optind) ? EXIT_POLICY_WRONG : -1;
}

int cmd_run(int argc, char **argv)
{
	struct choice c = {
		.load.scoped = true, .load.scope.kind = SCOPE_TREE, .to = stderr,
	};
	int status;

	policy_init(&c.load.policy);
	status = parse(&c, argc, argv);
	if (status < 0)
		status = run(&c);
	policy_free(&c.load.policy);
	return status;
}
