// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "agent.h"
#include "instance.h"
#include "kntrl.h"
#include "log.h"
#include "output.h"
#include "report.h"
#include "self.h"
#include "stream.h"
#include "util.h"
#include "webhook.h"

#define BATCH		4096	/* events between two looks at everything else */
#define NAMES		512	/* programs' names at hand; a power of two */
#define FLUSH_SECONDS	1
#define WHY		256

enum origin_of { FROM_STREAM, FROM_SIGNALS, FROM_TIMER, FROM_PINS };

/* The last reload. */
struct reload {
	time_t when;
	int status;		/* as load() has it */
	__u32 before, after;	/* generations of the host's policy */
	char why[WHY];		/* the first line of what it had to say */
};

struct agent {
	const struct orders *orders;
	struct output output;
	struct stream stream;
	struct sender sender;
	struct report report;	/* policies alone */
	struct style style;
	struct named_image names[NAMES];
	int images, server_names;	/* the maps */
	int epoll, signals, timer, pins;
	FILE *line;		/* one event as JSON */
	char *text;
	size_t size;
	unsigned int batch;
	bool urgent;		/* a blocked attempt waits in the buffer */
	bool armed;		/* the timer runs */
	bool ended, quietly;
	int status;
	time_t since;
	pid_t loader;		/* reload under way */
	int loader_says;
	struct reload reload;
};

/* ---- Loading ---- */

/*
 * A policy is loaded by a child: the memory that takes goes with it, and the agent
 * goes on with its events meanwhile.
 */
