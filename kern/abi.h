/* SPDX-License-Identifier: (GPL-2.0-only OR Apache-2.0) */
/*
 * The one interface between the kernel programs and userspace: every record
 * that lies in a map or in the ring buffer.
 *
 * Conventions: addresses are 16 bytes in network order, IPv4 as
 * ::ffff:a.b.c.d (RFC 4291, 2.5.5.2); ports and counts are in host order;
 * times are CLOCK_MONOTONIC nanoseconds.
 *
 * Names and paths are matched by a keyed 64-bit hash (hash.h), so that a rule
 * costs the same whatever it is called and however long it is.
 */
#ifndef KNTRL_ABI_H
#define KNTRL_ABI_H

#ifndef __BPF__
#include <linux/types.h>
#endif

#define ABI_VERSION	1

/* ---- What decided ---- */

enum rule_kind {
	RULE_NONE,
	RULE_DEFAULT,			/* nothing allowed it */
	RULE_LOOPBACK,
	RULE_ALLOWED_IPS,		/* index: entry */
	RULE_ALLOWED_HOSTS,		/* index: entry */
	RULE_LOCAL_RANGES,
	RULE_GITHUB_META,
	RULE_METADATA,			/* allow_metadata */
	RULE_ALLOWED_PROCESSES,
	RULE_PROFILE,			/* sub: profile */
	RULE_PROFILE_HOSTS,		/* sub: profile, index: entry */
	RULE_PROFILE_CIDRS,		/* sub: profile, index: entry */
	RULE_CHAIN,			/* index: entry */
	RULE_DNS_SERVERS,
	RULE_EXEMPT,
	RULE_RAW_SOCKETS,
	RULE_FAMILY,			/* a family or protocol that cannot be judged */
	RULE_LINEAGE,			/* more ancestors than are kept */
	RULE_UNDECIDED,			/* a table or the identity was not to be had */
	RULE_DHCP,			/* the host's own DHCP client */
	RULE_REPLY,			/* a datagram back to who sent one here */
	RULE_BACKSTOP,			/* a packet that no hook had vetted */
	RULE_PTRACE,			/* block_ptrace */
	RULE_BLOCKED_SOCKETS,		/* index: entry */
	RULE_EXECUTABLES,		/* blocked_executables; index: entry */
	RULE_SNI,			/* enforce_sni: no rule has the name that the client says */
	RULE_NO_SNI,			/* enforce_sni: it says none, or none that can be read */
	RULE_QUIC,			/* block_quic */
	RULE_HTTP,			/* allow_http */
	RULE_SELF_PROTECT,
	RULE_REGO,			/* a rule in Rego; index: line, in source */
	RULE_REGO_DENY,			/* ancestry_denied; likewise */
	RULE_BLOCKED_PATHS,		/* index: entry */
	RULE_PROTECTED_PATHS,		/* index: entry */
	RULE_MONITORED_PATHS,		/* index: entry */
	RULE_KINDS
};

/* Where in the policy a verdict comes from. */
struct rule_ref {
	__u8 kind;		/* enum rule_kind */
	__u8 source;		/* index into the map "sources" */
	__u16 sub;
	__u32 index;
};

/* ---- The policy, compiled ---- */

/*
 * Atoms are facts about a process that a policy can ask for: "one of its names
 * is X".  A process has the atoms of its own names; its ancestry has those of
 * its ancestors' names.
 */
#define ATOM_WORDS	8
#define ATOMS		(ATOM_WORDS * 64)

enum atom {
	ATOM_ALWAYS,		/* held by every process */
	ATOM_ALLOWED,		/* in allowed_processes */
	ATOM_ALLOWED_TREE,	/* in allowed_processes with children: true */
	ATOM_PROFILED,		/* some profile applies (computed) */
	ATOM_EXEMPT,
	ATOM_RAW_EXEMPT,
	ATOM_DHCP,
	ATOM_RESOLVER,		/* a name server of this host, which asks for others */
	ATOM_FIRST_FREE,	/* from here on the compiler hands them out */
};

struct atoms {
	__u64 w[ATOM_WORDS];
};

/* A literal: an atom, of the process or its ancestry, that must or must not hold. */
#define LIT_ATOM	0x0fff
#define LIT_ANCESTRY	0x4000
#define LIT_NOT		0x8000

#define COND_LITS	15

/* All literals must hold; an empty condition always does. */
struct cond {
	__u16 n;
	__u16 lit[COND_LITS];
};

