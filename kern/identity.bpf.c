// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who a process is: the names of what it runs, and of all that led here.
 *
 *   task_alloc           a new thread or process has its parent's identity
 *   bprm_creds_for_exec  notes the file that was asked for (a script, perhaps)
 *   bprm_check_security  may it be executed at all (exec.bpf.c decides)
 *   mmap_file            nor may the dynamic loader map what may not be executed
 *   sched_process_exec   the image before becomes an ancestor; the new one is named
 *   iter/task (two)      name the processes that ran before the load
 *   cgroup_attach_task,
 *   sched_process_fork   a process that comes into a scope's cgroup joins the scope
 *
 * Names come from what the kernel executes (the dentry, the path given to
 * execve, the arguments of an interpreter), never from comm, which a process
 * can rewrite.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "exec.h"
#include "hash.h"
#include "identity.h"
#include "maps.h"
#include "path.h"

char LICENSE[] SEC("license") = "GPL";

#define PATH_DEPTH	48	/* components; a deeper file has no path, and matches none */
#define ARGS		64	/* arguments, or pieces of long ones, that are searched for a script */

/* ---- Names ---- */

/* Global functions are verified once, whatever calls them. */
__noinline __u64 name_hash(const struct name *name, __u32 len)
{
	if (!name)
		return 0;
	return hash_bytes(hash_start(control.seed, HASH_NAME), name->text, len);
}

/* Reads a name from kernel memory into t->name; its length without the NUL. */
static __always_inline __u32 name_read(struct task *t, const void *from)
{
	long n = bpf_probe_read_kernel_str(t->name.text, NAME_MAX, from);
	__u32 len = n > 1 ? n - 1 : 0;

	/* hash_bytes() wants zeroes up to a multiple of eight. */
	*(__u64 *)&t->name.text[len & (NAME_MAX - 1)] = 0;
	return len;
}

/*
 * Positions that a loop moves are kept in the map: what the verifier does not
 * follow there, it need not unroll.
 */
static long back_one(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;

	if (!t->path.at || t->path.raw[(t->path.at - 1) & 255] == '/')
		return 1;
	t->path.at--;
	return 0;
}

/* The last component of the @len bytes in t->path.raw, into t->name; its length. */
static __noinline __u32 name_from_raw(struct task *t, __u32 len)
{
	__u32 path_at = t->path.at;

	t->path.at = len;
	bpf_loop(256, back_one, &t, 0);
	len = name_read(t, &t->path.raw[t->path.at & 255]);
	t->path.at = path_at;
	return len;
}

/* Cuts a version off the end of a name: "python3.11" becomes "python".  Its length then. */
__noinline __u32 stem_cut(struct name *name, __u32 len)
{
	__u32 i;

	if (!name)
		return 0;
	for (i = 0; i < 16; i++) {
		char c = name->text[(len - 1) & (NAME_MAX - 1)];

		if (!len || ((c < '0' || c > '9') && c != '.'))
			break;
		len--;
	}
	*(__u64 *)&name->text[len & (NAME_MAX - 1)] = 0;
	return len;
}

static __always_inline void show(struct task *t)
{
	bpf_probe_read_kernel_str(t->shown, sizeof(t->shown), t->name.text);
}

__noinline int self_add(struct identity *id, __u64 hash)
{
	__u32 i;

	if (!id || !hash)
		return 0;
	for (i = IDENT_FILES; i < IDENT_SELF; i++) {
		if (i >= id->nself) {
			id->self[i] = hash;
			id->nself = i + 1;
			return 0;
		}
		if (id->self[i] == hash)
			return 0;
	}
	return 0;
}

/* ---- Files ---- */

struct walk {
	struct task *t;
	struct place at;
	__u64 hash;
	bool complete;
};

static __always_inline void walk_name(struct walk *w, struct dentry *d)
{
	struct task *t = w->t;
	__u32 len = name_read(t, BPF_CORE_READ(d, d_name.name));

	w->hash = hash_mix(w->hash, name_hash(&t->name, len));
	if (len + 1 > t->path.at) {	/* the beginning of a long path is not shown */
		t->path.at = 0;
		return;
	}
	t->path.at -= len;
	bpf_probe_read_kernel(&t->path.text[t->path.at & PATH_END], len & 255, t->name.text);
	t->path.at--;
	t->path.text[t->path.at & PATH_END] = '/';
}

