// SPDX-License-Identifier: Apache-2.0
/*
 * kntrl-load: compiles a policy, puts it in force in the kernel, proves that it
 * is, and exits.  See kntrl-load(8).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "compile.h"
#include "engine.h"
#include "install.h"
#include "kernel.h"
#include "log.h"
#include "pins.h"
#include "policy.h"
#include "preload.h"
#include "selfcheck.h"
#include "suggest.h"

#define RUN_DIR		"/run/kntrl"
#define LOCK_FILE	RUN_DIR "/load.lock"
#define LOCK_SECONDS	30

enum status {
	EXIT_POLICY_WRONG = 2,
	EXIT_KERNEL_CANNOT = 3,
	EXIT_NOT_PROVED = 4,
};

enum scope_kind { SCOPE_HOST, SCOPE_CGROUP, SCOPE_TREE };

struct options {
	struct policy_src policy;
	const char *files[POLICY_MAX_FILES], *dirs[POLICY_MAX_FILES];
	int nfiles, ndirs;
	enum policy_mode mode;
	enum scope_kind kind;
	const char *cgroup;
	int pid;
	bool scoped;		/* --scope was given */
	bool dry_run, unload, accept_preempt, no_preload;
};

static const char usage[] =
"usage: kntrl-load [option...] POLICY.yaml...\n"
"Puts a policy in force in the kernel, proves that it is, and exits.\n"
"\n"
"  --mode monitor|trace    report only, or enforce (default: as the policy says)\n"
"  --rules-file FILE       a policy file, like POLICY.yaml\n"
"  --rules-dir DIR         all *.yaml and *.yml files of a directory\n"
"  --scope host            every process of this host (the default)\n"
"  --scope cgroup:PATH     the processes of a cgroup, and what they start\n"
"  --scope tree:PID        a process, and what descends from it\n"
"  --dry-run               compile, say what would be loaded, touch nothing\n"
"  --unload                end enforcement; with --scope, in that scope alone\n"
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
	{ "dry-run", no_argument, NULL, 'n' },
	{ "unload", no_argument, NULL, 'u' },
	{ "no-preload", no_argument, NULL, 'P' },
	{ "accept-preempt", no_argument, NULL, 'p' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

/* ---- Options ---- */

static bool scope_parse(struct options *o, const char *text)
{
	char *end;

	o->scoped = true;
	if (!strcmp(text, "host")) {
		o->kind = SCOPE_HOST;
		return true;
	}
	if (!strncmp(text, "cgroup:", 7) && text[7]) {
		o->kind = SCOPE_CGROUP;
		o->cgroup = text + 7;
		return true;
	}
	if (!strncmp(text, "tree:", 5)) {
		o->kind = SCOPE_TREE;
		o->pid = strtol(text + 5, &end, 10);
		return !*end && end != text + 5 && o->pid > 0;
	}
	return false;
}

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
		if (!scope_parse(o, optarg))
			return usage_error("--scope is host, cgroup:PATH or tree:PID", optarg);
		return -1;
	case 'n':
		o->dry_run = true;
		return -1;
	case 'u':
		o->unload = true;
		return -1;
	case 'p':
		o->accept_preempt = true;
		return -1;
	case 'P':
		o->no_preload = true;
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
		errors += policy_read_file(&o->policy, o->files[i], stderr);
	for (i = 0; i < o->ndirs; i++)
		errors += policy_read_dir(&o->policy, o->dirs[i], stderr);
	if (o->mode != MODE_UNSET)
		o->policy.mode = o->mode;
	if (o->policy.mode == MODE_UNSET)
		o->policy.mode = MODE_MONITOR;
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

/* ---- Scopes ---- */

/* The number of the scope that matches, or of a free one; -1 with a message. */
static int scope_number(const struct engine *e, bool (*is)(const struct scope *, __u64), __u64 arg,
			bool make)
{
	int i, free = 0;
	struct scope s;

	for (i = 1; i < SCOPE_SELFTEST; i++) {
		if (scope_read(e, i, &s))
			return -1;
		if (s.slot && is(&s, arg))
			return i;
		if (!s.slot && !free)
			free = i;
	}
	if (make && !free)
		log_error("all %d scopes are in use; end one with --unload --scope", SCOPE_SELFTEST - 1);
	return make && free ? free : -1;
}

static bool is_cgroup(const struct scope *s, __u64 id)
{
	return s->cgroup == id;
}

/* A process id alone may be another process's by now. */
static bool is_tree(const struct scope *s, __u64 start_and_pid)
{
	return s->root == (__u32)start_and_pid && s->root_start == start_and_pid >> 32;
}

static bool is_tree_of_pid(const struct scope *s, __u64 pid)
{
	return s->root == pid;
}

/* What follows the name in /proc/PID/stat, or NULL: comm may have anything in it. */
static const char *process_stat(__u32 pid, char *buf, size_t size)
{
	char path[32], *end;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
	end = strrchr(buf, ')');
	return end ? end + 1 : NULL;
}

/* When a process began, in clock ticks since boot; 0: there is none. */
static __u32 process_start(__u32 pid)
{
	unsigned long long start = 0;
	char buf[1024];
	const char *stat = process_stat(pid, buf, sizeof(buf));

	if (stat)
		sscanf(stat, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		       &start);
	return start;
}

/* A verdict asks so many scopes, one within the other, and no more. */
static bool is_too_deep(const struct engine *e, __u32 parent)
{
	struct scope s;
	int depth;

	for (depth = 2; depth <= SCOPE_DEPTH; depth++) {
		if (scope_read(e, parent, &s))
			return true;
		if (s.parent == parent)
			return false;
		parent = s.parent;
	}
	log_error("scopes can be %d deep at the most, the host's among them", SCOPE_DEPTH);
	return true;
}

static __u32 parent_of(__u32 pid)
{
	char buf[1024];
	const char *stat = process_stat(pid, buf, sizeof(buf));
	__u32 parent = 0;

	if (stat)
		sscanf(stat, " %*c %u", &parent);
	return parent;
}

static bool descends_from(__u32 pid, __u32 root)
{
	int depth;

	for (depth = 0; pid && pid != root && depth < 256; depth++)
		pid = parent_of(pid);
	return pid == root;
}

/* Opens a cgroup by its id, which is its file handle (cgroupfs, FILEID_KERNFS). */
static int cgroup_open(const struct kernel *k, __u64 id)
{
	struct {
		struct file_handle handle;
		__u64 id;
	} h = { .handle = { .handle_bytes = sizeof(h.id), .handle_type = 0xfe }, .id = id };

	return open_by_handle_at(k->cgroup, &h.handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool cgroup_is_within(const struct kernel *k, __u64 inner, __u64 outer)
{
	int fd = cgroup_open(k, inner), up;
	struct stat st, root;
	bool found = false;

	if (fstat(k->cgroup, &root))
		return true;
	while (fd >= 0 && !fstat(fd, &st) && st.st_ino != root.st_ino && !found) {
		found = st.st_ino == outer;
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
	}
	if (fd >= 0)
		close(fd);
	return found;
}

/* Whether a process that the new scope @s is to take is in one that it does not lie in. */
static bool process_elsewhere(const struct engine *e, const struct scope *s)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	bool found = !proc;

	while (s->root && !found && (d = readdir(proc))) {
		int pid = atoi(d->d_name), scope;

		if (pid <= 0 || !descends_from(pid, s->root))
			continue;
		scope = scope_of_process(e, pid);
		found = scope >= 0 && (__u32)scope != s->parent;
	}
	if (proc)
		closedir(proc);
	return found;
}

static int tree_find(const struct engine *e, __u32 pid, struct scope *s, bool make)
{
	struct scope old;
	int id;

	s->root = pid;
	s->root_start = process_start(pid);
	if (make && !s->root_start) {
		log_error("--scope tree:%u: no such process", pid);
		return -1;
	}
	id = scope_number(e, is_tree, (__u64)s->root_start << 32 | pid, make);
	if (id < 0 && !make)
		id = scope_number(e, is_tree_of_pid, pid, make);
	if (id < 0 || scope_read(e, id, &old))
		return -1;
	if (old.slot) {
		s->parent = old.parent;
		return id;
	}
	s->parent = scope_of_process(e, pid);
	return s->parent < SCOPES && !is_too_deep(e, s->parent) ? id : -1;
}

/* A cgroup by its path, absolute or below the mount point: its id and depth. */
static int cgroup_find(const struct kernel *k, const char *path, struct scope *s)
{
	struct stat st, root;
	int fd, up;

	fd = openat(k->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		while (*path == '/')
			path++;
		fd = openat(k->cgroup, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) || fstat(k->cgroup, &root) || st.st_dev != root.st_dev) {
		log_error("--scope cgroup:%s: no such cgroup", path);
		return -1;
	}
	s->cgroup = st.st_ino;
	while (st.st_ino != root.st_ino) {
		up = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = up;
		if (fd < 0 || fstat(fd, &st))
			return -1;
		s->cgroup_level++;
	}
	close(fd);
	if (!s->cgroup_level)
		log_error("--scope cgroup: the root cgroup is the host; use --scope host");
	return s->cgroup_level ? 0 : -1;
}

/*
 * A process has one scope, and through it those around it.  A new scope that
 * would lie around an older one, or cut across it, cannot be had: its
 * processes would not be judged by both.
 */
static bool cuts_across(const struct engine *e, const struct kernel *k, const struct scope *s)
{
	struct scope other;
	int i;

	for (i = 1; i < SCOPE_SELFTEST; i++) {
		if (scope_read(e, i, &other) || !other.slot || !other.cgroup)
			continue;
		if (cgroup_is_within(k, s->cgroup, other.cgroup) ||
		    cgroup_is_within(k, other.cgroup, s->cgroup))
			break;
	}
	if (i == SCOPE_SELFTEST && !process_elsewhere(e, s))
		return false;
	log_error("processes there are in another scope, or will be: scopes of nested cgroups, and a scope around an older one, are not supported; end the other first (--unload --scope), then load the outer one before the inner");
	return true;
}

/* Says which scope the options mean, and how its record is to look. */
static int scope_find(struct engine *e, const struct kernel *k, const struct options *o,
		      struct scope *s, bool make)
{
	*s = (struct scope){ 0 };
	if (o->kind == SCOPE_HOST)
		return 0;
	if (o->kind == SCOPE_TREE)
		return tree_find(e, o->pid, s, make);
	return cgroup_find(k, o->cgroup, s) ? -1 : scope_number(e, is_cgroup, s->cgroup, make);
}

/* ---- Loading ---- */

static int lock(void)
{
	int fd, i;

	mkdir(RUN_DIR, 0700);
	fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_error("%s: %s", LOCK_FILE, strerror(errno));
		return -1;
	}
	for (i = 0; flock(fd, LOCK_EX | LOCK_NB); i++) {
		if (i == LOCK_SECONDS * 10) {
			log_error("another kntrl-load has been at work for %d s; try again when it is done",
				  LOCK_SECONDS);
			return -1;
		}
		usleep(100000);
	}
	return 0;
}

static void summary(FILE *out, const struct options *o, const struct tables *t)
{
	fprintf(out, "%s mode; table entries: %zu address prefixes, %zu process names; "
		"%zu profiles, %u blocked chains\n",
		o->policy.mode == MODE_TRACE ? "trace" : "monitor", t->naddresses, t->nprocesses,
		o->policy.profiles.n, t->policy.ndenies);
}

static int dry_run(const struct options *o)
{
	const __u64 seed[2] = { 0 };
	struct tables t;

	if (compile(&o->policy, seed, &t, stderr))
		return EXIT_POLICY_WRONG;
	summary(stdout, o, &t);
	tables_free(&t);
	return EXIT_SUCCESS;
}

/* A hook that runs already on a CPU is skipped there (bpf_prog_check_recur). */
static bool preemption_accepted(const struct kernel *k, const struct options *o)
{
	if (k->attach == ATTACH_LSM || !k->preemptible || o->policy.mode != MODE_TRACE)
		return true;
	if (o->accept_preempt) {
		log_warn("bpf is not in lsm= and the kernel is fully preemptible: a hook may be skipped; packets are still checked as they leave");
		return true;
	}
	log_error("bpf is not in this kernel's lsm= list and it runs with preempt=full: a hook could be skipped when its task is preempted in it. Boot with lsm=...,bpf (or preempt=voluntary), or accept it with --accept-preempt");
	return false;
}

/* Connections from before a first load: kept, or cut where the policy says so. */
static bool preload(struct engine *e, const struct options *o, const struct tables *t)
{
	bool cut = o->no_preload && o->policy.mode == MODE_TRACE;
	int n;

	if (!cut && !e->fresh)
		return true;
	n = cut ? preload_cut(t) : preload_keep(e);
	if (n >= 0)
		log_info("%d established connections %s", n, cut ? "cut" : "kept");
	return n >= 0 || !cut;	/* what cannot be read lives on all the same */
}

static bool is_new(const struct engine *e, int id)
{
	struct scope s;

	return !scope_read(e, id, &s) && !s.slot;
}

static int in_force(struct engine *e, const struct kernel *k, const struct options *o,
		    struct tables *t)
{
	struct scope s;
	int id, status = EXIT_FAILURE;

	if (engine_adopt(e))
		return EXIT_FAILURE;
	if (selfcheck(e)) {
		log_error("the hooks are attached but do not enforce; nothing was changed");
		return EXIT_NOT_PROVED;
	}
	id = scope_find(e, k, o, &s, true);
	if (id > 0 && is_new(e, id) && cuts_across(e, k, &s))
		return EXIT_FAILURE;
	if (id < 0 || scope_install(e, id, &s, t))
		return EXIT_FAILURE;
	if (o->kind == SCOPE_TREE && engine_move(e, s.parent, id, o->pid))
		return EXIT_FAILURE;
	if (o->kind == SCOPE_CGROUP && engine_adopt(e))
		return EXIT_FAILURE;
	if (!preload(e, o, t))
		return EXIT_FAILURE;
	/* The pins of a fresh engine move last: killed before, it leaves nothing. */
	if (!engine_commit(e))
		status = EXIT_SUCCESS;
	return status;
}

static void sources_write(const struct engine *e, const struct policy_src *p)
{
	int fd = engine_fd(e, PIN_SOURCES);
	struct source source;
	__u32 i;

	for (i = 0; fd >= 0 && i < SOURCES; i++) {
		memset(&source, 0, sizeof(source));
		if (i < p->nfiles)
			strncpy(source.name, p->files[i], sizeof(source.name) - 1);
		bpf_map_update_elem(fd, &i, &source, BPF_ANY);
	}
	if (fd >= 0)
		close(fd);
}

static bool is_root(void)
{
	if (geteuid())
		log_error("must be run as root: programs in the kernel need CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN");
	return !geteuid();
}

static int load(const struct options *o)
{
	struct kernel k;
	struct engine e;
	struct tables t;
	int status, err;

	if (!is_root())
		return EXIT_FAILURE;
	if (kernel_probe(&k) || !preemption_accepted(&k, o))
		return EXIT_KERNEL_CANNOT;
	if (lock() || kernel_mount_bpffs())
		return EXIT_FAILURE;
	err = engine_find(&e);
	if (err == -ENOENT)
		err = engine_load(&e, &k);
	if (err)
		return err == -EOPNOTSUPP ? EXIT_KERNEL_CANNOT : EXIT_FAILURE;
	if (compile(&o->policy, e.control->seed, &t, stderr)) {
		engine_discard(&e);
		return EXIT_POLICY_WRONG;
	}
	status = in_force(&e, &k, o, &t);
	if (status == EXIT_SUCCESS) {
		sources_write(&e, &o->policy);
		fprintf(stderr, "kntrl-load: in force by %s: ",
			k.attach == ATTACH_LSM ? "LSM hooks" :
			"fmod_ret (bpf is not in this kernel's lsm= list)");
		summary(stderr, o, &t);
	} else {
		engine_discard(&e);
	}
	tables_free(&t);
	return status;
}

static int unload(const struct options *o)
{
	struct kernel k;
	struct engine e;
	struct scope s;
	int id;

	if (!is_root() || lock())
		return EXIT_FAILURE;
	if (!o->scoped)
		return engine_unload() ? EXIT_FAILURE : EXIT_SUCCESS;
	if (kernel_probe(&k))
		return EXIT_KERNEL_CANNOT;
	if (engine_find(&e)) {
		log_error("nothing is loaded");
		return EXIT_FAILURE;
	}
	id = scope_find(&e, &k, o, &s, false);
	if (id < 0)
		log_error("that scope has no policy");
	return id < 0 || scope_remove(&e, id) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int status;

	log_start("kntrl-load");
	policy_init(&o.policy);
	status = options_read(&o, argc, argv);
	if (status < 0)
		status = o.unload ? unload(&o) : o.dry_run ? dry_run(&o) : load(&o);
	policy_free(&o.policy);
	return status;
}