#define PROTO_BIT_TCP	1
#define PROTO_BIT_UDP	2
#define PROTO_BIT_OTHER	4
#define PROTO_BIT_ANY	7

/* Destinations that list it are allowed to processes for which cond holds. */
struct grant {
	__u16 cond;		/* index into policy.conds */
	__u16 protos;		/* PROTO_BIT_* */
	__u16 port_lo, port_hi;	/* inclusive */
	struct rule_ref rule;	/* RULE_NONE: the rule of the table entry that led here */
};

/* Processes for which cond holds are denied every connection, or to be executed. */
struct deny {
	__u16 cond;
	__u16 pad[3];
	struct rule_ref rule;
};

#define POLICY_CONDS	512
#define POLICY_DENIES	256
#define POLICY_GRANTS	2048

#define POLICY_TRACE		(1u << 0)	/* enforce; otherwise only report */
#define POLICY_METADATA		(1u << 1)	/* metadata endpoints are allowed */
#define POLICY_RESTRICTED	(1u << 2)	/* allowed_processes is not empty */
#define POLICY_RAW_BLOCK	(1u << 3)
#define POLICY_RAW_MONITOR	(1u << 4)
#define POLICY_CONTAINS		(1u << 5)	/* some profile or process has children: true */
#define POLICY_LOOPBACK		(1u << 6)	/* some process is denied even loopback */
#define POLICY_QUERIES		(1u << 7)	/* name servers are asked for listed names only */
#define POLICY_SNI		(1u << 8)	/* a client must say an allowed name; there are hosts */
#define POLICY_QUIC		(1u << 9)	/* no QUIC where only a name leads */
#define POLICY_NO_HTTP		(1u << 10)	/* nor HTTP in the clear */
#define POLICY_EXEC		(1u << 14)	/* some executable is denied */
#define POLICY_FILES		(1u << 15)	/* some path is blocked, protected or monitored */
#define POLICY_PTRACE		(1u << 17)	/* block_ptrace */
#define POLICY_SELF		(1u << 18)	/* self_protect */
#define POLICY_SOCKETS		(1u << 19)	/* blocked_sockets */
#define POLICY_EXEMPTS		(1u << 24)	/* some process is exempt */

struct policy {
	__u32 flags;		/* POLICY_* */
	__u32 generation;	/* counts the loads of this scope, from 1 */
	__u32 nconds, ndenies, ngrants, nany;
	__u32 nexec_denies;	/* of executables; in denies[], behind those of connections */
	__u32 scope;		/* number of the one it is for */
	__s64 github_time;	/* of the data behind allow_github_meta, s since 1970; 0: it is false */
	struct atoms profiles;	/* atoms that are profiles */
	struct atoms trees;	/* profile atoms that extend to descendants */
	struct deny denies[POLICY_DENIES];
	struct cond conds[POLICY_CONDS];
	/* The first nany grants hold for every destination. */
	struct grant grants[POLICY_GRANTS];
};

/* Keys of the address table. */
struct address_key {
	__u32 prefixlen;	/* 0..128 */
	__u8 addr[16];
};

/*
 * Keys of the host table: a name in lower case, from its end, closed by a dot:
 * "moc.buhtig." is github.com and all below it.  A NUL behind the dot makes it
 * that name alone.  What is looked up has the NUL: the longest prefix decides.
 */
#define HOST_LEN	253	/* of a name; RFC 1035, 2.3.4, less the root */
#define HOST_KEY	256

struct host_key {
	__u32 prefixlen;	/* 8 for each byte, the NUL among them */
	char text[HOST_KEY];	/* zeroes behind it */
};

#define DEST_DNS_SERVER	1	/* port 53 there is allowed */
#define DEST_METADATA_OK 2	/* listed exactly: metadata rule set aside */
#define DEST_LOCAL	4	/* a DNS server at an address of this host */

/* What the policy says of a destination, or of a name: a range of policy.grants. */
struct destination {
	__u32 first;
	__u16 count;
	__u16 flags;		/* DEST_* */
	struct rule_ref rule;
};

/* ---- Files ---- */

#define PATTERN_PARTS	16
#define FILE_PATTERNS	128
#define FILE_PARTS	64	/* components of a path that can be judged; a power of two */
#define FILE_FILTER_BITS 12
#define FILE_FILTER	((1 << FILE_FILTER_BITS) / 64)
#define FILE_PLAIN	64
#define FILE_NAMES	4096

