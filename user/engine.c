// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "compile.h"
#include "engine.h"
#include "target.h"	/* before the skeleton, which uses its types */
#include "kntrl.skel.h"
#include "log.h"
#include "pins.h"
#include "self.h"

#define NEW_DIR		PIN_DIR "_new"	/* bpffs takes no dots */
#define LINK_PREFIX	"link_"
#define ADOPT_RUNS	64

/*
 * Programs that are loaded and attached once a policy asks for what they do, by the
 * beginning of their names: nobody else pays for them.
 */
static const struct {
	const char *prefix;
	__u32 flags;		/* POLICY_* */
} on_demand[] = {
	{ "guard_", POLICY_PTRACE | POLICY_SOCKETS | POLICY_EXEMPTS | POLICY_SELF },
	{ "files_", POLICY_FILES },
	{ "stream_", POLICY_SNI },
	{ "self_", POLICY_SELF },
};

static bool is_wanted(const char *prog, __u64 flags)
{
	size_t i;

	for (i = 0; i < sizeof(on_demand) / sizeof(*on_demand); i++)
		if (!strncmp(prog, on_demand[i].prefix, strlen(on_demand[i].prefix)))
			return flags & on_demand[i].flags;
	return true;
}

/* ---- Pins ---- */

static void remove_pins(const char *dir)
{
	char path[512];
	struct dirent *d;
	DIR *pins = opendir(dir);

	if (!pins)
		return;
	/* Links first: what is pinned no longer then is detached. */
	while ((d = readdir(pins))) {
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		if (!strncmp(d->d_name, LINK_PREFIX, strlen(LINK_PREFIX)))
			unlink(path);
	}
	rewinddir(pins);
	while ((d = readdir(pins))) {
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		if (d->d_name[0] != '.')
			unlink(path);
	}
	closedir(pins);
	rmdir(dir);
}

int engine_fd(const struct engine *e, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		log_error("%s: %s", path, strerror(errno));
	return fd < 0 ? -1 : fd;
}

static int control_map(struct engine *e)
{
	int fd = engine_fd(e, PIN_CONTROL);
	void *p;

	if (fd < 0)
		return -1;
	p = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED) {
		log_error("%s/" PIN_CONTROL ": cannot be mapped: %s", e->dir, strerror(errno));
		return -1;
	}
	e->control = p;
	return 0;
}

/* A hook of later kernels, whose calls go by another one in earlier ones. */
static bool is_in_kernel(const char *prog)
{
	return strcmp(prog, "self_ioctl_compat") ||
	       libbpf_find_vmlinux_btf_id("file_ioctl_compat", BPF_LSM_MAC) > 0;
}

/* Whether every hook is still attached: to reload without one would prove little. */
static bool links_stand(const struct engine *e)
{
	struct kntrl *skel = kntrl__open();
	struct bpf_program *prog;
	char path[128];
	bool stand = skel;

	if (skel)
		bpf_object__for_each_program(prog, skel->obj) {
			const char *name = bpf_program__name(prog);

			if (!stand || bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER ||
			    !is_wanted(name, e->control->attached))
				continue;
			snprintf(path, sizeof(path), PIN_DIR "/" LINK_PREFIX "%s", name);
			stand = !access(path, F_OK) || !is_in_kernel(name);
			if (!stand)
				log_error("%s: %s; what is loaded is not whole: run kntrl-load --unload, then load again",
					  path, strerror(errno));
		}
	kntrl__destroy(skel);
	return stand;
}

int engine_find(struct engine *e)
{
	*e = (struct engine){ .janitor = -1 };
	if (access(PIN_DIR, F_OK))
		return errno == ENOENT ? -ENOENT : -1;
	strcpy(e->dir, PIN_DIR);
	if (control_map(e) || !links_stand(e))
		return -1;
	if (e->control->abi != ABI_VERSION) {
		log_error("another version of kntrl is loaded (ABI %u, this is %d); run kntrl-load --unload first",
			  e->control->abi, ABI_VERSION);
		return -1;
	}
	/* A loader that was killed may have left its orders for the iterator. */
	e->control->leave = 0;
	e->control->join = 0;
	e->control->join_tgid = 0;
	e->control->adopt_all = 0;
	return 0;
}

