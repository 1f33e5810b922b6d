// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "compile.h"
#include "engine.h"
#include "github_meta.h"
#include "install.h"
#include "kernel.h"
#include "load.h"
#include "log.h"
#include "pins.h"
#include "preload.h"
#include "resolve.h"
#include "self.h"
#include "selfcheck.h"

#define LOCK_FILE	RUN_DIR "/load.lock"
#define LOCK_SECONDS	30

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

#define SUMMARY	256

static const char *summary(char buf[SUMMARY], const struct loading *o, const struct tables *t)
{
	int n = snprintf(buf, SUMMARY, "%s mode; table entries: %zu address prefixes, %zu process names; "
			 "%zu profiles, %u blocked chains",
			 o->policy.mode == MODE_TRACE ? "trace" : "monitor", t->naddresses,
			 t->nprocesses, o->policy.profiles.n, t->policy.ndenies);

	if (t->ngithub)
		snprintf(buf + n, SUMMARY - n, "; %zu ranges of GitHub, %d days old", t->ngithub,
			 github_meta_age(t->policy.github_time));
	return buf;
}

static void github_warn(const struct tables *t)
{
	int age = github_meta_age(t->policy.github_time);

	if (t->ngithub && age > GITHUB_META_STALE)
		log_warn("GitHub's ranges (allow_github_meta) are %d days old; scripts/github-meta (installed: share/kntrl/github-meta) fetches them anew",
			 age);
}

int load_dry_run(const struct loading *o)
{
	const __u64 seed[2] = { 0 };
	char text[SUMMARY];
	struct tables t;

	if (compile(&o->policy, seed, &t, stderr))
		return EXIT_POLICY_WRONG;
	github_warn(&t);
	puts(summary(text, o, &t));
	tables_free(&t);
	return EXIT_SUCCESS;
}

/* On the host nobody is outside, who could end it. */
static bool can_be_ended(const struct loading *o)
{
	if (o->policy.self_protect != YES || o->scope.kind != SCOPE_HOST || o->token_file || o->seal)
		return true;
	log_error("rules.self_protect for the whole host: say who may end it, the holder of a token (--token-file FILE), or nobody until the machine is gone (--seal)");
	return false;
}

/* A hook that runs already on a CPU is skipped there (bpf_prog_check_recur). */
static bool preemption_accepted(const struct kernel *k, const struct loading *o)
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

/*
 * Connections that a later policy of the host forbids to everybody.  Whose a socket is
 * cannot be told, so that with exemptions, or rules in Rego, none is cut.
 */
static void reload_cut(struct engine *e, const struct loading *o, const struct tables *t)
{
	const struct policy_src *p = &o->policy;
	int n;

	if (o->scope.kind != SCOPE_HOST || p->mode != MODE_TRACE || p->exempt.n || p->webhooks.n ||
	    p->rego)
		return;
	n = preload_cut_forbidden(e, t);
	if (n > 0)
		log_note("%d established connection%s that the policy forbids %s cut", n,
			 n == 1 ? "" : "s", n == 1 ? "was" : "were");
}

/* Connections from before a first load: kept, or cut where the policy says so. */
static bool preload(struct engine *e, const struct loading *o, const struct tables *t)
{
	bool cut = o->no_preload && o->policy.mode == MODE_TRACE;
	int n;

	if (!cut && !e->fresh) {
		reload_cut(e, o, t);
		return true;
	}
	n = cut ? preload_cut(t) : preload_keep(e);
	if (n >= 0)
		log_info("%d established connections %s", n, cut ? "cut" : "kept");
	return n >= 0 || !cut;	/* what cannot be read lives on all the same */
}

/* What the next load will read, and what the agent writes. */
static int self_files(const struct engine *e, const struct loading *o)
{
	size_t i;

	for (i = 0; i < o->policy.nfiles; i++)
		if (self_file(e, o->policy.files[i], OWN_WRITE))
			return -1;
	return o->output ? self_file(e, o->output, OWN_WRITE) : 0;
}

static int in_force(struct engine *e, const struct kernel *k, const struct loading *o,
		    struct tables *t)
{
	struct scope s;
	int id, status = EXIT_FAILURE;