static long walk_up(__u32 i, void *data)
{
	struct walk *w = data;

	if (place_is_mount_root(&w->at)) {
		w->complete = !place_leave_mount(&w->at);
		return w->complete;
	}
	walk_name(w, w->at.dentry);
	return !place_parent(&w->at);	/* memfd, or unlinked from its tree */
}

/*
 * Hash of a file's full path, from its name up to the root of its mount
 * namespace, whatever the process's own root is; the text goes to t->path,
 * from t->path.at on.  0 when it has no path: in another mount namespace than the
 * host's, on no mount, or too deep.
 */
static __noinline __u64 path_hash(struct task *t, const struct place *at)
{
	struct walk w = {
		.t = t,
		.at = *at,
		.hash = hash_start(control.seed, HASH_PATH),
	};
	struct mount *top;

	t->path.at = PATH_END;
	t->path.text[PATH_END] = 0;
	bpf_loop(PATH_DEPTH, walk_up, &w, 0);
	top = w.at.mnt;
	if (BPF_CORE_READ(top, mnt_ns, ns.inum) != control.mnt_ns)
		return 0;	/* bind mounts of a namespace of one's own make any path */
	return w.complete ? w.hash : 0;
}

__noinline __u64 path_hash_of(struct task *t, __u64 dentry, __u64 mnt)
{
	struct place at = { .dentry = (void *)dentry, .mnt = (void *)mnt };

	return t ? path_hash(t, &at) : 0;
}

static __always_inline __u64 file_hash(struct file *file)
{
	return inode_hash(BPF_CORE_READ(file, f_inode));
}

/* ---- Lineage ---- */

__noinline int ancestry_add(struct identity *id, __u64 hash)
{
	__u32 i;

	if (!id || !hash)
		return 0;
	for (i = 0; i < IDENT_ANCESTRY; i++) {
		if (i >= id->nancestry) {
			id->ancestry[i] = hash;
			id->nancestry = i + 1;
			return 0;
		}
		if (id->ancestry[i] == hash)
			return 0;
	}
	id->flags |= IDENT_LINEAGE_FULL;
	return 0;
}

/* The running image becomes an ancestor. */
static __noinline int lineage_push(struct identity *id)
{
	__u32 i;

	if (!id->exec)
		return 0;
	for (i = 0; i < IDENT_SELF; i++) {
		if (i < IDENT_FILES && !(id->flags & IDENT_NO_PATH))
			continue;	/* its path stands for it */
		if (i >= id->nself)
			break;
		ancestry_add(id, id->self[i]);
	}
	id->line[id->nline % IDENT_LINE] = id->image;
	id->nline++;
	return 0;
}

/* ---- Arguments ---- */

/*
 * The state of arg_next() is kept in the map.  Verifiers before 6.7 look at a
 * bpf_loop callback as if it ran once: what lies on the stack is then constant
 * to them, and the branches that it decides are removed.
 */
static __always_inline bool one_of(char c, const char set[4])
{
	return c && (c == set[0] || c == set[1] || c == set[2] || c == set[3]);
}

/* t->name is one of the process's names, and the one to show.  Always true. */
static __noinline bool name_counts(struct task *t, __u32 len)
{
	self_add(&t->id, name_hash(&t->name, len));
	show(t);
	return 1;
}

/* An option of an interpreter.  Returns whether no script can follow. */
static __always_inline bool script_option(struct task *t, const char *arg)
{
	struct args *a = &t->args;
	__u32 i;

	if (arg[1] == '-')	/* node --eval, --print */
		return (arg[2] == 'e' && arg[3] == 'v' && one_of('e', a->run.inline_code)) ||
		       (arg[2] == 'p' && arg[3] == 'r' && one_of('p', a->run.inline_code));
	for (i = 1; i < 8; i++) {
		if (!arg[i])
			break;
		if (one_of(arg[i], a->run.inline_code))
			return 1;
		if (one_of(arg[i], a->run.takes_value)) {	/* bash -eo pipefail */
			a->skip = !arg[i + 1];
			break;
		}
		if (arg[i] == a->run.module) {	/* python -m pip, -mpip */
			a->module = 1;
			return arg[i + 1] && name_counts(t, name_read(t, &arg[i + 1]));
		}
	}
	return 0;
}