/* ---- Should we be killed ---- */

/*
 * A process that waits for us to finish, and if we die first removes what we
 * had begun.  The pins of a finished load are at another place by then.
 */
static int janitor_start(void)
{
	struct unlock token;
	int fds[2];
	ssize_t got;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid) {
		close(fds[0]);
		return fds[1];
	}
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	close(fds[1]);
	while ((got = read(fds[0], &token, sizeof(token))) == sizeof(token))
		self_show(&token);
	if (got <= 0)
		remove_pins(NEW_DIR);
	_exit(0);
}

static void janitor_dismiss(struct engine *e)
{
	if (e->janitor < 0)
		return;
	if (write(e->janitor, "", 1) != 1)
		log_warn("the cleaning process is gone");
	close(e->janitor);
	e->janitor = -1;
	while (waitpid(-1, NULL, 0) > 0)
		;
}

void engine_unlock_janitor(struct engine *e, const struct unlock *token)
{
	if (e->janitor >= 0 && write(e->janitor, token, sizeof(*token)) != sizeof(*token))
		log_warn("the cleaning process is gone");
}

/* ---- Loading ---- */

/* Where bpf is no active LSM, the same programs go in front of the same functions. */
static int use_fmod_ret(struct bpf_program *prog)
{
	const char *hook = bpf_program__section_name(prog);
	char function[64];
	int err;

	if (strncmp(hook, "lsm/", 4))
		return 0;
	/* The one hook that is not called like its function. */
	hook = strcmp(hook + 4, "bprm_check_security") ? hook + 4 : "bprm_check";
	snprintf(function, sizeof(function), "security_%s", hook);
	err = bpf_program__set_type(prog, BPF_PROG_TYPE_TRACING);
	if (!err)
		err = bpf_program__set_expected_attach_type(prog, BPF_MODIFY_RETURN);
	if (!err)
		err = bpf_program__set_attach_target(prog, 0, function);
	if (err)
		log_error("this kernel has no function %s to attach to, which %s needs", function,
			  bpf_program__name(prog));
	return err;
}

static int control_fill(struct control *c, const __u64 seed[2])
{
	struct stat st, net;

	if (stat("/proc/1/ns/mnt", &st) || stat("/proc/1/ns/net", &net)) {
		log_error("no /proc: %s", strerror(errno));
		return -1;
	}
	c->seed[0] = seed[0];
	c->seed[1] = seed[1];
	c->mnt_ns = st.st_ino;
	c->net_ns = net.st_ino;
	c->epoch = 1;
	c->abi = ABI_VERSION;
	return 0;
}