#define PATTERN_ROOTED	1	/* from the root on; otherwise under any directory */
#define PATTERN_TREE	2	/* what it names, and all below */
#define FILE_BLOCKED	16	/* not to be opened */
#define FILE_PROTECTED	32	/* not to be changed */
#define FILE_MONITORED	64	/* to be told of */

struct file_pattern {
	__u64 part[PATTERN_PARTS];	/* hashes of its components, the last one first; 0: any */
	__u32 n;
	__u32 flags;			/* PATTERN_*, FILE_* */
	struct rule_ref rule;
};

struct file_rules {
	__u32 n;
	__u32 pad;
	struct file_pattern pattern[FILE_PATTERNS];
};

/* A file with several links, or a device, that was under a pattern when the policy was loaded. */
struct file_id {
	__u64 flags;			/* FILE_* */
	struct rule_ref rule;
};

/* What is done with a file. */
enum file_access {
	FILE_OPEN = 1,
	FILE_OPEN_WRITE,
	FILE_RENAME,
	FILE_LINK,
	FILE_ACCESSES
};

/* ---- Scopes: which policy a process is under ---- */

#define SCOPES		64	/* scope 0 is the host */
#define SCOPE_SELFTEST	(SCOPES - 1)	/* the loader's own; left out of reports */
#define SLOTS		128	/* loaded policies; two per scope while one is replaced */

struct scope {
	__u32 slot;		/* of the policy tables, from 1; 0: the scope is not in use */
	__u32 pad;
	__u64 cgroup;		/* id of the cgroup whose processes belong to it; 0: none */
	__u32 cgroup_level;	/* depth of that cgroup, the root's is 0 */
	__u32 root;		/* process that the scope is the tree of; 0: none */
	__u32 generation;
	__u32 root_start;	/* when that process began, in clock ticks since boot */
};

/* ---- Names: what an address was resolved from ---- */

#define NAME_SLOTS	16	/* names of one address; a newer one replaces that which ends first */
#define NAME_ADDRESSES	16384
#define NAME_TEXTS	16384

#define NAME_FLOOR	(900ull * 1000000000)	/* ns that a name lasts at least, and after its use */
#define NAME_RENEW	(300ull * 1000000000)	/* a use renews a name once in so many */
#define NAME_CEILING	(86400ull * 1000000000)

struct name_slot {
	__u64 hash;		/* of the name (names.h); 0: free */
	__u64 until;		/* ns */
	__u64 scopes;		/* for which it counts, a bit each: they trust who said so */
};

/* The names of an address, as far as some rule of some policy is about them. */
struct address_names {
	__u32 version;		/* never the same again once a name was added */
	__u32 pad;
	struct name_slot slots[NAME_SLOTS];
};

/* Names of the files that rule_ref.source counts. */
#define SOURCES		64
#define SOURCE_LEN	128

struct source {
	char name[SOURCE_LEN];
};

/* ---- Processes ---- */

#define IDENT_SELF	12	/* hashes: the running image's files, then its paths and names */
#define IDENT_FILES	2	/* self[0]: the executable, self[1]: its script; 0: none */
#define IDENT_ANCESTRY	64	/* hashes: those of all images before it */
#define IDENT_LINE	16	/* images, for reports */

#define IDENT_LINEAGE_FULL	(1u << 0)	/* some ancestor's hash did not fit */
#define IDENT_EXEMPT		(1u << 1)	/* by pid or unit, this image only */
#define IDENT_BY_ENV	(1u << 2)	/* env(1) running a script: its interpreter follows */
#define IDENT_UNLOCKED	(1u << 6)	/* it showed the token; this image and its children only */
#define IDENT_NO_PATH	(1u << 3)	/* in another mount namespace: known by file, not by path */
#define IDENT_LOADER	(1u << 5)	/* it is the dynamic loader: what it maps is executed */
#define IDENT_TRACED		(1u << 4)	/* exec'ed under ptrace: its tracer's puppet, exempt from nothing */

struct identity {
	__u64 exec;		/* unique to each exec since the load, from 1; 0: not known */
	__u64 image;		/* key into the map "images" */
	__u64 scopes;		/* that it is in, a bit each; all are in the host's */
	__u32 flags;		/* IDENT_* */
	__u32 nline;		/* images before this one; line[] keeps the last ones, as a ring */
	__u32 nself, nancestry;
	__u64 self[IDENT_SELF];
	__u64 ancestry[IDENT_ANCESTRY];
	__u64 line[IDENT_LINE];
};