/* An option of ld.so: which of them take a value, after elf/rtld.c of glibc. */
static __always_inline void loader_option(struct args *a, const char *arg)
{
	bool library = arg[2] == 'l' && arg[4] == 'b';
	bool rpath = arg[2] == 'i' && arg[10] == 'r';

	a->skip = library || rpath || arg[2] == 'a' || arg[2] == 'p' || arg[2] == 'g';
}

/* The argument is a program's name: it counts, and may itself be a runner. */
static __always_inline bool program_named(struct task *t, __u32 len)
{
	struct args *a = &t->args;
	struct runner *next;
	__u64 stem;

	len = name_from_raw(t, len);
	if (!len)
		return 1;
	name_counts(t, len);
	if (a->run.kind == RUNNER_SCRIPT)
		return 1;
	stem = name_hash(&t->name, stem_cut(&t->name, len));
	next = bpf_map_lookup_elem(&runners, &stem);
	if (!next || next->kind == RUNNER_LOADER)
		return 1;
	a->run = *next;
	return 0;
}

/* Looks at t->path.raw, @len bytes long.  Returns whether the search is over. */
static __always_inline bool arg_seen(struct task *t, __u32 len)
{
	const char *arg = t->path.raw;
	struct args *a = &t->args;

	if (!a->started) {
		a->started = 1;
		/* busybox goes by argv[0], and by argv[1] when that is busybox */
		if (a->run.kind != RUNNER_MULTICALL)
			return 0;
		if (arg[0] == '-')	/* of a login shell: not part of the name */
			t->path.raw[0] = '/';
		return program_named(t, len);
	}
	if (a->skip) {
		a->skip = 0;
		return 0;
	}
	if (a->module) {
		a->run.kind = RUNNER_SCRIPT;
		return program_named(t, len);
	}
	if (arg[0] != '-')
		return program_named(t, len);
	if (!arg[1])
		return 1;	/* the script comes from standard input */
	if (a->run.kind == RUNNER_SCRIPT)
		return script_option(t, arg);
	loader_option(a, arg);
	return 0;
}

static long arg_next(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;
	struct args *a = &t->args;
	long len;

	if (a->at >= a->end)
		return 1;
	len = bpf_probe_read_user_str(t->path.raw, sizeof(t->path.raw), (void *)a->at);
	if (len < 0)
		return 1;
	if (!len)
		len = 1;	/* empty: strncpy_from_user_nofault counts no NUL then */
	if (len >= (long)sizeof(t->path.raw)) {
		a->at += sizeof(t->path.raw) - 1;
		if (!a->cut)
			a->cut = t->path.raw[0] == '-' ? CUT_OPTION : CUT_OTHER;
		return 0;
	}
	a->at += len;
	if (a->cut) {
		bool option = a->cut == CUT_OPTION && !a->skip;

		a->cut = 0;
		if (option)
			return 0;
		/* What counts is at its end. */
		len = bpf_probe_read_user_str(t->path.raw, sizeof(t->path.raw),
					      (void *)(a->at - sizeof(t->path.raw)));
		if (len != sizeof(t->path.raw))
			return 1;
	}
	return arg_seen(t, len - 1);
}

/* The same for another process, whose first arguments read_arguments left in t->path.raw. */
static long arg_next_read(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;
	struct args *a = &t->args;
	long len;

	len = bpf_probe_read_kernel_str(t->name.text, NAME_MAX, t->path.raw);
	if (len <= 0 || a->at + len > a->end || arg_seen(t, len - 1))
		return 1;
	a->at += len;
	/* Forward over itself, which copies from the front. */
	bpf_probe_read_kernel(t->path.raw, 256 - (len & 255), &t->path.raw[len & 255]);
	return 0;
}

/* ---- Images ---- */

/* "git-core": the directory of git's own helpers, which are git. */
static __always_inline bool is_git_helper(struct file *file)
{
	const unsigned char *dir = BPF_CORE_READ(file, f_path.dentry, d_parent, d_name.name);
	__u64 text[2] = {};

	bpf_probe_read_kernel_str(text, sizeof(text), dir);
	return text[0] == 0x65726f632d746967ull && !(text[1] & 0xff);
}

static __always_inline void add_git(struct task *t)
{
	*(__u64 *)t->name.text = 0x746967;	/* "git" */
	self_add(&t->id, name_hash(&t->name, 3));
}