/* Executables that run another program, by their names less the version. */
static const struct {
	const char *stem;
	struct runner runner;
} runner_list[] = {
	{ "sh", { RUNNER_SCRIPT, "c", "oO", 0, "" } },
	{ "bash", { RUNNER_SCRIPT, "c", "oO", 0, "" } },
	{ "dash", { RUNNER_SCRIPT, "c", "o", 0, "" } },
	{ "ash", { RUNNER_SCRIPT, "c", "o", 0, "" } },
	{ "ksh", { RUNNER_SCRIPT, "c", "o", 0, "" } },
	{ "mksh", { RUNNER_SCRIPT, "c", "o", 0, "" } },
	{ "zsh", { RUNNER_SCRIPT, "c", "o", 0, "" } },
	{ "fish", { RUNNER_SCRIPT, "c", "C", 0, "" } },
	{ "python", { RUNNER_SCRIPT, "c", "WX", 'm', "" } },
	{ "pypy", { RUNNER_SCRIPT, "c", "WX", 'm', "" } },
	{ "node", { RUNNER_SCRIPT, "ep", "rC", 0, "" } },
	{ "nodejs", { RUNNER_SCRIPT, "ep", "rC", 0, "" } },
	{ "perl", { RUNNER_SCRIPT, "eE", "I", 0, "" } },
	{ "ruby", { RUNNER_SCRIPT, "e", "rIC", 0, "" } },
	{ "php", { RUNNER_SCRIPT, "r", "cdz", 0, "" } },
	{ "lua", { RUNNER_SCRIPT, "e", "l", 0, "" } },
	{ "tclsh", { RUNNER_SCRIPT, "", "", 0, "" } },
	{ "busybox", { RUNNER_MULTICALL, "", "", 0, "" } },
	{ "toybox", { RUNNER_MULTICALL, "", "", 0, "" } },
	{ "coreutils", { RUNNER_MULTICALL, "", "", 0, "" } },
	{ "env", { RUNNER_ENV, "", "", 0, "" } },
};

static int runners_fill(int fd, const __u64 seed[2])
{
	size_t i;

	for (i = 0; i < sizeof(runner_list) / sizeof(*runner_list); i++) {
		__u64 hash = tables_name_hash(seed, runner_list[i].stem);

		if (bpf_map_update_elem(fd, &hash, &runner_list[i].runner, BPF_ANY)) {
			log_error("map runners: %s", strerror(errno));
			return -1;
		}
	}
	return 0;
}

static int pin_as(const struct engine *e, int fd, const char *prefix, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%s", e->dir, prefix, name);
	if (!bpf_obj_pin(fd, path))
		return 0;
	log_error("%s: cannot be pinned: %s", path, strerror(errno));
	return -1;
}

static bool is_pinned(const struct engine *e, const char *prefix, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%s", e->dir, prefix, name);
	return !access(path, F_OK);
}

/* The name of a map's pin; NULL: it has none. */
static const char *map_pin(const struct kntrl *skel, const struct bpf_map *map)
{
	if (map == skel->maps.data_control)
		return PIN_CONTROL;
	return bpf_map__autocreate(map) && !bpf_map__is_internal(map) ? bpf_map__name(map) : NULL;
}

static int pin_maps(const struct engine *e, const struct kntrl *skel)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj) {
		const char *name = map_pin(skel, map);

		if (name && pin_as(e, bpf_map__fd(map), "", name))
			return -1;
	}
	return 0;
}

static int pin_programs(const struct engine *e, const struct kntrl *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
		if (bpf_program__autoload(prog) &&
		    pin_as(e, bpf_program__fd(prog), PIN_PROG_PREFIX, bpf_program__name(prog)))
			return -1;
	return 0;
}

static struct bpf_link *attach_one(struct bpf_program *prog, const struct kernel *k)
{
	if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SKB)
		return bpf_program__attach_cgroup(prog, k->cgroup);
	if (bpf_program__type(prog) == BPF_PROG_TYPE_LSM)
		return bpf_program__attach_lsm(prog);
	return bpf_program__attach_trace(prog);
}

/* A link lives through its pin; its handle only frees our memory and descriptor. */
static int attach_all(const struct engine *e, const struct kntrl *skel, const struct kernel *k)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj) {
		const char *name = bpf_program__name(prog);
		struct bpf_link *link;
		int err;

		if (bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER ||
		    !is_wanted(name, 0))
			continue;
		link = attach_one(prog, k);
		if (!link) {
			log_error("program %s (%s) cannot be attached: %s", name,
				  bpf_program__section_name(prog), strerror(errno));
			return -EOPNOTSUPP;
		}
		err = pin_as(e, bpf_link__fd(link), LINK_PREFIX, name);
		bpf_link__destroy(link);
		if (err)
			return -1;
	}
	return 0;
}

