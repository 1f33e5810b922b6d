// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which files may be opened: blocked_paths.  Asked whenever a file is opened,
 * by whatever call, so that only the file that was found counts, not the text
 * that led there.
 *
 *   file_open		open*, openat2, open_by_handle_at, io_uring, /proc/PID/fd, exec
 *   inode_rename	a blocked file, or what it lies in, is to stay where it is
 *   inode_link		and to have no other names
 *   sb_umount, sb_mount, move_mount
 *			nor is the mount to be moved, or taken away, that it lies on
 *
 * A file has many paths.  Its own one in its file system is compared behind
 * that of the mount which it is reached by, and behind those of all mounts of
 * that file system that the host sees: a bind mount, another mount namespace
 * or an overlay gives a file another path, and takes none away.
 *
 * Attached when a policy first asks for it.  An open that meets no name which
 * is in a pattern is passed after a few loads (file_filter in struct control).
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "exempt.h"
#include "files.h"
#include "guard.h"
#include "path.h"

#define FILTER_DEPTH	24	/* components that are looked at without a helper */
#define MOUNT_STEPS	96	/* components and mounts above the root of a mount */
#define MOUNTS		4096	/* of one file system */
#define INLINE_NAME	32	/* shorter names lie in the dentry: DNAME_INLINE_LEN, linux/dcache.h */
#define PROC_MAGIC	0x9fa0	/* linux/magic.h */
#define SYSFS_MAGIC	0x62656572
#define OVERLAYFS_MAGIC	0x794c7630
#define WORD(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (__u64)(d) << 24)

/* ---- What can be no match ---- */

static __always_inline bool filtered(__u32 write, __u64 first, __u32 len)
{
	__u32 bit = file_filter_bit(first, len);

	return control.file_filter[write & 1][bit / 64] >> (bit % 64) & 1;
}

/* For any pointer: with helpers. */
static __always_inline bool name_filtered(const struct dentry *d, __u32 write)
{
	__u64 first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), BPF_CORE_READ(d, d_name.name));
	return filtered(write, first, BPF_CORE_READ(d, d_name.len));
}

/* A name is at the same place in the dentry since it is, but is called otherwise. */
static __always_inline __u64 inline_name(struct dentry *d)
{
	struct dentry___new *new = (void *)d;

	if (bpf_core_field_exists(new->d_shortname))
		return *(__u64 *)new->d_shortname.string;
	return *(__u64 *)d->d_iname;
}

struct names {
	struct place at;
	__u32 write;
	__u32 found;
};

static long name_up(__u32 i, void *data)
{
	struct names *n = data;

	if (n->at.mnt && place_is_mount_root(&n->at))
		return !place_leave_mount(&n->at);
	if (name_filtered(n->at.dentry, n->write)) {
		n->found = 1;
		return 1;
	}
	return !place_parent(&n->at);
}

/* From a place up to the top of the tree of mounts, or without one of the file system.  Verified once. */
__noinline int names_filtered(const struct place *from, __u32 write)
{
	struct names n = { .write = write, .found = control.zero };

	if (!from)
		return 1;
	n.at = *from;
	return bpf_loop(MOUNT_STEPS, name_up, &n, 0) == MOUNT_STEPS || n.found;
}

static __always_inline int above_filtered(struct mount *m, __u32 write)
{
	struct place root = { .dentry = BPF_CORE_READ(m, mnt.mnt_root), .mnt = m };

	return names_filtered(&root, write);
}

static __always_inline bool host_sees(const struct mount *m)
{
	return BPF_CORE_READ(m, mnt_ns, ns.inum) == control.mnt_ns;
}

static __always_inline struct mount *mount_at(__u64 instance)
{
	return (void *)instance - bpf_core_field_offset(struct mount, mnt_instance);
}

struct mounts {
	__u64 next, head;
	__u64 found, whole;
};

static long mount_filtered(__u32 i, void *data)
{
	struct mounts *w = data;
	struct mount *m = mount_at(w->next);

	if (w->next == w->head) {
		w->whole = 1;
		return 1;
	}
	w->next = (__u64)BPF_CORE_READ(m, mnt_instance.next);
	if (host_sees(m) && above_filtered(m, 1))
		w->found = 1;
	return w->found || !w->next;
}

