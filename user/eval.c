// SPDX-License-Identifier: Apache-2.0
/*
 * kntrl eval: what would the policy say?  Documents come in, one JSON object
 * per line, and verdicts go out.  The tables and the verdict function are those
 * of the kernel; no kernel is touched.
 */
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "compile.h"
#include "hosts.h"
#include "kntrl.h"
#include "log.h"
#include "policy.h"
#include "report.h"
#include "rule.h"
#include "suggest.h"
#include "target.h"
#include "util.h"

/* ---- Documents ---- */

const char eval_help[] =
	"Usage: kntrl eval [--mode MODE] [--rules-file FILE] [--rules-dir DIR]\n"
	"                  [--github-meta FILE]\n"
	"\n"
	"Reads one JSON object per line and prints what the policy says of each:\n"
	"\n"
	"  {\"task_name\":\"curl\",\"proto\":\"tcp\",\"daddr\":\"192.0.2.1\",\"dport\":443,\n"
	"   \"ancestors\":[\"bash\"]}\n"
	"  {\"policy\":\"block\",\"rule\":\"default\"}\n"
	"\n"
	"      --mode MODE       monitor or trace, instead of the policy's own; the verdict\n"
	"                        is the same, monitor only does not enforce it\n"
	"      --rules-file FILE a policy\n"
	"      --rules-dir DIR   a directory of policies (*.yaml, *.yml, *.rego)\n"
	"      --github-meta FILE  GitHub's ranges, as kntrl-load(8) takes them\n"
	"  -h, --help            print this text\n"
	"\n"
	"Needs no root, and no kernel.  See kntrl(1).\n";

/* Of all hashes here; they are never stored. */
static const __u64 seed[2] = { 1, 2 };

struct document {
	struct identity id;
	struct target to;
	struct host_key *names;
	size_t nnames;
};

#define NAME_BYTES	255	/* of a file name, at most */

static void self_add(struct identity *id, __u64 hash)
{
	id->self[id->nself++] = hash;
}

static void ancestry_add(struct identity *id, __u64 hash)
{
	__u16 i;

	for (i = 0; i < id->nancestry; i++)
		if (id->ancestry[i] == hash)
			return;
	if (id->nancestry == IDENT_ANCESTRY)
		id->flags |= IDENT_LINEAGE_FULL;
	else
		id->ancestry[id->nancestry++] = hash;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static const char *check_name(const char *name)
{
	if (!name[0])
		return "must not be empty";
	return strlen(name) > NAME_BYTES ? "must not be longer than 255 bytes" : NULL;
}

static const char *check_path(const char *path)
{
	if (path[0] != '/')
		return "must be a full path";
	if (strlen(path) >= PATH_MAX)
		return "must not be longer than 4095 bytes";
	return check_name(base_name(path));
}

/* The file that a path leads to on this host, or else the path itself. */
static const char *real_path(const char *path, char buf[PATH_MAX])
{
	return realpath(path, buf) ? buf : path;
}

/* ---- Keys: each reader returns NULL, or what is wrong ---- */

static const char *read_number(struct document *d, const json_t *v)
{
	(void)d;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > UINT32_MAX)
		return "must be a whole number from 0 to 4294967295";
	return NULL;
}

static const char *read_task_name(struct document *d, const json_t *v)
{
	const char *name = json_string_value(v), *wrong;

	if (!name)
		return "must be a string";
	wrong = check_name(name);
	if (wrong)
		return wrong;
	if (name[0] == '/')
		return "must be a name; a path goes into \"exe\"";
	self_add(&d->id, tables_name_hash(seed, name));
	return NULL;
}

/* git's own helpers are git. */
static bool in_git_core(const char *path)
{
	static const char dir[] = "/git-core";
	size_t len = base_name(path) - path - 1;

	return len >= strlen(dir) && !memcmp(path + len - strlen(dir), dir, strlen(dir));
}

static const char *read_exe(struct document *d, const json_t *v)
{
	const char *path = json_string_value(v), *wrong, *real;
	char buf[PATH_MAX];

	if (!path)
		return "must be a string";
	wrong = check_path(path);
	if (wrong)
		return wrong;
	real = real_path(path, buf);
	self_add(&d->id, tables_path_hash(seed, real));
	self_add(&d->id, tables_name_hash(seed, base_name(real)));
	self_add(&d->id, tables_name_hash(seed, base_name(path)));
	if (in_git_core(real))
		self_add(&d->id, tables_name_hash(seed, "git"));
	return NULL;
}

static const char *read_ancestor(struct document *d, const char *name)
{
	const char *wrong = name[0] == '/' ? check_path(name) : check_name(name);
	char buf[PATH_MAX];

	if (wrong)
		return wrong;
	if (name[0] == '/') {
		ancestry_add(&d->id, tables_path_hash(seed, real_path(name, buf)));
		ancestry_add(&d->id, tables_name_hash(seed, base_name(real_path(name, buf))));
		name = base_name(name);
	}
	ancestry_add(&d->id, tables_name_hash(seed, name));
	return NULL;
}