/* "ld-linux-x86-64.so.2", "ld-musl-x86_64.so.1", "ld.so"; not "ld", "ld.bfd". */
static __always_inline bool is_loader(const struct name *n)
{
	return n->text[0] == 'l' && n->text[1] == 'd' &&
	       (n->text[2] == '-' || (n->text[2] == '.' && n->text[3] == 's' && n->text[4] == 'o'));
}

/* Hashes of a file's path, of itself and of its name, which stays in t->name. */
static __noinline int exec_look(struct task *t, struct file *file, struct exec_file *e)
{
	struct place at = place_of(&file->f_path);

	e->path = path_hash(t, &at);
	e->file = file_hash(file);
	e->len = name_read(t, BPF_CORE_READ(file, f_path.dentry, d_name.name));
	e->name = name_hash(&t->name, e->len);
	return 0;
}

/* What the executable is called by its own file, and by its path. */
static __noinline int image_file(struct task *t, struct task_struct *task, struct file *exe)
{
	struct identity *id = &t->id;
	struct runner *run;
	__u64 hash;

	id->self[0] = file_hash(exe);
	/* The start of the exec has seen this file, unless it was a script. */
	if (t->start.file != id->self[0]) {
		exec_look(t, exe, &t->exe);
	} else {
		t->exe = t->start;
		name_read(t, BPF_CORE_READ(exe, f_path.dentry, d_name.name));
	}
	self_add(id, t->exe.path);
	if (!t->exe.path)
		id->flags |= IDENT_NO_PATH;
	self_add(id, t->exe.name);
	show(t);
	if (is_loader(&t->name)) {
		t->args.run.kind = RUNNER_LOADER;
		id->flags |= IDENT_LOADER;
		return 0;
	}
	hash = name_hash(&t->name, stem_cut(&t->name, t->exe.len));
	run = bpf_map_lookup_elem(&runners, &hash);
	if (run)
		t->args.run = *run;
	if (is_git_helper(exe))
		add_git(t);
	return 0;
}

/* Puts a name to an image's hash, for reports. */
static __noinline int image_record(struct task *t, __u64 hash)
{
	__u32 path_at = t->path.at;
	struct image *known = bpf_map_lookup_elem(&images, &hash);
	struct image *image = (void *)&t->name;
	long err;

	if (known)
		return 0;
	if (path_at < sizeof(t->path.text) - PATH_LEN)
		path_at = sizeof(t->path.text) - PATH_LEN;
	__builtin_memset(image, 0, sizeof(*image));
	__builtin_memcpy(image->name, t->shown, sizeof(image->name));
	bpf_probe_read_kernel_str(image->path, sizeof(image->path),
				  &t->path.text[path_at & PATH_END]);
	err = bpf_map_update_elem(&images, &hash, image, BPF_NOEXIST);
	if (err && !bpf_map_lookup_elem(&images, &hash))
		__sync_fetch_and_add(&control.counters[COUNT_IMAGES_LOST], 1);
	return 0;
}

static __always_inline void image_finish(struct task *t)
{
	__u64 h = hash_start(control.seed, HASH_IMAGE);
	__u32 i;

	for (i = 0; i < IDENT_SELF; i++)
		if (i < t->id.nself)
			h = hash_mix(h, t->id.self[i]);
	t->id.image = h ?: 1;
	image_record(t, t->id.image);
	t->id.exec = __sync_fetch_and_add(&control.last_exec, 1) + 1;
}

/* A script was asked for and something else runs: the script's names count too. */
static __always_inline void image_script(struct task *t, const struct exec_file *script)
{
	struct identity *id = &t->id;

	id->self[1] = script->file;
	self_add(id, script->path);
	self_add(id, script->name);
}

static __always_inline void image_reset(struct task *t)
{
	struct identity *id = &t->id;
	__u32 i;

	id->flags &= IDENT_LINEAGE_FULL;
	__builtin_memset(&t->args, 0, sizeof(t->args));
	for (i = 0; i < IDENT_SELF; i++)
		id->self[i] = 0;
	id->nself = IDENT_FILES;
	for (i = 0; i < CACHE; i++)
		t->cache[i].epoch = 0;
}

/* The hash of the name that was given to execve, and show it; fexecve's "/dev/fd/N" is none. */
static __noinline __u64 invoked_hash(struct task *t, const char *filename)
{
	long len = bpf_probe_read_kernel_str(t->path.raw, sizeof(t->path.raw), filename);
	const char *raw = t->path.raw;
	__u32 n;

	if (len <= 1 || len >= (long)sizeof(t->path.raw))
		return 0;
	if (raw[0] == '/' && raw[1] == 'd' && raw[2] == 'e' && raw[3] == 'v' && raw[5] == 'f' &&
	    raw[6] == 'd')
		return 0;
	n = name_from_raw(t, len - 1);
	if (!n)
		return 0;
	show(t);
	return name_hash(&t->name, n);
}