/* Whether some mount of a file system, for the host, lies below a name of a pattern.  Kept until mounts change. */
static __noinline int mounts_filtered(__u64 of)
{
	struct super_block *sb = (void *)of;
	struct mnt_namespace *ns = (void *)control.host_ns;
	__u64 dev = BPF_CORE_READ(sb, s_dev), key;
	struct mounts w = {
		.next = (__u64)BPF_CORE_READ(sb, s_mounts.next),
		.head = of + bpf_core_field_offset(sb->s_mounts),
		.found = control.zero,
		.whole = control.zero,
	};

	key = hash_mix(dev << 32 | control.epoch, BPF_CORE_READ(ns, event));
	if (control.file_plain[dev % FILE_PLAIN] == key)
		return 0;
	bpf_loop(MOUNTS, mount_filtered, &w, 0);
	if (w.found || !w.whole)
		return 1;
	control.file_plain[dev % FILE_PLAIN] = key;
	return 0;
}

/* What a file system is to the host, whoever mounts another one like it: /proc, /sys. */
static __always_inline __u64 special_name(__u64 magic)
{
	if (magic == PROC_MAGIC)
		return WORD('p', 'r', 'o', 'c');
	return magic == SYSFS_MAGIC ? WORD('s', 'y', 's', 0) : 0;
}

/* By a name that its file system itself has not for it. */
static __always_inline bool outside_filtered(struct vfsmount *mnt, __u32 write)
{
	struct super_block *sb = mnt->mnt_sb;
	__u64 name = special_name(sb->s_magic);

	if ((__u64)mnt != control.host_root && above_filtered(mount_of(mnt), write))
		return true;
	if (name && filtered(write, name, name >> 24 ? 4 : 3))
		return true;
	return sb->s_mounts.next != sb->s_mounts.prev && mounts_filtered((__u64)sb);
}

/* By a number: it has more links, or is a device. */
static __always_inline bool number_filtered(struct inode *inode, __u32 write)
{
	__u32 type = inode->i_mode & S_IFMT;

	if (type == S_IFCHR || type == S_IFBLK)
		return filtered(write, device_number(type, inode->i_rdev), FILTER_DEVICE);
	return inode->i_nlink > 1 && type != S_IFDIR && filtered(write, inode->i_ino, FILTER_INODE);
}

/* Any dentry of a file that an overlay opens below itself: before 6.8 with the overlay's own path. */
static __always_inline struct dentry *dentry_of(const struct inode *inode)
{
	void *alias = BPF_CORE_READ(inode, i_dentry.first);

	return alias ? alias - bpf_core_field_offset(struct dentry, d_u.d_alias) : 0;
}

static __always_inline bool file_filtered(struct file *file, __u32 write)
{
	struct dentry *d = file->f_path.dentry, *up;
	__u32 i, len;

	if (number_filtered(file->f_inode, write))
		return true;
	for (i = 0; i < FILTER_DEPTH; i++) {
		up = d->d_parent;
		if (up == d)
			break;
		len = d->d_name.len;
		if (len < INLINE_NAME ? filtered(write, inline_name(d), len) : name_filtered(d, write))
			return true;
		d = up;
	}
	/* Deep, or opened by a handle and in no directory as far as is known. */
	if (d != file->f_path.mnt->mnt_root && d != file->f_path.mnt->mnt_sb->s_root)
		return true;
	return outside_filtered(file->f_path.mnt, write);
}

/* ---- All paths of a file ---- */

/* The name of a dentry as a component of patterns. */
static __noinline __u64 component_hash(struct task *t, __u64 dentry)
{
	struct dentry *d = (void *)dentry;
	struct name *name = &t->file.name;
	long n = bpf_probe_read_kernel_str(name->text, NAME_MAX, BPF_CORE_READ(d, d_name.name));
	__u32 len = n > 1 ? n - 1 : 0;

	*(__u64 *)&name->text[len & (NAME_MAX - 1)] = 0;
	return name_hash(name, len);
}

static long part_up(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;
	struct file_walk *w = &t->file;
	__u64 d = w->dentry, up = (__u64)BPF_CORE_READ((struct dentry *)d, d_parent), hash;
	__u32 n = w->nparts;

	if (n > FILE_PARTS)
		return 1;
	w->at[n] = d;
	if (up == d) {
		w->whole = 1;
		return 1;
	}
	if (n == FILE_PARTS)
		return 1;
	hash = component_hash(t, d);
	w->part[n] = hash;
	w->hash = hash_mix(w->hash, hash);
	w->nparts = n + 1;
	w->dentry = up;
	return 0;
}