static const char *read_ancestors(struct document *d, const json_t *v)
{
	const char *wrong = NULL;
	size_t i;

	if (!json_is_array(v))
		return "must be a list of strings";
	for (i = 0; i < json_array_size(v) && !wrong; i++) {
		const char *name = json_string_value(json_array_get(v, i));

		wrong = name ? read_ancestor(d, name) : "must be a list of strings";
	}
	return wrong;
}

/* A name that is none is one that no rule can be about. */
static void name_add(struct document *d, const char *text)
{
	char *name = domain_normal(text);

	d->names = xreallocarray(d->names, d->nnames + 1, sizeof(*d->names));
	if (name && host_key_make(&d->names[d->nnames], name))
		d->nnames++;
	free(name);
}

static const char *read_domains(struct document *d, const json_t *v)
{
	size_t i;

	if (!json_is_array(v))
		return "must be a list of strings";
	for (i = 0; i < json_array_size(v); i++) {
		const char *name = json_string_value(json_array_get(v, i));

		if (!name)
			return "must be a list of strings";
		name_add(d, name);
	}
	return NULL;
}

static const char *read_string(struct document *d, const json_t *v)
{
	(void)d;
	return json_is_string(v) ? NULL : "must be a string";
}

static const char *read_mode(struct document *d, const json_t *v)
{
	const char *mode = json_string_value(v);

	(void)d;
	if (mode && (!strcmp(mode, "monitor") || !strcmp(mode, "trace")))
		return NULL;
	return "must be \"monitor\" or \"trace\"";
}

static const char *read_proto(struct document *d, const json_t *v)
{
	const char *name = json_string_value(v);

	if (!name || !proto_number(name, &d->to.proto))
		return "must be tcp, udp, udplite, icmp, icmpv6 or raw:NUMBER";
	return NULL;
}

static const char *read_daddr(struct document *d, const json_t *v)
{
	const char *text = json_string_value(v);

	return text ? parse_address(text, d->to.addr) : "must be a string";
}

static const char *read_dport(struct document *d, const json_t *v)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    json_integer_value(v) > UINT16_MAX)
		return "must be a whole number from 0 to 65535";
	d->to.port = json_integer_value(v);
	return NULL;
}

struct key {
	const char *name;
	const char *(*read)(struct document *d, const json_t *v);
	bool needed;
};

static const struct key keys[] = {
	{ "pid", read_number, false },
	{ "uid", read_number, false },
	{ "task_name", read_task_name, true },
	{ "exe", read_exe, false },
	{ "ancestors", read_ancestors, false },
	{ "proto", read_proto, true },
	{ "daddr", read_daddr, true },
	{ "dport", read_dport, true },
	{ "domains", read_domains, false },
	{ "sni", read_string, false },
	{ "mode", read_mode, false },
};

#define KEYS	(sizeof(keys) / sizeof(*keys))

/* ---- Errors ---- */

struct reader {
	const struct tables *tables;
	const char *const *sources;
	size_t nsources;
	unsigned long line, errors;
};

/* Says what is wrong with a line: on stderr for people, on stdout in the verdict's place. */
__attribute__((format(printf, 2, 3)))
static void bad_line(struct reader *r, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->errors++;
	fprintf(stderr, "kntrl eval: line %lu: ", r->line);
	escape(stderr, text, strlen(text), ESCAPE_ALL);
	fputc('\n', stderr);
	fputs("{\"error\":", stdout);
	json_text(stdout, text, strlen(text));
	fputs("}\n", stdout);
}

static void bad_value(struct reader *r, const char *key, const json_t *v, const char *wrong)
{
	char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	bad_line(r, "%s: %.80s: %s", key, text ? text : "?", wrong);
	free(text);
}

static void unknown_key(struct reader *r, const char *key)
{
	const char *names[KEYS + 1], *nearest;
	size_t i;

	for (i = 0; i < KEYS; i++)
		names[i] = keys[i].name;
	names[KEYS] = NULL;
	nearest = suggest(key, names);
	if (nearest)
		bad_line(r, "unknown key \"%.80s\"; did you mean \"%s\"?", key, nearest);
	else
		bad_line(r, "unknown key \"%.80s\"; see kntrl(1) for those there are", key);
}

/* ---- Lines ---- */

