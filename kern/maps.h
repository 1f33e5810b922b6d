/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All maps, each with who writes it, who reads it, and what happens when it is
 * full.  Weak, so that every object can define them and the linker keeps one.
 */
#ifndef KNTRL_MAPS_H
#define KNTRL_MAPS_H

#include "abi.h"
#include "judge.h"
#include "target.h"

#define TABLE __weak SEC(".maps")

/* Written by the loader (and the counters by all programs); read by all. */
extern struct control control;

/* By scope: which slot is in force.  One store of slot changes the policy. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SCOPES);
	__type(key, __u32);
	__type(value, struct scope);
} scopes TABLE;

/* By the hash of a name without its version: node, python, ld.so.  Written once, by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, __u64);
	__type(value, struct runner);
} runners TABLE;

/* ---- Processes ---- */

#define CACHE		8	/* a power of two */

/* A verdict already given to this thread; valid while epoch is the current one. */
struct cached {
	__u64 addr[2];
	__u32 epoch;
	__u16 port;
	__u8 proto;
	__u8 verdict;		/* VERDICT_* */
	__u32 flow;		/* index into "flows"; 0: none */
	__u32 version;		/* of the names of the address, if it rests on those or their absence */
	__u64 until;		/* ns; 0: it rests on no name */
};

/* A file that is executed, or was asked for and turned out to be a script. */
struct exec_file {
	__u64 path, file, name;	/* hashes; 0: none */
	__u32 len;		/* of the name */
	__u32 pad;
};

#define NAME_MAX	256	/* with its NUL */

struct name {
	char text[NAME_MAX + 8];
};

/* A path is put together from its end, up to text[PATH_END]; what lies behind it is free. */
#define PATH_END	255
struct pathbuf {
	char text[PATH_END + 1];
	char raw[256];
	__u32 at;		/* where the path starts, or a name in raw */
	__u32 pad;
};

/* The search for a program's name among the arguments of what runs it. */
#define CUT_OPTION	1
#define CUT_OTHER	2

struct args {
	__u64 at, end;		/* user addresses */
	struct runner run;
	_Bool started, skip, module;
	__u8 cut;		/* CUT_*: within an argument that is read in pieces */
};

/* A file that is compared with patterns: each way that leads to it, one after the other. */
struct file_walk {
	struct name name;
	__u64 at[FILE_PARTS + 1];	/* dentries, from itself to the root of its file system */
	__u64 part[FILE_PARTS];		/* hashes of their names */
	__u64 above[FILE_PARTS];	/* of those above the root of a mount */
	__u32 nparts, nabove;
	__u32 below;			/* how many of part[] are below the root of that mount */
	__u32 classes;			/* FILE_* that count */
	__u64 dentry, mnt;		/* where a walk is */
	__u64 next, head;		/* mounts of the file system that are left */
	__u64 hash;
	__u64 scopes;			/* that ask */
	__u64 denied, flagged;		/* that have a pattern for it */
	__u64 via;			/* mount by which one was found */
	struct rule_ref why, flag;
	__s32 from, here;		/* where a pattern may begin, and does */
	__u8 moves;			/* what is below it counts too */
	__u8 hit, whole, unknown;
};

/*
 * One per thread, so that only the thread itself reads and writes it: no lock,
 * no torn verdict.  Written by identity.bpf.c (copied at clone, renewed at
 * exec) and, for the cache, by socket.bpf.c.  A thread for which there was no
 * memory is denied, until an exec finds some (COUNT_UNDECIDED).
 */
struct task {
	struct identity id;
	struct cached cache[CACHE];
	struct exec_file start, exe;
	struct exec_file script;	/* of env(1), kept for the interpreter it runs */
	struct args args;
	char shown[NAME_LEN];	/* the name that reports will use */
	__u32 exec_told;	/* this exec has been reported, or its caller is exempt */
	__u32 pad;
	struct outcome out;	/* scratch, of a verdict */
	union {			/* scratch, of an exec, a verdict, or a file */
		struct name name;
		struct facts facts;
		struct file_walk file;
	};
	struct facts exec_facts;	/* scratch, of an exec that is judged */
	struct pathbuf path;	/* scratch: a path, and text that is looked for a name */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task);
} tasks TABLE;

/*
 * By image hash: its names, for reports.  Written at exec, never removed; when
 * full, an image has no name in reports (COUNT_IMAGES_LOST).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, IMAGES);
	__type(key, __u64);
	__type(value, struct image);
} images TABLE;

/* ---- Names ---- */

/*
 * By address: the names that it was resolved from.  Written as answers arrive;
 * read when an address alone allows nothing.  When full, the address that was
 * not used for longest has no name any more, and must be resolved again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NAME_ADDRESSES);
	__type(key, __u8[16]);
	__type(value, struct address_names);
} address_names TABLE;

/* By hash of a name that some rule is about: the name.  Likewise. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NAME_TEXTS);
	__type(key, __u64);
	__type(value, struct host_key);
} name_texts TABLE;

/* ---- Sockets ---- */

/*
 * Marks left by the hooks for the egress backstop: "this socket may send
 * there", and by ingress: "that peer sent to this socket".  Each is one 64-bit
 * keyed hash in the place that its lower bits name; a newer mark replaces an
 * older one, and a packet without its mark is judged again (packet.bpf.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VOUCHED);
	__type(key, __u32);
	__type(value, __u64);
} vouched TABLE;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, VOUCHED);
	__type(key, __u32);
	__type(value, __u64);
} heard TABLE;

/*
 * By socket cookie: the scopes of who sends by it, for those in any but the host's.
 * A socket that was pushed out counts as the host's to the backstop.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u64);
} owners TABLE;

/* A stream that is allowed only for a name, on its way from connect(2) to its SYN. */
struct held {
	struct identity id;	/* as struct task begins */
	struct target to;
	__u64 scopes, cgroup;
	__u32 uid, tgid;
	__u32 flow;		/* as it was reported */
	__u32 pad;
};

/*
 * By socket cookie.  Written by socket.bpf.c, read and removed by stream.bpf.c; a
 * stream that was pushed out in between, or never began, is not let go.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, HELD);
	__type(key, __u64);
	__type(value, struct held);
} held TABLE;

/*
 * By hash of the inode: OWN_* of the files of self_protect.  Written by the loader
 * and the agent, which fail when it is full; read by self.bpf.c and guard.bpf.c.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, OWN_FILES);
	__type(key, __u64);
	__type(value, __u32);
} own_files TABLE;

/* ---- Reports: never change a verdict ---- */

/* By hash: names that clients said, in TLS or HTTP.  When full, the oldest lose their text. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SERVER_NAMES);
	__type(key, __u64);
	__type(value, struct host_key);
} server_names TABLE;

/* By number, from 1; read by kntrl report.  When full, see "folded". */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, FLOWS);
	__type(key, __u32);
	__type(value, struct flow);
} flows TABLE;

/* The number of a flow; as large as "flows", so never full before it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS);
	__type(key, struct flow_key);
	__type(value, __u32);
} flow_index TABLE;

/* Blocked attempts that found "flows" full; when full too, COUNT_BLOCKS_FOLDED. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FOLDED);
	__type(key, struct fold_key);
	__type(value, __u64);
} folded TABLE;

/* struct event, one for each blocked attempt and each new flow; when full, COUNT_EVENTS_LOST. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events TABLE;

#endif