static long above_up(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;
	struct file_walk *w = &t->file;
	struct place at = { .dentry = (void *)w->dentry, .mnt = (void *)w->mnt };
	__u32 n = w->nabove;
	bool more;

	if (place_is_mount_root(&at)) {
		more = place_leave_mount(&at);
	} else {
		if (n >= FILE_PARTS)
			return 1;
		w->above[n] = component_hash(t, (__u64)at.dentry);
		w->nabove = n + 1;
		more = place_parent(&at);
	}
	w->dentry = (__u64)at.dentry;
	w->mnt = (__u64)at.mnt;
	w->whole = !more;
	return !more;
}

static long root_find(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;

	if (i > FILE_PARTS || i > t->file.nparts || t->file.at[i] != t->file.dentry)
		return 0;
	t->file.below = i;
	t->file.hit = 1;
	return 1;
}

/* ---- Patterns ---- */

struct file_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct file_rules);
} file_template SEC(".maps");

/* By slot: the patterns of its policy.  A missing one denies. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct file_map);
} files SEC(".maps");

struct file_id_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct file_id);
} file_id_template SEC(".maps");

/* By slot; by hash of a file's number, or a device's: what the policy says of it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__array(values, struct file_id_map);
} file_ids SEC(".maps");

struct file_search {
	struct task *t;
	const struct file_rules *rules;
	const struct file_pattern *p;
	__u64 id;
	__u32 scope;
};

static __always_inline void rule_take(struct file_walk *w, __u32 scope, __u32 classes,
				      const struct rule_ref *rule)
{
	__u64 bit = 1ull << (scope % SCOPES);

	classes &= w->classes;
	if (classes & (FILE_BLOCKED | FILE_PROTECTED)) {
		if (!w->denied)
			w->why = *rule;
		w->denied |= bit;
	} else if (classes & FILE_MONITORED) {
		if (!w->flagged)
			w->flag = *rule;
		w->flagged |= bit;
	}
}

/*
 * Whether a component of a pattern is that of the path by the mount that is
 * looked at.  What lies below the file, before 0, is not known and may be.
 * Where is read anew each time: nothing that the verifier would follow.
 */
static __always_inline bool part_holds(const struct file_walk *w, __u64 part, __u32 k)
{
	__s32 c = *(volatile const __s32 *)&w->here + (__s32)k;
	__s32 above = c - (__s32)w->below;

	if (c < 0 || !part)
		return true;
	return part == (above < 0 ? w->part[c & (FILE_PARTS - 1)] :
			w->above[above & (FILE_PARTS - 1)]);
}

static long pattern_at(__u32 i, void *data)
{
	struct file_search *q = data;
	struct file_walk *w = &q->t->file;
	__u32 k;

	w->here = w->from + (__s32)i;
	for (k = 0; k < PATTERN_PARTS && k < q->p->n; k++)
		if (!part_holds(w, q->p->part[k], k))
			return 0;
	w->hit = 1;
	return 1;
}

static long pattern_one(__u32 i, void *data)
{
	struct file_search *q = data;
	struct file_walk *w = &q->t->file;
	const struct file_pattern *p;
	__s32 n, end, to;

	if (i >= FILE_PATTERNS)
		return 1;
	p = &q->rules->pattern[i];
	if (!(p->flags & w->classes))
		return 0;
	n = p->n;
	end = (__s32)(w->below + w->nabove) - n;	/* where one from the root would end */
	w->from = w->moves ? 1 - n : 0;
	to = p->flags & PATTERN_TREE ? end : 0;
	if (p->flags & PATTERN_ROOTED) {
		if (end < w->from || end > to)
			return 0;
		w->from = end;
	}
	if (to > end)
		to = end;
	w->hit = 0;
	q->p = p;
	if (to >= w->from)
		bpf_loop(to - w->from + 1, pattern_at, q, 0);
	if (w->hit)
		rule_take(w, q->scope, p->flags, &p->rule);
	return 0;
}

static const struct rule_ref undecided = { .kind = RULE_UNDECIDED };

static long scope_one(__u32 i, void *data)
{
	struct file_search *q = data;
	struct file_walk *w = &q->t->file;
	const __u32 zero = 0;
	struct scope *s;
	void *inner;

	if (!(w->scopes >> (i % SCOPES) & 1))
		return 0;
	s = bpf_map_lookup_elem(&scopes, &i);
	if (!s || !s->slot)
		return 0;
	q->scope = i;
	inner = bpf_map_lookup_elem(&files, &s->slot);
	q->rules = inner ? bpf_map_lookup_elem(inner, &zero) : 0;
	if (q->rules)
		bpf_loop(q->rules->n, pattern_one, q, 0);
	else
		rule_take(w, i, FILE_BLOCKED | FILE_PROTECTED, &undecided);
	return 0;
}