	if (engine_adopt(e))
		return EXIT_FAILURE;
	id = scope_find(e, k, &o->scope, &s, true);
	if (id < 0 || engine_attach(e, k, t->policy.flags))
		return EXIT_FAILURE;
	if ((e->control->attached & POLICY_SELF) && (self_know(e) || self_files(e, o)))
		return EXIT_FAILURE;
	if (selfcheck(e)) {
		log_error("the hooks are attached but do not enforce; nothing was changed");
		return EXIT_NOT_PROVED;
	}
	if ((t->policy.flags & POLICY_SELF) &&
	    self_prepare(e, o->token_file, o->seal, o->heir))
		return EXIT_FAILURE;
	resolve_hosts_file(e, t, id);
	if (scope_install(e, id, &s, t))
		return EXIT_FAILURE;
	if (o->scope.kind == SCOPE_TREE && engine_move(e, 0, scope_bit(id), o->scope.pid))
		return EXIT_FAILURE;
	if (o->scope.kind == SCOPE_CGROUP && engine_adopt(e))
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

/* That of what is loaded; @e NULL: a new one. */
static int seed_get(const struct engine *e, __u64 seed[2])
{
	const ssize_t size = 2 * sizeof(*seed);

	if (e)
		memcpy(seed, e->control->seed, size);
	else if (getrandom(seed, size, 0) != size) {
		log_error("no random numbers: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int load(const struct loading *o)
{
	char text[SUMMARY];
	struct kernel k;
	struct engine e;
	struct tables t;
	__u64 seed[2];
	int status, err;

	if (!can_be_ended(o) || !is_root() || lock() || self_unlock(o->token_file))
		return EXIT_FAILURE;
	if (kernel_probe(&k) || !preemption_accepted(&k, o))
		return EXIT_KERNEL_CANNOT;
	if (kernel_mount_bpffs())
		return EXIT_FAILURE;
	err = engine_find(&e);
	if ((err && err != -ENOENT) || seed_get(err ? NULL : &e, seed))
		return EXIT_FAILURE;
	if (compile(&o->policy, seed, &t, stderr))
		return EXIT_POLICY_WRONG;
	if (err)
		err = engine_load(&e, &k, seed, t.policy.flags);
	if (err) {
		tables_free(&t);
		return err == -EOPNOTSUPP ? EXIT_KERNEL_CANNOT : EXIT_FAILURE;
	}
	status = in_force(&e, &k, o, &t);
	if (status == EXIT_SUCCESS) {
		sources_write(&e, &o->policy);
		resolve_allowed(&o->policy);
		github_warn(&t);
		log_note("in force by %s: %s", k.attach == ATTACH_LSM ? "LSM hooks" :
			 "fmod_ret (bpf is not in this kernel's lsm= list)", summary(text, o, &t));
	} else {
		engine_discard(&e);
	}
	tables_free(&t);
	return status;
}

static bool is_any_policy(const struct engine *e)
{
	struct scope s;
	__u32 i;

	for (i = 0; i < SCOPE_SELFTEST; i++)
		if (scope_read(e, i, &s) || s.slot)
			return true;
	return false;
}

int load_end(const struct loading *o)
{
	struct kernel k;
	struct engine e;
	struct scope s;
	int id;

	if (!is_root() || lock() || self_unlock(o->token_file))
		return EXIT_FAILURE;
	if (!o->scoped)
		return engine_unload() ? EXIT_FAILURE : EXIT_SUCCESS;
	if (kernel_probe(&k))
		return EXIT_KERNEL_CANNOT;
	if (engine_find(&e)) {
		log_error("nothing is loaded");
		return EXIT_FAILURE;
	}
	id = scope_find(&e, &k, &o->scope, &s, false);
	if (id < 0)
		log_error("that scope has no policy");
	if (id < 0 || scope_remove(&e, id))
		return EXIT_FAILURE;
	if (o->last_out && !is_any_policy(&e) && engine_unload())
		return EXIT_FAILURE;
	return EXIT_SUCCESS;
}

int load_apart(int (*step)(const struct loading *), const struct loading *o)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(step(o));
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	log_error("loading was cut short");
	return EXIT_FAILURE;
}

int load_exempt(const struct loading *o)
{
	struct engine e;

	if (lock() || self_unlock(o->token_file) || engine_find(&e))
		return EXIT_FAILURE;
	return engine_exempt(&e, o->scope.pid) ? EXIT_FAILURE : EXIT_SUCCESS;
}

int load_adopt(const char *output)
{
	struct engine e;
	struct scope s;

	if (access(PIN_DIR, F_OK))
		return -1;
	if (!is_root() || lock() || engine_find(&e) || scope_read(&e, 0, &s))
		return EXIT_FAILURE;
	if (!s.slot)
		return -1;
	if ((e.control->attached & POLICY_SELF) && self_file(&e, output, OWN_WRITE))
		return EXIT_FAILURE;
	if (!selfcheck(&e))
		return EXIT_SUCCESS;
	log_error("what is loaded does not enforce; run kntrl-load --unload, then load again");
	return EXIT_NOT_PROVED;
}