static pid_t loader_start(const struct orders *o, int says, int heir)
{
	struct loading loading = { .accept_preempt = o->accept_preempt, .token_file = token_file,
				   .heir = heir, .output = o->output };
	int status = EXIT_POLICY_WRONG;
	sigset_t none;
	pid_t pid = fork();

	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (says >= 0)
		dup2(says, STDERR_FILENO);
	policy_init(&loading.policy);
	if (!orders_policy(o, &loading.policy) && !webhooks_check(&loading.policy))
		status = load(&loading);
	policy_free(&loading.policy);
	_exit(status);
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* What the child may do then, this process may: to read the events, for one. */
static int policy_load_first(const struct orders *o)
{
	struct unlock token;
	int fds[2], status = 0;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return EXIT_FAILURE;
	pid = loader_start(o, -1, fds[1]);
	close(fds[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	if (read(fds[0], &token, sizeof(token)) == sizeof(token))
		self_show(&token);
	close(fds[0]);
	return status == -1 ? EXIT_FAILURE : exit_status(status);
}

/* A policy is loaded, or, if none was named and there is one, that one is taken over. */
static int policy_load(const struct orders *o)
{
	int status = 0;
	pid_t pid;

	if (!o->ruled) {
		pid = fork();
		if (!pid)
			_exit(load_adopt(o->output));
		waitpid(pid, &status, 0);
		status = exit_status(status);
		if (status != 0xff) {
			if (!status)
				log_note("the policy that was in force stays");
			return status;
		}
	}
	return policy_load_first(o);
}

static __u32 generation(void)
{
	int fd = map_open(PIN_SCOPES, sizeof(__u32), sizeof(struct scope));
	struct scope s = { 0 };

	if (fd < 0)
		return 0;
	bpf_map_lookup_elem(fd, &(__u32){ 0 }, &s);
	close(fd);
	return s.slot ? s.generation : 0;
}

/* As the rules have them that were just loaded. */
static void webhooks_start(struct agent *a)
{
	struct policy_src p;

	sender_dismiss(&a->sender);
	policy_init(&p);
	if (orders_policy(a->orders, &p) || sender_start(&a->sender, &p))
		log_error("no webhooks are posted to");
	policy_free(&p);
}

/* ---- State ---- */

static void state_write(const struct agent *a)
{
	const struct reload *l = &a->reload;
	FILE *f = state_begin();

	if (!f)
		return;
	fprintf(f, "{\"pid\":%d,\"since\":%lld,\"output\":", getpid(), (long long)a->since);
	json_text(f, a->output.path, strlen(a->output.path));
	fprintf(f, ",\"pretty\":%s,\"output_failing\":%s,\"output_lost\":%llu,\"last_reload\":",
		a->orders->pretty ? "true" : "false", a->output.failing ? "true" : "false",
		a->output.lost_before + a->output.lost);
	if (l->when) {
		fprintf(f, "{\"time\":%lld,\"status\":%d,\"old_generation\":%u,\"new_generation\":%u,\"message\":",
			(long long)l->when, l->status, l->before, l->after);
		json_text(f, l->why, strlen(l->why));
		fputc('}', f);
	} else {
		fputs("null", f);
	}
	fputs("}\n", f);
	state_commit(f);
}

/* ---- Reload ---- */

static void reload_start(struct agent *a)
{
	if (a->loader > 0) {
		log_warn("a reload is under way already; this one is left out");
		return;
	}
	notify_manager("STATUS=Reloading the policy.");
	a->loader_says = memfd_create("kntrl-reload", MFD_CLOEXEC);
	a->reload = (struct reload){ .when = time(NULL), .before = generation() };
	a->loader = loader_start(a->orders, a->loader_says, 0);
	if (a->loader < 0)
		log_error("reload: %s; the running policy stays", strerror(errno));
}

/* What the loader said goes where our own messages go; the first line is kept. */
static void loader_heard(struct agent *a)
{
	char text[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(a->loader_says, text, sizeof(text), at)) > 0) {
		if (!at) {
			size_t line = strcspn(text, "\n");

			snprintf(a->reload.why, WHY, "%.*s", (int)(line < (size_t)n ? line : (size_t)n),
				 text);
		}
		if (write(STDERR_FILENO, text, n) != n)
			break;
		at += n;
	}
	close(a->loader_says);
}

static void reload_end(struct agent *a, int status)
{
	struct reload *l = &a->reload;

	a->loader = 0;
	loader_heard(a);
	l->status = exit_status(status);
	l->after = generation();
	if (!l->status)
		log_note("reloaded: generation %u, before %u", l->after, l->before);
	else
		log_error("the reload failed; the policy of generation %u stays in force", l->before);
	if (!l->status)
		webhooks_start(a);
	notify_manager(l->status ? "STATUS=The last reload failed; the policy before it is in force." :
		       "STATUS=Enforcing.");
	state_write(a);
}

static void children_reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == a->loader)
			reload_end(a, status);
		if (pid != a->sender.pid)
			continue;
		log_error("who posts to webhooks has died; they get nothing until the next reload");
		sender_dismiss(&a->sender);
	}
}

/* ---- Events ---- */

/* Programs' names, out of the map as they are met. */
static const struct image *find_image(void *context, __u64 hash)
{
	struct agent *a = context;
	struct named_image *n = &a->names[hash & (NAMES - 1)];

	if (n->hash == hash)
		return &n->image;
	n->hash = 0;
	if (bpf_map_lookup_elem(a->images, &hash, &n->image))
		return NULL;
	n->hash = hash;
	return &n->image;
}

static bool find_name(void *context, __u64 hash, struct host_key *key)
{
	const struct agent *a = context;

	return !bpf_map_lookup_elem(a->server_names, &hash, key);
}

/* What records of all types tell; zeroes where one does not. */
struct about {
	__u32 tgid, scope;
	bool block;
};

static struct about event_about(const void *data)
{
	const struct dns_flow *question = &((const struct dns_event *)data)->flow;
	const struct flow *flow = &((const struct event *)data)->flow;