static long scope_id(__u32 i, void *data)
{
	struct file_search *q = data;
	struct file_walk *w = &q->t->file;
	struct file_id *id;
	struct scope *s;
	void *inner;

	if (!(w->scopes >> (i % SCOPES) & 1))
		return 0;
	s = bpf_map_lookup_elem(&scopes, &i);
	inner = s && s->slot ? bpf_map_lookup_elem(&file_ids, &s->slot) : 0;
	id = inner ? bpf_map_lookup_elem(inner, &q->id) : 0;
	if (id)
		rule_take(w, i, id->flags, &id->rule);
	return 0;
}

/* What is above the root of a mount, into t->file; false: the file is not below that. */
static __always_inline bool mount_walk(struct task *t, __u64 mnt)
{
	struct file_walk *w = &t->file;

	w->dentry = (__u64)BPF_CORE_READ((struct mount *)mnt, mnt.mnt_root);
	w->mnt = mnt;
	w->hit = 0;
	bpf_loop(FILE_PARTS + 1, root_find, &t, 0);
	if (!w->hit)
		return false;
	w->nabove = 0;
	w->whole = 0;
	bpf_loop(2 * FILE_PARTS, above_up, &t, 0);
	if (!w->whole)
		w->unknown = 1;
	return true;
}

/* Judges the path behind that of a mount, if it leads to the file; without one, that which t->file has. */
__noinline int file_by_mount(struct task *t, __u64 mnt)
{
	struct file_search q = { .t = t };
	__u64 before;

	if (!t || (mnt && !mount_walk(t, mnt)))
		return 0;
	before = t->file.denied | t->file.flagged;
	bpf_loop(SCOPES, scope_one, &q, 0);
	if (!before)
		t->file.via = mnt;
	return 0;
}

static long by_mount(__u32 i, void *data)
{
	struct task *t = *(struct task **)data;
	struct file_walk *w = &t->file;
	struct mount *m = mount_at(w->next);

	if (w->next == w->head)
		return 1;
	w->next = (__u64)BPF_CORE_READ(m, mnt_instance.next);
	if (!w->next) {	/* it went away under us */
		w->unknown = 1;
		return 1;
	}
	if (host_sees(m))
		file_by_mount(t, (__u64)m);
	return 0;
}

/*
 * /proc and /sys are what they are, wherever they are mounted.  An overlay is
 * most often the root of a container, where a bind mount is another one's.
 */
static __always_inline void by_special_name(struct task *t, __u64 magic)
{
	struct file_walk *w = &t->file;
	__u64 name = special_name(magic);

	if (!name && magic != OVERLAYFS_MAGIC)
		return;
	*(__u64 *)w->name.text = name;
	w->above[0] = name_hash(&w->name, name >> 24 ? 4 : 3);
	w->nabove = name ? 1 : 0;
	w->below = w->nparts;
	file_by_mount(t, 0);
}

static __always_inline void by_number(struct task *t, const struct inode *inode)
{
	struct file_search q = { .t = t };
	__u32 type = BPF_CORE_READ(inode, i_mode) & S_IFMT;

	if (type == S_IFCHR || type == S_IFBLK)
		q.id = device_hash(control.seed, device_number(type, BPF_CORE_READ(inode, i_rdev)));
	else if (type != S_IFDIR && BPF_CORE_READ(inode, i_nlink) > 1)
		q.id = inode_hash(inode);
	if (q.id)
		bpf_loop(SCOPES, scope_id, &q, 0);
}

/* ---- The verdict ---- */

struct file_attempt {
	__u64 dentry, mnt;	/* the file, and the mount by which it is asked for; 0: not known */
	__u64 inode;		/* if another one is meant than the dentry's */
	enum file_access access;
	__u32 flags;		/* of open(2) */
	bool unknown;		/* which file is meant */
};

static __always_inline __u32 classes_of(enum file_access access)
{
	switch (access) {
	case FILE_OPEN:
		return FILE_BLOCKED | FILE_MONITORED;
	case FILE_OPEN_WRITE:
		return FILE_BLOCKED | FILE_PROTECTED | FILE_MONITORED;
	default:
		return FILE_BLOCKED | FILE_PROTECTED;
	}
}