#define NAME_LEN	64	/* for people; hashes cover the whole name */
#define PATH_LEN	192

/* What an image hash stands for. */
struct image {
	char name[NAME_LEN];	/* the name that reports use */
	char path[PATH_LEN];	/* full path of the executable; its end if it is longer */
};

/* Executables that run a program which has a name of its own. */
enum runner_kind {
	RUNNER_SCRIPT = 1,	/* an interpreter: NAME [OPTION...] SCRIPT */
	RUNNER_MULTICALL,	/* busybox: argv[0], or argv[1] */
	RUNNER_LOADER,		/* the dynamic loader: NAME [OPTION...] PROGRAM */
	RUNNER_ENV,
};

struct runner {
	__u32 kind;		/* enum runner_kind */
	char inline_code[4];	/* option letters after which there is no script: sh -c */
	char takes_value[4];	/* option letters that take the next argument: bash -o */
	char module;		/* option letter that names a module: python -m */
	char pad[3];
};

/* ---- Reports ---- */

enum event_type {
	EVENT_NETWORK = 1,
	EVENT_SOCKET,		/* creation of a socket; port is its type, addr is zero */
	EVENT_PACKET,		/* seen by the egress backstop; the sender is not known */
	EVENT_GUARD,		/* see enum guard_action, which port is; addr begins with its object */
	EVENT_EXEC,		/* a program that may not be executed; addr is its image hash */
	EVENT_DNS,		/* a question to a name server; struct dns_event */
	EVENT_FILE,		/* addr: an image hash, then the O_* flags; port: enum file_access */
};

/* What a process tried of which guard.bpf.c keeps it; and the object, a __u64. */
enum guard_action {
	ACT_TRACE = 1,		/* ptrace, write memory, take descriptors; a process */
	ACT_READ_PROCESS,	/* read memory, environment, descriptors; a process */
	ACT_SOCKET,		/* talk to an AF_UNIX socket; source << 32 | index of the rule */
	/* self_protect: */
	ACT_TOKEN,		/* a wrong token */
	ACT_BPF,		/* change what is loaded; command of bpf(2) */
	ACT_PINS,		/* remove its pins */
	ACT_MOUNT,		/* unmount or cover the file system of the pins */
	ACT_KERNEL,		/* load code into the kernel, or write its memory */
	ACT_SYSCTL,
	ACT_NETWORK,		/* have packets made, or made others, behind the hooks */
	ACT_FILE,		/* read the token, change what kntrl is run from */
	ACT_SIGNAL,		/* signal who may change what is in force; the signal */
	GUARD_ACTIONS
};

#define VERDICT_BLOCK	1	/* the policy says no */
#define VERDICT_DENIED	2	/* and it was enforced */
#define VERDICT_QUIET	4	/* not reported */
#define VERDICT_BY_NAME	8	/* allowed, in some scope, only for a name of the address */
#define VERDICT_SNI	16	/* likewise, and the client must say that it is for such a name */

/* Who, where, and how it was decided. */
struct flow_key {
	__u64 exec;
	__u8 addr[16];
	__u32 tgid;
	__u32 scope;
	__u16 port;
	__u8 proto;		/* IPPROTO_*, or the address family of EVENT_SOCKET */
	__u8 verdict;		/* VERDICT_* */
	__u32 type;		/* enum event_type */
	__u64 name;		/* key into "server_names": that the client said (TLS, HTTP); 0: none */
};

struct flow {
	struct flow_key key;
	struct rule_ref rule;
	__u64 image;
	__u64 first, last;	/* ns */
	__u64 count;
	__u64 cgroup;
	__u32 uid;		/* in the initial user namespace */
	__u32 nline;
	__u64 line[IDENT_LINE];	/* as in struct identity */
};

/* Each record of the ring buffer begins so; a reader passes over types it does not know. */
struct event_head {
	__u64 time;		/* ns */
	__u32 type;		/* enum event_type */
	__u32 len;		/* bytes of the record, this head included */
};

/* EVENT_NETWORK, EVENT_SOCKET, EVENT_PACKET, EVENT_EXEC */
struct event {
	struct event_head head;
	struct flow flow;	/* count: of attempts so far, this one included */
};

#define DNS_FLOWS	2048
#define DNS_ANSWERS	4

