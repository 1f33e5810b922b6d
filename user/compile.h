/* SPDX-License-Identifier: Apache-2.0 */
/* From a policy as written to the tables that the kernel decides with. */
#ifndef KNTRL_COMPILE_H
#define KNTRL_COMPILE_H

#include <stdio.h>

#include "abi.h"
#include "policy.h"

struct address_entry {
	struct address_key key;
	struct destination dest;
	__u32 parent;		/* index + 1 of the nearest prefix around it; 0: none */
};

struct host_entry {
	struct host_key key;
	struct destination dest;
	__u32 parent;		/* index + 1 of the nearest suffix around it; 0: none */
};

struct process_entry {
	__u64 hash;
	struct atoms atoms;
};

struct socket_entry {
	__u64 hash;
	struct rule_ref rule;
};

struct file_id_entry {
	__u64 hash;
	struct file_id id;
};

struct tables {
	struct policy policy;
	struct address_entry *addresses;	/* sorted by address, then length */
	size_t naddresses;
	struct process_entry *processes;	/* sorted by hash */
	size_t nprocesses;
	struct socket_entry *sockets;
	size_t nsockets;
	struct file_rules *files;
	struct file_id_entry *file_ids;
	size_t nfile_ids;
	__u64 file_filter[2][FILE_FILTER];	/* to be added to that of struct control */
	struct host_entry *hosts;	/* sorted by key, then length */
	size_t nhosts;
	size_t ngithub;		/* ranges of allow_github_meta */
};

/*
 * Compiles @src with hashes keyed by @seed.  Full paths are resolved on this
 * host; without dns.allowed_servers its configured resolvers are taken.  @src
 * must outlive the call only.  What is wrong, and what is not supported yet,
 * goes to @err; returns the number of errors.
 */
int compile(const struct policy_src *src, const __u64 seed[2], struct tables *t, FILE *err);
void tables_free(struct tables *t);

/* The tables as verdict.h asks for them. */
const struct atoms *tables_process(const struct tables *t, __u64 hash);
const struct destination *tables_address(const struct tables *t, const __u8 addr[16]);
const struct destination *tables_host(const struct tables *t, const struct host_key *key);

struct target;

/* The names of a destination. */
struct host_names {
	const struct host_key *v;
	size_t n;
};

/*
 * What the policy says, and in @rule why; see verdict() in kern/verdict.h.
 * @names may be NULL: none.
 */
bool tables_verdict(const struct tables *t, const struct identity *id, const struct target *to,
		    const struct host_names *names, struct rule_ref *rule);

/* @name up to 255 bytes; @path absolute and normal. */
__u64 tables_name_hash(const __u64 seed[2], const char *name);
__u64 tables_path_hash(const __u64 seed[2], const char *path);

#endif