/* A record of its name, for reports: the path that the rule is about. */
static __noinline int file_record(struct task *t, __u64 dentry, __u64 mnt, __u64 hash)
{
	struct image *image = (void *)&t->file.at;
	__u32 at;

	if (bpf_map_lookup_elem(&images, &hash))
		return 0;
	if (control.file_names >= FILE_NAMES ||
	    __sync_fetch_and_add(&control.file_names, 1) >= FILE_NAMES) {
		__sync_fetch_and_add(&control.counters[COUNT_IMAGES_LOST], 1);
		return 0;
	}
	path_hash_of(t, dentry, mnt);
	at = t->path.at;
	if (at < sizeof(t->path.text) - PATH_LEN)
		at = sizeof(t->path.text) - PATH_LEN;
	__builtin_memset(image, 0, sizeof(*image));
	bpf_probe_read_kernel_str(image->path, sizeof(image->path), &t->path.text[at & PATH_END]);
	bpf_map_update_elem(&images, &hash, image, BPF_NOEXIST);
	return 0;
}

/* Reports it; -EPERM, or 0. */
static __noinline int file_tell(struct task *t, __u64 scopes, const struct file_attempt *a,
				const struct rule_ref *rule, bool blocked)
{
	struct target to = { .port = a->access };
	struct outcome out = { .rule = *rule };
	__u64 trace = blocked ? scopes & control.guards[GUARD_FILES].trace : 0;
	__u64 hash = t ? t->file.hash : 0;

	outcome_start(&out, EVENT_FILE);
	out.scope = lowest(trace ?: scopes) % SCOPES;
	out.verdict = trace ? VERDICT_BLOCK | VERDICT_DENIED : blocked ? VERDICT_BLOCK : 0;
	*(__u64 *)to.addr = hash;
	*(__u32 *)&to.addr[8] = a->flags;
	report(t ? &t->id : 0, &to, &out);
	return trace ? -EPERM : 0;
}

/* Everything that t->file is to know of a file before paths are compared. */
static __always_inline void walk_begin(struct task *t, const struct file_attempt *a)
{
	struct file_walk *w = &t->file;
	struct dentry *d = (void *)a->dentry;
	struct super_block *sb = BPF_CORE_READ(d, d_inode, i_sb) ?: BPF_CORE_READ(d, d_parent, d_inode, i_sb);

	w->nparts = 0;
	w->denied = 0;
	w->flagged = 0;
	w->via = 0;
	w->unknown = 0;
	w->whole = 0;
	w->classes = classes_of(a->access);
	w->moves = a->access == FILE_RENAME;
	w->dentry = a->dentry;
	w->head = (__u64)sb + bpf_core_field_offset(sb->s_mounts);
	w->next = (__u64)BPF_CORE_READ(sb, s_mounts.next);
	w->hash = hash_mix(hash_start(control.seed, HASH_IMAGE), BPF_CORE_READ(sb, s_dev));
	bpf_loop(FILE_PARTS + 1, part_up, &t, 0);
	w->unknown = !w->whole;
}

/* A dentry that a handle led to, of which no directory is known. */
static __always_inline bool is_loose(const struct task *t)
{
	const struct dentry *d = (void *)t->file.dentry;

	return BPF_CORE_READ(d, d_flags) & DCACHE_DISCONNECTED &&
	       BPF_CORE_READ(d, d_inode, i_sb, s_root) != d;
}

static __always_inline void walk_all(struct task *t, const struct file_attempt *a)
{
	struct file_walk *w = &t->file;
	struct dentry *d = (void *)a->dentry;
	struct inode *inode = a->inode ? (void *)a->inode : BPF_CORE_READ(d, d_inode);
	struct mount *mnt = (void *)a->mnt;
	__u64 top, magic;

	walk_begin(t, a);
	top = w->dentry;
	if (is_loose(t) && top != (__u64)BPF_CORE_READ(mnt, mnt.mnt_root))
		w->unknown = 1;
	magic = BPF_CORE_READ((struct dentry *)top, d_inode, i_sb, s_magic);
	if (mnt)
		file_by_mount(t, (__u64)mnt);
	if (bpf_loop(MOUNTS, by_mount, &t, 0) == MOUNTS)
		w->unknown = 1;
	by_special_name(t, magic);
	by_number(t, inode);
}