/* Who asked which name server for what.  A blocked question is a flow besides. */
struct dns_key {
	__u64 exec;
	__u64 name;		/* its hash (names.h) */
	__u8 server[16];
	__u32 tgid;
	__u32 scope;
	__u16 type;		/* of the record; 0: the question could not be read */
	__u8 verdict;		/* VERDICT_* */
	__u8 pad[5];
};

struct dns_flow {
	struct dns_key key;
	struct rule_ref rule;
	__u64 image;
	__u64 first, last;	/* ns */
	__u64 count;
	__u64 cgroup;
	__u32 uid;
	__u16 naddresses;	/* in the last answer; so many of them are kept as fit */
	__u8 rcode;		/* of it (RFC 1035, 4.1.1) */
	__u8 answered;		/* there was one */
	__u8 addresses[DNS_ANSWERS][16];
	char name[HOST_KEY];	/* in lower case; "?" where no rule can be about a byte */
};

/* EVENT_DNS: of a question that was blocked, or the first answer to one. */
struct dns_event {
	struct event_head head;
	struct dns_flow flow;
};

/* Blocked flows that no longer fit the flow table, counted by prefix. */
struct fold_key {
	__u64 image;
	struct rule_ref rule;
	__u8 addr[16];		/* an IPv4 /16 or an IPv6 /32 */
};

enum counter {
	COUNT_EVENTS_LOST,	/* the ring buffer was full */
	COUNT_FLOWS_FOLDED,	/* allowed flows that no longer fit the flow table */
	COUNT_BLOCKS_FOLDED,	/* blocked attempts that fit neither flows nor folded */
	COUNT_IMAGES_LOST,	/* images whose names are not known to reports */
	COUNT_UNDECIDED,	/* denied because a table or identity was not to be had */
	COUNT_QUESTIONS_LOST,	/* questions that did not fit "dns_flows" */
	COUNT_ANSWERS_IGNORED,	/* to a socket that asks, but to no question of its own */
	COUNTERS
};

/* ---- Control: the one page that the loader writes and all programs read ---- */

#define CONTROL_LOOPBACK	(1u << 0)	/* some policy denies processes loopback too */
#define CONTROL_CGROUPS		(1u << 1)	/* some scope is a cgroup */
#define CONTROL_EXEC		(1u << 3)	/* some policy denies executables */
#define CONTROL_SNI		(1u << 4)	/* some policy enforces server names */
#define CONTROL_QUERIES		(1u << 5)	/* some policy has name servers asked for listed names only */

/* What policies keep processes from beside the network, and in which scopes, a bit each. */
enum guard {
	GUARD_PTRACE,		/* block_ptrace */
	GUARD_EXEMPT,		/* exempt processes are not to be traced */
	GUARD_SOCKETS,		/* blocked_sockets */
	GUARD_SELF,		/* self_protect */
	GUARD_FILES,		/* paths that are blocked, protected or monitored */
	GUARDS
};

struct guard_scopes {
	__u64 trace, monitor;
};

/* ---- Self-protection ---- */

#define UNLOCK_COMMAND	0x6b6e7472	/* of bpf(2), with struct unlock for its attributes; EALREADY: taken */
#define UNLOCK_WORDS	4

struct unlock {
	__u64 token[UNLOCK_WORDS];	/* zeroes: there is none */
};

#define OWN_BTFS	8
#define OWN_MAPS	16
#define OWN_MOUNTS	8

/* Of files: who is judged may not ... */
#define OWN_READ	1	/* open it at all: the token */
#define OWN_WRITE	2	/* write, remove or replace it, or mount over it */
#define OWN_DIR		4	/* move it, or mount over it: it leads to one of those */
#define OWN_RUN		8	/* trace who runs it */

#define OWN_FILES	256

struct own_mount {
	int id;			/* mnt_id; 0: none */
	__u32 dev;		/* of its file system, in the kernel's own encoding */
};

/* What is ours, for self.bpf.c to know it again. */
struct own {
	__u64 dir;		/* inode number of the directory of the pins */
	__u32 dev;		/* and its device */
	__u32 token;		/* lower half of the number of the inode that has it; 0: none */
	__u32 btfs[OWN_BTFS];	/* numbers of the BTFs of our programs and maps; 0: none */
	__u32 maps[OWN_MAPS];	/* numbers of those maps that have no BTF */
	struct own_mount mounts[OWN_MOUNTS];	/* that of the pins, and those around it */
};

