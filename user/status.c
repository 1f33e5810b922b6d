// SPDX-License-Identifier: Apache-2.0
/* kntrl status: what is in force, by what means, and who reports it. */
#include <dirent.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <jansson.h>

#include "github_meta.h"
#include "instance.h"
#include "kntrl.h"
#include "log.h"
#include "report.h"
#include "suggest.h"
#include "util.h"
#include "webhook.h"

const char status_help[] =
	"Usage: kntrl status [--json]\n"
	"\n"
	"Says what is in force, by what means, and whether an agent reports it.\n"
	"\n"
	"      --json  one JSON object\n"
	"  -h, --help  print this text\n"
	"\n"
	"Exit status: 0 a policy is in force, 1 none is.\n";

/* ---- Collecting ---- */

static bool is_loaded(void)
{
	return !access(PIN_DIR, F_OK);
}

/* Which way the hooks are attached; as the pinned programs have it. */
static const char *attach_type(void)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);
	int fd = pin_open_readonly(PIN_PROG_PREFIX "socket_connect");
	const char *type = "unknown";

	if (fd < 0)
		return type;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		type = info.type == BPF_PROG_TYPE_LSM ? "lsm" : "fmod_ret";
	close(fd);
	return type;
}

static json_t *hooks(void)
{
	json_t *list = json_array();
	DIR *dir = opendir(PIN_DIR);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (!strncmp(d->d_name, "link_", 5))
			json_array_append_new(list, json_string(d->d_name + 5));
	if (dir)
		closedir(dir);
	return list;
}

static const char *mode_name(enum scope_mode mode)
{
	return mode == SCOPE_TRACE ? "trace" : mode == SCOPE_MONITOR ? "monitor" : "unknown";
}

static json_t *scope_json(const struct report *r, __u32 i, const struct scope *s)
{
	__s64 time = r->github_times[i];
	json_t *github = time ? json_pack("{s:I,s:i}", "fetched", (json_int_t)time, "days",
					  github_meta_age(time)) : json_null();

	return json_pack("{s:i,s:s,s:i,s:I,s:i,s:o}", "scope", i, "mode", mode_name(r->modes[i]),
			 "generation", s->generation, "cgroup", (json_int_t)s->cgroup, "root",
			 s->root, "github_meta", github);
}

static json_t *scopes(const struct report *r)
{
	int fd = map_open(PIN_SCOPES, sizeof(__u32), sizeof(struct scope));
	json_t *list = json_array();
	struct scope s;
	__u32 i;

	for (i = 0; fd >= 0 && i < SCOPE_SELFTEST; i++)
		if (!bpf_map_lookup_elem(fd, &i, &s) && s.slot)
			json_array_append_new(list, scope_json(r, i, &s));
	if (fd >= 0)
		close(fd);
	return list;
}

static json_t *sources(const struct report *r)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < r->nsources; i++)
		json_array_append_new(list, json_string(r->sources[i]) ?: json_string("?"));
	return list;
}

static json_t *counts(const struct report *r)
{
	json_int_t pass = 0, block = 0, denied = 0;
	size_t i;

	for (i = 0; i < r->nflows; i++) {
		const struct flow *f = &r->flows[i];

		if (!(f->key.verdict & VERDICT_BLOCK))
			pass += f->count;
		else
			block += f->count;
		if (f->key.verdict & VERDICT_DENIED)
			denied += f->count;
	}
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "pass", pass, "block", block, "denied", denied,
			 "events_lost", (json_int_t)r->counters[COUNT_EVENTS_LOST], "undecided",
			 (json_int_t)r->counters[COUNT_UNDECIDED]);
}

static json_t *fill(const struct report *r)
{
	return json_pack("{s:[i,i],s:[i,i],s:[i,i]}", "flows", (int)r->nflows, FLOWS, "folded",
			 (int)r->nfolded, FOLDED, "images", (int)r->nimages, IMAGES);
}

/* What the agent says of itself; null: there is none. */
static json_t *agent(void)
{
	struct webhook_counts c;
	json_t *state = NULL;

	if (instance_running(NULL))
		state = json_load_file(STATE_FILE, 0, NULL);
	if (state && !webhooks_counted(&c))
		json_object_set_new(state, "webhooks",
				    json_pack("{s:I,s:I,s:I,s:I}", "sent", (json_int_t)c.sent,
					      "failed", (json_int_t)c.failed, "dropped",
					      (json_int_t)c.dropped, "waiting",
					      (json_int_t)c.waiting));
	return state ? state : json_null();
}

static json_t *collect(void)
{
	struct utsname kernel;
	struct report r;
	json_t *all;

	if (!is_loaded())
		return json_pack("{s:b,s:o}", "loaded", 0, "agent", agent());
	if (report_read(&r)) {
		report_free(&r);
		return NULL;
	}
	uname(&kernel);
	all = json_pack("{s:b,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "loaded", 1, "version",
			KNTRL_VERSION, "kernel", kernel.release, "attach", attach_type(), "hooks",
			hooks(), "scopes", scopes(&r), "policies", sources(&r), "counts",
			counts(&r), "fill", fill(&r), "agent", agent());
	report_free(&r);
	return all;
}