/* The maps of what is loaded already. */
static int maps_share(const struct engine *e, const struct kntrl *skel)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, skel->obj) {
		const char *name = map_pin(skel, map);
		int fd;

		if (!name || err)
			continue;
		fd = engine_fd(e, name);
		err = fd < 0 ? -1 : bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
	}
	return err;
}

/* To load those programs that are wanted for POLICY_* @flags and not pinned yet. */
static struct kntrl *skeleton_open(const struct engine *e, const struct kernel *k, __u32 flags)
{
	struct kntrl *skel = kntrl__open();
	struct bpf_program *prog;
	int err = 0;

	if (!skel) {
		log_error("the embedded programs cannot be read: %s", strerror(errno));
		return NULL;
	}
	bpf_map__set_autocreate(skel->maps.policy_template, false);
	bpf_map__set_autocreate(skel->maps.address_template, false);
	bpf_map__set_autocreate(skel->maps.process_template, false);
	bpf_map__set_autocreate(skel->maps.socket_template, false);
	bpf_map__set_autocreate(skel->maps.host_template, false);
	bpf_map__set_autocreate(skel->maps.file_template, false);
	bpf_map__set_autocreate(skel->maps.file_id_template, false);
	bpf_object__for_each_program(prog, skel->obj) {
		const char *name = bpf_program__name(prog);

		bpf_program__set_autoload(prog, is_wanted(name, flags) && !err &&
						!is_pinned(e, PIN_PROG_PREFIX, name) &&
						is_in_kernel(name));
		if (k->attach == ATTACH_FMOD_RET && bpf_program__autoload(prog))
			err = use_fmod_ret(prog);
	}
	if (!err)
		return skel;
	kntrl__destroy(skel);
	return NULL;
}

static int skeleton_load(struct kntrl *skel)
{
	int err = kntrl__load(skel);

	if (err)
		log_error("the kernel refuses the programs: %s%s", strerror(-err),
			  err == -EPERM ? " (lockdown, or a container without CAP_BPF?)" :
			  "; -v shows its reasons");
	return err;
}

int engine_load(struct engine *e, const struct kernel *k, const __u64 seed[2], __u32 flags)
{
	struct kntrl *skel;
	int err = -1;

	*e = (struct engine){ .fresh = true, .janitor = -1 };
	strcpy(e->dir, NEW_DIR);
	remove_pins(NEW_DIR);	/* of one that was killed together with its janitor */
	skel = skeleton_open(e, k, flags);
	if (!skel || skeleton_load(skel)) {
		kntrl__destroy(skel);
		return -EOPNOTSUPP;
	}
	e->janitor = janitor_start();
	if (mkdir(NEW_DIR, 0700))
		log_error("%s: %s", NEW_DIR, strerror(errno));
	else if (!control_fill(&skel->data_control->control, seed) &&
		 !runners_fill(bpf_map__fd(skel->maps.runners), seed) &&
		 !pin_maps(e, skel) && !pin_programs(e, skel))
		err = attach_all(e, skel, k) ?: control_map(e);
	kntrl__destroy(skel);
	if (err)
		engine_discard(e);
	return err;
}

/* Programs that no policy before had asked for. */
static int load_more(const struct engine *e, const struct kernel *k, __u32 flags)
{
	struct kntrl *skel = skeleton_open(e, k, flags);
	struct bpf_program *prog;
	bool more = false;
	int err = skel ? 0 : -1;

	if (skel)
		bpf_object__for_each_program(prog, skel->obj)
			more |= bpf_program__autoload(prog);
	if (more)
		err = maps_share(e, skel) ?: skeleton_load(skel) ?: pin_programs(e, skel);
	kntrl__destroy(skel);
	return err;
}

/*
 * Before 6.10 a socket hash has no links: its program stays while the hash does,
 * and stands in for the link, so that there is a pin to tell of it.
 */