/* -EPERM, or 0.  Verified once. */
__noinline int file_judge(const struct file_attempt *a)
{
	struct task *t = 0;
	__u64 scopes, found;
	bool blocked;

	if (!a)
		return -EPERM;
	scopes = guarding(GUARD_FILES, &t);
	if (!scopes)
		return 0;
	if (!t)
		return file_tell(t, scopes, a, &undecided, true);
	t->file.scopes = scopes;
	walk_all(t, a);
	if ((t->file.unknown || a->unknown) && !t->file.denied) {
		t->file.denied = scopes;
		t->file.why = undecided;
	}
	blocked = t->file.denied;
	found = blocked ? t->file.denied : t->file.flagged;
	found = found ? found & ~exempting(t, found) : 0;
	if (!found)
		return 0;
	file_record(t, a->dentry, t->file.via ?: a->mnt, t->file.hash);
	return file_tell(t, found, a, blocked ? &t->file.why : &t->file.flag, blocked);
}

SEC("lsm/file_open")
int BPF_PROG(files_open, struct file *file)
{
	bool write = file->f_mode & FMODE_WRITE || file->f_flags & O_TRUNC;
	struct dentry *d = file->f_path.dentry;
	struct inode *inode = file->f_inode;
	struct place below = { 0 };
	struct file_attempt a = {
		.access = write ? FILE_OPEN_WRITE : FILE_OPEN,
		.flags = file->f_flags,
	};

	if (inode == d->d_inode) {
		if (!file_filtered(file, write))
			return 0;
		a.mnt = (__u64)mount_of(file->f_path.mnt);
		a.dentry = (__u64)d;
	} else {
		below.dentry = dentry_of(inode);
		a.dentry = (__u64)below.dentry;
		if (!names_filtered(&below, write) && !number_filtered(inode, write) &&
		    !mounts_filtered((__u64)inode->i_sb))
			return 0;
		a.inode = (__u64)inode;
	}
	return file_judge(&a) ? -EPERM : 0;
}

/* What is renamed, and with RENAME_EXCHANGE what it changes places with. */
SEC("lsm/inode_rename")
int BPF_PROG(files_rename, struct inode *old_dir, struct dentry *old, struct inode *new_dir,
	     struct dentry *new)
{
	struct file_attempt a = { .dentry = (__u64)old, .access = FILE_RENAME };

	if (file_judge(&a))
		return -EPERM;
	a.dentry = (__u64)new;
	a.access = new->d_inode ? FILE_RENAME : FILE_LINK;
	return file_judge(&a) ? -EPERM : 0;
}

SEC("lsm/inode_link")
int BPF_PROG(files_link, struct dentry *old, struct inode *dir, struct dentry *new)
{
	struct file_attempt a = { .dentry = (__u64)old, .access = FILE_LINK };

	if (file_judge(&a))
		return -EPERM;
	a.dentry = (__u64)new;
	return file_judge(&a) ? -EPERM : 0;
}

/* Whose path leads to a file, or is the beginning of a pattern: of all mounts, since some take others along. */
SEC("lsm/sb_umount")
int BPF_PROG(files_umount, struct vfsmount *mnt)
{
	struct file_attempt a = { .dentry = (__u64)mnt->mnt_root, .access = FILE_RENAME,
				  .mnt = (__u64)mount_of(mnt) };

	return file_judge(&a) ? -EPERM : 0;
}

/* In another namespace the host's mount stays where it is. */
SEC("lsm/move_mount")
int BPF_PROG(files_move_mount, const struct path *from)
{
	struct file_attempt a = { .dentry = (__u64)from->dentry, .access = FILE_RENAME,
				  .mnt = (__u64)mount_of(from->mnt) };

	return host_sees(mount_of(from->mnt)) && file_judge(&a) ? -EPERM : 0;
}

/* mount(2) has not looked yet what is to be moved. */
SEC("lsm/sb_mount")
int BPF_PROG(files_mount, const char *name, const struct path *path, const char *type,
	     unsigned long flags)
{
	struct file_attempt a = { .dentry = (__u64)path->dentry, .access = FILE_RENAME,
				  .mnt = (__u64)mount_of(path->mnt), .unknown = true };
	struct task_struct *task = bpf_get_current_task_btf();

	if (!(flags & MS_MOVE) || BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != control.mnt_ns)
		return 0;
	return file_judge(&a) ? -EPERM : 0;
}