/* ---- For people ---- */

static json_int_t number(const json_t *in, const char *key)
{
	return json_integer_value(json_object_get(in, key));
}

static void print_string(const json_t *s)
{
	escape(stdout, json_string_value(s), json_string_length(s), ESCAPE_ALL);
}

static void print_time(const char *before, json_int_t when)
{
	time_t seconds = when;
	char text[32];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s%s", before, text);
}

static void print_agent(const json_t *agent)
{
	const json_t *reload = json_object_get(agent, "last_reload");
	const json_t *hooks = json_object_get(agent, "webhooks");

	if (json_is_null(agent)) {
		puts("Agent     none; the kernel enforces without one");
		return;
	}
	printf("Agent     process %lld", number(agent, "pid"));
	print_time(", since ", number(agent, "since"));
	fputs("\nOutput    ", stdout);
	print_string(json_object_get(agent, "output"));
	if (json_is_true(json_object_get(agent, "output_failing")))
		fputs(" (cannot be written at present)", stdout);
	if (number(agent, "output_lost"))
		printf(" (%lld lines lost)", number(agent, "output_lost"));
	putchar('\n');
	if (hooks)
		printf("Webhooks  %lld sent, %lld failed, %lld dropped, %lld waiting\n",
		       number(hooks, "sent"), number(hooks, "failed"), number(hooks, "dropped"),
		       number(hooks, "waiting"));
	if (json_is_null(reload))
		return;
	print_time("Reload    ", number(reload, "time"));
	if (number(reload, "status")) {
		fputs(": failed, the policy before it stays: ", stdout);
		print_string(json_object_get(reload, "message"));
		putchar('\n');
	} else {
		printf(": generation %lld, before %lld\n", number(reload, "new_generation"),
		       number(reload, "old_generation"));
	}
}

static void print_scopes(const json_t *scopes)
{
	const json_t *s, *github;
	size_t i;

	json_array_foreach(scopes, i, s) {
		printf("%s ", i ? "         " : "Scopes   ");
		if (number(s, "root"))
			printf("tree of process %lld", number(s, "root"));
		else if (number(s, "cgroup"))
			printf("cgroup %lld", number(s, "cgroup"));
		else
			fputs("host", stdout);
		fputs(": mode ", stdout);
		print_string(json_object_get(s, "mode"));
		printf(", generation %lld", number(s, "generation"));
		github = json_object_get(s, "github_meta");
		if (!json_is_null(github))
			printf(", GitHub's ranges %lld days old", number(github, "days"));
		putchar('\n');
	}
	if (!json_array_size(scopes))
		puts("Scopes    none has a policy");
}

static void print_policies(const json_t *policies)
{
	const json_t *p;
	size_t i;

	json_array_foreach(policies, i, p) {
		fputs(i ? "          " : "Policy    ", stdout);
		print_string(p);
		putchar('\n');
	}
}

static void print_fill(const json_t *fill)
{
	const char *key;
	json_t *pair;

	fputs("Tables   ", stdout);
	json_object_foreach((json_t *)fill, key, pair)
		printf(" %s %lld of %lld", key, json_integer_value(json_array_get(pair, 0)),
		       json_integer_value(json_array_get(pair, 1)));
	putchar('\n');
}

static void print_all(const json_t *s)
{
	const json_t *counts = json_object_get(s, "counts");
	const char *attach = json_string_value(json_object_get(s, "attach"));

	if (!json_is_true(json_object_get(s, "loaded"))) {
		puts("Nothing is loaded: nothing is enforced, and nothing recorded");
		return;
	}
	print_scopes(json_object_get(s, "scopes"));
	print_policies(json_object_get(s, "policies"));
	printf("Kernel    %s, %zu hooks by %s\n", json_string_value(json_object_get(s, "kernel")),
	       json_array_size(json_object_get(s, "hooks")),
	       !strcmp(attach, "fmod_ret") ? "fmod_ret (bpf is not in its lsm= list)" : attach);
	printf("Attempts  %lld passed, %lld blocked (%lld denied), %lld undecided\n",
	       number(counts, "pass"), number(counts, "block"), number(counts, "denied"),
	       number(counts, "undecided"));
	print_fill(json_object_get(s, "fill"));
	if (number(counts, "events_lost"))
		printf("Lost      %lld events; the tables have what they told\n",
		       number(counts, "events_lost"));
	print_agent(json_object_get(s, "agent"));
}

/* ---- The command ---- */

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	bool as_json = false, in_force;
	json_t *all;
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == 'h') {
			fputs(status_help, stdout);
			return EXIT_SUCCESS;
		}
		if (opt == '?' || opt == ':') {
			option_error("kntrl status", options, opt, argv);
			return EXIT_FAILURE;
		}
		as_json |= opt == 'j';
		log_verbose |= opt == 'v';
	}
	all = collect();
	if (!all)
		return EXIT_FAILURE;
	if (as_json) {
		json_dumpf(all, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		print_all(all);
	}
	in_force = json_array_size(json_object_get(all, "scopes"));
	json_decref(all);
	return in_force ? EXIT_SUCCESS : EXIT_FAILURE;
}