static __always_inline struct task *record_make(struct task_struct *task)
{
	return bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* ---- Hooks ---- */

SEC("lsm/bprm_creds_for_exec")
int BPF_PROG(exec_begin, struct linux_binprm *bprm)
{
	struct task *t = record_make(bpf_get_current_task_btf());

	if (t) {	/* else sched_process_exec tries again */
		exec_look(t, bprm->file, &t->start);
		t->exec_told = 0;
	}
	return 0;
}

/* What memfd_create(2) was given as a name; the kernel puts "memfd:" before it. */
static __noinline __u64 memfd_hash(struct task *t, struct file *file)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	__u64 text = 0;

	bpf_probe_read_kernel(&text, 6, name);
	if (text != 0x3a64666d656dull)	/* "memfd:" */
		return 0;
	return name_hash(&t->name, name_read(t, name + 6));
}

/* The names of a file that is to be executed, for exec_judge(), and its record for reports. */
static __always_inline __u64 image_look(struct task *t, struct file *file, struct facts *f)
{
	struct exec_file *e = &t->exe;

	exec_look(t, file, e);
	show(t);
	f->image[0] = e->file;
	f->image[1] = e->path;
	f->image[2] = e->name;
	f->image[3] = memfd_hash(t, file);
	f->image[4] = 0;
	f->image[5] = 0;
	f->nimage = FACTS_IMAGE;
	return hash_mix(hash_mix(hash_start(control.seed, HASH_IMAGE), e->file), e->name);
}

/* Called for the script and for its interpreter, before the point of no return. */
SEC("lsm/bprm_check_security")
int BPF_PROG(exec_check, struct linux_binprm *bprm)
{
	struct task *t;
	__u64 hash;

	if (!(control.flags & CONTROL_EXEC))
		return 0;
	t = record_make(bpf_get_current_task_btf());
	if (!t)
		return -EPERM;
	hash = image_look(t, bprm->file, &t->exec_facts);
	t->exec_facts.image[4] = invoked_hash(t, BPF_CORE_READ(bprm, filename));
	t->exec_facts.image[5] = invoked_hash(t, BPF_CORE_READ(bprm, interp));
	image_record(t, hash);
	return exec_judge(t, hash) ? -EPERM : 0;
}

SEC("lsm/mmap_file")
int BPF_PROG(exec_map, struct file *file, unsigned long prot)
{
	struct task *t;
	__u64 hash;

	if (!file || !(prot & PROT_EXEC) || !(control.flags & CONTROL_EXEC))
		return 0;
	t = current_record();
	/* While it is executed itself, the loader is mapped by the kernel. */
	if (!t || !(t->id.flags & IDENT_LOADER))
		return 0;
	hash = image_look(t, file, &t->exec_facts);
	image_record(t, hash);
	return exec_judge(t, hash) ? -EPERM : 0;
}

static __always_inline void image_arguments(struct task *t, struct task_struct *task, bool current)
{
	struct args *a = &t->args;

	if (!a->run.kind || a->run.kind == RUNNER_ENV)
		return;
	a->at = BPF_CORE_READ(task, mm, arg_start);
	a->end = BPF_CORE_READ(task, mm, arg_end);
	if (current)
		bpf_loop(ARGS, arg_next, &t, 0);
	else
		bpf_loop(ARGS, arg_next_read, &t, 0);
}