	switch (((const struct event_head *)data)->type) {
	case EVENT_NETWORK:
	case EVENT_SOCKET:
	case EVENT_PACKET:
	case EVENT_GUARD:
	case EVENT_EXEC:
	case EVENT_FILE:
		return (struct about){ flow->key.tgid, flow->key.scope,
				       flow->key.verdict & VERDICT_BLOCK };
	case EVENT_DNS:
		return (struct about){ question->key.tgid, question->key.scope,
				       question->key.verdict & VERDICT_BLOCK };
	}
	return (struct about){ 0 };
}

static int event_take(void *context, void *data, size_t size)
{
	struct agent *a = context;
	struct about about;

	if (size < sizeof(struct event_head))
		return 0;
	about = event_about(data);
	if (about.scope == SCOPE_SELFTEST)
		return 0;
	rewind(a->line);
	json_event(a->line, &a->report, data, size);
	fflush(a->line);
	if (a->size) {
		output_line(&a->output, a->text, a->size);
		a->urgent |= about.block;
		/* To post what the sender itself does would make it do more. */
		if (about.tgid != (__u32)a->sender.pid)
			sender_give(&a->sender, about.block ? HOOK_BLOCK : HOOK_PASS, a->text,
				    a->size);
	}
	if (!a->orders->daemonize)
		report_live(stdout, &a->report, data, size, &a->style);
	return ++a->batch == BATCH ? -ECANCELED : 0;
}

static void timer_arm(struct agent *a)
{
	const struct itimerspec soon = { .it_value.tv_sec = FLUSH_SECONDS };

	if (a->armed || timerfd_settime(a->timer, 0, &soon, NULL))
		return;
	a->armed = true;
}

/* Modes and sources are those of the policies in force. */
static void policies_follow(struct agent *a)
{
	struct control c;

	if (control_read(&c) || c.epoch == a->report.epoch)
		return;
	report_read_policies(&a->report);
}

static void events_take(struct agent *a)
{
	bool failing = a->output.failing;

	a->batch = 0;
	policies_follow(a);
	ring_buffer__consume(a->stream.ring);
	if (a->urgent && output_flush(&a->output))
		a->urgent = false;
	if (a->output.used)
		timer_arm(a);
	if (!a->orders->daemonize)
		fflush(stdout);
	if (failing != a->output.failing)
		state_write(a);
}

/* A timer that is not armed costs nothing; a full disk is asked again each second. */
static void timer_rings(struct agent *a)
{
	bool failing = a->output.failing;
	uint64_t n;

	if (read(a->timer, &n, sizeof(n)) != sizeof(n))
		return;
	a->armed = false;
	if (!output_flush(&a->output))
		timer_arm(a);
	if (failing != a->output.failing)
		state_write(a);
}

/* ---- Signals and pins ---- */

static void signal_take(struct agent *a)
{
	struct signalfd_siginfo s;

	if (read(a->signals, &s, sizeof(s)) != sizeof(s))
		return;
	switch (s.ssi_signo) {
	case SIGHUP:
		reload_start(a);
		break;
	case SIGUSR1:
		output_reopen(&a->output);
		break;
	case SIGCHLD:
		children_reap(a);
		break;
	default:
		a->ended = true;
		a->quietly = s.ssi_code == SI_QUEUE && s.ssi_int == TERM_QUIETLY;
	}
}

/* The directory of the pins was moved away: somebody unloads. */
static void pins_watch(struct agent *a)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(a->pins, buf, sizeof(buf));

	if (n <= 0 || !access(PIN_DIR, F_OK))
		return;
	log_error("the policy was unloaded, by somebody else than this agent: nothing is enforced any more");
	a->ended = a->quietly = true;
	a->status = EXIT_FAILURE;
}

/* ---- Life ---- */

static int watch(struct agent *a, int fd, enum origin_of from)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = from };

	if (fd >= 0 && !epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &e))
		return 0;
	log_error("cannot be watched: %s", strerror(errno));
	return -1;
}

static void signals_block(sigset_t *set)
{
	static const int taken[] = { SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGCHLD };
	size_t i;

	sigemptyset(set);
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(set, taken[i]);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);	/* who watched has gone; we stay */
}