static int attach_to_sockets(const struct engine *e, int prog)
{
	int map = engine_fd(e, PIN_STREAM_SOCKETS), err;

	if (map < 0)
		return -1;
	err = bpf_prog_attach(prog, map, BPF_SK_MSG_VERDICT, 0);
	close(map);
	return err ? -1 : fcntl(prog, F_DUPFD_CLOEXEC, 0);
}

static int attach_fd(const struct engine *e, const struct kernel *k, int prog)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(prog, &info, &len))
		return -1;
	if (info.type == BPF_PROG_TYPE_SK_MSG)
		return attach_to_sockets(e, prog);
	if (info.type == BPF_PROG_TYPE_SOCK_OPS)
		return bpf_link_create(prog, k->cgroup, BPF_CGROUP_SOCK_OPS, NULL);
	if (info.type == BPF_PROG_TYPE_CGROUP_SYSCTL)
		return bpf_link_create(prog, k->cgroup, BPF_CGROUP_SYSCTL, NULL);
	return bpf_raw_tracepoint_open(NULL, prog);	/* LSM and fmod_ret too */
}

/* A pinned program, if it is wanted for @flags and was not yet attached. */
static int attach_pinned(const struct engine *e, const struct kernel *k, const char *pin,
			 __u32 flags)
{
	const char *name = pin + strlen(PIN_PROG_PREFIX);
	int prog, link, err;

	if (is_wanted(name, 0) || !is_wanted(name, flags) || is_pinned(e, LINK_PREFIX, name))
		return 0;
	prog = engine_fd(e, pin);
	if (prog < 0)
		return -1;
	link = attach_fd(e, k, prog);
	if (link < 0)
		log_error("program %s cannot be attached: %s", name, strerror(errno));
	err = link < 0 || pin_as(e, link, LINK_PREFIX, name);
	if (link >= 0)
		close(link);
	close(prog);
	return err ? -1 : 0;
}

int engine_attach(struct engine *e, const struct kernel *k, __u32 flags)
{
	struct dirent *d;
	DIR *pins;
	int err;

	if (!e->fresh && load_more(e, k, flags))
		return -1;
	pins = opendir(e->dir);
	err = pins ? 0 : -1;
	while (!err && (d = readdir(pins)))
		if (!strncmp(d->d_name, PIN_PROG_PREFIX, strlen(PIN_PROG_PREFIX)))
			err = attach_pinned(e, k, d->d_name, flags);
	if (pins)
		closedir(pins);
	if (!err)
		e->control->attached |= flags;
	return err;
}

int engine_commit(struct engine *e)
{
	if (e->fresh && rename(NEW_DIR, PIN_DIR)) {
		log_error("%s: %s", PIN_DIR, strerror(errno));
		return -1;
	}
	e->fresh = false;
	strcpy(e->dir, PIN_DIR);
	janitor_dismiss(e);
	return 0;
}

void engine_discard(struct engine *e)
{
	if (!e->fresh)
		return;
	if (e->control)
		munmap(e->control, sizeof(*e->control));
	e->control = NULL;
	remove_pins(NEW_DIR);
	janitor_dismiss(e);
}

/* ---- Processes that run already ---- */

static int run_iterator(const struct engine *e, const char *prog)
{
	int fd = engine_fd(e, prog), link, iter = -1;
	char buf[64];

	if (fd < 0)
		return -1;
	link = bpf_link_create(fd, 0, BPF_TRACE_ITER, NULL);
	if (link >= 0)
		iter = bpf_iter_create(link);
	if (iter >= 0)
		while (read(iter, buf, sizeof(buf)) > 0)
			;
	else
		log_error("%s cannot be run: %s", prog, strerror(errno));
	close(fd);
	if (link >= 0)
		close(link);
	if (iter >= 0)
		close(iter);
	return iter < 0 ? -1 : 0;
}