static const struct key *key_find(const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

static bool document_read(struct reader *r, struct document *d, json_t *object)
{
	const char *name, *wrong;
	json_t *value;
	size_t i;

	json_object_foreach(object, name, value) {
		const struct key *key = key_find(name);

		if (!key) {
			unknown_key(r, name);
			return false;
		}
		wrong = key->read(d, value);
		if (wrong) {
			bad_value(r, name, value, wrong);
			return false;
		}
	}
	for (i = 0; i < KEYS; i++) {
		if (keys[i].needed && !json_object_get(object, keys[i].name)) {
			bad_line(r, "\"%s\" is missing", keys[i].name);
			return false;
		}
	}
	return true;
}

static void print_verdict(const struct reader *r, bool allowed, const struct rule_ref *rule)
{
	char text[RULE_TEXT];

	rule_text(text, sizeof(text), rule, r->sources, r->nsources);
	printf("{\"policy\":\"%s\",\"rule\":", allowed ? "pass" : "block");
	json_text(stdout, text, strlen(text));
	fputs("}\n", stdout);
}

static void judge_object(struct reader *r, json_t *object)
{
	struct document d = { .id = { .nself = IDENT_FILES } };
	struct host_names names;
	struct rule_ref rule;
	bool allowed;

	if (document_read(r, &d, object)) {
		/* As the kernel has it: what has no ports has port 0. */
		if (proto_bit(d.to.proto) == PROTO_BIT_OTHER)
			d.to.port = 0;
		names = (struct host_names){ d.names, d.nnames };
		allowed = tables_verdict(r->tables, &d.id, &d.to, &names, &rule);
		print_verdict(r, allowed, &rule);
	}
	free(d.names);
}

static void judge_line(struct reader *r, const char *line, size_t len)
{
	json_error_t error;
	json_t *object;

	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		bad_line(r, "column %d: %s", error.column, error.text);
	else if (!json_is_object(object))
		bad_line(r, "is not a JSON object");
	else
		judge_object(r, object);
	json_decref(object);
}

static void judge_lines(struct reader *r, FILE *in)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;

	/* Whoever writes a line may wait for its verdict. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((len = getline(&line, &room, in)) >= 0) {
		r->line++;
		if ((size_t)len != strspn(line, " \t\r\n"))
			judge_line(r, line, len);
	}
	free(line);
	if (ferror(in)) {
		perror("kntrl eval: standard input");
		r->errors++;
	}
}

/* ---- The command line ---- */

struct choice {
	enum policy_mode mode;
	const char *file, *dir, *github_meta;
	bool help;
};

static int set_mode(struct choice *c, const char *name)
{
	if (!strcmp(name, "monitor")) {
		c->mode = MODE_MONITOR;
	} else if (!strcmp(name, "trace")) {
		c->mode = MODE_TRACE;
	} else {
		fputs("kntrl eval: --mode: \"", stderr);
		escape(stderr, name, strlen(name), 32);
		fputs("\" is not a mode; use monitor or trace\n", stderr);
		return -1;
	}
	return 0;
}

static int check_usage(const struct choice *c, int left, char **argv)
{
	if (c->help)
		return 0;
	if (left) {
		fputs("kntrl eval: it takes no arguments, but there is \"", stderr);
		escape(stderr, argv[optind], strlen(argv[optind]), 64);
		fputs("\"; a policy is given with --rules-file\n", stderr);
		return -1;
	}
	if (!c->file && !c->dir) {
		fputs("kntrl eval: no policy; give one with --rules-file or --rules-dir\n", stderr);
		return -1;
	}
	return 0;
}

static int parse(struct choice *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "rules-file", required_argument, NULL, 'f' },
		{ "rules-dir", required_argument, NULL, 'd' },
		{ "github-meta", required_argument, NULL, 'g' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL },
	};
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":vh", options, NULL)) != -1) {
		if (opt == 'm' && set_mode(c, optarg))
			return -1;
		if (opt == 'f')
			c->file = optarg;
		if (opt == 'd')
			c->dir = optarg;
		if (opt == 'g')
			c->github_meta = optarg;
		c->help |= opt == 'h';
		log_verbose |= opt == 'v';
		if (opt == '?' || opt == ':') {
			option_error("kntrl eval", options, opt, argv);
			return -1;
		}
	}
	return check_usage(c, argc - optind, argv);
}

/* The directory after the file: of scalars the later one wins. */
static int policy_read(struct policy_src *src, const struct choice *c)
{
	if (c->file && policy_read_file(src, c->file, stderr))
		return -1;
	if (c->dir && policy_read_dir(src, c->dir, stderr))
		return -1;
	src->github_meta = c->github_meta;
	if (c->mode != MODE_UNSET)
		src->mode = c->mode;
	return 0;
}

int cmd_eval(int argc, char **argv)
{
	struct reader r = { 0 };
	struct choice c = { 0 };
	struct policy_src src;
	struct tables tables;

	if (parse(&c, argc, argv))
		return EXIT_FAILURE;
	if (c.help) {
		fputs(eval_help, stdout);
		return EXIT_SUCCESS;
	}
	policy_init(&src);
	if (policy_read(&src, &c)) {
		policy_free(&src);
		return EXIT_POLICY;
	}
	if (compile(&src, seed, &tables, stderr)) {
		tables_free(&tables);
		policy_free(&src);
		return EXIT_POLICY;
	}
	r.tables = &tables;
	r.sources = (const char *const *)src.files;
	r.nsources = src.nfiles;
	judge_lines(&r, stdin);
	tables_free(&tables);
	policy_free(&src);
	return r.errors ? EXIT_FAILURE : EXIT_SUCCESS;
}