static int sources_open(struct agent *a, const sigset_t *set)
{
	a->line = open_memstream(&a->text, &a->size);
	a->images = map_open(PIN_IMAGES, sizeof(__u64), sizeof(struct image));
	a->server_names = map_open(PIN_SERVER_NAMES, sizeof(__u64), sizeof(struct host_key));
	a->report.find_image = find_image;
	a->report.find_name = find_name;
	a->report.context = a;
	style_of(&a->style, stdout);
	if (!a->line || a->images < 0 || a->server_names < 0 || report_read_policies(&a->report) ||
	    report_open_domains(&a->report) ||
	    stream_open(&a->stream, event_take, a))
		return -1;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	a->signals = signalfd(-1, set, SFD_CLOEXEC);
	a->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	a->pins = inotify_init1(IN_CLOEXEC);
	inotify_add_watch(a->pins, "/sys/fs/bpf", IN_MOVED_FROM | IN_DELETE);
	return watch(a, ring_buffer__epoll_fd(a->stream.ring), FROM_STREAM) ||
	       watch(a, a->signals, FROM_SIGNALS) || watch(a, a->timer, FROM_TIMER) ||
	       watch(a, a->pins, FROM_PINS) ? -1 : 0;
}

/* Who waits for a daemon hears that it stands; from then on messages go to the log. */
static int daemon_ready(int ready)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log;

	log = open(LOG_FILE, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (null < 0 || log < 0) {
		log_error("%s: %s", LOG_FILE, strerror(errno));
		return -1;
	}
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	if (write(ready, "", 1) != 1)
		log_warn("who started the agent has gone");
	close(ready);
	return 0;
}

static void serve(struct agent *a)
{
	struct epoll_event e;

	while (!a->ended) {
		if (epoll_wait(a->epoll, &e, 1, -1) != 1)
			continue;
		switch (e.data.u32) {
		case FROM_STREAM:
			events_take(a);
			break;
		case FROM_SIGNALS:
			signal_take(a);
			break;
		case FROM_TIMER:
			timer_rings(a);
			break;
		case FROM_PINS:
			pins_watch(a);
			break;
		}
	}
	/* What had happened by now, but not what never stops happening. */
	events_take(a);
	output_flush(&a->output);
}

/* In the foreground, to end it is to stop: the report, and enforcement ends. */
static int foreground_end(const struct orders *o)
{
	struct loading all = { 0 };
	struct report r;

	if (!report_read(&r))
		report_print_end(stdout, &r, o->pretty);
	report_free(&r);
	fflush(stdout);
	return o->keep ? EXIT_SUCCESS : load_end(&all);
}

static int agent_live(struct agent *a, int ready)
{
	const struct orders *o = a->orders;
	sigset_t set;
	int lock = instance_claim(), status;

	if (lock < 0 || output_open(&a->output, o->output))
		return EXIT_FAILURE;
	status = policy_load(o);
	if (status)
		return status;
	signals_block(&set);
	if (sources_open(a, &set) || instance_publish(lock))
		return EXIT_FAILURE;
	a->since = time(NULL);
	state_write(a);
	if (o->daemonize && daemon_ready(ready))
		return EXIT_FAILURE;
	if (o->ruled)
		webhooks_start(a);
	notify_manager("READY=1\nSTATUS=Enforcing.");
	serve(a);
	notify_manager("STOPPING=1");
	stream_close(&a->stream);
	sender_end(&a->sender);
	instance_withdraw();
	if (!o->daemonize && !a->quietly)
		a->status = foreground_end(o);
	return a->status;
}

int agent_run(const struct orders *o, int ready)
{
	struct agent *a = xcalloc(1, sizeof(*a));
	int status;

	a->orders = o;
	a->sender.socket = -1;
	status = agent_live(a, ready);
	if (a->line)
		fclose(a->line);
	free(a->text);
	free(a);
	return status;
}