/* Runs until nothing changes: meanwhile processes are born. */
int engine_adopt(struct engine *e)
{
	struct control *c = e->control;
	int i, err = run_iterator(e, PIN_PROG_PREFIX "read_arguments");

	for (i = 0; i < ADOPT_RUNS && !err; i++) {
		c->adopted = 0;
		c->deferred = 0;
		err = run_iterator(e, PIN_PROG_PREFIX "adopt_tasks");
		if (!c->adopted && !c->deferred)
			break;
		/* No progress: what is left has no parent that could be named. */
		c->adopt_all = !c->adopted;
	}
	c->adopt_all = 0;
	return err;
}

int engine_move(struct engine *e, __u64 leave, __u64 join, __u32 root)
{
	struct control *c = e->control;
	int err;

	c->leave = leave;
	c->join = join;
	c->join_tgid = root;
	err = engine_adopt(e);
	c->leave = 0;
	c->join = 0;
	c->join_tgid = 0;
	engine_new_epoch(e);
	return err;
}

int engine_exempt(struct engine *e, __u32 pid)
{
	int err;

	e->control->exempt_tgid = pid;
	err = engine_adopt(e);
	e->control->exempt_tgid = 0;
	return err;
}

void engine_new_epoch(struct engine *e)
{
	__atomic_add_fetch(&e->control->epoch, 1, __ATOMIC_SEQ_CST);
}

/* No scope has a policy any more: from here on the programs, while they last, deny nothing. */
static void disarm(void)
{
	struct engine e = { .dir = PIN_DIR, .janitor = -1 };
	const struct scope none = { 0 };
	int fd = engine_fd(&e, PIN_SCOPES);
	__u32 i;

	for (i = 0; fd >= 0 && i < SCOPES; i++)
		bpf_map_update_elem(fd, &i, &none, BPF_ANY);
	if (fd >= 0)
		close(fd);
	if (!control_map(&e)) {
		engine_new_epoch(&e);
		munmap(e.control, sizeof(*e.control));
	}
}

/* The numbers of the pinned programs; how many there are. */
static size_t program_ids(__u32 *ids, size_t max)
{
	struct bpf_prog_info info;
	__u32 len = sizeof(info);
	DIR *pins = opendir(PIN_DIR);
	struct dirent *d;
	char path[512];
	size_t n = 0;
	int fd;

	while (pins && n < max && (d = readdir(pins))) {
		if (strncmp(d->d_name, PIN_PROG_PREFIX, strlen(PIN_PROG_PREFIX)))
			continue;
		snprintf(path, sizeof(path), PIN_DIR "/%s", d->d_name);
		memset(&info, 0, sizeof(info));
		fd = bpf_obj_get(path);
		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			ids[n++] = info.id;
		if (fd >= 0)
			close(fd);
	}
	if (pins)
		closedir(pins);
	return n;
}

/* The kernel takes programs down after the last pin, in its own time. */
static void programs_wait(const __u32 *ids, size_t n)
{
	int tries = 0, fd;
	size_t i;

	/* Three seconds for all: they deny nothing any more. */
	for (i = 0; i < n; i++)
		for (; tries < 300; tries++) {
			fd = bpf_prog_get_fd_by_id(ids[i]);
			if (fd < 0)
				break;
			close(fd);
			usleep(10000);
		}
}

int engine_unload(void)
{
	__u32 ids[64];
	size_t n = 0;

	remove_pins(NEW_DIR);
	if (!access(PIN_DIR, F_OK)) {
		n = program_ids(ids, sizeof(ids) / sizeof(*ids));
		disarm();
	}
	/* Killed in the middle, it must not leave half of the hooks where they would be found. */
	if (rename(PIN_DIR, NEW_DIR) && errno != ENOENT) {
		log_error("%s: %s", PIN_DIR, strerror(errno));
		return -1;
	}
	remove_pins(NEW_DIR);
	if (!access(NEW_DIR, F_OK)) {
		log_error("%s: not everything could be removed", NEW_DIR);
		return -1;
	}
	programs_wait(ids, n);
	return 0;
}