/* The nearest parent's identity, as if the task had just been forked and had exec'ed. */
static __noinline int lineage_adopt(struct task_struct *task, struct task *t)
{
	struct task_struct *p = task;
	struct task *from;
	__u32 i;

	for (i = 0; i < LINEAGE_DEPTH; i++) {
		p = p->real_parent;
		if (!p || !p->tgid)
			return 0;
		from = bpf_task_storage_get(&tasks, p, 0, 0);
		if (!from || !from->id.exec)
			continue;
		t->id = from->id;
		t->id.flags &= ~(IDENT_EXEMPT | IDENT_BY_ENV);
		return lineage_push(&t->id);
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct task *t = record_make(task);
	bool by_env;

	if (!t)
		return 0;	/* undecided, and denied, when it is judged */
	by_env = t->id.flags & IDENT_BY_ENV;
	if (t->id.exec) {
		lineage_push(&t->id);
	} else {	/* there was no memory for it when it was born */
		lineage_adopt(task, t);
		t->id.flags |= IDENT_LINEAGE_FULL;
		/* The kernel starts it (modprobe) for nobody knows whom: for any of these. */
		if (BPF_CORE_READ(task, real_parent, flags) & PF_KTHREAD)
			t->id.scopes |= control.guards[GUARD_SELF].trace |
					control.guards[GUARD_SELF].monitor;
	}
	image_reset(t);
	if (BPF_CORE_READ(task, ptrace))
		t->id.flags |= IDENT_TRACED;
	image_file(t, task, BPF_CORE_READ(task, mm, exe_file));
	self_add(&t->id, invoked_hash(t, BPF_CORE_READ(bprm, filename)));
	if (t->start.file && t->start.file != t->id.self[0]) {
		image_script(t, &t->start);
		t->script = t->start;
		if (t->args.run.kind == RUNNER_ENV)
			t->id.flags |= IDENT_BY_ENV;
	} else if (by_env) {
		/* By name alone: env(1) took the interpreter from wherever PATH led. */
		self_add(&t->id, t->script.name);
	}
	image_arguments(t, task, true);
	image_finish(t);
	t->start.file = 0;
	if ((control.flags & CONTROL_EXEC) && !t->exec_told) {
		t->exec_facts.nimage = 0;
		/* Known by its arguments alone: it ends before its first instruction. */
		if (exec_judge(t, t->id.image))
			bpf_send_signal(SIGKILL);
	}
	return 0;
}

SEC("lsm/task_alloc")
int BPF_PROG(clone, struct task_struct *child, unsigned long flags)
{
	struct task *from, *to;

	from = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);
	if (!from || !from->id.exec)
		return 0;
	to = record_make(child);
	if (!to)
		return 0;
	to->id = from->id;
	if (!(flags & CLONE_THREAD))
		to->id.flags &= ~(IDENT_EXEMPT | IDENT_BY_ENV);
	return 0;
}

/* ---- Scopes that are cgroups ---- */

static __always_inline __u64 cgroup_ancestor(struct cgroup *cgrp, __u32 level)
{
	struct cgroup___old *old = (void *)cgrp;
	struct cgroup *up;
	__u64 id = 0;

	if (level > (__u32)BPF_CORE_READ(cgrp, level))
		return 0;
	if (bpf_core_field_exists(cgrp->ancestors)) {
		bpf_probe_read_kernel(&up, sizeof(up), &cgrp->ancestors[level]);
		return BPF_CORE_READ(up, kn, id);
	}
	bpf_probe_read_kernel(&id, sizeof(id), &old->ancestor_ids[level]);
	return id;
}

struct join {
	struct cgroup *cgrp;
	__u64 scopes;
};

/* @scopes begins as control.zero: see the note on verifiers at arg_next(). */
static long join_one(__u32 i, void *data)
{
	struct join *j = data;
	struct cgroup *cgrp = j->cgrp;
	struct scope *s = bpf_map_lookup_elem(&scopes, &i);

	if (s && s->slot && s->cgroup && cgroup_ancestor(cgrp, s->cgroup_level) == s->cgroup)
		j->scopes |= 1ull << (i & 63);
	return 0;
}

/* Comes into the scopes of all cgroups around; leaves none.  Whether that is news. */
static __noinline int scopes_join(struct task *t, struct cgroup *cgrp)
{
	struct join j = { .cgrp = cgrp, .scopes = control.zero };

	bpf_loop(SCOPES, join_one, &j, 0);
	if (!(j.scopes & ~t->id.scopes))
		return 0;
	__sync_fetch_and_or(&t->id.scopes, j.scopes);
	return 1;
}

__noinline __u64 scopes_renew(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task *t = bpf_task_storage_get(&tasks, task, 0, 0);
	struct task *leader;

	if (!t)
		return 0;
	leader = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (leader)
		__sync_fetch_and_or(&t->id.scopes, leader->id.scopes);
	scopes_join(t, BPF_CORE_READ(task, cgroups, dfl_cgrp));
	return t->id.scopes;
}