struct control {
	__u64 seed[2];		/* of all hashes; random, for as long as the pins live */
	__u32 epoch;		/* moves with every change of policy: cached verdicts end */
	__u32 flags;		/* CONTROL_* */
	__u32 mnt_ns;		/* inode number of the host's mount namespace */
	__u32 abi;		/* ABI_VERSION */
	__u64 last_exec;	/* counter behind identity.exec */
	__u32 last_flow;	/* flow records handed out; may run past FLOWS */
	__u32 zero;		/* always 0, which the verifier does not know */
	/* For one run of the task iterator, which the loader starts: */
	__u64 leave, join;	/* scopes that processes leave and that they come into ... */
	__u32 join_tgid;	/* ... when they descend from this one; 0: all */
	__u32 adopt_all;	/* name even those whose parent has no identity yet */
	__u32 adopted;		/* identities and scopes given out by the run */
	__u32 deferred;		/* processes left without identity by the run */
	__u32 last_version;	/* counter behind address_names.version */
	__u32 net_ns;		/* inode number of the host's network namespace */
	__u32 exempt_tgid;	/* for one run, too: is exempt from now on, from all policies; 0: none */
	__u32 reserved;
	__u64 counters[COUNTERS];	/* enum counter */
	struct guard_scopes guards[GUARDS];
	__u64 attached;		/* POLICY_* for which programs were attached on demand */
	struct own own;
	/* Names and numbers of files that patterns of any policy are about: to read, to write. */
	__u64 file_filter[2][FILE_FILTER];	/* bits are only added, until the unload */
	__u64 file_plain[FILE_PLAIN];	/* file systems of which no mount has such a name above it */
	__u64 host_root, host_ns;	/* process 1: struct vfsmount of its root, its mnt_namespace */
	__u64 file_names;		/* how many of "images" are files; may run past FILE_NAMES */
};

#define FLOWS		16384
#define FOLDED		4096
#define IMAGES		16384
#define VOUCHED		65536	/* a power of two */
#define HELD		2048
#define SERVER_NAMES	4096

_Static_assert(sizeof(struct rule_ref) == 8, "rule_ref");
_Static_assert(sizeof(struct cond) == 32, "cond");
_Static_assert(sizeof(struct file_pattern) == 16 + 8 * PATTERN_PARTS, "file_pattern");
_Static_assert(sizeof(struct file_id) == 16, "file_id");
_Static_assert(sizeof(struct grant) == 16, "grant");
_Static_assert(sizeof(struct deny) == 16, "deny");
_Static_assert(sizeof(struct address_key) == 20, "address_key");
_Static_assert(sizeof(struct destination) == 16, "destination");
_Static_assert(sizeof(struct host_key) == 4 + HOST_KEY, "host_key");
_Static_assert(sizeof(struct address_names) == 8 + 24 * NAME_SLOTS, "address_names");
_Static_assert(sizeof(struct scope) == 32, "scope");
_Static_assert(sizeof(struct runner) == 16, "runner");
_Static_assert(sizeof(struct identity) == 40 + 8 * (IDENT_SELF + IDENT_ANCESTRY + IDENT_LINE),
	       "identity");
_Static_assert(sizeof(struct flow_key) == 48, "flow_key");
_Static_assert(sizeof(struct flow) == 104 + 8 * IDENT_LINE, "flow");
_Static_assert(sizeof(struct event) == sizeof(struct flow) + 16, "event");
_Static_assert(sizeof(struct dns_key) == 48, "dns_key");
_Static_assert(sizeof(struct dns_flow) == 104 + 16 * DNS_ANSWERS + HOST_KEY, "dns_flow");
_Static_assert(sizeof(struct dns_event) == 16 + sizeof(struct dns_flow), "dns_event");
_Static_assert(sizeof(struct fold_key) == 32, "fold_key");
_Static_assert(sizeof(struct own) == 16 + 4 * (OWN_BTFS + OWN_MAPS) + 8 * OWN_MOUNTS, "own");
_Static_assert(sizeof(struct control) == 96 + 8 * COUNTERS + 16 * GUARDS + 8 +
	       sizeof(struct own) + 16 * FILE_FILTER + 8 * FILE_PLAIN + 24, "control");
_Static_assert(sizeof(struct policy) == 40 + 2 * 64 + 16 * POLICY_DENIES + 32 * POLICY_CONDS +
	       16 * POLICY_GRANTS, "policy");

#endif