/* A whole process moves with its leader; its other threads ask the leader (scopes_renew). */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_entered, struct cgroup *dst, const char *path, struct task_struct *task)
{
	struct task *t;

	if (!(control.flags & CONTROL_CGROUPS))
		return 0;
	t = record_make(task);
	if (t && scopes_join(t, dst))
		__sync_fetch_and_add(&control.epoch, 1);
	return 0;
}

/* clone3(CLONE_INTO_CGROUP) */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(cgroup_born, struct task_struct *parent, struct task_struct *child)
{
	struct task *t;

	if (!(control.flags & CONTROL_CGROUPS))
		return 0;
	t = bpf_task_storage_get(&tasks, child, 0, 0);
	if (t)
		scopes_join(t, BPF_CORE_READ(child, cgroups, dfl_cgrp));
	return 0;
}

/* ---- Processes that ran before the load ---- */

/* Threads share their leader's image; true if the leader is known. */
static __always_inline bool leader_adopt(struct task_struct *task, struct task *t)
{
	struct task *leader;

	if (task->pid == task->tgid)
		return false;
	leader = bpf_task_storage_get(&tasks, task->group_leader, 0, 0);
	if (!leader || !leader->id.exec)
		return false;
	t->id = leader->id;
	return true;
}

static __always_inline void image_adopt(struct task_struct *task, struct task *t)
{

	lineage_adopt(task, t);
	image_reset(t);
	image_file(t, task, BPF_CORE_READ(task, mm, exe_file));
	image_arguments(t, task, false);
	image_finish(t);
}

/* Whether that is news. */
static __always_inline bool scopes_change(struct task *t, __u64 leave, __u64 join)
{
	if (((t->id.scopes & ~leave) | join) == t->id.scopes)
		return false;
	__sync_fetch_and_and(&t->id.scopes, ~leave);
	__sync_fetch_and_or(&t->id.scopes, join);
	return true;
}

/* Cached verdicts were about who it was; and it has no need of the token. */
static __always_inline void exempt(struct task *t)
{
	if (t->id.flags & IDENT_EXEMPT)
		return;
	t->id.exec = __sync_fetch_and_add(&control.last_exec, 1) + 1;
	t->id.flags = (t->id.flags | IDENT_EXEMPT) & ~IDENT_UNLOCKED;
	control.adopted++;
}

/* The beginning of the arguments of every process without identity, for adopt_tasks. */
SEC("iter.s/task")
int read_arguments(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	unsigned long start, len;
	struct task *t;

	if (!task || (task->flags & PF_KTHREAD))
		return 0;
	t = record_make(task);
	if (!t || t->id.exec)
		return 0;
	__builtin_memset(t->path.raw, 0, sizeof(t->path.raw));
	start = BPF_CORE_READ(task, mm, arg_start);
	len = BPF_CORE_READ(task, mm, arg_end) - start;
	if (len > sizeof(t->path.raw) - 1)
		len = sizeof(t->path.raw) - 1;
	bpf_copy_from_user_task(t->path.raw, len, (void *)start, task, 0);
	return 0;
}

/*
 * Names every process, parents first: one whose parent is still nameless waits
 * for the next run, unless control.adopt_all.  The loader runs it until
 * nothing is left.
 */
SEC("iter/task")
int adopt_tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task *t, *parent;

	if (!task || (task->flags & PF_KTHREAD) || !task->mm)
		return 0;
	if (task->tgid == 1) {
		control.host_root = (__u64)BPF_CORE_READ(task, fs, root.mnt);
		control.host_ns = (__u64)BPF_CORE_READ(task, nsproxy, mnt_ns);
	}
	t = record_make(task);
	if (!t) {
		control.deferred++;
		return 0;
	}
	if (!t->id.exec && !leader_adopt(task, t)) {
		parent = bpf_task_storage_get(&tasks, task->real_parent, 0, 0);
		if (!control.adopt_all && task->real_parent->mm && !(parent && parent->id.exec)) {
			control.deferred++;
			return 0;
		}
		image_adopt(task, t);
		control.adopted++;
	}
	if (!control.join_tgid || descends_from(task, control.join_tgid))
		control.adopted += scopes_change(t, control.leave, control.join);
	if (control.flags & CONTROL_CGROUPS)
		control.adopted += scopes_join(t, BPF_CORE_READ(task, cgroups, dfl_cgrp));
	if (control.exempt_tgid && (__u32)task->tgid == control.exempt_tgid)
		exempt(t);
	return 0;
}
